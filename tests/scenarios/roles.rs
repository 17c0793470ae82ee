//! The roles of the functions on the table: every handler of these tests calls with the role of its function, so a flow without a
//! permission fails wherever a test runs it. Here the functions use every permission that their roles have.

use std::collections::BTreeSet;

use promissory::catalog::Item;
use promissory::source::StockKind;
use promissory_simulation::roles::Role;
use promissory_tests::faults::Fault;
use promissory_tests::shop::in_agreement;
use promissory_tests::source::event;
use promissory_tests::webhook::order;
use promissory_tests::world::World;
use reconciler::Job;
use serde_json::json;

/// Protects the table from a function that may do more than its flows do.
#[tokio::test]
async fn the_functions_use_every_permission_on_the_table() {
    let world = World::new().await;
    world.item("A", &[("WH-1", 10)]).await;
    world.item("B", &[("WH-1", 5)]).await;
    let running = in_agreement(&world).await;

    // Deferred events are deleted when the stream or the backlog settles them; they were written one by one.
    for (id, by_stream) in [(1, true), (2, false)] {
        world.table.faults.next("TransactWriteItems", 6, Fault::Conflict);
        let taken = world.deliver_accepted("orders/create", &format!("w{id}"), order(id).line(id * 10, "A", 1).bytes()).await;
        assert_eq!(taken["outcome"], "deferred", "{taken}");
        if by_stream {
            world.settle().await;
        } else {
            drop(world.table.stream());
            world.reconcile(running.front(), Job::Backlog).await.expect("settled");
        }
    }
    let (status, _) = world.deliver(&promissory_tests::webhook::Webhook::new("orders/create", "w3", "{}")).await;
    assert_eq!(status, 400, "an unreadable webhook raises an alert");

    // Events of a system, one of which waits for its mapping and is resumed.
    let later = event(&world, "later", "receipt", 1, &json!({ "sku": "C" }));
    assert_eq!(world.send_events(&[event(&world, "now", "receipt", 2, &json!({})), later]).await, ["applied", "waiting"]);
    world.item("C", &[]).await;
    world.settle().await;

    // A new level is due when its listing is removed, and the pusher finds that before the stream.
    running.sweep_settled(&world).await;
    world.put(&Item { shops: [].into(), ..world.plain("C") }).await;
    let _ = world.push(running.front(), &[world.hint(&[("C", "WH-1")])]).await;
    world.take_stock([world.stock("more", "B", "WH-1", StockKind::Receipt, 1)]).await;
    world.settle().await;
    world.push(running.front(), &world.hints.take()).await;
    world.reconcile(running.front(), Job::Compare).await.expect("compared");

    let uses = world.table.take_uses();
    let allowed: BTreeSet<&str> = Role::all().flat_map(|role| role.table_uses()).collect();
    assert!(allowed.len() > 20, "{allowed:?}");
    let unused: Vec<&&str> = allowed.difference(&uses).collect();
    assert!(unused.is_empty(), "template.yaml gives permissions that no flow here uses: {unused:?}");
}
