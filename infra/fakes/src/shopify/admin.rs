//! The Admin GraphQL endpoint. `Shop::graphql` takes the body of one POST, changes the shop if the call requires it, and
//! returns one answer.
//!
//! The endpoint checks a call in this order. The document must be valid, its variables must have values of the declared types,
//! and its cost must be within the query limit and within the budget. A keyed mutation must have the `@idempotent` directive,
//! and its input must have the right shape. The endpoint then looks the key up, and only after that it applies the rules of the
//! shop. A fault takes effect where the real fault would: before the call runs, or between applying the call and answering it.

use super::cost;
use super::document::{Arguments, Document, Request, document, operation, variables};
use super::faults::used;
use super::idempotency::Known;
use super::ids::{ItemId, LocationId};
use super::input;
use super::log::Applied;
use super::metafields;
use super::mutation::{Code, Mutation, Outcome, UserError};
use super::resolve::{TopError, query, selected};
use super::schema::Node;
use super::shop::Shop;
use apollo_compiler::Name;
use apollo_compiler::response::{JsonMap, JsonValue};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

/// An answer of the GraphQL endpoint.
#[derive(Clone, PartialEq, Debug)]
pub enum Answer {
    /// HTTP 200 with a JSON body, which may contain errors.
    Json(Value),
    /// HTTP 400, because the body is not a GraphQL request.
    BadRequest(Value),
    /// HTTP 500.
    Failed,
    /// No answer. The connection stays open until the caller gives up.
    Silent,
}

/// A mutation that the shop applies in `settle_late`, long after its caller has given up.
#[derive(Debug)]
pub(super) struct Late {
    key: Option<String>,
    call: Prepared,
}

/// A mutation that `prepare` has checked for the right shape.
#[derive(Debug)]
struct Prepared {
    kind: Mutation,
    arguments: JsonValue,
}

/// The JSON body of a POST.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    query: String,
    operation_name: Option<String>,
    variables: Option<JsonMap>,
}

impl Shop {
    /// Answers one POST to the GraphQL endpoint.
    pub fn graphql(&mut self, now: Timestamp, body: &[u8]) -> Answer {
        self.counters.requests += 1;
        self.bucket.restore(now);
        self.search.catch_up(now);
        self.expire_drafts(now);
        let Ok(body) = serde_json::from_slice::<Body>(body) else {
            return Answer::BadRequest(json!({ "errors": { "query": "Required parameter missing or invalid" } }));
        };
        match document(&body.query) {
            Ok(document) => self.executed(now, &document, &body).unwrap_or_else(|error| Answer::Json(errors(&error))),
            Err(errors) => Answer::Json(errors),
        }
    }

    fn executed(&mut self, now: Timestamp, document: &Document, body: &Body) -> Result<Answer, TopError> {
        let operation = operation(document, body.operation_name.as_deref())?;
        let name = operation.name.as_ref().map_or("anonymous", Name::as_str);
        *self.counters.calls.entry(name.to_owned()).or_default() += 1;
        if used(&mut self.faults.fail) {
            return Ok(Answer::Failed);
        }
        let variables = variables(operation, body.variables.as_ref().unwrap_or(&JsonMap::new()))?;
        let request = Request::new(document, operation, &variables);
        let requested = cost::requested(request)?;
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
        if operation.is_mutation() {
            return self.mutation(now, request);
        }
        let (data, actual) = query(self, request)?;
        Ok(self.paid(data, requested, actual))
    }

    fn mutation(&mut self, now: Timestamp, request: Request<'_>) -> Result<Answer, TopError> {
        let roots = request.fields("Mutation", [&request.operation.selection_set]);
        let one = || TopError::new("BAD_REQUEST", "one mutation a call is served here");
        let [(name, fields)] = roots.as_slice() else { return Err(one()) };
        let kind = Mutation::by_field(&fields[0].name).ok_or_else(one)?;
        let (key, call) = match prepare(kind, request.arguments(fields[0])) {
            Ok(prepared) => prepared,
            Err(error) => return Ok(Answer::Json(refused(&error, name))),
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
        let data = json!({ name.as_str(): selected(self, request, &Node::Outcome(&outcome), fields)?.0 });
        let answer = self.paid(data, cost::MUTATION, cost::MUTATION);
        Ok(if used(&mut self.faults.lose_answer) { Answer::Silent } else { answer })
    }

    /// Applies a mutation, unless the shop has already applied it under the same key.
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
                let input = input::read(call.kind, &arguments["input"]).expect("the shape was checked");
                self.adjust(now, call.kind, &input)
            }
            Mutation::Activate => {
                let id = |name: &str| arguments[name].as_str().unwrap_or_default();
                let (item, location) = (ItemId::parse(id("inventoryItemId")), LocationId::parse(id("locationId")));
                self.activate(now, item, location, arguments["available"].as_i64())
            }
            Mutation::SetMetafields => {
                self.set_metafields(metafields::read(&arguments["metafields"]).expect("the shape was checked"))
            }
        }
    }

    fn record(&mut self, now: Timestamp, key: Option<&str>, call: &Prepared, outcome: &Outcome, deduplicated: bool) {
        let Some(kind) = call.kind.applied() else { return };
        let reference = call.arguments["input"]["referenceDocumentUri"].as_str().map(str::to_owned);
        let changes = outcome.changes.clone();
        self.log.push(Applied { at: now, kind, key: key.map(str::to_owned), deduplicated, reference, changes });
    }

    /// Applies the mutations that `Faults::apply_late` held back, oldest first. Returns their number.
    pub fn settle_late(&mut self, now: Timestamp) -> usize {
        let late = std::mem::take(&mut self.late);
        let count = late.len();
        for Late { key, call } in late {
            self.once(now, key.as_deref(), call);
        }
        count
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

/// Builds the answer to a mutation that was refused before it ran: the error, and null for the mutation's field.
fn refused(error: &TopError, name: &Name) -> Value {
    let mut body = errors(error);
    // A variable of the wrong type is found before the operation runs, so that answer has no `data`.
    if error.code != "INVALID_VARIABLE" {
        body["errors"][0]["path"] = json!([name.as_str()]);
        body["data"] = json!({ name.as_str(): null });
    }
    body
}

/// Reads the key and the arguments of a mutation, and checks their shape.
fn prepare(kind: Mutation, given: Arguments<'_>) -> Result<(Option<String>, Prepared), TopError> {
    let arguments = given.all();
    match kind {
        Mutation::Adjust | Mutation::Set => input::read(kind, &arguments["input"]).map(drop)?,
        Mutation::Activate => {}
        Mutation::SetMetafields => metafields::read(&arguments["metafields"]).map(drop)?,
    }
    if !kind.is_keyed() {
        return Ok((None, Prepared { kind, arguments }));
    }
    let key = given.of_directive("idempotent", "key").and_then(|key| key.as_str().map(str::to_owned));
    let missing = "The @idempotent directive is required for this mutation but was not provided.";
    let key = key.filter(|key| !key.is_empty()).ok_or_else(|| TopError::new("BAD_REQUEST", missing))?;
    Ok((Some(key), Prepared { kind, arguments }))
}
