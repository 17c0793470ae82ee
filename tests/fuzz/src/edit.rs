//! Edits of a kept input: each changes one token, so that most edited inputs are still read far into a parser.

use bolero::TypeGenerator;

/// One edit. A position counts tokens and is taken modulo their number.
#[derive(Debug, Clone, TypeGenerator)]
pub enum Edit {
    /// Replaces a token by one of the texts that parsers of numbers, times, ids and cells are known to get wrong.
    Replace {
        /// The token.
        at: u16,
        /// The text.
        with: u8,
    },
    /// Replaces a token by a decimal number, as a number or as a text.
    Number {
        /// The token.
        at: u16,
        /// The digits.
        digits: i64,
        /// How many of them are behind the point.
        places: u8,
        /// Whether it is in quotes.
        quoted: bool,
    },
    /// Replaces a token by any text.
    Text {
        /// The token.
        at: u16,
        /// The text.
        text: String,
        /// Whether it is in quotes and escaped as JSON.
        quoted: bool,
    },
    /// Replaces a token by another one of the input.
    Copy {
        /// The token.
        at: u16,
        /// The other one.
        from: u16,
    },
    /// Repeats some tokens.
    Repeat {
        /// The first token.
        at: u16,
        /// The number of tokens.
        tokens: u8,
        /// How often.
        times: u8,
    },
    /// Removes some tokens.
    Remove {
        /// The first token.
        at: u16,
        /// The number of tokens.
        tokens: u8,
    },
    /// Changes a byte, which may make the input invalid UTF-8.
    Byte {
        /// The token.
        at: u16,
        /// The byte that is put before it.
        byte: u8,
    },
    /// Cuts the input off, as a lost connection does.
    Cut {
        /// The first token that is missing.
        at: u16,
    },
}

/// Texts that parsers are known to get wrong.
const HOSTILE: [&str; 56] = [
    "null",
    "true",
    "[]",
    "{}",
    "\"\"",
    "0",
    "-0",
    "-1",
    "1e400",
    "1e-7",
    "0.30000000000000001",
    "453.00000000000006",
    "1000000000",
    "1000000001",
    "9007199254740993",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551616",
    "79228162514264337593543950335",
    "0.0000000000000000000000000001",
    "1e28",
    "1E+5",
    "1_000",
    "\"1,000\"",
    "\"+7\"",
    "\"007\"",
    "\"12.5\"",
    "\"\\u0000\"",
    "\"\\r\\n2026-11-21 ERROR forged\"",
    "\"\\ud800\"",
    "\"\\u202e\"",
    "\"\u{feff}\"",
    "\"gid://shopify/Order/7\"",
    "\"gid://shopify/Order/+7\"",
    "\"gid://shopify/Order/0000000000000000000000000000007\"",
    "\"gid://shopify/DraftOrder/18446744073709551615\"",
    "\"gid://shopify/Location/7\"",
    "\"2026-02-30T00:00:00Z\"",
    "\"9999-12-31T23:59:59.999999999Z\"",
    "\"-009999-01-02T01:59:59Z\"",
    "\"2026-11-21\"",
    "\"/Date(9223372036854775807)/\"",
    "\"/Date(1795262400000)/PT09H30M00S\"",
    "=1+1",
    "'=1+1",
    "@SUM(A1)",
    "-",
    "+1",
    "\t",
    "\r",
    "\n",
    ";",
    ",",
    "\"",
    "1-Dec",
    "yes",
];

/// Texts that are too long for most fields, made when they are needed.
fn long(with: u8) -> String {
    let length = [129, 256, 1_001, 3_000][usize::from(with) % 4];
    let unit = ["x", "7", "ß", "\\u0001"][usize::from(with) / 4 % 4];
    format!("\"{}\"", unit.repeat(length))
}

/// Splits an input into tokens: a text in quotes, a run of letters and digits, or one other character. Their concatenation is
/// the input.
fn tokens(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut tokens = Vec::new();
    let mut rest = bytes;
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-' | b':') || *byte >= 0x80;
    while let Some(first) = rest.first() {
        let length = match first {
            b'"' => text_length(rest),
            word if is_word(word) => rest.iter().take_while(|byte| is_word(byte)).count(),
            _ => 1,
        };
        let (token, after) = rest.split_at(length);
        tokens.push(token.to_vec());
        rest = after;
    }
    tokens
}

/// The length of a text in quotes, to its end or to that of the line.
fn text_length(bytes: &[u8]) -> usize {
    let mut is_escaped = false;
    for (at, byte) in bytes.iter().enumerate().skip(1) {
        match byte {
            b'\n' => return at,
            b'"' if !is_escaped => return at + 1,
            _ => is_escaped = *byte == b'\\' && !is_escaped,
        }
    }
    bytes.len()
}

/// The input with the edits made, one after the other.
#[must_use]
pub fn edited(bytes: &[u8], edits: &[Edit]) -> Vec<u8> {
    let mut tokens = tokens(bytes);
    for edit in edits {
        edit.make(&mut tokens);
    }
    tokens.concat()
}

impl Edit {
    fn make(&self, tokens: &mut Vec<Vec<u8>>) {
        let count = tokens.len();
        if count == 0 {
            return;
        }
        let place = |at: u16| usize::from(at) % count;
        match self {
            Self::Replace { at, with } => {
                let text = HOSTILE.get(usize::from(*with)).map_or_else(|| long(*with), |text| (*text).to_owned());
                tokens[place(*at)] = text.into_bytes();
            }
            Self::Number { at, digits, places, quoted } => {
                tokens[place(*at)] = decimal(*digits, *places, *quoted).into_bytes();
            }
            Self::Text { at, text, quoted } => {
                let text = if *quoted { serde_json::Value::from(text.as_str()).to_string() } else { text.clone() };
                tokens[place(*at)] = text.into_bytes();
            }
            Self::Copy { at, from } => tokens[place(*at)] = tokens[place(*from)].clone(),
            Self::Repeat { at, tokens: length, times } => {
                let from = place(*at);
                let to = (from + usize::from(*length)).min(count);
                let again: Vec<Vec<u8>> =
                    std::iter::repeat_n(&tokens[from..to], usize::from(*times % 8)).flatten().cloned().collect();
                tokens.splice(to..to, again);
            }
            Self::Remove { at, tokens: length } => {
                let from = place(*at);
                tokens.drain(from..(from + usize::from(*length % 16)).min(count));
            }
            Self::Byte { at, byte } => tokens.insert(place(*at), vec![*byte]),
            Self::Cut { at } => tokens.truncate(place(*at)),
        }
    }
}

/// A decimal number with this many digits behind the point.
pub(crate) fn decimal(digits: i64, places: u8, quoted: bool) -> String {
    let sign = if digits < 0 { "-" } else { "" };
    let places = usize::from(places % 30);
    let plain = format!("{:0>width$}", digits.unsigned_abs(), width = places + 1);
    let (whole, fraction) = plain.split_at(plain.len() - places);
    let number = if fraction.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") };
    if quoted { format!("\"{number}\"") } else { number }
}
