//! The target for connector answers: pages that a pull reads by the configuration of a connector.

use jiff::SignedDuration;
use promissory::catalog::{FeedId, Network};
use promissory::flows::pull::{PullContext, PullError, PullReport, pull};
use promissory::ports::Source;
use promissory::source::System;
use promissory::source::pull::{MAX_PAGES, PullAnswer, PullRequest, SourceError};
use promissory_simulation::{Rng, SimStore};

use crate::executor::{StillClock, run};
use crate::{check_text, now};

/// The feeds of the example connectors: the file, its text, and the feed. A file of the corpus is named after one of them.
pub const FEEDS: [(&str, &str, &str); 6] = [
    ("change-feed", include_str!("../../../infra/connectors/change-feed.json"), "changes"),
    ("netsuite", include_str!("../../../infra/connectors/netsuite.json"), "transactions"),
    ("odoo", include_str!("../../../infra/connectors/odoo.json"), "receipts"),
    ("odoo", include_str!("../../../infra/connectors/odoo.json"), "stock"),
    ("sap-s4hana", include_str!("../../../infra/connectors/sap-s4hana.json"), "documents"),
    ("sap-s4hana", include_str!("../../../infra/connectors/sap-s4hana.json"), "stock"),
];

/// A source that gives one answer to every request.
struct OneAnswer<'a>(&'a [u8]);

impl Source for OneAnswer<'_> {
    async fn fetch(&self, request: &PullRequest) -> Result<PullAnswer, SourceError> {
        assert!(request.url.starts_with("https://"), "a page leads to another scheme: {:?}", request.url);
        assert!(!request.url.chars().any(char::is_control), "the address of a page holds a control character: {:?}", request.url);
        Ok(PullAnswer { bytes: self.0.to_vec(), answered_at: Some(now()) })
    }
}

/// Pulls one of [`FEEDS`] from a system whose every answer is these bytes, twice.
///
/// # Panics
/// If a property does not hold.
pub fn connector_answer(feed: usize, bytes: &[u8]) {
    let (_, text, name) = FEEDS[feed % FEEDS.len()];
    let system: System = serde_json::from_str(text).expect("an example connector is valid");
    let id: FeedId = name.parse().expect("a feed");
    let (network, clock, source) = (Network::default(), StillClock(now()), OneAnswer(bytes));
    let deadline = now() + SignedDuration::from_secs(60);
    let pulled = |store: &SimStore| {
        let context = PullContext { store, source: &source, clock: &clock, network: &network, deadline };
        run(pull(&context, &system, &id))
    };
    let store = SimStore::new(Rng::new(1));
    let first = pulled(&store);
    check(&first);
    let second = pulled(&store);
    check(&second);
    if let (Ok(first), Ok(second)) = (&first, &second) {
        assert_eq!(second.applied, 0, "an answer that is pulled again applies nothing");
        assert!(second.since.is_none() || second.since >= first.since, "the watermark moves back: {first:?}, {second:?}");
    }
    let elsewhere = pulled(&SimStore::new(Rng::new(2)));
    assert_eq!(first.as_ref().ok(), elsewhere.as_ref().ok(), "the same answer has the same report in another table");
    assert_eq!(first.err().map(|e| e.to_string()), elsewhere.err().map(|e| e.to_string()));
}

fn check(pulled: &Result<PullReport, PullError>) {
    match pulled {
        Ok(report) => {
            assert!(report.pages <= MAX_PAGES);
            for (row, problem) in &report.failed {
                check_text(problem);
                assert!(row.chars().count() <= 200 && !row.chars().any(char::is_control), "the name of a row: {row:?}");
            }
        }
        Err(PullError::Source(error)) => check_text(&error.to_string()),
        Err(PullError::Store(error)) => panic!("the store does not fail: {error}"),
    }
}
