//! Formats an answer for people: one line per number, indented below the number that it is a part of.

use promissory::explain::{ExplainAnswer, ExplainNode, LateOrder, LateUnits, NodeRole, NodeSource, PromiseDate};

/// Formats the answer as text.
#[must_use]
pub fn text(answer: &ExplainAnswer) -> String {
    let mut lines = vec![format!("{} {} {}", answer.sku, if answer.past { "as of" } else { "now," }, answer.at)];
    lines.extend(answer.notes.iter().map(|note| format!("note: {note}")));
    if let Some(limit) = &answer.bottleneck {
        lines.push(format!("bottleneck of the next unit: {limit}"));
    }
    lines.extend(answer.promise_date.as_ref().map(promise_date));
    for node in &answer.tree {
        lines.push(String::new());
        show(node, 0, &mut lines);
    }
    if !answer.late.is_empty() {
        lines.extend([String::new(), "Promises that cannot be kept, the newest orders first:".to_owned()]);
        answer.late.iter().for_each(|late| orders(late, &mut lines));
    }
    if !answer.last_seen.is_empty() {
        lines.extend([String::new(), "Last seen, by source:".to_owned()]);
        lines.extend(answer.last_seen.iter().map(|(source, at)| format!("  {source}  {at}")));
    }
    lines.push(String::new());
    lines.extend(answer.inconsistencies.iter().map(|what| format!("INCONSISTENT: {what}")));
    if answer.inconsistencies.is_empty() {
        lines.push("every sum adds up".to_owned());
    }
    lines.join("\n")
}

fn promise_date(date: &PromiseDate) -> String {
    let PromiseDate { units, in_stock, day, search_end, bottleneck } = date;
    let when = day.map_or_else(
        || format!("not before {search_end}, by the receipts and production that are known"),
        |day| format!("on {day}"),
    );
    let bottleneck = bottleneck.as_ref().map_or_else(String::new, |what| format!("; bottleneck on the day before: {what}"));
    format!("{units} more can be promised {when}, {in_stock} of them are in stock{bottleneck}")
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
    let mark = if node.on_bottleneck_path { "  ◄ on the path to the bottleneck" } else { "" };
    let formula = node.formula.as_ref().map_or_else(String::new, |formula| format!("  = {formula}"));
    let source = source(&node.source);
    lines.push(format!("{}{sign}{}{number}{unit}{formula}{source}{mark}", "  ".repeat(depth), node.what));
    let deeper = "  ".repeat(depth + 1);
    lines.extend(node.inconsistency.iter().map(|what| format!("{deeper}! inconsistent: {what}")));
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
