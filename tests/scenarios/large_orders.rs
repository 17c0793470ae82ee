//! Orders larger than one transaction: they are committed in steps, and are complete in the end wherever they were interrupted.

use promissory::adapters::shopify::webhook::MAX_LINES;
use promissory_tests::faults::Fault;
use promissory_tests::webhook::{Webhook, order};
use promissory_tests::world::World;

/// A world, and an order with two lines for each SKU.
struct Large {
    world: World,
    webhook: Webhook,
    lines: usize,
}

/// An order with the given number of lines, and a world in which its SKUs are mapped.
async fn large(lines: usize) -> Large {
    let world = World::new().await;
    let skus: Vec<String> = (0..lines / 2).map(|n| format!("SKU-{n:03}")).collect();
    world.import_many(&skus).await;
    let body = skus.iter().chain(&skus).zip(1_000..).fold(order(1), |order, (sku, line)| order.line(line, sku, units(line)));
    Large { world, webhook: Webhook::new("orders/create", "w1", body.bytes()), lines }
}

/// Units of a line.
fn units(line: u64) -> i64 {
    1 + i64::try_from(line % 3).expect("small")
}

impl Large {
    async fn deliver(&self) -> (u16, String) {
        let (status, answer) = self.world.deliver(&self.webhook).await;
        (status, answer["outcome"].as_str().unwrap_or_default().to_owned())
    }

    async fn movements(&self) -> usize {
        self.world.contents().await.all_movements().count()
    }

    /// Checks that every line of the order is in the ledger once, and nothing else is.
    async fn check(&self, case: &str) {
        let contents = self.world.contents().await;
        let held = contents.held();
        assert_eq!((held.len(), contents.deferred), (self.lines, 0), "{case}: every line is there");
        for ((_, line), held) in held {
            let found = (held.reserved.units(), held.shipped.units());
            assert_eq!(found, (units(line.number()), 0), "{case}: line {line}");
        }
        assert_eq!(contents.all_movements().count(), self.lines, "{case}: one movement for each line");
        assert_eq!(self.deliver().await, (200, "duplicate".to_owned()), "{case}: it is marked as applied");
    }
}

/// Protects large orders: 500 lines of 250 SKUs take several transactions, with one movement for each line.
#[tokio::test]
async fn the_largest_order_takes_several_transactions() {
    let large = large(MAX_LINES).await;
    large.world.table.faults.forget_calls();
    assert_eq!(large.deliver().await.0, 200);
    let transactions = large.world.table.faults.calls("TransactWriteItems");
    assert!((10..30).contains(&transactions), "{transactions} transactions");
    large.check("uninterrupted").await;
}

/// Protects large orders from a crash between their transactions: the repetition completes them.
#[tokio::test]
async fn an_interrupted_large_order_is_completed_by_its_repetition() {
    for (done, fault) in [(0, Fault::Internal), (1, Fault::Internal), (1, Fault::AnswerLost), (3, Fault::RequestLost)] {
        let case = format!("{fault:?} after {done}");
        let large = large(160).await;
        large.world.table.faults.after("TransactWriteItems", done, 1, fault);
        assert_eq!(large.deliver().await.0, 503, "{case}");
        let begun = large.movements().await;
        assert!(begun < large.lines && (begun > 0) == (done > 0), "{case}: some transactions are written, and not all");
        assert_eq!(large.deliver().await, (200, "applied".to_owned()), "{case}");
        large.check(&case).await;
    }
}

/// Protects large orders under contention: the remaining lines wait in a lane, and are settled from there.
#[tokio::test]
async fn a_large_order_goes_on_from_a_lane() {
    let large = large(120).await;
    large.world.table.faults.after("TransactWriteItems", 2, 6, Fault::Conflict);
    assert_eq!(large.deliver().await, (200, "deferred".to_owned()));
    large.world.settle().await;
    large.check("through a lane").await;
    let promised = large.world.contents().await.promises.len();
    assert_eq!(promised, large.lines / 2, "every item was recomputed");
}
