//! What `template.yaml` must contain, and what the runbook says about it.

use std::collections::BTreeSet;
use std::fs;

use promissory_simulation::roles::Role;

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
        ("Pushes", "\"on\""),
        ("RestoredTable", "\"\""),
    ] {
        let found = block(&template, parameter).into_iter().find_map(|line| line.trim().strip_prefix("Default: "));
        assert_eq!(found, Some(default), "{parameter}");
    }
    assert!(template.contains("SOURCE_ADDRESS_SCOPE: !Ref SourceAddressScope"), "the reconciler gets the parameter");
}

/// Protects a restore: a function, a permission, the stream and the output that name the table all name a restored one in its place,
/// and only the pusher stops while the pushes are paused.
#[test]
fn a_restored_table_takes_the_place_of_the_table() {
    let template = text("template.yaml");
    let names = ["!Ref Table]", "!GetAtt Table.Arn", "!GetAtt Table.StreamArn", "${Table.Arn}", "!Ref Table\n"];
    let uses: Vec<&str> = template.split_inclusive('\n').filter(|line| names.iter().any(|name| line.contains(name))).collect();
    let wrong: Vec<String> = uses
        .iter()
        .filter(|line| !line.contains("!If [HasRestoredTable, "))
        .map(|line| format!("template.yaml: {line}"))
        .collect();
    assert!(uses.len() >= 11, "{uses:?}");
    none_wrong(&wrong);
    assert!(block(&template, "Table").iter().any(|line| line.trim() == "Condition: HasOwnTable"));
    let paused: Vec<&str> = template.lines().filter(|line| line.contains("[ArePushesOn, ")).map(str::trim).collect();
    assert_eq!(paused, ["Enabled: !If [ArePushesOn, true, false]"]);
    assert!(block(&template, "ShopifyPusher").iter().any(|line| line.contains("ArePushesOn")));
}

/// Protects a restore: `cargo x restore prepare` turns on what the template turns on, because DynamoDB restores none of it.
#[test]
fn a_restored_table_gets_the_settings_of_the_table() {
    let template = text("template.yaml");
    let table = block(&template, "Table").join("\n");
    let settings = text("infra/cli/src/restore/settings.rs");
    for (of_the_template, of_the_command) in [
        ("StreamViewType: NEW_AND_OLD_IMAGES", "StreamViewType::NewAndOldImages"),
        ("AttributeName: expires_at\n", "attribute_name(EXPIRES_AT)"),
        ("PointInTimeRecoveryEnabled: true", "point_in_time_recovery_enabled(true)"),
        ("DeletionProtectionEnabled:", "deletion_protection_enabled(true)"),
    ] {
        assert!(table.contains(of_the_template), "template.yaml: {of_the_template}");
        assert!(settings.contains(of_the_command), "restore/settings.rs: {of_the_command}");
    }
    assert_eq!(promissory::table::EXPIRES_AT, "expires_at");
}

/// What an adapter does with one type of resource: its file, its calls of the client, and the permission for them.
const ADAPTERS: [(&str, &str, &[&str], &str); 3] = [
    ("AWS::SQS::Queue", "sqs", &["send_message_batch"], "sqs:SendMessage"),
    ("AWS::Events::EventBus", "eventbridge", &["put_events"], "events:PutEvents"),
    ("AWS::SecretsManager::Secret", "secrets", &["get_secret_value"], "secretsmanager:GetSecretValue"),
];

/// Protects queues, buses and secrets: a function has the permission of an adapter exactly if it creates the adapter, which needs a
/// variable with the name of the resource. The permissions on the table are checked by each call of the scenarios and of the simulator.
#[test]
fn every_role_allows_what_the_adapters_of_its_function_do() {
    let template = text("template.yaml");
    let mut wrong = Vec::new();
    let mut granted = 0;
    for role in Role::all() {
        let function = block(&template, role.function()).join("\n");
        let binary = function.split("Binary: ").nth(1).and_then(|rest| rest.split(' ').next()).expect("a binary");
        let main = text(&format!("functions/{binary}/src/main.rs"));
        let mut needed = BTreeSet::new();
        for line in block(&function, "Variables") {
            let (variable, value) = line.trim().split_once(": ").expect("a variable and its value");
            if !main.contains(&format!("\"{variable}\"")) {
                wrong.push(format!("template.yaml: {} gets {variable}, which its main.rs does not read", role.function()));
            }
            let value = value.strip_prefix("!If [HasRestoredTable, !Ref RestoredTable, ").unwrap_or(value).trim_end_matches(']');
            let name = value.trim_start_matches("!Ref ").trim_start_matches("!GetAtt ").trim_end_matches(".Id");
            let resource = block(&template, name).join("\n");
            for (_, _, _, action) in ADAPTERS.iter().filter(|(kind, ..)| resource.contains(&format!("Type: {kind}\n"))) {
                needed.insert(format!("{action} on {name}"));
            }
        }
        let allowed: BTreeSet<String> = role.permissions().into_iter().map(str::to_owned).collect();
        let allowed: BTreeSet<String> = allowed.into_iter().filter(|permission| !permission.starts_with("dynamodb:")).collect();
        granted += allowed.len();
        for permission in needed.symmetric_difference(&allowed) {
            let what = if needed.contains(permission) { "lacks" } else { "has, and its adapters do not need," };
            wrong.push(format!("template.yaml: the role of {} {what} {permission}", role.function()));
        }
    }
    assert!(granted > 5, "{granted}");
    for (_, adapter, operations, _) in ADAPTERS {
        let code: String = text(&format!("shared/src/adapters/{adapter}.rs")).split_whitespace().collect();
        let calls = code.split("client.").skip(1).filter_map(|rest| rest.split_once("()").map(|(call, _)| call));
        let calls: BTreeSet<&str> = calls.filter(|call| call.chars().all(|c| c.is_ascii_lowercase() || c == '_')).collect();
        if calls != operations.iter().copied().collect() {
            wrong.push(format!("adapters/{adapter}.rs calls {calls:?}, and the table above this test names {operations:?}"));
        }
    }
    none_wrong(&wrong);
}

/// Protects stream records that failed too often: the function receives their messages, one does not hold up another one, and none is
/// moved away or delivered again while the function works on it.
#[test]
fn given_up_records_return_to_the_function() {
    let template = text("template.yaml");
    let function = block(&template, "AtsRecompute");
    let find = |lines: &[&str], key: &str| lines.iter().find_map(|line| line.trim().strip_prefix(key).map(str::to_owned));
    let timeout: u32 = find(&function, "Timeout: ").and_then(|text| text.parse().ok()).expect("a timeout");
    let queue = block(&template, "StreamFailures");
    assert_eq!(find(&queue, "VisibilityTimeout: "), Some((6 * timeout).to_string()), "six times the timeout of the function");
    assert_eq!(find(&queue, "RedrivePolicy"), None, "a message is repeated until its work is done");
    let function = function.join("\n");
    let stream = block(&function, "Ledger").join("\n");
    assert!(stream.contains("Destination: !GetAtt StreamFailures.Arn"), "{stream}");
    let event = block(&function, "GivenUp").join("\n");
    for line in
        ["Type: SQS", "Queue: !GetAtt StreamFailures.Arn", "BatchSize: 1", "FunctionResponseTypes: [ReportBatchItemFailures]"]
    {
        assert!(event.contains(line), "GivenUp lacks {line}");
    }
}

/// Protects queues from the code of a function that reads another one: SAM gives a function with a queue the right to read every queue
/// of the account, and the function gives up all but its own.
#[test]
fn a_function_reads_only_its_own_queue() {
    let template = text("template.yaml");
    let mut readers = Vec::new();
    for role in Role::all() {
        let function = block(&template, role.function()).join("\n");
        let lines: Vec<&str> = function.lines().map(str::trim).collect();
        let Some(queue) = lines.iter().find_map(|line| line.strip_prefix("Queue: ")) else { continue };
        let denial = format!("- Effect: Deny\nAction: [sqs:ReceiveMessage, sqs:DeleteMessage]\nNotResource: {queue}");
        assert!(lines.join("\n").contains(&denial), "template.yaml: {} may read other queues than {queue}", role.function());
        readers.push(role.function());
    }
    assert_eq!(readers, ["AtsRecompute", "ShopifyPusher"]);
}

/// Protects personal data: sales orders have a bus of their own. Only the reconciler puts them there, also against a principal that may
/// put events on every bus, and no rule of the template reads them.
#[test]
fn sales_orders_have_a_bus_of_their_own() {
    let template = text("template.yaml");
    let may = |bus: &str| {
        let permission = format!("events:PutEvents on {bus}");
        Role::all()
            .filter(|role| role.permissions().contains(permission.as_str()))
            .map(|role| role.function())
            .collect::<Vec<_>>()
    };
    assert_eq!((may("Bus"), may("OrderBus")), (vec!["AtsRecompute"], vec!["Reconciler"]));
    let rules: Vec<&str> = template.lines().filter_map(|line| line.trim().strip_prefix("EventBusName: !Ref ")).collect();
    assert_eq!(rules, ["OrderBus", "Bus"], "the policy of one, and the rule for stock events of the other");
    let policy = block(&template, "OrderBusPolicy").join("\n");
    for line in [
        "Effect: Deny",
        "Principal: \"*\"",
        "Action: events:PutEvents",
        "Resource: !GetAtt OrderBus.Arn",
        "ArnNotEquals: { \"aws:PrincipalArn\": !GetAtt ReconcilerRole.Arn }",
    ] {
        assert!(policy.contains(line), "OrderBusPolicy lacks {line}");
    }
}
