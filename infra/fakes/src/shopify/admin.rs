//! The Admin GraphQL door: one POST body in, one answer out, and the shop changed or not.
//!
//! In this order: the document must parse, its variables be given, its cost be allowed and affordable; a mutation must carry
//! `@idempotent`, where a key says which calls are one, and an input of the right shape; then the key is looked up, and only then
//! a rule of the shop is asked. Faults that were set strike where the real ones do: before anything, or between applying and
//! answering.

use super::cost;
use super::document::{Document, Field, Kind, Selection};
use super::faults::used;
use super::idempotency::Known;
use super::ids::{ItemId, LocationId};
use super::input::{self, Input};
use super::log::Applied;
use super::metafields;
use super::mutation::{Code, Group, Mutation, Outcome, UserError};
use super::parser::parse;
use super::resolve::{TopError, object};
use super::schema::Node;
use super::shop::Shop;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// What comes back from the door.
#[derive(Clone, PartialEq, Debug)]
pub enum Answer {
    /// 200, with errors or without.
    Json(Value),
    /// 400: the body is no request.
    BadRequest(Value),
    /// 500.
    Failed,
    /// Nothing: the connection stays open until the caller gives up.
    Silent,
}

/// A mutation that will be applied long after its caller gave up.
#[derive(Debug)]
pub(super) struct Late {
    key: Option<String>,
    call: Prepared,
}

/// A mutation whose shape was found right.
#[derive(Debug)]
struct Prepared {
    kind: Mutation,
    arguments: Value,
}

impl Shop {
    /// Answers one POST to the GraphQL endpoint.
    pub fn graphql(&mut self, now: Timestamp, body: &[u8]) -> Answer {
        self.counters.requests += 1;
        self.bucket.restore(now);
        let request: Value = match serde_json::from_slice(body) {
            Ok(request) => request,
            Err(_) => {
                return Answer::BadRequest(json!({ "errors": { "query": "Required parameter missing or invalid" } }));
            }
        };
        let Some(text) = request["query"].as_str() else {
            return Answer::BadRequest(json!({ "errors": { "query": "Required parameter missing or invalid" } }));
        };
        let document = match parse(text) {
            Ok(document) => document,
            Err(message) => return Answer::Json(errors(&TopError::new("parseError", message))),
        };
        let name = document.name.clone().unwrap_or_else(|| "anonymous".to_owned());
        *self.counters.calls.entry(name).or_default() += 1;
        if used(&mut self.faults.fail) {
            return Answer::Failed;
        }
        self.served(now, &document, &request["variables"]).unwrap_or_else(|error| Answer::Json(errors(&error)))
    }

    fn served(&mut self, now: Timestamp, document: &Document, given: &Value) -> Result<Answer, TopError> {
        let variables = variables(document, given)?;
        let requested = cost::requested(document, &variables);
        if requested > i64::from(self.config.query_limit) {
            return Ok(Answer::Json(self.too_dear(requested)));
        }
        if used(&mut self.faults.throttle) || self.bucket.available() < requested {
            self.counters.throttled += 1;
            return Ok(Answer::Json(json!({
                "errors": [{ "message": "Throttled", "extensions": { "code": "THROTTLED", "documentation": "https://shopify.dev/api/usage/limits" } }],
                "extensions": { "cost": { "requestedQueryCost": requested, "actualQueryCost": null, "throttleStatus": self.bucket.status() } },
            })));
        }
        match document.kind {
            Kind::Query => {
                let (data, actual) = object(self, &Node::Query, &document.selections, &variables)?;
                Ok(self.paid(data, requested, actual))
            }
            Kind::Mutation => self.mutation(now, document, &variables),
        }
    }

    fn mutation(&mut self, now: Timestamp, document: &Document, variables: &Map<String, Value>) -> Result<Answer, TopError> {
        let [Selection::Field(field)] = document.selections.as_slice() else {
            return Err(TopError::new("BAD_REQUEST", "one mutation a call is served here"));
        };
        let kind = Mutation::by_field(&field.name).ok_or_else(|| TopError::undefined(&field.name, "Mutation"))?;
        // What is selected is checked before anything is applied.
        self.answered(&probe(kind), field, variables)?;
        let (key, call) = match prepare(kind, field, variables) {
            Ok(prepared) => prepared,
            Err(error) => return Ok(Answer::Json(refused(&error, field))),
        };
        if used(&mut self.faults.lose_request) {
            return Ok(Answer::Silent);
        }
        let in_use = || self.late.iter().any(|late| late.key == key);
        let busy = key.is_some() && (in_use() || used(&mut self.faults.concurrent));
        let outcome = if busy {
            Outcome::refused(kind, vec![UserError::whole(Code::Concurrent)])
        } else if used(&mut self.faults.apply_late) {
            self.late.push_back(Late { key, call });
            return Ok(Answer::Silent);
        } else {
            self.once(now, key.as_deref(), call)
        };
        let data = json!({ field.key(): self.answered(&outcome, field, variables)? });
        let answer = self.paid(data, cost::MUTATION, cost::MUTATION);
        Ok(if used(&mut self.faults.lose_answer) { Answer::Silent } else { answer })
    }

    /// Applies a mutation, unless its key says that it was applied before.
    fn once(&mut self, now: Timestamp, key: Option<&str>, call: Prepared) -> Outcome {
        let known = key.map_or(Known::New, |key| self.keys.look(now, key, call.kind, &call.arguments));
        let forgotten = matches!(known, Known::Done(_)) && used(&mut self.faults.forget_keys);
        match known {
            Known::Refused(code) => {
                return Outcome::refused(call.kind, vec![UserError::whole(code)]);
            }
            Known::Done(outcome) if !forgotten => {
                self.counters.deduplicated += 1;
                self.record(now, key, &call, &outcome, true);
                return outcome;
            }
            Known::Done(_) | Known::New => {}
        }
        let outcome = self.apply(now, &call);
        if outcome.errors.is_empty() {
            self.counters.rows_applied += u64::try_from(outcome.changes.len()).expect("250 at most");
            self.record(now, key, &call, &outcome, false);
        } else {
            self.counters.refused += 1;
        }
        if let Some(key) = key {
            self.keys.remember(now, key, call.arguments, &outcome);
        }
        outcome
    }

    fn apply(&mut self, now: Timestamp, call: &Prepared) -> Outcome {
        let arguments = &call.arguments;
        match call.kind {
            Mutation::Adjust | Mutation::Set => {
                let input = shaped(call.kind, arguments).expect("the shape was checked");
                self.adjust(now, call.kind, &input)
            }
            Mutation::Activate => {
                let id = |name: &str| arguments[name].as_str().unwrap_or_default();
                let (item, location) = (ItemId::parse(id("inventoryItemId")), LocationId::parse(id("locationId")));
                self.activate(now, item, location, arguments["available"].as_i64())
            }
            Mutation::Describe => self.describe(metafields::read(arguments.get("metafields")).expect("the shape was checked")),
        }
    }

    fn record(&mut self, now: Timestamp, key: Option<&str>, call: &Prepared, outcome: &Outcome, deduplicated: bool) {
        let Some(kind) = call.kind.applied() else { return };
        let reference = call.arguments["input"]["referenceDocumentUri"].as_str().map(str::to_owned);
        let changes = outcome.changes.clone();
        self.log.push(Applied { at: now, kind, key: key.map(str::to_owned), deduplicated, reference, changes });
    }

    /// Applies the mutations that were held back by `Faults::apply_late`, oldest first. Says how many.
    pub fn settle_late(&mut self, now: Timestamp) -> usize {
        let late = std::mem::take(&mut self.late);
        let count = late.len();
        for Late { key, call } in late {
            self.once(now, key.as_deref(), call);
        }
        count
    }

    fn answered(&self, outcome: &Outcome, field: &Field, variables: &Map<String, Value>) -> Result<Value, TopError> {
        Ok(object(self, &Node::Outcome(outcome), &field.selections, variables)?.0)
    }

    fn paid(&mut self, data: Value, requested: i64, actual: i64) -> Answer {
        assert!(actual <= requested, "an answer cost {actual}, more than the {requested} it had requested");
        self.bucket.take(actual);
        self.counters.points_spent += u64::try_from(actual).expect("a cost is not negative");
        let status = self.bucket.status();
        let cost = json!({ "requestedQueryCost": requested, "actualQueryCost": actual, "throttleStatus": status });
        Answer::Json(json!({ "data": data, "extensions": { "cost": cost } }))
    }

    fn too_dear(&self, requested: i64) -> Value {
        let limit = self.config.query_limit;
        json!({ "errors": [{
            "message": format!("Query cost is {requested}, which exceeds the single query max cost limit ({limit})."),
            "extensions": { "code": "MAX_COST_EXCEEDED", "cost": requested, "maxCost": limit, "documentation": "https://shopify.dev/api/usage/limits" },
        }] })
    }
}

fn errors(error: &TopError) -> Value {
    json!({ "errors": [{ "message": error.message, "extensions": { "code": error.code } }] })
}

/// A mutation refused before it ran: its field is null beside the error.
fn refused(error: &TopError, field: &Field) -> Value {
    let mut body = errors(error);
    // A variable that does not fit is found before anything runs; no data then.
    if error.code != "INVALID_VARIABLE" {
        body["errors"][0]["path"] = json!([field.key()]);
        body["data"] = json!({ field.key(): null });
    }
    body
}

/// The variables: those given, with the defaults of those that were not.
fn variables(document: &Document, given: &Value) -> Result<Map<String, Value>, TopError> {
    let mut variables = Map::new();
    for variable in &document.variables {
        let default = || variable.default.as_ref().and_then(|default| default.value(&Map::new()));
        let value = given.get(&variable.name).cloned().or_else(default);
        input::required(&variable.name, &variable.kind, value.as_ref())?;
        if let Some(value) = value {
            variables.insert(variable.name.clone(), value);
        }
    }
    Ok(variables)
}

/// The key and the arguments of a mutation, found to be of the right shape.
fn prepare(kind: Mutation, field: &Field, variables: &Map<String, Value>) -> Result<(Option<String>, Prepared), TopError> {
    let arguments: Map<String, Value> =
        field.arguments.iter().filter_map(|(name, literal)| Some((name.clone(), literal.value(variables)?))).collect();
    let arguments = Value::Object(arguments);
    let directive = field.directives.iter().find(|(name, _)| name == "idempotent");
    let key = directive.and_then(|(_, arguments)| arguments.iter().find(|(name, _)| name == "key")?.1.value(variables));
    let key = key.as_ref().and_then(Value::as_str).filter(|key| !key.is_empty());
    match kind {
        Mutation::Adjust | Mutation::Set => shaped(kind, &arguments).map(|_| ())?,
        Mutation::Activate => {
            let available = arguments.get("available").filter(|available| !available.is_null());
            available.map_or(Ok(0), |available| input::int(Some(available), "available")).map(|_| ())?
        }
        Mutation::Describe => metafields::read(arguments.get("metafields")).map(|_| ())?,
    }
    if !kind.is_keyed() {
        return Ok((None, Prepared { kind, arguments }));
    }
    let missing = "The @idempotent directive is required for this mutation but was not provided.";
    let key = key.ok_or_else(|| TopError::new("BAD_REQUEST", missing))?;
    Ok((Some(key.to_owned()), Prepared { kind, arguments }))
}

fn shaped(kind: Mutation, arguments: &Value) -> Result<Input, TopError> {
    input::read(kind, arguments.get("input"))
}

/// An outcome with one of everything, to check what is selected.
fn probe(kind: Mutation) -> Outcome {
    let group = Group { number: 0, at: Timestamp::UNIX_EPOCH, reason: String::new(), reference: None, changes: Vec::new() };
    Outcome { group: Some(group), ..Outcome::refused(kind, vec![UserError::whole(Code::Concurrent)]) }
}
