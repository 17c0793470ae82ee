//! What can still be produced, one row per rule.

use super::*;

fn check(name: &str, lines: &[&str], expect: &[&str]) {
    let group = group(lines);
    assert_eq!(solution_lines(&group), expect, "{name}: {lines:#?}");
    let mut reversed = group;
    let count = reversed.items.len();
    reversed.items.reverse();
    for option in reversed
        .items
        .iter_mut()
        .filter_map(|item| item.recipe.as_mut())
        .flat_map(|recipe| &mut recipe.slots)
        .flat_map(|slot| &mut slot.options)
    {
        option.item = count - 1 - option.item;
    }
    let mut solved = solution_lines(&reversed);
    solved.reverse();
    assert_eq!(solved, expect, "{name}, the items in reverse order");
}

/// Protects the arithmetic of one finished good: each row is a rule, with the resulting number and the constraint on the next
/// unit.
#[test]
fn what_can_still_be_made() {
    for (name, lines, expect) in [
        ("stock is sold first", &["A stock=3 lead=1 of=B offer=5", "B stock=4"][..], &["A 7: component B by 4 (A>B)"][..]),
        ("the scarcest component counts", &["A of=B*2+C offer=5", "B stock=9", "C stock=5"], &["A 4: component B by 5 (A>B)"]),
        ("phantoms are exploded", &["A of=P offer=5", "P of=B*3", "B stock=7"], &["A 2: component B by 5 (A>P>B)"]),
        ("a yield reduces the output", &["A yield=9/10 of=B offer=0", "B stock=10"], &["A 9: component B by 0 (A>B)"]),
        ("units started are whole", &["A yield=2/3 of=B offer=0", "B stock=2"], &["A 1: component B by 0 (A>B)"]),
        ("scrap is part of the quantity per unit", &["A of=B*100/95 offer=0", "B stock=20"], &["A 19: component B by 0 (A>B)"]),
        ("half a unit each", &["A of=B*1/2 offer=0", "B stock=2"], &["A 4: component B by 0 (A>B)"]),
        ("no time to make it", &["A stock=1 lead=6 of=B offer=5", "B stock=9"], &["A 1: time of A by 5 (A)"]),
        (
            "no time to make a part",
            &["A lead=3 of=B offer=5", "B stock=2 lead=3 of=C", "C stock=9"],
            &["A 2: time of B by 2 (A>B)"],
        ),
        ("supply that comes in time", &["A lead=2 of=B offer=5", "B in=3:4,4:9"], &["A 4: component B by 3 (A>B)"]),
        ("units that runs take are not available", &["A of=B offer=5", "B stock=7 run=9:3"], &["A 4: component B by 5 (A>B)"]),
        (
            "receipts replace the units that runs take",
            &["A of=B offer=5", "B stock=7 run=9:3 in=9:3"],
            &["A 7: component B by 5 (A>B)"],
        ),
        (
            "a promise for later is not broken",
            &["A of=B offer=2 promised=9:5", "B stock=6 in=8:1"],
            &["A 2: component B by 2 (A>B)"],
        ),
        (
            "a promise that later supply meets",
            &["A of=B offer=2 promised=9:5", "B stock=6 in=8:5"],
            &["A 6: component B by 2 (A>B)"],
        ),
        ("receipts fill a negative stock first", &["A of=B offer=5", "B stock=-3 in=2:5"], &["A 2: component B by 5 (A>B)"]),
        ("a negative stock without receipts", &["A of=B offer=5", "B stock=-3"], &["A 0: component B by 5 (A>B)"]),
        ("two branches share", &["A of=B+C offer=5", "B of=R", "C of=R*2", "R stock=8"], &["A 2: component R by 5 (A>B>R)"]),
        (
            "the stock of a part is netted once",
            &["A of=B+C offer=5", "B of=P", "C of=P", "P stock=4 of=R", "R stock=4"],
            &["A 4: component R by 5 (A>B>P>R)"],
        ),
        ("nothing limits", &["A of=B offer=5", "B lead=0"], &["A 1000000: nothing"]),
        ("nothing limits what takes nothing", &["A lead=1 offer=5"], &["A 1000000: nothing"]),
        ("a centre is full", &["centre C 3", "A lead=1 at=C offer=2"], &["A 6: centre C at A by 2 (A)"]),
        (
            "a centre is loaded backwards, so components have time to arrive",
            &["centre C 2", "A at=C of=B offer=3", "B in=1:4,3:4"],
            &["A 6: component B by 0 (A>B)"],
        ),
        (
            "a centre that is short of days takes components early",
            &["centre C 2", "A at=C of=B offer=3", "B stock=1 in=1:1,3:9"],
            &["A 4: component B by 2 (A>B)"],
        ),
        (
            "a centre makes promises first",
            &["centre C 2", "A at=C promised=2:3 offer=1", "B at=C offer=2"],
            &["A 3: centre C at A by 1 (A)", "B 0: centre C at B by 2 (B)"],
        ),
        ("a component from a day on", &["A of=B@2..9 offer=1", "B stock=0"], &["A 1000000: nothing"]),
        ("a component until a day", &["A of=B@0..3+C@3..9 offer=3", "B stock=9", "C stock=2"], &["A 2: component C by 3 (A>C)"]),
        (
            "an alternate is taken when the first is gone",
            &["A of=B|C*2 offer=1", "B stock=3", "C stock=5"],
            &["A 5: component C by 1 (A>C)"],
        ),
        (
            "an alternate far above what is short",
            &["A of=B|C offer=1", "B of=D", "D of=R", "R stock=2", "C stock=2"],
            &["A 4: component C by 1 (A>C)"],
        ),
        (
            "a promise frees units by its alternate",
            &["A of=B|C promised=1:2 offer=1", "D of=B offer=1", "B stock=2", "C stock=9"],
            &["A 9: component C by 1 (A>C)", "D 0: component B by 1 (D>B)"],
        ),
        (
            "late units wait for a receipt, which is offered to no other item",
            &["S lead=2 of=B in=4:4 promised=0:2 offer=0", "D of=S offer=8", "B stock=1"],
            &["S 0, late 2 of 0 on 4: time of S by 0 (S)", "D 3: component B by 6 (D>S>B)"],
        ),
        (
            "an item that is already short takes the alternate",
            &["D stock=-2 of=P|Q+S", "S lead=2 of=P|Q offer=5", "P stock=2", "Q stock=4"],
            &["S 2: component Q by 3 (S>Q)"],
        ),
        (
            "a lead time when stock covers the promise",
            &["A stock=5 promised=1:5 lead=9 of=B offer=3", "B"],
            &["A 0: time of A by 3 (A)"],
        ),
        (
            "a late promise shows nothing more",
            &["A of=B offer=9 promised=3:5", "B stock=2 in=6:9"],
            &["A 0, late 3 of 3 on 6: component B by 3 (A>B)"],
        ),
        (
            "a promise that never comes",
            &["A of=B promised=3:5", "B stock=2"],
            &["A 0, late 3 of 3 never: component B by 3 (A>B)"],
        ),
        (
            "the earlier promise is kept, the other is late",
            &["A of=B promised=4:5 offer=9", "C of=B promised=3:4 offer=9", "B stock=6 in=7:20"],
            &["A 0, late 3 of 4 on 7: component B by 4 (A>B)", "C 17: component B by 9 (C>B)"],
        ),
        (
            "a past promise is due today",
            &["A lead=2 of=B promised=0:1 offer=9", "B stock=9"],
            &["A 0, late 1 of 0 on 2: time of A by 0 (A)"],
        ),
        ("an item without a recipe is offered from stock", &["A stock=4 in=2:3,9:9 offer=5"], &["A 7: component A by 5 (A)"]),
        (
            "a receipt that replaces delayed starts is not offered",
            &[
                "centre C 1",
                "A lead=1 stock=-3 of=B*2 offer=8",
                "D of=B offer=8",
                "B stock=2 in=7:2 lead=2 yield=34/100 at=C of=R*100/90",
                "R stock=12 run=5:7",
            ],
            &["A 0: centre C at B by 7 (A>B)", "D 0: centre C at B by 8 (D>B)"],
        ),
        (
            "starts that wait get the receipt of the first option",
            &["S stock=-7 lead=2 of=P|Q offer=8", "T of=P|Q offer=5", "P stock=2 in=5:4", "Q stock=2"],
            &["S 1: component Q by 6 (S>Q)", "T 0: component Q by 5 (T>Q)"],
        ),
        (
            "starts that wait get the receipt of the alternate",
            &["S stock=-7 lead=2 of=P|Q offer=8", "T of=P|Q offer=5", "P stock=2", "Q stock=2 in=5:4"],
            &["S 1: component Q by 6 (S>Q)", "T 0: component Q by 5 (T>Q)"],
        ),
        (
            "starts that wait get the earlier receipt",
            &["S stock=-3 of=P|Q", "T of=P offer=4", "U of=Q offer=9", "P in=4:4", "Q in=8:5"],
            &["T 1: component P by 4 (T>P)", "U 5: component Q by 9 (U>Q)"],
        ),
        ("buying is for dates only", &["A of=B offer=9", "B stock=1 buy=3"], &["A 1: component B by 9 (A>B)"]),
    ] {
        check(name, lines, expect);
    }
}

/// Protects each policy: the allocation where finished goods compete.
#[test]
fn finished_goods_that_compete() {
    for (name, lines, expect) in [
        (
            "the first to come takes all",
            &["A of=R offer=1 since=2", "B of=R offer=1 since=1", "R stock=7"][..],
            &["A 0: component R by 1 (A>R)", "B 7: component R by 1 (B>R)"][..],
        ),
        (
            "the next gets what the first cannot use",
            &["A of=R offer=1", "B of=R+S offer=1", "R stock=7 policy=prio", "S stock=2"],
            &["A 7: component R by 1 (A>R)", "B 0: component R by 1 (B>R)"],
        ),
        (
            "by priority",
            &["A of=R offer=1 prio=2 since=1", "B of=R+S offer=1 prio=1 since=2", "R stock=7 policy=prio", "S stock=2"],
            &["A 5: component R by 1 (A>R)", "B 2: component S by 1 (B>S)"],
        ),
        (
            "equal units for each",
            &["A of=R offer=1", "B of=R*2 offer=1", "R stock=7 policy=fair"],
            &["A 3: component R by 1 (A>R)", "B 2: component R by 1 (B>R)"],
        ),
        (
            "equal units for each, as far as each can use them",
            &["A of=R offer=1", "B of=R+S offer=1", "C of=R offer=1", "R stock=10 policy=fair", "S stock=2"],
            &["A 4: component R by 1 (A>R)", "B 2: component S by 1 (B>S)", "C 4: component R by 1 (C>R)"],
        ),
        (
            "the remainder goes by rank",
            &["A of=R offer=1 prio=2", "B of=R offer=1 prio=1", "R stock=7 policy=fair"],
            &["A 3: component R by 1 (A>R)", "B 4: component R by 1 (B>R)"],
        ),
        (
            "members of a fair group wait for one that waits",
            &["A of=X offer=1 since=1", "B of=X+Y offer=1 since=2", "C of=Y offer=1", "X stock=3", "Y stock=4 policy=fair"],
            &["A 3: component X by 1 (A>X)", "B 0: component X by 1 (B>X)", "C 4: component Y by 1 (C>Y)"],
        ),
        (
            "ranks that differ between items",
            &["A of=X+Y offer=1 prio=1 since=2", "B of=X+Y offer=1 prio=2 since=1", "X stock=3", "Y stock=4 policy=prio"],
            &["A 3: component X by 1 (A>X)", "B 0: component X by 1 (B>X)"],
        ),
        (
            "a fair resource next to one served by rank",
            &[
                "A of=X+Y offer=1 since=1",
                "B of=X+Y offer=1 since=2",
                "C of=Y offer=1 since=3",
                "X stock=4",
                "Y stock=9 policy=fair",
            ],
            &["A 4: component X by 1 (A>X)", "B 0: component X by 1 (B>X)", "C 5: component Y by 1 (C>Y)"],
        ),
        (
            "a centre is fair when its items are",
            &["centre C 7", "A at=C offer=0 policy=fair", "B at=C offer=0 policy=fair prio=1"],
            &["A 4: centre C at A by 0 (A)", "B 3: centre C at B by 0 (B)"],
        ),
    ] {
        check(name, lines, expect);
    }
}
