//! A change feed, as databases often serve their log: one JSON object per line. A request names the last number that it has, and
//! the number of rows that it wants.

use serde_json::json;

use super::{Request, SystemState, number};

pub(super) fn answer(state: &SystemState, secret: Option<&str>, request: &Request, reversed: bool) -> (u16, String) {
    if secret.is_some_and(|secret| request.headers.get("x-api-key").is_none_or(|key| key != secret)) {
        return (403, String::new());
    }
    let (Some(after), Some(limit)) = (number(request.query.get("after")), number(request.query.get("limit"))) else {
        return (400, "after and limit must be numbers".to_owned());
    };
    let mut documents: Vec<_> =
        state.documents.iter().filter(|document| usize::try_from(document.id).is_ok_and(|id| id > after)).collect();
    documents.sort_by_key(|document| document.id);
    let row = |document: &super::Document| {
        json!({
            "seq": document.id, "table": "stock_ledger", "op": document.kind,
            "after": {
                "txn": format!("T{}", document.id), "sku": document.item, "site": document.location, "qty": document.quantity,
                "uom": document.unit, "ts": document.at.as_millisecond(),
            },
        })
    };
    let part = SystemState::part(documents, 0, limit, reversed, row);
    (200, part.rows.iter().map(|row| format!("{row}\n")).collect())
}
