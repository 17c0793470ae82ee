//! Odoo: `search_read` of `stock.move` and `stock.quant` over JSON-RPC. Odoo answers an error with status 200, too.
//!
//! An answer holds the number of the record and the fields that are asked for, and a missing value is `false`. Quantities are
//! floats, times are in UTC, and a request without `order` gets the records in the order of their numbers.

use serde_json::{Map, Value, json};

use super::{Document, Request, Stock, SystemState, civil, sorted, time};

/// The fields of each model that the examples of connectors use. Those with `x_` were added by the merchant.
const MOVE: [&str; 13] = [
    "id",
    "product_id",
    "location_id",
    "location_dest_id",
    "quantity",
    "product_uom",
    "date",
    "write_date",
    "reference",
    "state",
    "picking_code",
    "x_shop_order",
    "x_shop_line",
];
const QUANT: [&str; 7] = ["id", "product_id", "location_id", "lot_id", "quantity", "product_uom_id", "location_id.usage"];

pub(super) fn answer(state: &SystemState, secret: Option<&str>, request: &Request, reversed: bool) -> (u16, String) {
    let refused = |message: String| {
        let error = json!({ "code": 200, "message": "Odoo Server Error", "data": { "message": message } });
        (200, json!({ "jsonrpc": "2.0", "id": null, "error": error }).to_string())
    };
    let args = &request.body["params"]["args"];
    if request.path != "/jsonrpc" || request.body["params"]["method"] != "execute_kw" || args[4] != "search_read" {
        return refused("there is no such method".to_owned());
    }
    if secret.is_some_and(|secret| args[2] != secret) {
        return refused("Access Denied".to_owned());
    }
    match search_read(state, args, reversed) {
        Ok(records) => (200, json!({ "jsonrpc": "2.0", "id": null, "result": records }).to_string()),
        Err(message) => refused(message),
    }
}

fn search_read(state: &SystemState, args: &Value, reversed: bool) -> Result<Vec<Value>, String> {
    let (known, mut records): (&[&str], Vec<Value>) = match args[3].as_str() {
        Some("stock.move") => (&MOVE, state.documents.iter().map(stock_move).collect()),
        Some("stock.quant") => (&QUANT, (1..).zip(&state.stock).map(quant).collect()),
        Some(_) | None => return Err("there is no such model".to_owned()),
    };
    let field = |name: &Value| {
        let found = name.as_str().and_then(|name| known.iter().find(|known| **known == name));
        found.copied().ok_or_else(|| format!("Invalid field {name}"))
    };
    for condition in args[5][0].as_array().ok_or("the domain is not a list")? {
        let (name, value) = (field(&condition[0])?, &condition[2]);
        match condition[1].as_str() {
            Some("=") => records.retain(|record| record[name] == *value),
            Some(">=") => {
                let since = time(value.as_str().unwrap_or_default());
                records.retain(|record| record[name].as_str().is_some_and(|at| time(at) >= since));
            }
            Some(_) | None => return Err(format!("Invalid operator {}", condition[1])),
        }
    }
    let options = &args[6];
    let fields = options["fields"].as_array().ok_or("the fields are not a list")?;
    let fields = fields.iter().map(field).chain([Ok("id")]).collect::<Result<Vec<_>, _>>()?;
    let order = options["order"].as_str().unwrap_or("id");
    let order = order.split(", ").map(|name| field(&json!(name))).collect::<Result<Vec<_>, _>>()?;
    sorted(&mut records, state.asked, |record| order.iter().map(|name| rank(&record[*name])).collect::<Vec<_>>());
    let whole = |name: &str, default: usize| {
        let given = options.get(name).filter(|value| !value.is_null());
        let number = |value: &Value| value.as_u64().and_then(|number| usize::try_from(number).ok());
        given.map_or(Some(default), number).ok_or_else(|| format!("{name} is not a number"))
    };
    let (offset, limit) = (whole("offset", 0)?, whole("limit", usize::MAX)?);
    let asked =
        |record: Value| fields.iter().map(|name| ((*name).to_owned(), record[*name].clone())).collect::<Map<_, _>>().into();
    Ok(SystemState::part(records, offset, limit, reversed, asked).rows)
}

/// The place of a value in an order.
fn rank(value: &Value) -> (u64, String) {
    (value.as_u64().unwrap_or(0), value.as_str().unwrap_or_default().to_owned())
}

fn stock_move(document: &Document) -> Value {
    let away = || "99".to_owned();
    let (from, to) = match document.kind {
        "incoming" => (away(), document.location.clone()),
        "outgoing" => (document.location.clone(), away()),
        _ => (document.location.clone(), document.to.clone().unwrap_or_else(away)),
    };
    json!({
        "id": document.id, "product_id": pair(&document.item), "location_id": pair(&from), "location_dest_id": pair(&to),
        "quantity": float(&document.quantity), "product_uom": [1, document.unit], "state": "done", "picking_code": document.kind,
        "date": civil(document.at), "write_date": civil(document.at), "x_shop_order": false, "x_shop_line": false,
        "reference": document.reference.clone().map_or(Value::Bool(false), Value::from),
    })
}

fn quant((id, stock): (u64, &Stock)) -> Value {
    json!({
        "id": id, "product_id": pair(&stock.item), "location_id": pair(&stock.location), "lot_id": [1, stock.bin],
        "quantity": float(&stock.quantity), "product_uom_id": [1, stock.unit], "location_id.usage": "internal",
    })
}

/// Writes a reference to another record as Odoo does: the record's number, and a name for people.
fn pair(id: &str) -> Value {
    json!([id.parse::<u64>().map_or_else(|_| json!(id), |id| json!(id)), format!("[{id}] for people")])
}

/// Writes an amount as a float, as Odoo does: `3.0`.
fn float(amount: &str) -> Value {
    let written = if amount.contains('.') { amount.to_owned() } else { format!("{amount}.0") };
    serde_json::from_str(&written).unwrap_or_else(|_| json!(amount))
}
