//! Reads JSON of other systems without passing a number through a float.
//!
//! A JSON parser holds a number with a fraction as a float, which keeps 15 digits for certain. A longer number would become its
//! neighbour before an amount is read from it: 0.30000000000000001 would be 0.3. Such a number becomes a text with the digits
//! that were sent, and an [`Amount`](crate::catalog::Amount) reads texts and numbers alike.

use serde::de::IgnoredAny;
use serde_json::{Error, Value};

/// The most digits of a decimal number that a float keeps, whatever the number.
const FLOAT_DIGITS: usize = 15;

/// Reads a JSON document. A number that a float or an integer of 64 bits would change is a text in the result.
///
/// # Errors
/// When the bytes are not one JSON document. The position in the error is that of the given bytes.
pub fn exact_json(bytes: &[u8]) -> Result<Value, Error> {
    serde_json::from_slice::<IgnoredAny>(bytes)?;
    let (mut exact, mut at) = (Vec::with_capacity(bytes.len()), 0);
    // The document is valid, so a digit or a minus sign outside a text begins a number.
    while let Some(first) = bytes.get(at) {
        let rest = &bytes[at..];
        let (length, quote) = match first {
            b'"' => (text_length(rest), None),
            b'-' | b'0'..=b'9' => {
                let length = rest.iter().take_while(|byte| is_of_number(**byte)).count();
                (length, (!is_kept(&rest[..length])).then_some(b'"'))
            }
            _ => (1, None),
        };
        exact.extend(quote);
        exact.extend_from_slice(&rest[..length]);
        exact.extend(quote);
        at += length;
    }
    serde_json::from_slice(&exact)
}

fn is_of_number(byte: u8) -> bool {
    byte.is_ascii_digit() || matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E')
}

/// The bytes of a text, with both of its quotes.
fn text_length(from: &[u8]) -> usize {
    let mut escaped = false;
    let end = from.iter().skip(1).position(|byte| {
        let ends = *byte == b'"' && !escaped;
        escaped = *byte == b'\\' && !escaped;
        ends
    });
    end.map_or(from.len(), |end| end + 2)
}

/// Whether the parser keeps every digit of a number.
fn is_kept(number: &[u8]) -> bool {
    let text = std::str::from_utf8(number).unwrap_or_default();
    let is_integer = text.parse::<u64>().is_ok() || text.parse::<i64>().is_ok();
    let is_short = text.bytes().filter(u8::is_ascii_digit).count() <= FLOAT_DIGITS;
    is_integer || (is_short && !text.contains(['e', 'E']))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Protects amounts from floats: every digit of a number survives, and texts and short numbers stay what they are.
    #[test]
    fn no_digit_of_a_number_is_lost() {
        for (document, expected) in [
            ("453.00000000000006", json!("453.00000000000006")),
            ("-384.00000000000006", json!("-384.00000000000006")),
            ("0.30000000000000001", json!("0.30000000000000001")),
            ("1e400", json!("1e400")),
            ("1e-400", json!("1e-400")),
            ("9007199254740993", json!(9_007_199_254_740_993_u64)),
            ("18446744073709551616", json!("18446744073709551616")),
            ("-4.0", json!(-4.0)),
            ("0.083333", json!(0.083333)),
            ("[1, 2.5,null ,true]", json!([1, 2.5, null, true])),
            (r#"{"a-1":"x-1.00000000000000000001","e":["\\",1.00000000000000001,"\""]}"#, {
                json!({ "a-1": "x-1.00000000000000000001", "e": ["\\", "1.00000000000000001", "\""] })
            }),
        ] {
            assert_eq!(exact_json(document.as_bytes()).expect("JSON"), expected, "{document}");
        }
    }

    /// Protects against a broken document that is read in part, and keeps the position of the mistake.
    #[test]
    fn a_broken_document_is_refused() {
        for document in ["", "1.2.3", "01.5", "1.00000000000000000001 2", "{\"a\":1.00000000000000000001", "\"a", "-", "{a:1}"] {
            assert!(exact_json(document.as_bytes()).is_err(), "{document}");
        }
        let error = exact_json(b"[1.00000000000000000001, x]").expect_err("not JSON");
        assert_eq!((error.line(), error.column()), (1, 26));
        let deep = "[".repeat(100_000) + &"]".repeat(100_000);
        assert!(exact_json(deep.as_bytes()).is_err(), "the depth is limited");
    }
}
