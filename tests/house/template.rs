//! What `template.yaml` must contain, and what the runbook says about it.

use std::collections::BTreeSet;
use std::fs;

use crate::{none_wrong, root};

fn text(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The lines of the block that `key` opens, without those of the block after it.
fn block<'a>(template: &'a str, key: &str) -> Vec<&'a str> {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let mut lines = template.lines().skip_while(|line| line.trim() != format!("{key}:"));
    let Some(first) = lines.next() else { return Vec::new() };
    lines.take_while(|line| line.trim().is_empty() || indent(line) > indent(first)).collect()
}

/// Protects the person on call: every alarm is in the runbook, and the runbook names no other.
#[test]
fn the_runbook_has_every_alarm() {
    let template = text("template.yaml");
    let lines: Vec<&str> = template.lines().collect();
    let alarms: BTreeSet<&str> = lines
        .windows(2)
        .filter(|pair| pair[1].trim() == "Type: AWS::CloudWatch::Alarm")
        .map(|pair| pair[0].trim().trim_end_matches(':'))
        .collect();
    assert!(alarms.len() > 10 && alarms.contains("ApiClientErrorsAlarm"), "{alarms:?}");
    let runbook = text("infra/runbooks/alarms.md");
    let cells = runbook.lines().filter_map(|line| line.strip_prefix("| ")?.split('|').next());
    let described: BTreeSet<&str> =
        cells.flat_map(|cell| cell.split('`').skip(1).step_by(2)).filter(|name| name.ends_with("Alarm")).collect();
    assert_eq!(alarms, described);
}

/// Protects signed requests of one route from a flood on the other one: each route has a limit of its own.
#[test]
fn every_route_has_its_own_limit() {
    let template = text("template.yaml");
    let lines: Vec<&str> = template.lines().map(str::trim).collect();
    let routes: Vec<String> = lines
        .windows(2)
        .filter_map(|pair| Some(format!("{} {}", pair[0].strip_prefix("Method: ")?, pair[1].strip_prefix("Path: ")?)))
        .collect();
    assert_eq!(routes.len(), 2, "{routes:?}");
    let limits = block(&template, "RouteSettings").join("\n");
    let mut wrong = Vec::new();
    for route in routes {
        let own = block(&limits, &route);
        for limit in ["ThrottlingRateLimit", "ThrottlingBurstLimit"] {
            if !own.iter().any(|line| line.trim().starts_with(limit)) {
                wrong.push(format!("template.yaml: RouteSettings has no {limit} of {route}"));
            }
        }
    }
    none_wrong(&wrong);
}

/// Protects a deployment from a setting that is more open than it was decided to be: connectors call only the internet unless the
/// parameter says otherwise, and no concurrency is taken from other functions.
#[test]
fn the_defaults_are_closed() {
    let template = text("template.yaml");
    for (parameter, default) in [
        ("SourceAddressScope", "public"),
        ("WebhookIntakeConcurrency", "0"),
        ("SourceIntakeConcurrency", "0"),
        ("DisableDefaultEndpoint", "\"false\""),
    ] {
        let found = block(&template, parameter).into_iter().find_map(|line| line.trim().strip_prefix("Default: "));
        assert_eq!(found, Some(default), "{parameter}");
    }
    assert!(template.contains("SOURCE_ADDRESS_SCOPE: !Ref SourceAddressScope"), "the reconciler gets the parameter");
}
