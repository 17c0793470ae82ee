//! The target for JSON lines: a file of events that `cargo x source feed` applies.

use promissory::catalog::{Network, SystemId};
use promissory_cli::source::{FeedReport, feed};
use promissory_simulation::{Rng, SimStore};

use crate::executor::{StillClock, run};
use crate::{check_text, now};

/// Feeds a file twice into an empty table.
///
/// # Panics
/// If a property does not hold.
pub fn lines_of_events(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let system: SystemId = "wms-east".parse().expect("a system");
    let (store, network, clock) = (SimStore::new(Rng::new(1)), Network::default(), StillClock(now()));
    let fed = |store: &SimStore| run(feed(store, &clock, &network, &system, text)).expect("the store does not fail");
    let first = fed(&store);
    check(&first, text);
    let second = fed(&store);
    check(&second, text);
    assert_eq!(second.applied, 0, "a file that is fed again applies nothing");
    assert_eq!(first, fed(&SimStore::new(Rng::new(2))), "the same file has the same report in another table");
}

/// Each line has one outcome, and each line that is refused or waits is named.
fn check(report: &FeedReport, text: &str) {
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
    let lines: Vec<usize> = (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty()).map(|(n, _)| n).collect();
    let FeedReport { applied, duplicates, waiting, waits_for, no_movement, refused } = report;
    assert_eq!(applied + duplicates + waiting + refused.len(), lines.len(), "{report:?}");
    for (line, text) in waits_for.iter().chain(no_movement).chain(refused) {
        assert!(lines.contains(line), "line {line} is not in the file");
        check_text(text);
    }
}
