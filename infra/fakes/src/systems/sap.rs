//! SAP S/4HANA: `A_MaterialDocumentItem` with its header, and `A_MatlStkInAcctMod`, as OData 2 with a `__next` link.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{Document, Request, Stock, SystemState, number, time};

const DOCUMENTS: &str = "/sap/opu/odata/sap/API_MATERIAL_DOCUMENT_SRV/A_MaterialDocumentItem";
const STOCK: &str = "/sap/opu/odata/sap/API_MATERIAL_STOCK_SRV/A_MatlStkInAcctMod";

pub(super) fn answer(state: &SystemState, secret: Option<&str>, request: &Request, reversed: bool) -> (u16, String) {
    let shown = request.headers.get("authorization").and_then(|value| value.strip_prefix("Basic "));
    if secret.is_some_and(|secret| shown != Some(&STANDARD.encode(secret))) {
        return (401, "Logon failed".to_owned());
    }
    let (skip, take) = (number(request.query.get("$skiptoken")).unwrap_or(0), state.page.max(1));
    let part = match request.path.as_str() {
        DOCUMENTS => {
            let filter = request.query.get("$filter").map_or("", String::as_str);
            // The filter compares the creation date, so it selects documents since midnight of that day.
            let since = filter.split_once("CreationDate ge datetime'").and_then(|(_, rest)| rest.split_once("T00:00:00'"));
            let Some((since, _)) = since else { return (400, json!({ "error": { "code": "filter" } }).to_string()) };
            let since = time(&format!("{since}T00:00:00"));
            let found: Vec<&Document> = state.documents.iter().filter(|document| document.at >= since).collect();
            SystemState::part(found, skip, take, reversed, item)
        }
        STOCK => SystemState::part(state.stock.iter().collect(), skip, take, reversed, stock),
        _ => return (404, json!({ "error": { "code": "no such entity" } }).to_string()),
    };
    let mut data = json!({ "results": part.rows });
    if part.more {
        let token = skip + take;
        let filter =
            request.query.get("$filter").map_or(String::new(), |filter| format!("$filter={}&", filter.replace(' ', "%20")));
        data["__next"] = json!(format!("{}?{filter}$skiptoken={token}", request.path));
    }
    (200, json!({ "d": data }).to_string())
}

fn midnight(at: jiff::Timestamp) -> jiff::Timestamp {
    time(&at.strftime("%Y-%m-%dT00:00:00").to_string())
}

fn stock(stock: &Stock) -> Value {
    json!({
        "Material": stock.item, "Plant": stock.location, "StorageLocation": "0001", "Batch": stock.bin,
        "InventoryStockType": "01", "MaterialBaseUnit": stock.unit, "MatlWrhsStkQtyInMatlBaseUnit": stock.quantity,
    })
}

fn item(document: &Document) -> Value {
    let (kind, sign) = document.kind.split_at(document.kind.len() - 1);
    json!({
        "MaterialDocumentYear": document.at.strftime("%Y").to_string(),
        "MaterialDocument": format!("{:010}", 4_900_000_000 + document.id),
        "MaterialDocumentItem": "1",
        "Material": document.item, "Plant": document.location, "StorageLocation": "0001",
        "GoodsMovementType": kind, "DebitCreditCode": sign,
        "QuantityInEntryUnit": document.quantity, "EntryUnit": document.unit,
        "IssuingOrReceivingPlant": document.to.clone().unwrap_or_default(),
        "to_MaterialDocumentHeader": {
            "CreationDate": format!("/Date({})/", midnight(document.at).as_millisecond()),
            "CreationTime": document.at.strftime("PT%HH%MM%SS").to_string(),
        },
    })
}
