//! SAP S/4HANA: `A_MaterialDocumentItem` with its header, and `A_MatlStkInAcctMod`, as OData 2.
//!
//! A page has the rows that `$top` asks for, but never more than the service allows. Rows that are left out so are announced by a
//! `__next` link, whose `$skiptoken` is a number of rows: rows that go away between two requests shift what follows, with the link
//! and with `$skip`. Without `$orderby`, rows are in the order of their keys.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{Document, Request, Stock, SystemState, number, sorted};

const DOCUMENTS: &str = "/sap/opu/odata/sap/API_MATERIAL_DOCUMENT_SRV/A_MaterialDocumentItem";
const STOCK: &str = "/sap/opu/odata/sap/API_MATERIAL_STOCK_SRV/A_MatlStkInAcctMod";
const HEADER: &str = "to_MaterialDocumentHeader";

/// The options of a query that the services support.
const OPTIONS: [&str; 8] = ["$format", "$expand", "$filter", "$orderby", "$inlinecount", "$top", "$skip", "$skiptoken"];

/// The most rows of a page, if the request asks for more or for no number.
const MAX_TOP: usize = 5_000;
const DEFAULT_TOP: usize = 1_000;

type Answer = (u16, String);

fn error(status: u16, code: &str, message: &str) -> Answer {
    (status, json!({ "error": { "code": code, "message": { "lang": "en", "value": message } } }).to_string())
}

pub(super) fn answer(state: &SystemState, secret: Option<&str>, request: &Request, reversed: bool) -> Answer {
    let shown = request.headers.get("authorization").and_then(|value| value.strip_prefix("Basic "));
    if secret.is_some_and(|secret| shown != Some(&STANDARD.encode(secret))) {
        return (401, "Logon failed".to_owned());
    }
    if let Some(name) = request.query.keys().find(|name| name.starts_with('$') && !OPTIONS.contains(&name.as_str())) {
        return error(400, "CX_QUERY_OPTION", &format!("The query option {name} is not supported."));
    }
    let option = |name: &str| request.query.get(name).map_or("", String::as_str);
    if option("$format") != "json" {
        return (200, "<?xml version=\"1.0\"?><feed/>".to_owned()); // OData 2 answers in XML unless JSON is asked for.
    }
    let rows: Vec<Value> = match request.path.as_str() {
        DOCUMENTS => {
            // The filter compares the creation date, so it selects documents since midnight of that day.
            let since =
                option("$filter").split_once("CreationDate ge datetime'").and_then(|(_, rest)| rest.split_once("T00:00:00'"));
            let Some((since, _)) = since else { return error(400, "CX_SADL", "The filter is not supported.") };
            let since = state.time(&format!("{since}T00:00:00"));
            let found = state.documents.iter().filter(|document| document.at >= since);
            found.map(|document| item(state, document, option("$expand") == HEADER)).collect()
        }
        STOCK => state.stock.iter().map(stock).collect(),
        _ => return error(404, "CX_NO_ENTITY", "There is no such entity set."),
    };
    page(state, request, rows, reversed).unwrap_or_else(|problem| error(400, "CX_QUERY_OPTION", &problem))
}

fn page(state: &SystemState, request: &Request, mut rows: Vec<Value>, reversed: bool) -> Result<Answer, String> {
    let given = |name: &str| match request.query.get(name) {
        None => Ok(None),
        text => number(text).map(Some).ok_or_else(|| format!("{name} must be a whole number.")),
    };
    let order: Vec<&str> = match request.query.get("$orderby") {
        Some(order) => order.split(',').collect(),
        None if request.path == DOCUMENTS => vec!["MaterialDocumentYear", "MaterialDocument", "MaterialDocumentItem"],
        None => vec!["Material", "Plant", "StorageLocation", "Batch"],
    };
    if let Some(unknown) = rows.first().and_then(|row| order.iter().find(|name| row[**name].is_null())) {
        return Err(format!("The property {unknown} does not exist."));
    }
    sorted(&mut rows, state.asked, |row| order.iter().map(|name| row[*name].to_string()).collect::<Vec<_>>());
    let (top, skip) = (given("$top")?, given("$skip")?.or(given("$skiptoken")?).unwrap_or(0));
    let most = if state.page > 0 {
        state.page
    } else if top.is_some() {
        MAX_TOP
    } else {
        DEFAULT_TOP
    };
    let (count, wanted) = (rows.len(), top.unwrap_or(usize::MAX));
    let part = SystemState::part(rows, skip, wanted.min(most), reversed, |row| row);
    let mut data = json!({ "results": part.rows });
    if part.more && wanted > most {
        let mut query: Vec<String> = request
            .query
            .iter()
            .filter(|(name, _)| !matches!(name.as_str(), "$skip" | "$skiptoken" | "$top"))
            .map(written)
            .collect();
        query.extend(top.map(|top| format!("$top={}", top - most)));
        data["__next"] = json!(format!("{}?{}&$skiptoken={}", request.path, query.join("&"), skip + most));
    }
    if request.query.get("$inlinecount").is_some_and(|value| value == "allpages") {
        data["__count"] = json!(count.to_string());
    }
    Ok((200, json!({ "d": data }).to_string()))
}

fn written((name, value): (&String, &String)) -> String {
    format!("{name}={}", value.replace(' ', "%20"))
}

fn stock(stock: &Stock) -> Value {
    json!({
        "Material": stock.item, "Plant": stock.location, "StorageLocation": "0001", "Batch": stock.bin,
        "Supplier": "", "Customer": "", "WBSElementInternalID": "0", "SDDocument": "", "SDDocumentItem": "0",
        "InventorySpecialStockType": "", "InventoryStockType": "01",
        "MaterialBaseUnit": stock.unit, "MatlWrhsStkQtyInMatlBaseUnit": stock.quantity,
    })
}

fn item(state: &SystemState, document: &Document, expanded: bool) -> Value {
    let (kind, sign) = document.kind.split_at(document.kind.len() - 1);
    let mut row = json!({
        "MaterialDocumentYear": document.at.strftime("%Y").to_string(),
        "MaterialDocument": format!("{:010}", 4_900_000_000 + document.id),
        "MaterialDocumentItem": "1",
        "Material": document.item, "Plant": document.location, "StorageLocation": "0001",
        "GoodsMovementType": kind, "DebitCreditCode": sign,
        "QuantityInEntryUnit": document.quantity, "EntryUnit": document.unit,
        "IssuingOrReceivingPlant": document.to.clone().unwrap_or_default(),
    });
    let local = state.local(document.at);
    row[HEADER] = if expanded {
        // A date is midnight, and a time is the time since midnight, both by the clock of the system and written as if in UTC.
        let midnight = jiff::tz::Offset::UTC.to_timestamp(local.start_of_day()).unwrap_or(document.at);
        let time = local.strftime("PT%HH%MM%SS").to_string();
        json!({ "CreationDate": format!("/Date({})/", midnight.as_millisecond()), "CreationTime": time })
    } else {
        json!({ "__deferred": { "uri": format!("{DOCUMENTS}/{HEADER}") } })
    };
    row
}
