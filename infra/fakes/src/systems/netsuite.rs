//! NetSuite: SuiteQL over REST. The fake supports two queries, one on transactions and one on the inventory balance.

use serde_json::{Value, json};

use super::{Request, SystemState, civil, number, time};

pub(super) fn answer(state: &SystemState, secret: Option<&str>, request: &Request, reversed: bool) -> (u16, String) {
    let shown = request.headers.get("authorization").and_then(|value| value.strip_prefix("Bearer "));
    if secret.is_some_and(|secret| shown != Some(secret)) {
        return (401, json!({ "title": "Invalid login attempt." }).to_string());
    }
    // SuiteQL refuses a request without this header.
    if secret.is_some() && request.headers.get("prefer").is_none_or(|prefer| prefer != "transient") {
        return (400, json!({ "title": "Bad Request" }).to_string());
    }
    let Some(query) = request.body["q"].as_str() else { return (400, json!({ "title": "no q" }).to_string()) };
    let rows: Vec<Value> = if query.contains("FROM transaction t ") {
        let since = query.split_once("t.lastmodifieddate >= TO_DATE('").and_then(|(_, rest)| rest.split_once('\''));
        let Some((since, _)) = since else { return (400, json!({ "title": "no since" }).to_string()) };
        let since = time(since);
        let mut documents: Vec<_> = state.documents.iter().filter(|document| document.at >= since).collect();
        documents.sort_by_key(|document| (document.at, document.id));
        let row = |document: &&super::Document| {
            json!({
                "links": [], "line": document.id.to_string(), "type": document.kind, "item": document.item,
                "location": document.location, "quantity": document.quantity, "unit": document.unit,
                "document": document.reference, "modified": civil(document.at), "created": civil(document.at),
            })
        };
        documents.iter().map(row).collect()
    } else if query.contains("FROM inventorybalance") {
        let row = |stock: &super::Stock| {
            json!({
                "links": [], "item": stock.item, "location": stock.location, "bin": stock.bin,
                "onhand": stock.quantity, "unit": stock.unit,
            })
        };
        state.stock.iter().map(row).collect()
    } else {
        return (400, json!({ "title": "Invalid search query" }).to_string());
    };
    let (offset, limit) = (number(request.query.get("offset")).unwrap_or(0), number(request.query.get("limit")).unwrap_or(1_000));
    let total = rows.len();
    let part = SystemState::part(rows, offset, limit.min(state.page.max(1)), reversed, |row| row);
    let answer = json!({
        "links": [], "count": part.rows.len(), "hasMore": part.more, "items": part.rows, "offset": offset, "totalResults": total,
    });
    (200, answer.to_string())
}
