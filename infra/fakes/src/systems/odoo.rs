//! Odoo: `search_read` of `stock.move` and `stock.quant` over JSON-RPC. Odoo answers an error with status 200, too.

use serde_json::{Value, json};

use super::{Request, SystemState, civil, time};

pub(super) fn answer(state: &SystemState, secret: Option<&str>, request: &Request, reversed: bool) -> (u16, String) {
    let args = &request.body["params"]["args"];
    let refused = |message: &str| {
        let error = json!({ "code": 200, "message": "Odoo Server Error", "data": { "message": message } });
        (200, json!({ "jsonrpc": "2.0", "id": null, "error": error }).to_string())
    };
    if request.path != "/jsonrpc" || request.body["params"]["method"] != "execute_kw" || args[4] != "search_read" {
        return refused("no such method");
    }
    if secret.is_some_and(|secret| args[2] != secret) {
        return refused("Access Denied");
    }
    let domain = |field: &str| {
        let conditions = args[5][0].as_array().into_iter().flatten();
        conditions.into_iter().find(|condition| condition[0] == field).and_then(|condition| condition[2].as_str())
    };
    let rows: Vec<Value> = match args[3].as_str() {
        Some("stock.move") => {
            let since = domain("write_date").map_or(jiff::Timestamp::UNIX_EPOCH, time);
            let wanted = |document: &&super::Document| {
                document.at >= since && domain("picking_code").is_none_or(|code| code == document.kind)
            };
            let mut documents: Vec<_> = state.documents.iter().filter(wanted).collect();
            documents.sort_by_key(|document| (document.at, document.id));
            documents.into_iter().map(item).collect()
        }
        Some("stock.quant") => state
            .stock
            .iter()
            .map(|stock| {
                json!({
                    "product_id": pair(&stock.item), "location_id": pair(&stock.location), "lot_id": [1, stock.bin],
                    "quantity": float(&stock.quantity), "product_uom_id": [1, stock.unit],
                })
            })
            .collect(),
        Some(_) | None => return refused("no such model"),
    };
    let option = |name: &str| args[6][name].as_u64().and_then(|n| usize::try_from(n).ok());
    let part = SystemState::part(rows, option("offset").unwrap_or(0), option("limit").unwrap_or(usize::MAX), reversed, |row| row);
    (200, json!({ "jsonrpc": "2.0", "id": null, "result": part.rows }).to_string())
}

fn item(document: &super::Document) -> Value {
    let away = || "99".to_owned();
    let (from, to) = match document.kind {
        "incoming" => (away(), document.location.clone()),
        "outgoing" => (document.location.clone(), away()),
        _ => (document.location.clone(), document.to.clone().unwrap_or_else(away)),
    };
    json!({
        "id": document.id, "product_id": pair(&document.item), "location_id": pair(&from), "location_dest_id": pair(&to),
        "quantity": float(&document.quantity), "product_uom": [1, document.unit],
        "date": civil(document.at), "write_date": civil(document.at),
        "reference": document.reference.clone().map_or(Value::Bool(false), Value::from),
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
