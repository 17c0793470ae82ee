//! A GraphQL document, as far as our operations need it: one operation, variables, fields, inline fragments, directives.
//!
//! How it is read is in `parser`; what its fields mean is decided in `schema`. This knows neither text nor schema.

use serde_json::{Map, Value};

/// Whether the operation reads or writes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Query,
    Mutation,
}

/// A document with its one operation.
#[derive(Debug)]
pub(super) struct Document {
    pub(super) kind: Kind,
    pub(super) name: Option<String>,
    pub(super) variables: Vec<Variable>,
    pub(super) selections: Vec<Selection>,
}

/// A declared variable.
#[derive(Debug)]
pub(super) struct Variable {
    pub(super) name: String,
    /// As written, `ID!` for instance.
    pub(super) kind: String,
    pub(super) default: Option<Literal>,
}

/// A field, or fields for objects of one type.
#[derive(Debug)]
pub(super) enum Selection {
    Field(Field),
    On(String, Vec<Selection>),
}

/// A field with what it is asked with and for.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) alias: Option<String>,
    pub(super) name: String,
    pub(super) arguments: Vec<(String, Literal)>,
    pub(super) directives: Vec<(String, Vec<(String, Literal)>)>,
    pub(super) selections: Vec<Selection>,
}

/// A value in the document.
#[derive(Clone, Debug)]
pub(super) enum Literal {
    Variable(String),
    Plain(Value),
    List(Vec<Literal>),
    Object(Vec<(String, Literal)>),
}

impl Literal {
    /// The value, with variables put in; nothing for a variable that was not given.
    pub(super) fn value(&self, variables: &Map<String, Value>) -> Option<Value> {
        match self {
            Literal::Variable(name) => variables.get(name).cloned(),
            Literal::Plain(value) => Some(value.clone()),
            Literal::List(items) => Some(items.iter().map(|item| item.value(variables).unwrap_or(Value::Null)).collect()),
            Literal::Object(fields) => {
                let given = fields.iter().filter_map(|(name, field)| Some((name.clone(), field.value(variables)?)));
                Some(Value::Object(given.collect()))
            }
        }
    }
}

impl Field {
    /// The name it has in the answer.
    pub(super) fn key(&self) -> &str {
        self.alias.as_deref().unwrap_or(&self.name)
    }

    /// An argument's value; nothing where it is absent or an absent variable.
    pub(super) fn argument(&self, name: &str, variables: &Map<String, Value>) -> Option<Value> {
        self.arguments.iter().find(|(given, _)| given == name)?.1.value(variables)
    }
}
