//! What a request asks for: a GraphQL document, checked against the schema that is served, with its operation and variables.
//!
//! `apollo-compiler` parses, validates and coerces; nothing here knows the syntax. A document is checked once for each
//! text, because a caller sends the same few texts again and again. What is left for this module is what the library keeps
//! to its own executor, which knows no costs and no error codes: the fields that apply to a type, and the arguments of one.
//! Resolving is in `resolve`.

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

/// The schema that is served, a part of Shopify's.
pub const ADMIN_SCHEMA: &str = include_str!("admin_schema.graphql");

static SCHEMA: LazyLock<Valid<Schema>> =
    LazyLock::new(|| Schema::parse_and_validate(ADMIN_SCHEMA, "admin_schema.graphql").expect("the schema of the fake is valid"));

/// Documents with more tokens are refused; our longest has under a thousand, white space included.
const MOST_TOKENS: usize = 10_000;
/// Selections and values that are nested deeper are refused before they exhaust the stack; our deepest has eleven levels.
pub(super) const DEEPEST: usize = 40;
/// Texts that are remembered. One process sends a few dozen; a caller that makes up texts starts the memory anew.
const MOST_KNOWN: usize = 200;

/// A document that the schema allows.
pub(super) type Document = Valid<ExecutableDocument>;

static KNOWN: LazyLock<Mutex<BTreeMap<String, Arc<Document>>>> = LazyLock::new(Mutex::default);

/// The document of a text, or the errors to answer.
pub(super) fn document(text: &str) -> Result<Arc<Document>, Value> {
    // The map is whole even where a thread panicked with the lock: it is never half changed.
    let known = || KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(document) = known().get(text) {
        return Ok(Arc::clone(document));
    }
    // Not under the lock: what takes long to check must not hold up other shops.
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
    // Shopify names the rule that is broken; the library does not.
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

/// The operation of a name; without a name the only one.
pub(super) fn operation<'a>(document: &'a Document, name: Option<&str>) -> Result<&'a Operation, TopError> {
    let found = document.operations.get(name);
    found.map(|operation| &**operation).map_err(|error| TopError::new("BAD_REQUEST", error.message().to_string()))
}

/// The variables of an operation as their types want them, with the defaults of those that were not given.
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

    /// The selections of a set that `@skip` and `@include` leave, and the sets of its fragments with their types.
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

    /// The fields that are asked of an object, by the name they have in the answer. A name that is selected twice is one
    /// field with both selections.
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

/// A field, or the set of a fragment, whose type says for which objects.
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
    /// The value of an argument, or its default; nothing where it is null, or a variable that was not given.
    pub(super) fn get(self, name: &str) -> Option<JsonValue> {
        value(self.field.argument_by_name(name).ok()?, self.variables).filter(|value| !value.is_null())
    }

    /// All arguments by name.
    pub(super) fn all(self) -> JsonValue {
        let given = self.field.arguments.iter();
        given.filter_map(|argument| Some((argument.name.as_str(), value(&argument.value, self.variables)?))).collect()
    }

    /// The value of a directive's argument.
    pub(super) fn of_directive(self, directive: &str, name: &str) -> Option<JsonValue> {
        let given = self.field.directives.get(directive)?.specified_argument_by_name(name)?;
        value(given, self.variables)
    }
}

/// A value in a document, with variables put in; nothing for a variable that was not given.
fn value(literal: &ast::Value, variables: &JsonMap) -> Option<JsonValue> {
    Some(match literal {
        ast::Value::Variable(name) => return variables.get(name.as_str()).cloned(),
        ast::Value::Null => JsonValue::Null,
        ast::Value::Enum(name) => name.as_str().into(),
        ast::Value::String(text) => text.as_str().into(),
        ast::Value::Boolean(value) => (*value).into(),
        // An Int has 32 bits by the validation; an ID may be written as a longer number, and is text.
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
