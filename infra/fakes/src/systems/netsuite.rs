//! NetSuite: SuiteQL over REST. The fake supports two queries, one on transaction lines and one on the inventory balance, with the
//! columns that the example of a connector selects.
//!
//! What the documentation says of paging holds here: `limit` is at most 1,000, `offset` is a multiple of `limit`, and a query has
//! at most 1,000 pages and 100,000 rows. Quantities are in the base unit of the item, whatever the unit of the transaction. Null
//! values are left out of a row.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Document, Request, Stock, SystemState, number, sorted};

/// The most rows of a page.
const MAX_LIMIT: usize = 1_000;

/// The most pages of a query.
const MAX_PAGES: usize = 1_000;

/// The most rows of a query.
const MAX_ROWS: usize = 100_000;

/// The join that adds the base unit of an item.
const BASE_UNIT: &str = "unitstypeuom u ON u.unitstype = i.unitstype AND u.baseunit = 'T'";

type Answer = (u16, String);

pub(super) fn answer(state: &SystemState, secret: Option<&str>, request: &Request, reversed: bool) -> Answer {
    let shown = request.headers.get("authorization").and_then(|value| value.strip_prefix("Bearer "));
    if secret.is_some_and(|secret| shown != Some(secret)) {
        return error(401, "INVALID_LOGIN", None, "The token is not valid.");
    }
    if request.headers.get("prefer").is_none_or(|prefer| prefer != "transient") {
        return error(400, "INVALID_HEADER", Some(("o:errorHeader", "Prefer")), "A query needs the header Prefer: transient.");
    }
    let (offset, limit, most) = match page(state, request) {
        Ok(page) => page,
        Err(refused) => return refused,
    };
    let wrong = |detail: &str| error(400, "INVALID_PARAMETER", None, &format!("Invalid search query: {detail}"));
    let Some(query) = request.body["q"].as_str().and_then(Query::parse) else { return wrong("it has no SELECT and FROM") };
    let rows = match query.rows(state) {
        Ok(rows) => rows,
        Err(detail) => return wrong(&detail),
    };
    let total = rows.len().min(most);
    let rows: Vec<Value> = rows.into_iter().take(most).collect();
    let part = SystemState::part(rows, offset, limit, reversed, |row| row);
    let next = json!({ "rel": "next", "href": format!("{}?limit={limit}&offset={}", request.path, offset + limit) });
    let answer = json!({
        "links": if part.more { json!([next]) } else { json!([]) },
        "count": part.rows.len(), "hasMore": part.more, "items": part.rows, "offset": offset, "totalResults": total,
    });
    (200, answer.to_string())
}

fn error(status: u16, code: &str, at: Option<(&str, &str)>, detail: &str) -> Answer {
    let mut details = json!({ "detail": detail, "o:errorCode": code });
    if let Some((kind, name)) = at {
        details[kind] = name.into();
    }
    let title = if status == 401 { "Unauthorized" } else { "Bad Request" };
    (status, json!({ "title": title, "status": status, "o:errorDetails": [details] }).to_string())
}

/// The offset and the limit of a request, and the most rows of a query.
fn page(state: &SystemState, request: &Request) -> Result<(usize, usize, usize), Answer> {
    let refused = |name: &str, detail: &str| error(400, "INVALID_PARAMETER", Some(("o:errorQueryParam", name)), detail);
    let given = |name: &str, default: usize| match request.query.get(name) {
        None => Ok(default),
        text => number(text).ok_or_else(|| refused(name, "It must be a whole number.")),
    };
    let (limit, offset) = (given("limit", MAX_LIMIT)?, given("offset", 0)?);
    let most = state.most_rows.unwrap_or(MAX_ROWS);
    if !(1..=MAX_LIMIT).contains(&limit) {
        return Err(refused("limit", "It must be from 1 to 1000."));
    }
    if !offset.is_multiple_of(limit) {
        return Err(refused("offset", "It must be divisible by the limit."));
    }
    if offset / limit >= MAX_PAGES || offset + limit > most {
        return Err(refused("offset", "A query returns at most 1000 pages and 100000 results."));
    }
    Ok((offset, limit, most))
}

/// The values of a row, by the expressions that a query may select.
type Columns = BTreeMap<&'static str, Value>;

/// A query in its parts.
struct Query<'a> {
    /// Each selected expression with its alias.
    columns: Vec<(&'a str, &'a str)>,
    from: &'a str,
    conditions: &'a str,
    groups: &'a str,
    order: Vec<&'a str>,
}

impl<'a> Query<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let (columns, rest) = text.strip_prefix("SELECT ")?.split_once(" FROM ")?;
        let (rest, order) = rest.split_once(" ORDER BY ").unwrap_or((rest, ""));
        let (rest, groups) = rest.split_once(" GROUP BY ").unwrap_or((rest, ""));
        let (from, conditions) = rest.split_once(" WHERE ").unwrap_or((rest, ""));
        let columns = list(columns).into_iter().map(|column| column.split_once(" AS ")).collect::<Option<_>>()?;
        Some(Self { columns, from, conditions, groups, order: list(order) })
    }

    /// The selected rows in the order of the query.
    fn rows(&self, state: &SystemState) -> Result<Vec<Value>, String> {
        let mut rows = if self.from.starts_with("transaction t ") {
            let since = self.conditions.split_once("t.lastmodifieddate >= TO_DATE('").and_then(|(_, rest)| rest.split_once('\''));
            let since = state.time(since.ok_or("it has no condition on lastmodifieddate")?.0);
            state.documents.iter().filter(|document| document.at >= since).map(|document| line(state, document)).collect()
        } else if self.from.starts_with("inventorybalance b ") && self.groups == "i.itemid, b.location, u.unitname" {
            balances(state)
        } else {
            return Err("the table or the groups are not supported".to_owned());
        };
        let value = |row: &Columns, name: &str| {
            let joined = !name.starts_with("u.") || self.from.contains(BASE_UNIT);
            row.get(name).filter(|_| joined).cloned().ok_or_else(|| format!("there is no column {name}"))
        };
        let all = self.columns.iter().map(|(name, _)| name).chain(&self.order);
        if let Some(row) = rows.first() {
            all.map(|name| value(row, name)).collect::<Result<Vec<_>, _>>()?;
        }
        sorted(&mut rows, state.asked, |row| self.order.iter().map(|name| rank(&row[*name])).collect::<Vec<_>>());
        let selected = |row: &Columns| {
            let given = self.columns.iter().filter(|(name, _)| !row[*name].is_null());
            let fields = given.map(|(name, alias)| ((*alias).to_owned(), row[*name].clone()));
            Value::Object(fields.chain([("links".to_owned(), json!([]))]).collect())
        };
        Ok(rows.iter().map(selected).collect())
    }
}

/// The parts of a list, between the commas that are not in brackets.
fn list(text: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut from) = (Vec::new(), 0, 0);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'(' => depth += 1,
            b')' => depth -= 1,
            b',' if depth == 0 => {
                parts.push(text[from..at].trim());
                from = at + 1;
            }
            _ => {}
        }
    }
    parts.extend(Some(text[from..].trim()).filter(|part| !part.is_empty()));
    parts
}

/// The place of a value in an order: numbers by their size, other values by their text.
fn rank(value: &Value) -> (u64, String) {
    let text = value.as_str().unwrap_or_default().to_owned();
    (text.parse().unwrap_or(0), text)
}

fn line(state: &SystemState, document: &Document) -> Columns {
    let (quantity, unit) = in_base_units(state, &document.quantity, &document.unit);
    let modified = Value::from(state.civil(document.at));
    BTreeMap::from([
        ("tl.uniquekey", document.id.to_string().into()),
        ("t.type", document.kind.into()),
        ("t.tranid", document.reference.clone().into()),
        ("t.custbody_shopify_order", Value::Null),
        ("tl.custcol_shopify_line", Value::Null),
        ("i.itemid", document.item.clone().into()),
        ("tl.location", document.location.clone().into()),
        ("tl.quantity", quantity.into()),
        ("BUILTIN.DF(tl.units)", document.unit.clone().into()),
        ("u.unitname", unit.into()),
        ("TO_CHAR(t.createddate, 'YYYY-MM-DD HH24:MI:SS')", modified.clone()),
        ("TO_CHAR(t.lastmodifieddate, 'YYYY-MM-DD HH24:MI:SS')", modified),
        ("t.lastmodifieddate", document.at.as_millisecond().to_string().into()),
    ])
}

fn balances(state: &SystemState) -> Vec<Columns> {
    let mut sums: BTreeMap<(&str, &str, String), Vec<String>> = BTreeMap::new();
    for Stock { item, location, quantity, unit, .. } in &state.stock {
        let (quantity, unit) = in_base_units(state, quantity, unit);
        sums.entry((item, location, unit)).or_default().push(quantity);
    }
    let row = |((item, location, unit), quantities): ((&str, &str, String), Vec<String>)| {
        let sum: Result<i64, &String> = quantities.iter().map(|quantity| quantity.parse::<i64>().map_err(|_| quantity)).sum();
        let sum = sum.map_or_else(String::clone, |sum| sum.to_string());
        let location = Some(location).filter(|location| !location.is_empty());
        BTreeMap::from([
            ("i.itemid", item.into()),
            ("b.location", location.into()),
            ("u.unitname", unit.into()),
            ("SUM(b.quantityonhand)", sum.into()),
        ])
    };
    sums.into_iter().map(row).collect()
}

/// A quantity in the base unit, and the name of that unit. A quantity that is no whole number stays as it is.
fn in_base_units(state: &SystemState, quantity: &str, unit: &str) -> (String, String) {
    match (state.base_units.get(unit), quantity.parse::<i64>()) {
        (Some((base, factor)), Ok(quantity)) => ((quantity * factor).to_string(), base.clone()),
        (Some((base, _)), Err(_)) => (quantity.to_owned(), base.clone()),
        (None, _) => (quantity.to_owned(), unit.to_owned()),
    }
}
