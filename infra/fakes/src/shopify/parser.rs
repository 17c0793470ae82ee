//! Reads a GraphQL document of one operation.
//!
//! Not here: named fragments, several operations, block strings, subscriptions. They are refused in the words of a
//! syntax error, and so is what is nested too deep; no text makes this panic.

use super::document::{Document, Field, Kind, Literal, Selection, Variable};
use super::token::{Token, tokens};
use serde_json::Value;

/// Where the text stops being a document, in words.
pub(super) type SyntaxError = String;

/// Reads a document.
pub(super) fn parse(text: &str) -> Result<Document, SyntaxError> {
    let tokens = tokens(text)?;
    let mut parser = Parser { tokens: &tokens, depth: 0 };
    let document = parser.document()?;
    match parser.tokens.first() {
        None => Ok(document),
        Some(token) => Err(format!(
            "syntax error, unexpected {token} after the operation: one operation and no named fragments are served here"
        )),
    }
}

/// Selections and values nested deeper than this are refused, before they exhaust the stack.
const DEEPEST: usize = 40;

struct Parser<'a> {
    tokens: &'a [Token],
    depth: usize,
}

impl Parser<'_> {
    fn document(&mut self) -> Result<Document, SyntaxError> {
        if self.peek("{") {
            let selections = self.selections()?;
            return Ok(Document { kind: Kind::Query, name: None, variables: Vec::new(), selections });
        }
        let kind = match self.name()?.as_str() {
            "query" => Kind::Query,
            "mutation" => Kind::Mutation,
            other => {
                return Err(format!("syntax error, unexpected {other}, expecting query or mutation"));
            }
        };
        let name = if self.peek("(") || self.peek("{") { None } else { Some(self.name()?) };
        let mut variables = Vec::new();
        if self.eat("(") {
            while !self.eat(")") {
                self.expect("$")?;
                let name = self.name()?;
                self.expect(":")?;
                let kind = self.kind()?;
                let default = if self.eat("=") { Some(self.literal()?) } else { None };
                variables.push(Variable { name, kind, default });
            }
        }
        Ok(Document { kind, name, variables, selections: self.selections()? })
    }

    fn kind(&mut self) -> Result<String, SyntaxError> {
        self.deeper()?;
        let mut kind = if self.eat("[") {
            let inner = self.kind()?;
            self.expect("]")?;
            format!("[{inner}]")
        } else {
            self.name()?
        };
        if self.eat("!") {
            kind.push('!');
        }
        self.depth -= 1;
        Ok(kind)
    }

    fn selections(&mut self) -> Result<Vec<Selection>, SyntaxError> {
        self.deeper()?;
        self.expect("{")?;
        let mut selections = Vec::new();
        while !self.eat("}") {
            selections.push(if self.eat("...") { self.inline_fragment()? } else { Selection::Field(self.field()?) });
        }
        self.depth -= 1;
        if selections.is_empty() { Err("syntax error, unexpected }: nothing is selected".to_owned()) } else { Ok(selections) }
    }

    fn inline_fragment(&mut self) -> Result<Selection, SyntaxError> {
        let word = self.name()?;
        if word != "on" {
            return Err(format!("syntax error, unexpected {word}: named fragments are not served here"));
        }
        Ok(Selection::On(self.name()?, self.selections()?))
    }

    fn field(&mut self) -> Result<Field, SyntaxError> {
        let first = self.name()?;
        let (alias, name) = if self.eat(":") { (Some(first), self.name()?) } else { (None, first) };
        let arguments = self.arguments()?;
        let mut directives = Vec::new();
        while self.eat("@") {
            directives.push((self.name()?, self.arguments()?));
        }
        let selections = if self.peek("{") { self.selections()? } else { Vec::new() };
        Ok(Field { alias, name, arguments, directives, selections })
    }

    fn arguments(&mut self) -> Result<Vec<(String, Literal)>, SyntaxError> {
        if self.eat("(") { self.named(")") } else { Ok(Vec::new()) }
    }

    fn named(&mut self, end: &str) -> Result<Vec<(String, Literal)>, SyntaxError> {
        let mut named = Vec::new();
        while !self.eat(end) {
            let name = self.name()?;
            self.expect(":")?;
            named.push((name, self.literal()?));
        }
        Ok(named)
    }

    fn literal(&mut self) -> Result<Literal, SyntaxError> {
        self.deeper()?;
        let literal = if self.eat("$") {
            Literal::Variable(self.name()?)
        } else if self.eat("[") {
            let mut items = Vec::new();
            while !self.eat("]") {
                items.push(self.literal()?);
            }
            Literal::List(items)
        } else if self.eat("{") {
            Literal::Object(self.named("}")?)
        } else {
            Literal::Plain(match self.next()? {
                Token::Name(name) if name == "true" => Value::Bool(true),
                Token::Name(name) if name == "false" => Value::Bool(false),
                Token::Name(name) if name == "null" => Value::Null,
                // An enum value: as JSON, its name.
                Token::Name(name) => Value::String(name),
                Token::Text(text) => Value::String(text),
                Token::Number(number) => Value::from(number),
                Token::Mark(mark) => {
                    return Err(format!("syntax error, unexpected {mark}, expecting a value"));
                }
            })
        };
        self.depth -= 1;
        Ok(literal)
    }

    fn deeper(&mut self) -> Result<(), SyntaxError> {
        self.depth += 1;
        if self.depth > DEEPEST { Err(format!("the document is nested deeper than {DEEPEST}")) } else { Ok(()) }
    }

    fn next(&mut self) -> Result<Token, SyntaxError> {
        let (token, rest) = self.tokens.split_first().ok_or("syntax error, unexpected end of file")?;
        self.tokens = rest;
        Ok(token.clone())
    }

    fn peek(&self, mark: &str) -> bool {
        self.tokens.first().is_some_and(|token| token.is(mark))
    }

    fn eat(&mut self, mark: &str) -> bool {
        let found = self.peek(mark);
        if found {
            self.tokens = &self.tokens[1..];
        }
        found
    }

    fn expect(&mut self, mark: &str) -> Result<(), SyntaxError> {
        let token = self.next()?;
        if token.is(mark) { Ok(()) } else { Err(format!("syntax error, unexpected {token}, expecting {mark}")) }
    }

    fn name(&mut self) -> Result<String, SyntaxError> {
        match self.next()? {
            Token::Name(name) => Ok(name),
            token @ (Token::Text(_) | Token::Number(_) | Token::Mark(_)) => {
                Err(format!("syntax error, unexpected {token}, expecting a name"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Map;

    /// Protects the door: what is no document of one operation is an error in words, never a panic.
    #[test]
    fn refuses_what_is_no_single_operation() {
        let nested = "{a".repeat(100_000);
        let rows = [
            ("", "end of file"),
            ("subscription A { x }", "expecting query or mutation"),
            ("query A { }", "nothing is selected"),
            ("query A { x(first: ) }", "expecting a value"),
            ("query A { x { y }", "end of file"),
            ("query A { ...Fields }", "named fragments"),
            ("query A { x } query B { y }", "one operation"),
            ("query A($x ID!) { x }", "expecting :"),
            ("query A { x(s: \"open) }", "unterminated"),
            ("query A { x ; }", "unexpected character"),
            (nested.as_str(), "nested deeper"),
        ];
        for (text, expected) in rows {
            let error = parse(text).expect_err("no document");
            assert!(error.contains(expected), "{text:.40}: {error}");
        }
    }

    /// Protects the parts that the shop acts on: name, variables, arguments, directives, aliases, fragments.
    #[test]
    fn reads_every_part_of_an_operation() {
        let text = "mutation Adj($i: [In!]!, $k: String! = \"a\\\"\\u0041\") { # why\n mine: adjust(input: {a: [$i, 2, -3], e: FAST}) @idempotent(key: $k) { ... on T { id }, b } }";
        let document = parse(text).expect("a document");
        assert_eq!((document.kind, document.name.as_deref()), (Kind::Mutation, Some("Adj")));
        assert_eq!((document.variables[0].kind.as_str(), document.variables[1].kind.as_str()), ("[In!]!", "String!"));
        let none = Map::new();
        assert_eq!(document.variables[1].default.as_ref().and_then(|d| d.value(&none)), Some(Value::from("a\"A")));
        let Selection::Field(field) = &document.selections[0] else { panic!("a field") };
        assert_eq!((field.key(), field.name.as_str(), field.directives[0].0.as_str()), ("mine", "adjust", "idempotent"));
        assert_eq!(field.argument("input", &none), Some(serde_json::json!({"a": [null, 2, -3], "e": "FAST"})));
        assert!(matches!(&field.selections[0], Selection::On(on, fields) if on == "T" && fields.len() == 1));
    }
}
