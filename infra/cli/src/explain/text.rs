//! Formats an answer for people: one line per number, indented below the number that it is a part of.

use promissory::explain::{CanPromise, ExplainAnswer, ExplainNode, LateOrder, LateUnits, NodeRole, NodeSource};

/// Formats the answer as text.
#[must_use]
pub fn text(answer: &ExplainAnswer) -> String {
    let mut lines = vec![format!("{} {} {}", answer.sku, if answer.past { "as it was at" } else { "as it is at" }, answer.at)];
    lines.extend(answer.notes.iter().map(|note| format!("note: {note}")));
    if let Some(limit) = &answer.limit {
        lines.push(format!("what stops the next one: {limit}"));
    }
    lines.extend(answer.date.as_ref().map(date));
    for node in &answer.tree {
        lines.push(String::new());
        show(node, 0, &mut lines);
    }
    if !answer.late.is_empty() {
        lines.extend([String::new(), "Promises that break, the newest orders first:".to_owned()]);
        answer.late.iter().for_each(|late| orders(late, &mut lines));
    }
    if !answer.last_seen.is_empty() {
        lines.extend([String::new(), "Last seen, by source:".to_owned()]);
        lines.extend(answer.last_seen.iter().map(|(source, at)| format!("  {source}  {at}")));
    }
    lines.push(String::new());
    lines.extend(answer.wrong.iter().map(|wrong| format!("DOES NOT ADD UP: {wrong}")));
    if answer.wrong.is_empty() {
        lines.push("every sum adds up".to_owned());
    }
    lines.join("\n")
}

fn date(date: &CanPromise) -> String {
    let CanPromise { units, there, day, until, limit } = date;
    let when = day.map_or_else(|| format!("not before {until}, from what is known"), |day| format!("on {day}"));
    let limit = limit.as_ref().map_or_else(String::new, |limit| format!("; what stops it before: {limit}"));
    format!("{units} more can be promised {when}, {there} of them are there{limit}")
}

fn show(node: &ExplainNode, depth: usize, lines: &mut Vec<String>) {
    let sign = match node.role {
        NodeRole::Adds => "+ ",
        NodeRole::Takes => "− ",
        NodeRole::Shows if depth == 0 => "",
        NodeRole::Shows => "· ",
    };
    let number = node.number.map_or_else(String::new, |number| format!(": {number}"));
    let unit = node.unit.as_ref().filter(|unit| *unit != "each").map_or_else(String::new, |unit| format!(" {unit}"));
    let limits = if node.limits { "  ◄ on the way to what stops the next one" } else { "" };
    let formula = node.formula.as_ref().map_or_else(String::new, |formula| format!("  = {formula}"));
    let source = source(&node.source);
    lines.push(format!("{}{sign}{}{number}{unit}{formula}{source}{limits}", "  ".repeat(depth), node.what));
    let deeper = "  ".repeat(depth + 1);
    lines.extend(node.wrong.iter().map(|wrong| format!("{deeper}! does not add up: {wrong}")));
    if !node.last_seen.is_empty() {
        let last_seen: Vec<String> = node.last_seen.iter().map(|(source, at)| format!("{source} {at}")).collect();
        lines.push(format!("{deeper}last seen: {}", last_seen.join(", ")));
    }
    node.parts.iter().for_each(|part| show(part, depth + 1, lines));
}

fn source(source: &NodeSource) -> String {
    let NodeSource { row, movement, event, order, at } = source;
    let mut parts: Vec<String> = row.clone().into_iter().collect();
    parts.extend(movement.map(|movement| format!("movement {movement}")));
    parts.extend(event.as_ref().map(ToString::to_string));
    parts.extend(order.as_ref().map(|line| format!("order {} line {}", line.order, line.line)));
    parts.extend(at.map(|at| at.to_string()));
    if parts.is_empty() { String::new() } else { format!("  [{}]", parts.join(", ")) }
}

fn orders(late: &LateUnits, lines: &mut Vec<String>) {
    lines.push(format!("  {}", late.late));
    for LateOrder { shop, order, placed, open, late } in &late.orders {
        let placed = placed.map_or_else(String::new, |placed| format!(", placed on {placed}"));
        lines.push(format!("    order {order} of {shop}{placed}: {late} of the {open} it waits for"));
    }
    if late.of_unknown_orders.is_positive() {
        lines.push(format!("    {} of orders that are not found", late.of_unknown_orders));
    }
}
