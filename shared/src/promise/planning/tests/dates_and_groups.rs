//! Dates and planning groups, one row per rule.

use super::*;
use crate::promise::planning::{WhereUsedGraph, earliest};

/// Protects the date for a quantity: the earliest day on which it can be available with every promise kept, and the constraint on
/// the day before.
#[test]
fn the_earliest_day() {
    for (name, lines, quantity, expect) in [
        ("from stock", &["A stock=4"][..], 4, "0"),
        ("the time to make it", &["A lead=2 of=B", "B stock=4"], 4, "2: time of A by 1 (A)"),
        ("when enough of a component has come", &["A lead=2 of=B", "B in=3:2,5:2,9:2"], 4, "7: component B by 4 (A>B)"),
        ("as soon as a component can be bought", &["A lead=2 of=B", "B stock=3 buy=5"], 4, "7: component B by 4 (A>B)"),
        ("level by level", &["A lead=1 of=B", "B lead=3 of=C", "C buy=4"], 1, "8: component C by 3 (A>B>C)"),
        ("what is bought itself", &["A stock=1 buy=3"], 2, "3: component A by 2 (A)"),
        ("what is bought sooner than made", &["A lead=9 buy=2 of=B", "B stock=5"], 2, "2: time of A by 1 (A)"),
        ("what is made sooner than bought", &["A lead=1 buy=9 of=B", "B stock=5"], 2, "1: time of A by 0 (A)"),
        ("as fast as the centre", &["centre C 2", "A lead=1 at=C"], 5, "3: centre C at A by 2 (A)"),
        ("promises first", &["A of=B promised=3:2", "B stock=4 in=6:9"], 3, "6: component B by 5 (A>B)"),
        ("a promise for later is kept", &["A of=B", "C of=B promised=8:3", "B stock=4 in=9:3"], 2, "9: component B by 8 (A>B)"),
        ("an offer of another item is not a promise", &["A of=B", "C of=B offer=3", "B stock=4"], 4, "0"),
        ("never", &["A of=B", "B stock=1"], 2, "never: component B by 730 (A>B)"),
        ("nothing of it", &["A of=B", "B"], 0, "0"),
        ("while a component is still needed", &["A of=B@0..6", "B stock=1"], 3, "6: component B by 5 (A>B)"),
        ("before a component is needed", &["A lead=2 of=B@3..9", "B stock=1"], 3, "2: time of A by 1 (A)"),
        ("by an alternate", &["A of=B|C", "B stock=1", "C in=4:2"], 3, "4: component C by 3 (A>C)"),
    ] {
        let found = earliest(&group(lines), 0, Quantity::new(quantity)).expect("a valid group");
        let day = found.day.map_or_else(|| "never".to_owned(), |day| day.to_string());
        let stops = found.limit.as_ref().map(|found| format!(": {}", limit(found))).unwrap_or_default();
        assert_eq!(format!("{day}{stops}"), expect, "{name}: {lines:?}");
    }
    assert!(earliest(&group(&["A"]), 1, Quantity::new(1)).is_err());
}

/// Protects planning in separate groups: items that can affect each other are in one group, others are not, and the groups give
/// the same result as the whole.
#[test]
fn groups_are_closed() {
    let lines = [
        "centre X 5",
        "A of=P+S offer=3",
        "B of=P offer=3",
        "C of=Q at=X offer=3",
        "D of=R at=X promised=3:1",
        "E of=T",
        "P of=R1",
        "Q stock=4",
        "R stock=3",
        "R1 stock=7",
        "S stock=2",
        "T stock=2",
        "U of=R1",
        "W of=S run=2:1",
        "V offer=2 stock=1",
    ];
    let whole = group(&lines);
    let names =
        |items: &[usize]| -> String { items.iter().map(|&index| whole.items[index].sku.as_str()).collect::<Vec<_>>().join(" ") };
    let index = |name: &str| whole.items.iter().position(|item| item.sku.as_str() == name).expect("an item");
    let graph = WhereUsedGraph::of_group(&whole);
    let groups: Vec<String> = graph.groups().map(names).collect();
    assert_eq!(groups, ["A B P R1 S W", "C D Q R", "V"]);
    for (changed, group, finished_goods) in [
        ("R1", "A B P R1 S W", "A B"),
        ("S", "A B P R1 S W", "A"),
        ("Q", "C D Q R", "C"),
        ("T", "", ""),
        ("U", "", ""),
        ("V", "V", "V"),
    ] {
        assert_eq!(names(&graph.group_of(&[index(changed)])), group, "{changed}");
        assert_eq!(names(&graph.finished_goods_above(&[index(changed)])), finished_goods, "{changed}");
    }
    let together = solve(&whole).expect("a valid group").producible;
    for items in graph.groups() {
        let apart = solve(&whole.part(items)).expect("a valid group").producible;
        let expect: Vec<_> = items.iter().map(|&index| together[index].clone()).collect();
        assert_eq!(apart, expect, "{}", names(items));
    }
}

/// Protects the engine from invalid groups: they are refused, and a BOM cycle does not make the engine loop.
#[test]
fn invalid_groups_are_refused() {
    use crate::promise::planning::PlanningError;
    let check = |expect: PlanningError, damage: fn(&mut PlanningGroup)| {
        let mut damaged = group(&["A of=B offer=1", "B of=C", "C stock=3"]);
        damage(&mut damaged);
        assert_eq!(solve(&damaged), Err(expect));
    };
    check(PlanningError::Cycle, |group| group.items[2].recipe = group.items[0].recipe.clone());
    check(PlanningError::Cycle, |group| group.items[1].recipe = group.items[0].recipe.clone());
    check(PlanningError::Missing, |group| group.items[1].recipe.as_mut().expect("a recipe").slots[0].options[0].item = 3);
    check(PlanningError::Missing, |group| group.items[1].recipe.as_mut().expect("a recipe").centre = Some(0));
    check(PlanningError::EmptySlot, |group| group.items[1].recipe.as_mut().expect("a recipe").slots[0].options.clear());
    check(PlanningError::Yield, |group| group.items[1].recipe.as_mut().expect("a recipe").yields = ratio("3/2"));
}
