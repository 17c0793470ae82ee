//! Tests of the pull modules: checks of a configuration, requests, and reading answers and rows.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::catalog::{FeedId, SystemId, TimeZone};
use crate::source::pull::config::{Feed, PullConfig};
use crate::source::pull::page::{self, Next};
use crate::source::pull::reading::Pass;
use crate::source::pull::reported::{self, ReportedState};
use crate::source::pull::request::{PageRef, link, request};
use crate::source::pull::row;
use crate::source::pull::watermark::WatermarkPosition;
use crate::source::{StockEvent, StockKind};

fn berlin() -> TimeZone {
    "Europe/Berlin".parse().expect("a time zone")
}

/// A minimal feed of movements with changes.
fn feed(change: impl FnOnce(&mut Value)) -> Result<Feed, String> {
    let mut config = json!({
        "url": "https://erp.example.com/moves?since={since}",
        "rows": "/rows",
        "progress": { "by": "time", "overlap_seconds": 60 },
        "kind": { "always": "receipt" },
        "fields": { "id": "{/id}", "sku": "{/sku}", "location": "{/at}", "quantity": "{/n}", "occurred_at": "{/time}" },
    });
    change(&mut config);
    serde_json::from_value::<PullConfig>(config).map(Feed::from).map_err(|error| error.to_string())
}

/// A feed with values put into its configuration; `null` removes a value.
fn with(changes: &[(&str, Value)]) -> Result<Feed, String> {
    feed(|config| {
        for (at, value) in changes {
            let (parent, name) = at.rsplit_once('/').expect("a pointer");
            let parent = config.pointer_mut(parent).and_then(Value::as_object_mut).expect("an object");
            if value.is_null() { drop(parent.remove(name)) } else { drop(parent.insert((*name).to_owned(), value.clone())) }
        }
    })
}

/// A full refresh of states.
fn full(changes: &[(&str, Value)]) -> Result<Feed, String> {
    let base = [
        ("/url", json!("https://erp.example.com/stock")),
        ("/mode", json!("full")),
        ("/progress", Value::Null),
        ("/kind", json!({ "always": "balance" })),
        ("/fields/id", Value::Null),
        ("/fields/occurred_at", Value::Null),
    ];
    with(&[base.as_slice(), changes].concat())
}

/// Protects the ledger from configurations that would lose rows, expose a secret, or have two meanings.
#[test]
fn a_configuration_fits_or_is_refused_with_a_reason() {
    let url = |url: &str| ("/url", json!(url));
    for (changes, refused) in [
        (vec![], None),
        (vec![url("ftp://erp.example.com/{since}")], Some("url")),
        (vec![url("https:///{since}")], Some("url")),
        (vec![url("https://me:secret@erp.example.com/{since}")], Some("url")),
        (vec![url("https://{since}.example.com/")], Some("url")),
        (vec![url("http://erp.example.com/{since}")], Some("url: it must begin with https://")),
        (vec![url("http://localhost/{since}")], Some("url: it must begin with https://")),
        (vec![url("http://127.0.0.1.evil.com/{since}")], Some("url: it must begin with https://")),
        (vec![url("http://10.0.0.1/{since}")], Some("url: it must begin with https://")),
        (vec![url("HTTPS://erp.example.com/{since}")], Some("url")),
        (vec![url("http://127.0.0.1:80/{since}"), ("/auth", json!({ "scheme": "bearer", "secret": "erp" }))], None),
        (vec![url("https://erp.\texample.com/{since}")], Some("control character")),
        (vec![url("https://erp.example.com/{sinc}")], Some("{ must begin")),
        (vec![url("https://erp.example.com/")], Some("{since}")),
        (vec![url("https://erp.example.com/{since}/{offset}")], Some("{offset}")),
        (vec![url("https://erp.example.com/{since}/{size}")], Some("{size}")),
        (vec![("/body", json!({}))], Some("body")),
        (vec![("/headers", json!({ "Authorization": "Bearer x" }))], Some("headers")),
        (vec![("/headers", json!({ "host": "evil.com" }))], Some("headers: Host")),
        (vec![("/headers", json!({ "A": "x\ny" }))], Some("headers")),
        (vec![("/headers", json!({ "A B": "x" }))], Some("headers")),
        (vec![("/headers", json!({ "Prefer": "transient" }))], None),
        (vec![("/auth", json!({ "scheme": "bearer" }))], Some("secret")),
        (vec![("/auth", json!({ "scheme": "bearer", "secret": "" }))], Some("auth.secret")),
        (vec![("/auth", json!({ "scheme": "header", "name": "X Key", "secret": "erp" }))], Some("auth.name")),
        (vec![("/auth", json!({ "scheme": "header", "name": "Host", "secret": "erp" }))], Some("auth.name")),
        (vec![("/auth", json!({ "scheme": "body", "at": "/key", "secret": "erp" }))], Some("auth.at")),
        (vec![("/paging", json!({ "by": "offset", "size": 100 }))], Some("{offset}")),
        (vec![url("https://erp.example.com/{since}/{offset}"), ("/paging", json!({ "by": "offset", "size": 1 }))], Some("size")),
        (
            vec![url("https://erp.example.com/{since}/{offset}"), ("/paging", json!({ "by": "offset", "size": 5001 }))],
            Some("size"),
        ),
        (vec![url("https://erp.example.com/{since}/{offset}"), ("/paging", json!({ "by": "offset", "size": 5000 }))], None),
        (
            vec![
                url("https://erp.example.com/{since}/{offset}"),
                ("/paging", json!({ "by": "offset", "size": 9, "more": "/a", "total": "/b" })),
            ],
            Some("only one of more and total"),
        ),
        (
            vec![url("https://erp.example.com/{since}/{offset}"), ("/paging", json!({ "by": "offset", "size": 9, "most": 8 }))],
            Some("paging.most"),
        ),
        (
            vec![
                url("https://erp.example.com/{since}/{offset}"),
                ("/paging", json!({ "by": "offset", "size": 9, "offset": "multiple_of_size" })),
            ],
            Some("{size}"),
        ),
        (
            vec![
                url("https://erp.example.com/{since}/{offset}/{size}"),
                ("/paging", json!({ "by": "offset", "size": 9, "offset": "multiple_of_size" })),
            ],
            None,
        ),
        (vec![("/paging", json!({ "by": "progress", "size": 100 }))], Some("ordered")),
        (vec![("/paging", json!({ "by": "progress", "size": 100 })), ("/ordered", json!(true))], None),
        (vec![("/paging", json!({ "by": "next_link", "path": "next" }))], Some("pointer")),
        (vec![("/format", json!("json_lines"))], Some("rows")),
        (vec![("/format", json!("json_lines")), ("/rows", Value::Null)], None),
        (
            vec![
                ("/format", json!("json_lines")),
                ("/rows", Value::Null),
                ("/paging", json!({ "by": "next_link", "path": "/n" })),
            ],
            Some("lines"),
        ),
        (vec![("/progress", Value::Null)], Some("progress")),
        (vec![("/progress/overlap_seconds", json!(0))], Some("overlap")),
        (vec![("/progress", json!({ "by": "sequence", "value": "7" }))], Some("progress.value")),
        (vec![("/progress", json!({ "by": "sequence", "value": "{/n}" }))], None),
        (vec![("/aggregate", json!(true))], Some("aggregate")),
        (vec![("/kind", json!({ "always": "skip" }))], Some("kind")),
        (vec![("/kind", json!({ "always": "receit" }))], Some("receit")),
        (
            vec![(
                "/kind",
                json!({ "by": { "value": "{/k}", "map": { "101": "receipt", "102": "-adjustment", "103": "skip" } } }),
            )],
            None,
        ),
        (vec![("/fields/id", Value::Null)], Some("fields.id")),
        (vec![("/fields/id", json!("always-the-same"))], Some("fields.id")),
        (vec![("/fields/occurred_at", Value::Null)], Some("progress")),
        (vec![("/fields/sku", json!("A-1"))], Some("fields.sku")),
        (vec![("/every_minutes", json!(0))], Some("every_minutes")),
        (vec![("/decimals", json!(0))], None),
        (vec![("/decimals", json!(6))], None),
        (vec![("/decimals", json!(7))], Some("decimals")),
    ] {
        check(&changes, with(&changes), refused);
    }
    for (changes, refused) in [
        (vec![], None),
        (vec![url("https://erp.example.com/stock?since={since}")], Some("{since}")),
        (vec![("/progress", json!({ "by": "time", "overlap_seconds": 60 }))], Some("progress")),
        (vec![("/ordered", json!(true))], Some("ordered")),
        (vec![("/aggregate", json!(true))], None),
        (vec![("/aggregate", json!(true)), ("/fields/lot", json!("{/lot}"))], Some("lot")),
        (vec![("/aggregate", json!(true)), ("/fields/occurred_at", json!("{/time}"))], Some("occurred_at")),
        (
            vec![("/aggregate", json!(true)), ("/kind", json!({ "always": "receipt" })), ("/fields/id", json!("{/id}"))],
            Some("fields.occurred_at"),
        ),
        (vec![("/kind", json!({ "always": "receipt" }))], Some("fields.id")),
    ] {
        check(&changes, full(&changes), refused);
    }
}

fn check(changes: &[(&str, Value)], outcome: Result<Feed, String>, refused: Option<&str>) {
    match (outcome, refused) {
        (Ok(_), None) => {}
        (Err(problem), Some(word)) => assert!(problem.contains(word), "{changes:?} is refused for another reason: {problem}"),
        (outcome, _) => panic!("{changes:?} leads to {:?}", outcome.map(drop)),
    }
}

/// Protects requests: they contain the watermark in the system's format, numbers as numbers, and no character that ends a URL
/// early.
#[test]
fn a_request_contains_the_watermark_and_the_page() {
    let noon = WatermarkPosition::Time("2026-11-21T12:00:00Z".parse().expect("a time"));
    let post = [
        ("/url", json!("https://erp.example.com/q?limit={size}")),
        ("/method", json!("post")),
        ("/times", json!({ "read": "civil" })),
        ("/paging", json!({ "by": "offset", "size": 100 })),
        ("/body", json!({ "q": "at >= '{since}' {other}", "skip": "{offset}", "of": [["{size}"]] })),
    ];
    let by_cursor =
        [("/url", json!("https://erp.example.com/{since}/{cursor}")), ("/paging", json!({ "by": "cursor", "path": "/c" }))];
    let by_page =
        [("/url", json!("https://erp.example.com/{since}/{page}")), ("/paging", json!({ "by": "page", "size": 5, "first": 0 }))];
    let numbered = [("/progress", json!({ "by": "sequence", "value": "{/n}" }))];
    for (changes, since, at, url, body) in [
        (&[][..], noon, PageRef::First, "https://erp.example.com/moves?since=2026-11-21T12%3A00%3A00Z", Value::Null),
        (&numbered[..], WatermarkPosition::Sequence(7), PageRef::First, "https://erp.example.com/moves?since=7", Value::Null),
        (
            &post[..],
            noon,
            PageRef::First,
            "https://erp.example.com/q?limit=100",
            json!({ "q": "at >= '2026-11-21 13:00:00' {other}", "skip": 0, "of": [[100]] }),
        ),
        (
            &post[..],
            noon,
            PageRef::Offset { from: 198, size: 99, again: 2 },
            "https://erp.example.com/q?limit=99",
            json!({ "q": "at >= '2026-11-21 13:00:00' {other}", "skip": 198, "of": [[99]] }),
        ),
        (&by_cursor[..], noon, PageRef::First, "https://erp.example.com/2026-11-21T12%3A00%3A00Z/", Value::Null),
        (
            &by_cursor[..],
            noon,
            PageRef::Cursor("a&b=/{page}".into()),
            "https://erp.example.com/2026-11-21T12%3A00%3A00Z/a%26b%3D%2F%7Bpage%7D",
            Value::Null,
        ),
        (&by_page[..], noon, PageRef::First, "https://erp.example.com/2026-11-21T12%3A00%3A00Z/0", Value::Null),
        (&by_page[..], noon, PageRef::Page(3), "https://erp.example.com/2026-11-21T12%3A00%3A00Z/3", Value::Null),
        (
            &[][..],
            noon,
            PageRef::Link("https://erp.example.com/more?x=1".into()),
            "https://erp.example.com/more?x=1",
            Value::Null,
        ),
    ] {
        let feed = with(changes).expect("a valid configuration");
        let asked = request((&feed, &berlin()), Some(since), &at, Duration::from_secs(5));
        assert_eq!((asked.url.as_str(), asked.body.unwrap_or_default()), (url, body), "{at:?}");
    }
}

/// Protects the secret: a link in an answer cannot send it to another server.
#[test]
fn links_stay_on_their_server() {
    let feed = with(&[("/url", json!("https://erp.example.com:8443/v1/moves?since={since}"))]).expect("a valid configuration");
    for (to, expected) in [
        ("https://erp.example.com:8443/v1/moves?skip=1", Some("https://erp.example.com:8443/v1/moves?skip=1")),
        ("/v1/moves?skip=1", Some("https://erp.example.com:8443/v1/moves?skip=1")),
        ("moves?$skiptoken=1", Some("https://erp.example.com:8443/v1/moves?$skiptoken=1")),
        ("https://erp.example.com/v1/moves", None),
        ("http://erp.example.com:8443/v1/moves", None),
        ("https://erp.example.com:8443.evil.com/", None),
        ("https://erp.example.com:8443@evil.com/", None),
        ("https://evil.com/https://erp.example.com:8443/", None),
        ("//evil.com/v1", None),
    ] {
        assert_eq!(link(&feed, to).ok().as_deref(), expected, "{to}");
    }
}

/// Protects rows at the end of a page, and keeps a broken answer from counting as an empty one.
#[test]
fn an_answer_is_read_completely_or_refused() {
    let offset = with(&[
        ("/url", json!("https://erp.example.com/{since}/{offset}")),
        ("/paging", json!({ "by": "offset", "size": 2, "more": "/more" })),
    ]);
    let short =
        with(&[("/url", json!("https://erp.example.com/{since}/{offset}")), ("/paging", json!({ "by": "offset", "size": 2 }))]);
    let next = with(&[("/paging", json!({ "by": "next_link", "path": "/@odata.nextLink" }))]);
    let cursor = with(&[
        ("/url", json!("https://erp.example.com/{since}/{cursor}")),
        ("/paging", json!({ "by": "cursor", "path": "/c" })),
    ]);
    let newer = with(&[("/paging", json!({ "by": "progress", "size": 2 })), ("/ordered", json!(true))]);
    let lines = with(&[("/format", json!("json_lines")), ("/rows", Value::Null)]);
    let total = with(&[
        ("/url", json!("https://erp.example.com/{since}/{offset}")),
        ("/paging", json!({ "by": "offset", "size": 3, "total": "/total", "most": 6 })),
    ]);
    let capped = with(&[
        ("/url", json!("https://erp.example.com/{since}/{offset}")),
        ("/paging", json!({ "by": "offset", "size": 3, "total": "/total", "most": 6 })),
        ("/ordered", json!(true)),
    ]);
    let link = || Next::Page(PageRef::Link("https://erp.example.com/b".into()));
    let offset_of = |from, size, again| PageRef::Offset { from, size, again };
    let second = || offset_of(1, 2, 1);
    for (feed, at, answer, expected) in [
        (&offset, PageRef::First, r#"{"rows":[1,2],"more":true}"#, Some((2, Next::Page(second())))),
        (&offset, second(), r#"{"rows":[2,3,4],"more":true}"#, Some((3, Next::Page(offset_of(3, 2, 1))))),
        (&offset, second(), r#"{"rows":[2,3],"more":false}"#, Some((2, Next::End))),
        (&offset, second(), r#"{"rows":[2],"more":true}"#, None),
        (&offset, second(), r#"{"rows":[2,3]}"#, None),
        (&offset, second(), r#"{"error":{"code":200}}"#, None),
        (&offset, PageRef::First, r#"{"rows":[1,2],"mo"#, None),
        (&offset, PageRef::First, r#"{"rows":{},"more":false}"#, None),
        (&offset, PageRef::First, "<html>", None),
        (&offset, PageRef::First, "", None),
        (&short, PageRef::First, r#"{"rows":[1,2]}"#, Some((2, Next::Page(second())))),
        (&short, second(), r#"{"rows":[2]}"#, Some((1, Next::End))),
        (&total, PageRef::First, r#"{"rows":[1,2],"total":"5"}"#, Some((2, Next::Page(offset_of(1, 3, 1))))),
        (&total, offset_of(2, 3, 1), r#"{"rows":[3,4,5],"total":5}"#, Some((3, Next::End))),
        (&total, offset_of(2, 3, 1), r#"{"rows":[3,4,5],"total":6}"#, Some((3, Next::Page(offset_of(4, 2, 1))))),
        (&total, offset_of(4, 2, 1), r#"{"rows":[5],"total":6}"#, None),
        (&total, offset_of(4, 2, 1), r#"{"rows":[5,6],"total":6}"#, None), // There may be more, and nothing can read them.
        (&total, PageRef::First, r#"{"rows":[1,2]}"#, None),
        (&total, PageRef::First, r#"{"rows":[1,2],"total":"many"}"#, None),
        (&capped, offset_of(4, 2, 1), r#"{"rows":[5,6],"total":6}"#, Some((2, Next::Newer))),
        (&next, PageRef::First, r#"{"rows":[1],"@odata.nextLink":"/b"}"#, Some((1, link()))),
        (&next, PageRef::First, r#"{"rows":[1],"@odata.nextLink":null}"#, Some((1, Next::End))),
        (&next, PageRef::First, r#"{"rows":[1]}"#, Some((1, Next::End))),
        (&next, PageRef::First, r#"{"rows":[1],"@odata.nextLink":"https://evil.com/"}"#, None),
        (&next, PageRef::Link("https://erp.example.com/b".into()), r#"{"rows":[1],"@odata.nextLink":"/b"}"#, None),
        (&cursor, PageRef::First, r#"{"rows":[],"c":"x"}"#, Some((0, Next::Page(PageRef::Cursor("x".into()))))),
        (&cursor, PageRef::Cursor("x".into()), r#"{"rows":[],"c":""}"#, Some((0, Next::End))),
        (&cursor, PageRef::Cursor("x".into()), r#"{"rows":[],"c":"x"}"#, None),
        (&cursor, PageRef::First, r#"{"rows":[],"c":[1]}"#, None),
        (&newer, PageRef::First, r#"{"rows":[1,2]}"#, Some((2, Next::Newer))),
        (&newer, PageRef::First, r#"{"rows":[1]}"#, Some((1, Next::End))),
        (&lines, PageRef::First, "{\"a\":1}\n\n{\"a\":2}\n", Some((2, Next::End))),
        (&lines, PageRef::First, "{\"a\":1}\n{\"a\":2}", Some((2, Next::End))),
        (&lines, PageRef::First, "{\"a\":1}\n{\"a\":", Some((1, Next::BrokenOff))),
        (&lines, PageRef::First, "{\"a\":1}\nnonsense\n{\"a\":2}\n", Some((3, Next::End))),
        (&lines, PageRef::First, "", Some((0, Next::End))),
    ] {
        let feed = feed.as_ref().expect("a valid configuration");
        let read = page::read(feed, &at, answer.as_bytes()).ok().map(|page| (page.rows.len(), page.next));
        assert_eq!(read, expected, "{at:?} {answer}");
    }
    let many = format!(r#"{{"rows":[{}0]}}"#, "0,".repeat(super::MAX_ROWS));
    assert!(
        page::read(short.as_ref().expect("a valid configuration"), &PageRef::First, many.as_bytes()).is_err(),
        "too many rows for one page"
    );
}

/// Protects the rows between two pages: pages by offset leave no row out, each begins with the last row of the one before, and
/// the offset is one that the system takes. A page size that is too small for that fails instead of reading in part.
#[test]
fn pages_by_offset_cover_every_row() {
    for (rule, size, most, rows, pages) in [
        ("any", 500, None, 1_700, Ok(4)),
        ("any", 1_000, Some(1_500), 1_500, Ok(2)),
        ("multiple_of_size", 1_000, None, 1_000, Ok(1)),
        ("multiple_of_size", 1_000, None, 1_001, Ok(2)),
        ("multiple_of_size", 1_000, None, 2_500, Ok(3)),
        ("multiple_of_size", 1_000, Some(100_000), 100_000, Ok(104)),
        ("multiple_of_size", 4, None, 11, Ok(5)),
        ("multiple_of_size", 4, None, 13, Err("set a larger page size")),
    ] {
        let mut paging = json!({ "by": "offset", "size": size, "offset": rule, "more": "/more" });
        paging["most"] = most.into();
        let url = json!("https://erp.example.com/{since}/{offset}/{size}");
        let feed = with(&[("/url", url), ("/paging", paging), ("/ordered", json!(true))]).expect("a valid configuration");
        let (mut at, mut read, mut asked) = (PageRef::First, 0, 0);
        let outcome = loop {
            let (from, size, again) =
                if let PageRef::Offset { from, size, again } = at { (from, size, again) } else { (0, size, 0) };
            assert!(size > 0 && (rule == "any" || from % size == 0), "{rule} {size} at {from}");
            assert!(most.is_none_or(|most| from + size <= most), "{rule} {size} at {from}");
            assert_eq!(from + again, read, "no row is left out");
            assert!(asked == 0 || again > 0, "each page contains the last row of the page before");
            asked += 1;
            read = (from + size).min(rows);
            let numbers: Vec<u64> = (from..read).collect();
            let answer = json!({ "rows": numbers, "more": read < rows }).to_string();
            match page::read(&feed, &at, answer.as_bytes()).map(|page| page.next) {
                Ok(Next::Page(next)) => at = next,
                Ok(Next::End | Next::Newer) => break Ok(asked),
                Ok(Next::BrokenOff) => panic!("the answer is whole"),
                Err(error) => break Err(error.to_string()),
            }
        };
        match (&outcome, pages) {
            (Ok(found), Ok(pages)) => assert_eq!((*found, read), (pages, rows), "{rows} rows by {size}"),
            (Err(error), Err(words)) => assert!(error.contains(words), "{error}"),
            (_, _) => panic!("{rows} rows by {size} lead to {outcome:?}"),
        }
    }
}

fn event(feed: &Feed, row: &Value) -> Result<Option<StockEvent>, String> {
    let system: SystemId = "erp".parse().expect("a system");
    let asked_at: Timestamp = "2026-11-21T12:00:00Z".parse().expect("a time");
    row::read(feed, &berlin(), row, asked_at)?.map(|content| content.event(&system)).transpose()
}

/// Protects the meaning of a row: its kind, sign and unit follow the configuration, and nothing is guessed.
#[test]
fn a_row_becomes_an_event_or_an_error() {
    let feed = with(&[
        ("/kind", json!({ "by": { "value": "{/k}{/dc}", "map": { "101S": "receipt", "102H": "-adjustment", "103S": "skip", "311H": "transfer_out", "poS": "purchase_order" } } })),
        ("/units", json!({ "EA": "each" })),
        ("/fields/unit", json!("{/unit}")),
        ("/fields/lot", json!("{/lot}")),
        ("/fields/expires", json!("{/expires}")),
        ("/fields/due", json!("{/due}")),
        ("/fields/to", json!("{/to}")),
        ("/fields/reference", json!("{/document}")),
    ])
    .expect("a valid configuration");
    let row = json!({ "id": 7, "sku": "A-1", "at": "1000", "n": "3.000", "time": "2026-11-21T09:00:00Z", "k": "101", "dc": "S" });
    let changed = |changes: &[(&str, Value)]| {
        let mut row = row.clone();
        for (name, value) in changes {
            row[*name] = value.clone();
        }
        event(&feed, &row)
    };
    for (changes, expected) in [
        (vec![], Ok(Some("receipt 3 of A-1 at 1000"))),
        (vec![("n", json!(3))], Ok(Some("receipt 3 of A-1 at 1000"))),
        (vec![("n", json!(2.5)), ("unit", json!("kg"))], Ok(Some("receipt 2.5 kg of A-1 at 1000"))),
        (vec![("unit", json!("EA"))], Ok(Some("receipt 3 each of A-1 at 1000"))),
        (vec![("k", json!(102)), ("dc", json!("H"))], Ok(Some("adjustment -3 of A-1 at 1000"))),
        (vec![("k", json!("102")), ("dc", json!("H")), ("n", json!("-3"))], Ok(Some("adjustment 3 of A-1 at 1000"))),
        (vec![("k", json!("103"))], Ok(None)),
        (vec![("n", json!("0.000"))], Ok(None)),
        (vec![("lot", json!("L1")), ("expires", json!("2027-05-31"))], Ok(Some("receipt 3 of A-1 at 1000"))),
        (vec![("lot", json!("L1")), ("expires", json!("2027-05-31T00:00:00Z"))], Ok(Some("receipt 3 of A-1 at 1000"))),
        (
            vec![("k", json!("po")), ("document", json!("PO-1")), ("due", json!("2027-05-31"))],
            Ok(Some("purchase_order 3 of A-1 at 1000")),
        ),
        (vec![("k", json!("po")), ("document", json!("PO-1")), ("n", json!(0))], Ok(Some("purchase_order 0 of A-1 at 1000"))),
        (vec![("k", json!("po")), ("document", json!("PO-1")), ("due", json!("later"))], Err("due")),
        (vec![("k", json!("po"))], Err("reference")),
        (vec![("due", json!("2027-05-31"))], Err("due")),
        (vec![("k", json!("999"))], Err("999S")),
        (vec![("id", Value::Null)], Err("id")),
        (vec![("sku", json!(""))], Err("sku")),
        (vec![("sku", json!("A".repeat(129)))], Err("sku: it must be a text of 1 to 128 characters")),
        (vec![("at", json!("WH\n2026-11-21 ERROR"))], Err("location: it must be a text of 1 to 128 characters")),
        (vec![("at", json!(false))], Err("location")),
        (vec![("n", json!("many"))], Err("quantity")),
        (vec![("n", json!("0.0000001"))], Err("quantity")),
        (vec![("n", json!("-3"))], Err("negative")),
        (vec![("n", json!([3]))], Err("quantity")),
        (vec![("time", json!("yesterday"))], Err("occurred_at")),
        (vec![("unit", json!("a b"))], Err("unit")),
        (vec![("expires", json!("soon"))], Err("expires")),
        (vec![("expires", json!("2027-05-31"))], Err("lot")),
        (vec![("k", json!("311")), ("dc", json!("H"))], Err("reference")),
    ] {
        match (changed(&changes), expected) {
            (Ok(event), Ok(expected)) => {
                let unit = |event: &StockEvent| event.unit.as_ref().map_or(String::new(), |unit| format!(" {unit}"));
                let shown = event.map(|e| format!("{} {}{} of {} at {}", e.kind.name(), e.quantity, unit(&e), e.sku, e.location));
                assert_eq!(shown.as_deref(), expected, "{changes:?}");
            }
            (Err(problem), Err(word)) => assert!(problem.contains(word), "{changes:?} fails for another reason: {problem}"),
            (outcome, _) => panic!("{changes:?} leads to {outcome:?}"),
        }
    }
}

/// Protects quantities that went through floats: their noise is rounded away only where the feed declares its decimals, and
/// then only the noise. Every digit of the answer counts, because no float reads it.
#[test]
fn noise_is_rounded_away_only_below_declared_decimals() {
    for (decimals, sent, expected) in [
        (json!(5), "453.00000000000006", Ok("453")),
        (json!(5), "-384.00000000000006", Ok("-384")),
        (json!(5), "\"453.00000000000006\"", Ok("453")),
        (json!(2), "-4.0", Ok("-4")),
        (json!(0), "452.99999999999994", Ok("453")),
        (json!(6), "0.083333", Ok("0.083333")),
        (json!(2), "0.083333", Err("check decimals of the feed")),
        (json!(0), "0.5", Err("check decimals of the feed")),
        (Value::Null, "453.0", Ok("453")),
        (Value::Null, "453.00000000000006", Err("set decimals of the feed")),
        (Value::Null, "453.000000000000000000001", Err("set decimals of the feed")),
        (Value::Null, "0.30000000000000001", Err("set decimals of the feed")),
        (Value::Null, "false", Err("it is missing")),
    ] {
        let feed = full(&[("/decimals", decimals.clone())]).expect("a valid configuration");
        let answer = format!(r#"{{"rows":[{{"sku":"A","at":"WH","n":{sent}}}]}}"#);
        let rows = page::read(&feed, &PageRef::First, answer.as_bytes()).expect("an answer").rows;
        let found = event(&feed, rows[0].as_ref().expect("a row"));
        let found = found.map(|event| event.expect("an event").quantity.to_string());
        match (&found, expected) {
            (Ok(amount), Ok(expected)) => assert_eq!(amount, expected, "{sent} with {decimals}"),
            (Err(problem), Err(words)) => assert!(problem.contains(words), "{sent} with {decimals}: {problem}"),
            (_, _) => panic!("{sent} with {decimals} leads to {found:?}"),
        }
    }
}

/// Protects times and days of a system whose clock is not UTC: an event has its moment, and a due date the day of that clock.
#[test]
fn times_and_days_are_those_of_the_clock() {
    for (format, time, due, expected) in [
        ("civil", "2026-07-21 13:00:00", "2027-06-01", ("2026-07-21T11:00:00Z", "2027-06-01")),
        ("civil", "2026-11-21 13:00:00", "2027-06-01 00:30:00", ("2026-11-21T12:00:00Z", "2027-06-01")),
        ("civil", "2026-11-21", "2027-06-01", ("2026-11-20T23:00:00Z", "2027-06-01")),
        ("rfc3339", "2026-11-21T12:00:00Z", "2027-05-31T22:30:00Z", ("2026-11-21T12:00:00Z", "2027-06-01")),
    ] {
        let feed = with(&[
            ("/kind", json!({ "always": "purchase_order" })),
            ("/fields/reference", json!("PO-1")),
            ("/fields/due", json!("{/due}")),
            ("/times", json!({ "read": format })),
        ]);
        let row = json!({ "id": "1", "sku": "A", "at": "WH", "n": 5, "time": time, "due": due });
        let found = event(&feed.expect("a valid configuration"), &row).expect("a row").expect("an event");
        let found = (found.occurred_at.to_string(), found.due.map(|due| due.to_string()).unwrap_or_default());
        assert_eq!((found.0.as_str(), found.1.as_str()), expected, "{row} as {format}");
    }
}

/// Protects states: the same state is applied once, and different states are not confused.
#[test]
fn the_id_of_a_state_is_made_from_its_content() {
    let feed =
        full(&[("/fields/occurred_at", json!("{/time}")), ("/fields/lot", json!("{/lot}"))]).expect("a valid configuration");
    let row = |sku: &str, n: Value, time: &str, lot: Value| json!({ "sku": sku, "at": "WH", "n": n, "time": time, "lot": lot });
    let name = |row: &Value| event(&feed, row).expect("a state").expect("an event").id;
    let one = row("A", json!("5.0"), "2026-11-21T09:00:00Z", Value::Null);
    for (other, same) in [
        (row("A", json!(5), "2026-11-21T09:00:00Z", Value::Null), true),
        (row("A", json!(5), "2026-11-21T10:00:00+01:00", json!("")), true),
        (row("A", json!(6), "2026-11-21T09:00:00Z", Value::Null), false),
        (row("B", json!(5), "2026-11-21T09:00:00Z", Value::Null), false),
        (row("A", json!(5), "2026-11-21T09:00:01Z", Value::Null), false),
        (row("A", json!(5), "2026-11-21T09:00:00Z", json!("L")), false),
    ] {
        assert_eq!(name(&one) == name(&other), same, "{other}");
    }
}

/// Protects a function's memory: a full refresh adds up a limited number of items and locations.
#[test]
fn the_states_of_a_refresh_are_limited() {
    let feed = full(&[("/aggregate", json!(true))]).expect("a valid configuration");
    let (system, asked_at): (SystemId, _) = ("erp".parse().expect("a system"), Timestamp::UNIX_EPOCH);
    let rows = |from: usize, to: usize| (from..to).map(|n| Ok(json!({ "sku": n, "at": "WH", "n": 1 }))).collect();
    let utc = TimeZone::UTC;
    let mut pass = Pass::new(&feed, &utc);
    for begin in (0..super::MAX_STATES).step_by(super::MAX_ROWS) {
        pass.steps(rows(begin, begin + super::MAX_ROWS), 0, asked_at, &system).expect("the limit is not exceeded");
    }
    pass.steps(rows(0, 10), 0, asked_at, &system).expect("rows of known items add no state");
    assert!(pass.steps(rows(super::MAX_STATES, super::MAX_STATES + 1), 0, asked_at, &system).is_err());
    assert_eq!(pass.sums().map(|sums| sums.len()), Some(super::MAX_STATES));
}

/// Protects stock: a state that a refresh no longer reports becomes zero, but an implausible number of missing states is
/// refused.
#[test]
fn missing_states_become_zero_unless_too_many_are_missing() {
    let (system, stock): (SystemId, FeedId) = ("erp".parse().expect("a system"), "stock".parse().expect("a feed"));
    let feed = full(&[("/aggregate", json!(true))]).expect("a valid configuration");
    for (known, reported, bad, steps, fresh, gone) in [
        (0, 3, 0, 3, 3, 0),
        (3, 3, 0, 3, 0, 0),
        (3, 2, 0, 3, 0, 1),
        (3, 1, 0, 3, 0, 2),
        (3, 0, 0, 1, 0, 0), // An empty refresh is refused: one failed row reports it.
        (3, 2, 1, 2, 0, 0), // A state in an unreadable row is not missing.
        (30, 15, 0, 30, 0, 15),
        (30, 14, 0, 15, 0, 0), // More than half is missing: one failed row, and the reported states.
    ] {
        let known = (0..known).map(|n| ReportedState {
            system: system.clone(),
            feed: stock.clone(),
            sku: n.to_string(),
            location: "WH".to_owned(),
            kind: StockKind::Balance,
        });
        let utc = TimeZone::UTC;
        let mut pass = Pass::new(&feed, &utc);
        let row = |n: usize| json!({ "sku": n, "at": "WH", "n": if n < reported { json!(1) } else { json!("?") } });
        let rows = (0..reported + bad).map(|n| Ok(row(n))).collect();
        pass.steps(rows, 0, Timestamp::UNIX_EPOCH, &system).expect("few rows");
        let sums = pass.sums().expect("every row names its item");
        let refresh = reported::compare((&system, &stock), known.collect(), sums, Timestamp::UNIX_EPOCH);
        assert_eq!(
            (refresh.steps.len(), refresh.fresh.len(), refresh.gone.len()),
            (steps, fresh, gone),
            "{reported} reported, {bad} unreadable"
        );
    }
}
