use super::*;

/// Seeds that once went wrong, and what they showed. Whatever is added to a world changes the lives of its seeds: those that
/// showed something before that are lives like others now.
const ONCE_WRONG: [(u64, usize, &str); 16] = [
    (5, 300, "the alert about an item was closed by what went on, while an event in an unknown unit waited on"),
    (430, 300, "an item that could not be recomputed was compared as it had been before the sweep"),
    (464, 300, "a pair that the shop would not stock for a moment was never told"),
    (939, 300, "the watermark passed an order that could not be read, and it was lost"),
    (1388, 300, "a call that ran without an answer was planned anew when its repetition was refused"),
    (1658, 300, "the same, where the first call was not lost but late"),
    (624, 300, "an order was sent on, not marked in time, cancelled, and nobody was told of the cancellation"),
    (883, 300, "a level set to zero, because more is committed than there is, was taken for units on sale"),
    (1113, 300, "units held back followed the rest of their order to another location"),
    (1293, 300, "an order that was unreadable once was never forwarded"),
    (3887, 300, "the watermark passes an order that makes no sense: every sweep has to try it again"),
    (12_600, 300, "a refund without a restock had taken a unit that had shipped, and was called back later"),
    (2267, 300, "an alert stayed open for a refused level that was not wanted any more"),
    (
        36,
        300,
        "when a day began, what could not be planned at once, or was planned by a clock behind, stayed as of the day before",
    ),
    (422, 300, "goods were tied together by a function that was killed half-way, and the plan that was theirs stayed"),
    (1082, 300, "what was lacking anyway was put on a component that was gone, and what could stand in for it was offered"),
];

fn lived(seed: u64, steps: usize) -> Life {
    run(Options { seed, steps, plant: None })
}

/// Protects everything at once, in a few short lives; `cargo x sim` lives many long ones.
#[test]
fn worlds_come_to_rest_without_a_violation() {
    for seed in 1..=6 {
        assert_eq!(lived(seed, 250).violations, [], "seed {seed}");
    }
}

/// Protects what was mended from breaking again.
#[test]
fn what_was_once_wrong_stays_right() {
    for (seed, steps, why) in ONCE_WRONG {
        assert_eq!(lived(seed, steps).violations, [], "seed {seed}: {why}");
    }
}

/// Protects replay: the same seed lives the same life, or a seed that fails would be worth nothing.
#[test]
fn the_same_seed_lives_the_same_life() {
    assert_eq!(lived(7, 200), lived(7, 200));
}

/// Protects the stories themselves: each comes to rest where nobody dies in it. `cargo x sim` dies everywhere.
#[test]
fn every_story_comes_to_rest() {
    for story in stories() {
        assert_eq!(crash(story, u64::MAX).violations, [], "{story}");
    }
}

/// Protects the enumeration of crash points: a story has as many steps every time, and each can be died at.
#[test]
fn a_story_can_be_died_in_anywhere() {
    let points = crash_points("stock");
    assert_eq!(points, crash_points("stock"));
    for at in [0, points / 2, points - 1] {
        assert_eq!(crash("stock", at).violations, [], "step {at} of {points}");
    }
}
