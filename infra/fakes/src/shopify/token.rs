//! The words of a GraphQL document. Commas, white space and comments mean nothing; floats and block strings are not served.

use std::fmt;

/// A word.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Token {
    Name(String),
    Text(String),
    Number(i64),
    Mark(&'static str),
}

impl Token {
    pub(super) fn is(&self, mark: &str) -> bool {
        matches!(self, Token::Mark(found) if *found == mark)
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Token::Name(name) => f.write_str(name),
            Token::Text(text) => write!(f, "{text:?}"),
            Token::Number(number) => write!(f, "{number}"),
            Token::Mark(mark) => f.write_str(mark),
        }
    }
}

const MARKS: [&str; 13] = ["...", "{", "}", "(", ")", "[", "]", ":", "!", "=", "@", "$", "|"];

/// The words of a text, or what in it is none.
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        if first.is_whitespace() || first == ',' || first == '\u{feff}' {
            rest = &rest[first.len_utf8()..];
        } else if first == '#' {
            rest = rest.split_once('\n').map_or("", |(_, after)| after);
        } else if let Some(mark) = MARKS.iter().find(|mark| rest.starts_with(**mark)) {
            tokens.push(Token::Mark(mark));
            rest = &rest[mark.len()..];
        } else if first == '"' {
            let (text, after) = string(&rest[1..])?;
            tokens.push(Token::Text(text));
            rest = after;
        } else if first == '-' || first.is_ascii_digit() {
            let end = rest[1..].find(|c: char| !c.is_ascii_digit()).map_or(rest.len(), |at| at + 1);
            let number = rest[..end].parse().map_err(|_| format!("{} is no whole number of 64 bits", &rest[..end]))?;
            tokens.push(Token::Number(number));
            rest = &rest[end..];
        } else if first == '_' || first.is_ascii_alphabetic() {
            let end = rest.find(|c: char| c != '_' && !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
            tokens.push(Token::Name(rest[..end].to_owned()));
            rest = &rest[end..];
        } else {
            return Err(format!("syntax error, unexpected character {first:?}"));
        }
    }
    Ok(tokens)
}

/// The string that starts behind its opening quote, and what follows it.
fn string(text: &str) -> Result<(String, &str), String> {
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        if c == '\n' {
            break;
        }
        if c == '"' && !escaped {
            // GraphQL escapes as JSON does.
            let read = serde_json::from_str(&format!("\"{}\"", &text[..at])).map_err(|error| format!("bad string: {error}"))?;
            return Ok((read, &text[at + 1..]));
        }
        escaped = c == '\\' && !escaped;
    }
    Err("syntax error, unterminated string".to_owned())
}
