//! The document of a request: a GraphQL document that is valid for the served schema, with its operation and its variables.
//!
//! `apollo-compiler` parses, validates and coerces, so this module does not know the GraphQL syntax. Each text is checked once,
//! because a caller sends the same few texts again and again. The library offers two functions only to its own executor, which
//! knows no costs and no error codes, so this module has its own: they select the fields that apply to a type and read the
//! arguments of a field. Resolving is in `resolve`.

use super::resolve::TopError;
use apollo_compiler::ast;
use apollo_compiler::executable::{Field, Operation, Selection, SelectionSet};
use apollo_compiler::parser::Parser;
use apollo_compiler::request::coerce_variable_values;
use apollo_compiler::response::{GraphQLError, JsonMap, JsonValue};
use apollo_compiler::validation::{DiagnosticList, Valid};
use apollo_compiler::{ExecutableDocument, Name, Schema};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

/// The schema that the fake serves, a part of Shopify's schema.
pub const ADMIN_SCHEMA: &str = include_str!("admin_schema.graphql");

static SCHEMA: LazyLock<Valid<Schema>> =
    LazyLock::new(|| Schema::parse_and_validate(ADMIN_SCHEMA, "admin_schema.graphql").expect("the schema of the fake is valid"));

/// The maximum number of tokens of a document. Our longest document has under a thousand tokens, white space included.
const MOST_TOKENS: usize = 10_000;
/// The maximum nesting of selections and values, so that a document cannot exhaust the stack. Our deepest has eleven levels.
pub(super) const DEEPEST: usize = 40;
/// The maximum number of remembered texts. One process sends a few dozen. If a caller sends more, all remembered texts are
/// dropped.
const MOST_KNOWN: usize = 200;

/// A document that is valid for the schema.
pub(super) type Document = Valid<ExecutableDocument>;

static KNOWN: LazyLock<Mutex<BTreeMap<String, Arc<Document>>>> = LazyLock::new(Mutex::default);

/// Returns the document of a text, or the answer with its errors.
pub(super) fn document(text: &str) -> Result<Arc<Document>, Value> {
    // The map is complete even if a thread panicked while it held the lock, because no thread leaves it half changed.
    let known = || KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(document) = known().get(text) {
        return Ok(Arc::clone(document));
    }
    // The check runs without the lock, so that a slow check does not delay other shops.
    let document = Arc::new(checked(&SCHEMA, text)?);
    let mut known = known();
    if known.len() >= MOST_KNOWN {
        known.clear();
    }
    known.insert(text.to_owned(), Arc::clone(&document));
    Ok(document)
}

/// Parses and validates a text.
pub(super) fn checked(schema: &Valid<Schema>, text: &str) -> Result<Document, Value> {
    let mut parser = Parser::new().recursion_limit(DEEPEST).token_limit(MOST_TOKENS);
    let parsed = parser.parse_ast(text, "request").map_err(|broken| errors(&broken.errors, "parseError"))?;
    // Shopify's error names the rule that the document breaks. The library does not name it.
    parsed.to_executable_validate(schema).map_err(|invalid| errors(&invalid.errors, "GRAPHQL_VALIDATION_FAILED"))
}

fn errors(found: &DiagnosticList, code: &str) -> Value {
    let error =
        |error: GraphQLError| json!({ "message": error.message, "locations": error.locations, "extensions": { "code": code } });
    json!({ "errors": found.iter().map(|found| error(found.to_json())).collect::<Vec<_>>() })
}

/// One operation of a document, with its variables.
#[derive(Clone, Copy)]
pub(super) struct Request<'a> {
    document: &'a Document,
    pub(super) operation: &'a Operation,
    variables: &'a Valid<JsonMap>,
}

/// Returns the operation of a name, or the only operation if there is no name.
pub(super) fn operation<'a>(document: &'a Document, name: Option<&str>) -> Result<&'a Operation, TopError> {
    let found = document.operations.get(name);
    found.map(|operation| &**operation).map_err(|error| TopError::new("BAD_REQUEST", error.message().to_string()))
}

/// Coerces the variables of an operation to their declared types, and adds the defaults of those that were not given.
pub(super) fn variables(operation: &Operation, given: &JsonMap) -> Result<Valid<JsonMap>, TopError> {
    coerce_variable_values(&SCHEMA, operation, given)
        .map_err(|error| TopError::new("INVALID_VARIABLE", error.message().to_string()))
}

impl<'a> Request<'a> {
    pub(super) fn new(document: &'a Document, operation: &'a Operation, variables: &'a Valid<JsonMap>) -> Self {
        Request { document, operation, variables }
    }

    pub(super) fn arguments(self, field: &'a Field) -> Arguments<'a> {
        Arguments { field, variables: self.variables }
    }

    /// Returns the selections of a set that `@skip` and `@include` keep. A fragment is returned as its selection set, with its
    /// type.
    pub(super) fn selections(self, set: &'a SelectionSet) -> impl Iterator<Item = Selected<'a>> {
        let left = set.selections.iter().filter(move |selection| self.includes(selection));
        left.map(move |selection| match selection {
            Selection::Field(field) => Selected::Field(field),
            Selection::InlineFragment(inline) => Selected::Fragment(&inline.selection_set),
            Selection::FragmentSpread(spread) => {
                Selected::Fragment(&self.document.fragments[&spread.fragment_name].selection_set)
            }
        })
    }

    fn includes(self, selection: &Selection) -> bool {
        let condition = |directive: &str| {
            let condition = selection.directives().get(directive)?.specified_argument_by_name("if")?;
            value(condition, self.variables)?.as_bool()
        };
        condition("skip") != Some(true) && condition("include") != Some(false)
    }

    /// Returns the fields that the sets select on an object, by the name that they have in the answer. Two fields with one name
    /// are one field with both selections.
    pub(super) fn fields(self, on: &str, sets: impl IntoIterator<Item = &'a SelectionSet>) -> Fields<'a> {
        let mut fields = Vec::new();
        for set in sets {
            self.collect(on, set, &mut fields);
        }
        fields
    }

    fn collect(self, on: &str, set: &'a SelectionSet, fields: &mut Fields<'a>) {
        for selected in self.selections(set) {
            match selected {
                Selected::Fragment(inner) => {
                    if inner.ty == on || SCHEMA.is_subtype(&inner.ty, on) {
                        self.collect(on, inner, fields);
                    }
                }
                Selected::Field(field) => match fields.iter_mut().find(|(key, _)| *key == field.response_key()) {
                    Some((_, same)) => same.push(field),
                    None => fields.push((field.response_key(), vec![field])),
                },
            }
        }
    }
}

/// A field, or the selection set of a fragment. The type of the set determines to which objects it applies.
pub(super) enum Selected<'a> {
    Field(&'a Field),
    Fragment(&'a SelectionSet),
}

/// Fields by the name they have in the answer, in the order of the document.
pub(super) type Fields<'a> = Vec<(&'a Name, Vec<&'a Field>)>;

/// The arguments of a field.
#[derive(Clone, Copy)]
pub(super) struct Arguments<'a> {
    pub(super) field: &'a Field,
    variables: &'a JsonMap,
}

impl Arguments<'_> {
    /// Returns the value of an argument, or its default. `None` if the value is null, or a variable that was not given.
    pub(super) fn get(self, name: &str) -> Option<JsonValue> {
        value(self.field.argument_by_name(name).ok()?, self.variables).filter(|value| !value.is_null())
    }

    /// Returns all arguments by name.
    pub(super) fn all(self) -> JsonValue {
        let given = self.field.arguments.iter();
        given.filter_map(|argument| Some((argument.name.as_str(), value(&argument.value, self.variables)?))).collect()
    }

    /// Returns the value of an argument of a directive.
    pub(super) fn of_directive(self, directive: &str, name: &str) -> Option<JsonValue> {
        let given = self.field.directives.get(directive)?.specified_argument_by_name(name)?;
        value(given, self.variables)
    }
}

/// Returns a value of the document with its variables replaced; `None` for a variable that was not given.
fn value(literal: &ast::Value, variables: &JsonMap) -> Option<JsonValue> {
    Some(match literal {
        ast::Value::Variable(name) => return variables.get(name.as_str()).cloned(),
        ast::Value::Null => JsonValue::Null,
        ast::Value::Enum(name) => name.as_str().into(),
        ast::Value::String(text) => text.as_str().into(),
        ast::Value::Boolean(value) => (*value).into(),
        // The validation limits an `Int` to 32 bits. An `ID` may be written as a longer number, which becomes text.
        ast::Value::Int(number) => match number.try_to_i32() {
            Ok(number) => number.into(),
            Err(_) => number.as_str().into(),
        },
        ast::Value::Float(number) => number.as_str().into(),
        ast::Value::List(items) => items.iter().map(|item| value(item, variables).unwrap_or_default()).collect(),
        ast::Value::Object(fields) => {
            fields.iter().filter_map(|(name, field)| Some((name.as_str(), value(field, variables)?))).collect()
        }
    })
}
