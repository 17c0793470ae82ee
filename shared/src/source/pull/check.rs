//! Checks that the parts of a feed's configuration fit each other. Each message names the field and what to change.

use serde_json::Value;

use crate::catalog::Amount;
use crate::source::pull::config::{
    Feed, FeedProgress, KindMapping, OffsetRule, Paging, PullAuth, PullFormat, PullMethod, PullMode,
};
use crate::source::pull::request::{self, Placeholder};
use crate::source::pull::{MAX_ROWS, Template};

type Checked = Result<(), String>;

fn must(holds: bool, otherwise: impl Into<String>) -> Checked {
    if holds { Ok(()) } else { Err(otherwise.into()) }
}

/// Checks a feed.
pub(super) fn feed(feed: &Feed) -> Checked {
    address(feed)?;
    auth(feed)?;
    paging(feed)?;
    mode(feed)?;
    kinds(feed)?;
    let most = Amount::MAX_DECIMALS;
    must(feed.decimals.is_none_or(|decimals| decimals <= most), format!("decimals: it must be from 0 to {most}"))?;
    must(feed.every_minutes != Some(0), "every_minutes: it must be at least 1")
}

fn address(feed: &Feed) -> Checked {
    let origin = request::origin(&feed.url);
    let Some(origin) = origin else { return Err(format!("url: {:?} must begin with https:// and a host", feed.url)) };
    must(!origin.contains(['@', '{', '}']), "url: the host must be constant and without user or password; set auth instead")?;
    // The local stack and tests call fakes on this machine. The adapter refuses its address unless `AddressScope` allows it.
    let local = origin.strip_prefix("http://").map(|host| host.split(':').next().unwrap_or_default());
    must(local.is_none_or(|host| host == "127.0.0.1"), "url: it must begin with https://")?;
    must(!feed.url.contains(char::is_control), "url: it must not contain a control character")?;
    for (at, _) in feed.url.match_indices('{') {
        let known = Placeholder::ALL.into_iter().any(|placeholder| feed.url[at..].starts_with(placeholder.name()));
        must(known, "url: a { must begin {since}, {offset}, {page}, {size} or {cursor}")?;
    }
    must(feed.body.is_none() || feed.method == PullMethod::Post, "body: a GET has none; set method to post")?;
    for (name, value) in &feed.headers {
        let token = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        must(token, format!("headers: {name:?} is not the name of a header"))?;
        must(!name.eq_ignore_ascii_case("authorization"), "headers: Authorization is set by auth; remove it here")?;
        // A server of many hosts would take the request, and the secret in it, for one to another host.
        must(!name.eq_ignore_ascii_case("host"), "headers: Host is that of the url; remove it here")?;
        must(value.bytes().all(|b| (b' '..=b'~').contains(&b)), format!("headers: the value of {name} is not valid"))?;
    }
    Ok(())
}

fn auth(feed: &Feed) -> Checked {
    let secret = match &feed.auth {
        PullAuth::None => return Ok(()),
        PullAuth::Bearer { secret } | PullAuth::Basic { secret } => secret,
        PullAuth::Header { name, secret } => {
            let token = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
            must(token, format!("auth.name: {name:?} is not the name of a header"))?;
            must(!name.eq_ignore_ascii_case("host"), "auth.name: Host is that of the url; set the header of the secret")?;
            secret
        }
        PullAuth::Body { at, secret } => {
            let there = feed.body.as_ref().is_some_and(|body| at.of(body).is_some());
            must(there, format!("auth.at: the body has no value at {:?} that the secret can replace", at.as_str()))?;
            secret
        }
    };
    must(!secret.is_empty(), "auth.secret: it must be the name of an entry of the sources' secret")
}

fn uses(feed: &Feed, placeholder: Placeholder) -> bool {
    fn within(value: &Value, name: &str) -> bool {
        match value {
            Value::String(text) => text.contains(name),
            Value::Array(values) => values.iter().any(|value| within(value, name)),
            Value::Object(fields) => fields.values().any(|value| within(value, name)),
            Value::Null | Value::Bool(_) | Value::Number(_) => false,
        }
    }
    feed.url.contains(placeholder.name()) || feed.body.as_ref().is_some_and(|body| within(body, placeholder.name()))
}

fn paging(feed: &Feed) -> Checked {
    let needed = match &feed.paging {
        Paging::Offset { .. } => Some(Placeholder::Offset),
        Paging::Page { .. } => Some(Placeholder::Page),
        Paging::Cursor { .. } => Some(Placeholder::Cursor),
        Paging::Progress { .. } => Some(Placeholder::Since),
        Paging::None | Paging::NextLink { .. } => None,
    };
    if let Some(placeholder) = needed {
        must(uses(feed, placeholder), format!("paging: the url or the body must contain {}", placeholder.name()))?;
    }
    for placeholder in [Placeholder::Offset, Placeholder::Page, Placeholder::Cursor] {
        must(
            needed == Some(placeholder) || !uses(feed, placeholder),
            format!("paging: {} does not belong to this kind of paging; remove it from url and body", placeholder.name()),
        )?;
    }
    if let Some(size) = feed.paging.size() {
        let most = u64::try_from(MAX_ROWS).unwrap_or(u64::MAX);
        must((2..=most).contains(&size), format!("paging.size: it must be from 2 to {MAX_ROWS}"))?;
    }
    if let Paging::Offset { size, offset, more, total, most } = &feed.paging {
        must(most.is_none_or(|most| most >= *size), "paging.most: it must be at least size")?;
        must(more.is_none() || total.is_none(), "paging: set only one of more and total")?;
        let varies = *offset == OffsetRule::MultipleOfSize;
        must(!varies || uses(feed, Placeholder::Size), "paging.offset: multiple_of_size needs {size} in the url or the body")?;
    }
    must(feed.paging.size().is_some() || !uses(feed, Placeholder::Size), "paging: {size} needs a kind of paging with a size")?;
    if feed.format == PullFormat::JsonLines {
        let in_answer = match &feed.paging {
            Paging::NextLink { .. } | Paging::Cursor { .. } => true,
            Paging::Offset { more, total, .. } => more.is_some() || total.is_some(),
            Paging::None | Paging::Page { .. } | Paging::Progress { .. } => false,
        };
        must(!in_answer, "paging: a json_lines answer cannot name the next page")?;
        must(feed.rows.as_str().is_empty(), "rows: json_lines needs no pointer to the rows; leave it out")?;
    }
    if matches!(feed.paging, Paging::Progress { .. }) {
        must(feed.ordered, "paging: paging by progress needs ordered rows; set ordered")?;
    }
    Ok(())
}

fn mode(feed: &Feed) -> Checked {
    match (feed.mode, &feed.progress) {
        (PullMode::Full, None) => {
            must(!uses(feed, Placeholder::Since), "mode: a full refresh must not use {since}")?;
            must(!feed.ordered, "ordered: a full refresh has no watermark; leave it out")
        }
        (PullMode::Full, Some(_)) => Err("progress: a full refresh must not have it".to_owned()),
        (PullMode::Delta, None) => Err("progress: a delta needs it".to_owned()),
        (PullMode::Delta, Some(progress)) => {
            must(uses(feed, Placeholder::Since), "mode: a delta needs {since} in its url or body")?;
            must(!feed.aggregate, "aggregate: only a full refresh can use it, because it reads every bin and lot")?;
            match progress {
                FeedProgress::Time { value, overlap_seconds, .. } => {
                    let time = value.as_ref().or(feed.fields.occurred_at.as_ref());
                    must(
                        time.is_some_and(|time| !time.is_constant()),
                        "progress: each row needs a time: set value or fields.occurred_at",
                    )?;
                    must(*overlap_seconds > 0, "progress.overlap_seconds: it must be at least 1")
                }
                FeedProgress::Sequence { value, .. } => must(!value.is_constant(), "progress.value: it must point into the row"),
            }
        }
    }
}

fn kinds(feed: &Feed) -> Checked {
    let events = || {
        feed.kind.meanings().filter_map(|meaning| match meaning {
            KindMapping::Event { kind, .. } => Some(kind),
            KindMapping::Skip => None,
        })
    };
    must(events().next().is_some(), "kind: at least one value must be mapped to a kind of event")?;
    let moves = events().any(|kind| !kind.is_a_state());
    let of_row = |field: &Option<Template>| field.as_ref().is_some_and(|field| !field.is_constant());
    must(!moves || of_row(&feed.fields.id), "fields.id: a movement needs the system's id of the transaction")?;
    let timed = moves || feed.mode == PullMode::Delta;
    must(!timed || of_row(&feed.fields.occurred_at), "fields.occurred_at: only the states of a full refresh can do without it")?;
    if feed.aggregate {
        must(!moves, "aggregate: only states (count, balance) can be added up")?;
        must(feed.fields.occurred_at.is_none(), "aggregate: a sum has the time of the request; leave fields.occurred_at out")?;
        must(feed.fields.lot.is_none(), "aggregate: lots are added up; leave fields.lot out")?;
    }
    for (name, field) in [("sku", &feed.fields.sku), ("quantity", &feed.fields.quantity)] {
        must(!field.is_constant(), format!("fields.{name}: it must contain a pointer into the row"))?;
    }
    Ok(())
}
