//! Decides everything that happens in the sale, from the seed.

use std::time::Duration;

use promissory_fakes::shopify::draw;

use super::DemoConfig;

/// The product of the flash sale.
pub const SERUM: &str = "SERUM-30";

/// A large serum, made of the same base. None is in stock.
pub const LARGE: &str = "SERUM-50";

/// Items beside the serums.
const TAIL: u64 = 60;

/// Opening stock of a tail item at each location.
pub const TAIL_UNITS: i64 = 400;

/// Everything that happens in the sale, in the order of time.
#[derive(Debug)]
pub struct Script {
    /// The items beside the serums.
    pub tail: Vec<String>,
    /// Customers.
    pub customers: Vec<Customer>,
    /// Stock changes in the warehouse.
    pub changes: Vec<StockChange>,
}

/// One customer.
#[derive(Debug)]
pub struct Customer {
    /// The time of the checkout.
    pub at: Duration,
    /// What is in the cart.
    pub cart: Vec<(String, i64)>,
    /// What happens to the order if the shop accepts it, and how long after the checkout.
    pub outcome: Option<(OrderOutcome, Duration)>,
}

impl Customer {
    /// Whether the customer wants a serum.
    pub fn is_in_the_rush(&self) -> bool {
        self.cart.iter().any(|(sku, _)| [SERUM, LARGE].contains(&sku.as_str()))
    }
}

/// What happens to an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderOutcome {
    /// The customer cancels it.
    Cancelled,
    /// The warehouse ships all of it.
    Shipped,
    /// The warehouse ships its first line, and the rest a moment later.
    ShippedInParts,
}

/// A stock change that the shop learns only from a push.
#[derive(Debug)]
pub struct StockChange {
    /// The time of the change.
    pub at: Duration,
    /// The item. Each pair of item and location changes once, so that the report can measure the time until the push.
    pub sku: String,
    /// Whether the change is at the second location; otherwise it is at the first.
    pub second_location: bool,
    /// Units that are received; below zero, units that are written off.
    pub units: i64,
}

/// Decides the sale.
#[must_use]
pub fn script(config: &DemoConfig) -> Script {
    let mut draws = 0;
    let mut pick = |below: u64| {
        draws += 1;
        draw(config.seed, draws) % below
    };
    let tail: Vec<String> = (1..=TAIL).map(|n| format!("CARE-{n:03}")).collect();
    let any = |pick: &mut dyn FnMut(u64) -> u64| tail[usize::try_from(pick(TAIL)).expect("a small number")].clone();
    let span = u64::from(config.seconds) * 1_000;

    let mut customers: Vec<Customer> = (0..config.orders)
        .map(|_| {
            // Most come for a serum, in the first half of the time.
            let wants_serum = pick(100) < 60;
            let at = Duration::from_millis(if wants_serum { pick(span / 2) } else { pick(span) });
            let mut cart = Vec::new();
            if wants_serum {
                let sku = if pick(10) == 0 { LARGE } else { SERUM };
                cart.push((sku.to_owned(), 1 + i64::try_from(pick(10) / 8).expect("0 or 1")));
            }
            for _ in 0..(if wants_serum { pick(5) / 4 } else { 1 + pick(3) }) {
                let sku = any(&mut pick);
                if cart.iter().all(|(known, _)| *known != sku) {
                    cart.push((sku, 1 + i64::try_from(pick(2)).expect("0 or 1")));
                }
            }
            let later = Duration::from_millis(300 + pick(span / 3));
            let outcome = match pick(100) {
                0..8 => Some((OrderOutcome::Cancelled, later)),
                8..30 => Some((OrderOutcome::Shipped, later)),
                30..38 => Some((OrderOutcome::ShippedInParts, later)),
                _ => None,
            };
            Customer { at, cart, outcome }
        })
        .collect();
    customers.sort_by_key(|customer| customer.at);

    let mut changes: Vec<StockChange> = tail
        .iter()
        .enumerate()
        .map(|(n, sku)| {
            let units = if n % 3 == 0 {
                -i64::try_from(1 + pick(20)).expect("small")
            } else {
                i64::try_from(5 + pick(200)).expect("small")
            };
            StockChange { at: Duration::from_millis(pick(span)), sku: sku.clone(), second_location: n % 4 == 0, units }
        })
        .collect();
    changes.sort_by_key(|change| change.at);
    Script { tail, customers, changes }
}
