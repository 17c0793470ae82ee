//! The cases from the field that lie beside the repository, as they are: their sheets, webhooks and stock events lead to the right
//! numbers. Each case also has a row in the tables of infra/docs/cases.md, so nothing is lost where the files are missing.

use std::path::{Path, PathBuf};

use promissory::adapters::secrets::SourceSecrets;
use promissory::catalog::Place;
use promissory::flows::{HeartbeatRecorder, NetworkCache};
use promissory::sheets::Sheet;
use promissory_tests::clock::TestClock;
use promissory_tests::shared_files;
use promissory_tests::shop::start;
use promissory_tests::source::Post;
use promissory_tests::webhook::SHOP;
use promissory_tests::world::World;
use reconciler::Job;
use serde_json::Value;
use source_intake::Intake;

use crate::planning::sheets;

/// The signing secret of the system `erp`.
const ERP_SECRET: &str = "a secret of the ERP";

/// A case, played in a world with the sheets that all cases share.
struct Case {
    world: World,
    folder: PathBuf,
    base: PathBuf,
    delivered: u32,
}

impl Case {
    /// A case by the number with which its folder begins. `None` where the files are missing.
    async fn new(number: &str) -> Option<Self> {
        Self::at(number, TestClock::noon()).await
    }

    async fn at(number: &str, clock: TestClock) -> Option<Self> {
        let cases = shared_files::cases()?;
        let mut folders =
            std::fs::read_dir(&cases).expect("the cases can be listed").filter_map(|entry| Some(entry.ok()?.path()));
        let of_number = |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(number));
        let folder = folders.find(of_number).unwrap_or_else(|| panic!("there is no case {number}"));
        let case = Self { world: World::at(clock).await, folder, base: cases.join("00-base"), delivered: 0 };
        let text = |name: &str| case.text(&case.base, name);
        let names = ["items.csv", "locations.csv", "location_codes.csv", "assemblies.csv", "bills.csv", "listings.csv"];
        let kinds = [Sheet::Items, Sheet::Locations, Sheet::LocationCodes, Sheet::Assemblies, Sheet::Bills, Sheet::Listings];
        let texts = names.map(text);
        let files: Vec<(Sheet, &str)> = kinds.into_iter().zip(texts.iter().map(String::as_str)).collect();
        sheets(&case.world, &files).await;
        case.world.settle().await;
        Some(case)
    }

    fn text(&self, folder: &Path, name: &str) -> String {
        let text = String::from_utf8(shared_files::bytes(&folder.join(name))).expect("text");
        text.replace("example.myshopify.com", SHOP)
    }

    /// Sends the stock events of a file. Returns the outcome of each event, by its id.
    async fn send(&self, file: &str) -> Vec<(String, String)> {
        let text = self.text(&self.folder, file);
        let events: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
        // The numbers must arrive with the digits that the file has.
        let body = format!("{{\"events\":[{}]}}", events.join(","));
        let post = Post {
            path: "/sources/erp/events".to_owned(),
            system: "erp",
            secret: Some(ERP_SECRET),
            body: body.into_bytes(),
            ..Post::new(&self.world, &[])
        };
        let intake = Intake {
            store: self.world.table.acting_as("SourceIntake"),
            clock: self.world.clock.clone(),
            keys: SourceSecrets::default().signing("erp", ERP_SECRET).into(),
            network: NetworkCache::default(),
            heartbeats: HeartbeatRecorder::default(),
        };
        let answer = intake.handle(post.request()).await;
        let answer: Value = serde_json::from_slice(answer.body().as_ref()).expect("an answer in JSON");
        self.world.settle().await;
        let outcome = |event: &Value| {
            let text = |field: &str| event[field].as_str().unwrap_or_default().to_owned();
            (text("id"), text("outcome"))
        };
        answer["events"].as_array().unwrap_or_else(|| panic!("{answer}")).iter().map(outcome).collect()
    }

    /// Sends the stock events of a file, which must all be applied.
    async fn apply(&self, file: &str) {
        for (id, outcome) in self.send(file).await {
            assert_eq!(outcome, "applied", "{id} of {file}");
        }
    }

    /// Delivers the webhook of a file.
    async fn deliver(&mut self, topic: &str, file: &str) {
        self.delivered += 1;
        let body = self.text(&self.folder, file).into_bytes();
        self.world.deliver_accepted(topic, &format!("delivery-{}", self.delivered), body).await;
        self.world.settle().await;
    }

    /// On hand, reserved and held units of an item over all places.
    async fn units(&self, sku: &str) -> (i64, i64, i64) {
        let contents = self.world.contents().await;
        let of_item = contents.positions.values().filter(|position| position.of.sku.as_str() == sku);
        of_item.map(|position| position.balance).fold((0, 0, 0), |(on_hand, reserved, held), balance| {
            (on_hand + balance.on_hand.units(), reserved + balance.reserved.units(), held + balance.held.units())
        })
    }

    /// Units of an item that can still be made.
    async fn producible(&self, sku: &str) -> i64 {
        let made = Place::At("MADE".parse().expect("a location"));
        self.world.promise(sku).await.places.get(&made).map_or(0, |at| at.producible.units())
    }

    /// What is to come of an item: units and day of each line.
    async fn incoming(&self, sku: &str) -> Vec<(i64, String)> {
        let incoming = self.world.promise(sku).await.incoming;
        incoming.iter().map(|line| (line.left.units(), line.due.map(|due| due.to_string()).unwrap_or_default())).collect()
    }
}

/// Protects a unit that the admin removed from a partly shipped order without a restock. A refund of a shipped unit holds nothing.
#[tokio::test]
async fn case_01_a_removed_unit_is_withheld() {
    for (last, expected) in
        [("3-removed-not-restocked.webhook.json", (18, 0, 1)), ("3b-contrast-refund-of-a-shipped-unit.webhook.json", (18, 1, 0))]
    {
        let Some(mut case) = Case::new("01").await else { return };
        case.apply("events-before.jsonl").await;
        case.deliver("orders/create", "1-create.webhook.json").await;
        case.deliver("orders/updated", "2-two-shipped.webhook.json").await;
        case.deliver("orders/updated", last).await;
        assert_eq!(case.units("A").await, expected, "on hand, reserved and held after {last}");
    }
}

/// Protects kits that ship as their components: the components leave, and ten kits can be put together before.
#[tokio::test]
async fn case_07_a_kit_ships_as_its_components() {
    let Some(mut case) = Case::new("07").await else { return };
    case.apply("events-before.jsonl").await;
    assert_eq!(case.producible("KIT").await, 10);
    case.deliver("orders/create", "1-create.webhook.json").await;
    case.apply("events-shipped.jsonl").await;
    assert_eq!((case.units("A").await, case.units("B").await), ((9, 0, 0), (18, 0, 0)));
    assert_eq!(case.units("KIT").await, (0, 0, 0), "nothing of the kit stays behind");
    assert_eq!(case.producible("KIT").await, 9);
}

/// Protects a balance below zero, and exact numbers: what is not a whole number of units is refused.
#[tokio::test]
async fn case_08_a_balance_below_zero_is_taken() {
    let Some(case) = Case::new("08").await else { return };
    let outcomes = case.send("events.jsonl").await;
    let outcomes: Vec<(&str, &str)> = outcomes.iter().map(|(id, outcome)| (id.as_str(), outcome.as_str())).collect();
    assert_eq!(outcomes, [("R-8", "applied"), ("B-8a", "applied"), ("B-8b", "refused"), ("R-8c", "refused")]);
    assert_eq!(case.units("A").await, (-4, 0, 0));
}

/// Protects customers from units of an expired lot.
#[tokio::test]
async fn case_09_an_expired_lot_is_off_sale() {
    let Some(case) = Case::new("09").await else { return };
    case.apply("events.jsonl").await;
    assert_eq!(case.world.promise("CREAM").await.available.units(), 4);
    assert!(case.world.alerts().contains(&"expired_lot#CREAM raised".to_owned()), "{:?}", case.world.alerts());
}

/// Protects what a run still takes and what an order still brings when an issue and a receipt are taken back.
#[tokio::test]
async fn case_10_what_is_taken_back_is_owed_and_comes_again() {
    let Some(case) = Case::new("10").await else { return };
    case.apply("events.jsonl").await;
    assert_eq!(case.units("CAP").await, (70, 0, 0));
    assert_eq!(case.incoming("CAP").await, [(100, "2026-12-15".to_owned())]);
    let both = case.producible("GOOD").await + case.producible("GOOD2").await;
    assert_eq!(both, 50 + 50 + 100, "the run makes 50, 20 of the 70 on hand are owed to it, and 100 are to come");
}

/// Protects components that are in finished units and not posted yet.
#[tokio::test]
async fn case_11_components_of_finished_units_are_not_free() {
    let Some(case) = Case::new("11").await else { return };
    case.apply("events-1.jsonl").await;
    assert_eq!(case.producible("GOOD2").await, 0);
    case.apply("events-2-nightly.jsonl").await;
    assert_eq!(case.producible("GOOD2").await, 0);
}

/// Protects a purchase order with two delivery dates: both are to come.
#[tokio::test]
async fn case_12_both_dates_of_an_order_count() {
    let Some(case) = Case::new("12").await else { return };
    case.apply("events.jsonl").await;
    assert_eq!(case.incoming("CAP").await, [(50, "2027-02-01".to_owned()), (50, "2027-03-01".to_owned())]);
}

/// Protects the hold of an order that is paid on terms.
#[tokio::test]
async fn case_13_an_order_on_terms_keeps_its_hold() {
    let Some(mut case) = Case::new("13").await else { return };
    case.apply("events-before.jsonl").await;
    case.deliver("orders/create", "1-create.webhook.json").await;
    let reserved = case.units("GOOD").await;
    assert_eq!(reserved.1, 100);
    case.world.clock.pass(73 * 3_600);
    let running = start(&case.world);
    case.world.reconcile(running.front(), Job::Holds).await.expect("run");
    case.world.settle().await;
    assert_eq!(case.units("GOOD").await, reserved);
    assert_eq!(case.producible("GOOD2").await, 0);
}

/// Protects a planner from an alert that no mapping can clear: a custom line is not an item of ours.
#[tokio::test]
async fn case_14_a_custom_line_is_no_item() {
    let Some(mut case) = Case::new("14").await else { return };
    case.deliver("orders/create", "1-create.webhook.json").await;
    assert_eq!(case.units("A").await.1, 1);
    let unmapped: Vec<String> = case.world.alerts().into_iter().filter(|alert| alert.starts_with("unmapped")).collect();
    assert_eq!(unmapped, [""; 0]);
}

/// Protects ids above 2^53: they are taken as text. The item is a component of a kit, so the event waits until the order is known.
#[tokio::test]
async fn case_17_ids_are_taken_as_text() {
    let Some(case) = Case::new("17").await else { return };
    assert_eq!(case.send("events.jsonl").await, [("S-17".to_owned(), "waiting".to_owned())]);
}
