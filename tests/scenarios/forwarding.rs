//! Sales orders for the manufacturing system: every accepted version is forwarded under one name, and no customer data is
//! stored.

use promissory_fakes::shopify::{Cart, PERSONAL_MARK};
use promissory_tests::faults::Fault;
use promissory_tests::world::World;
use reconciler::Job;

use crate::reading::{agreed, read, sell};

fn forwarded(world: &World) -> Vec<String> {
    let orders = world.bus.orders.take();
    orders.iter().map(|order| format!("{}{}", order.id(), if order.cancelled { " cancelled" } else { "" })).collect()
}

/// Protects the manufacturing system: an accepted order arrives complete, with customer and address, once per version.
#[tokio::test]
async fn each_version_is_forwarded_once() {
    let (world, running) = agreed().await;
    let order = sell(&world, &running, 3);
    running.deliver_all(&world).await;
    assert_eq!(read(&world, &running).await.forwarded, 1);
    let sent = world.bus.orders.take();
    let [first] = sent.as_slice() else { panic!("expected one sales order: {sent:?}") };
    let line = first.lines.first().expect("a line");
    assert_eq!((line.sku.as_ref().map(|sku| sku.as_str()), line.open.units(), first.paid), (Some("A"), 3, true));
    assert_eq!(first.customer.last_name.as_deref(), Some(PERSONAL_MARK));
    assert_eq!(first.ship_to.as_ref().and_then(|to| to.country.as_deref()), Some("DE"));
    assert!(!format!("{first:?}").contains(PERSONAL_MARK), "the debug output contains personal data");
    assert_eq!((read(&world, &running).await.forwarded, forwarded(&world)), (0, vec![]), "the same version again");
    world.clock.pass(10);
    let now = world.clock.after(0);
    running.server.shop(|shop| shop.cancel(now, order).expect("cancelled"));
    running.deliver_all(&world).await;
    assert_eq!(read(&world, &running).await.forwarded, 1);
    let again = forwarded(&world);
    assert!(again.len() == 1 && again[0].ends_with(" cancelled") && again[0] != first.id(), "{again:?}");
    let rows = world.table.rows();
    assert!(!rows.iter().any(|row| row.to_string().contains(PERSONAL_MARK)), "customer data is stored");
}

/// Protects the manufacturing system from unconfirmed, test and early cancelled orders.
#[tokio::test]
async fn orders_that_are_not_accepted_are_not_forwarded() {
    for (case, cart, expected) in [
        ("neither confirmed nor paid", Cart { unconfirmed: true, unpaid: true, ..Cart::default() }, 0),
        ("paid, and not confirmed", Cart { unconfirmed: true, ..Cart::default() }, 1),
        ("test order", Cart { test: true, ..Cart::default() }, 0),
    ] {
        let (world, running) = agreed().await;
        let now = world.clock.after(0);
        running.server.shop(|shop| shop.checkout_cart(now, &Cart { lines: vec![("A".to_owned(), 1)], ..cart }).expect("placed"));
        running.deliver_all(&world).await;
        let report = read(&world, &running).await;
        assert_eq!((report.forwarded, forwarded(&world).len()), (expected, expected), "{case}");
    }
    let (world, running) = agreed().await;
    let order = sell(&world, &running, 3);
    let now = world.clock.after(0);
    running.server.shop(|shop| shop.cancel(now, order).expect("cancelled"));
    running.deliver_all(&world).await;
    assert_eq!((read(&world, &running).await.forwarded, forwarded(&world)), (0, vec![]), "cancelled before its first webhook");
}

/// Protects orders from an unavailable bus and from a crash after forwarding: they are forwarded again under the same name.
#[tokio::test]
async fn a_failure_forwards_again_under_the_same_name() {
    let (world, running) = agreed().await;
    sell(&world, &running, 3);
    running.deliver_all(&world).await;
    world.bus.orders.refuse(2); // Once for the request to read the order, once for its record.
    world.reconcile(running.front(), Job::Read).await.expect_err("the bus is unavailable");
    assert_eq!(forwarded(&world), [""; 0]);
    // The order is in the ledger by now. The write that marks it as forwarded is lost.
    world.table.faults.next("TransactWriteItems", 1, Fault::RequestLost);
    world.table.faults.next("PutItem", 1, Fault::RequestLost);
    let _ = world.reconcile(running.front(), Job::Read).await;
    world.table.faults.clear();
    read(&world, &running).await;
    let sent = forwarded(&world);
    assert!(!sent.is_empty() && sent.iter().all(|id| *id == sent[0]), "{sent:?}");
    assert_eq!((read(&world, &running).await.forwarded, forwarded(&world)), (0, vec![]));
}
