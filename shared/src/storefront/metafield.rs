//! A metafield that one shop shows of one variant, its lots or its promise date: the value it should have, and the value that the
//! shop has acknowledged.
//!
//! The value holds no quantities, so it changes when a lot comes or goes or a date moves, and not with every sale. A push sends
//! the complete value, so a repeated push does no harm. Two pushes that send different values at the same time could do harm,
//! because the order in which the shop applies them is unknown; [`VariantMetafield::sending_since`] prevents that. Deliberately
//! absent: clearing the metafield of a variant that the item is no longer sold as. The variant may belong to another item by now,
//! whose value is right.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::alert::AlertSubject;
use crate::catalog::{Location, LotId, MetafieldKind, Network, ShopDomain, Sku, VariantId};
use crate::ledger::Position;

/// One lot in the value of a metafield.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LotValue {
    /// Its name.
    pub lot: LotId,
    /// When it expires, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Date>,
}

/// The value of a metafield. In JSON an array is lots and an object is a promise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum MetafieldValue {
    /// Lots, the first to expire first.
    Lots(Vec<LotValue>),
    /// A promise.
    Promise(PromiseValue),
}

/// The day on which a unit that is ordered now can be available.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PromiseValue {
    /// The day; `None` when units are in stock, and when no known receipt or production brings one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date: Option<Date>,
}

impl MetafieldValue {
    /// The kind of metafield that has this value.
    #[must_use]
    pub const fn kind(&self) -> MetafieldKind {
        match self {
            Self::Lots(_) => MetafieldKind::Lots,
            Self::Promise(_) => MetafieldKind::Promise,
        }
    }

    /// Whether the value is empty.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        match self {
            Self::Lots(lots) => lots.is_empty(),
            Self::Promise(promise) => promise.date.is_none(),
        }
    }

    /// The empty value of a kind.
    #[must_use]
    pub const fn nothing(kind: MetafieldKind) -> Self {
        match kind {
            MetafieldKind::Lots => Self::Lots(Vec::new()),
            MetafieldKind::Promise => Self::Promise(PromiseValue { date: None }),
        }
    }
}

/// A metafield of the variant that a shop sells an item as.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VariantMetafield {
    /// The shop.
    pub shop: ShopDomain,
    /// Our item.
    pub sku: Sku,
    /// The variant that the shop sells it as.
    pub variant: VariantId,
    /// The value that the shop should show.
    pub value: MetafieldValue,
    /// The value that the shop has acknowledged. `None` when it was never sent, or when the last value that the shop applied is
    /// unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acknowledged: Option<MetafieldValue>,
    /// When the push that is sending the value began. Another push leaves the metafield alone for [`Self::SENDING_TIMEOUT`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sending_since: Option<Timestamp>,
    /// Why the shop refuses the value, until the value changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
    /// The open alert about a refusal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alert: Option<AlertSubject>,
    /// When the value that the shop should show last changed.
    pub changed_at: Timestamp,
}

impl VariantMetafield {
    /// The most lots a shop shows of an item: far more than a customer reads, and far below what a metafield may hold.
    pub const MAX_LOTS: usize = 50;

    /// How long a push may take to send a metafield before another push takes it over. Longer than a call takes.
    pub const SENDING_TIMEOUT: Duration = Duration::from_secs(10);

    /// A metafield that was never sent to the shop, with an empty value.
    #[must_use]
    pub fn new(shop: ShopDomain, sku: Sku, variant: VariantId, kind: MetafieldKind, now: Timestamp) -> Self {
        let (acknowledged, sending_since, refused, alert) = Default::default();
        Self {
            shop,
            sku,
            variant,
            value: MetafieldValue::nothing(kind),
            acknowledged,
            sending_since,
            refused,
            alert,
            changed_at: now,
        }
    }

    /// The lots to show of an item: those that have not expired and have a unit that may be sold at any location in use, by expiry
    /// date, lots without a date last. Where two locations report different dates, the earlier one counts.
    #[must_use]
    pub fn lots_of(network: &Network, positions: &[Position], now: Timestamp) -> Vec<LotValue> {
        let mut lots: BTreeMap<&LotId, Option<Date>> = BTreeMap::new();
        for position in positions.iter().filter(|position| network.at(&position.of.place).is_some_and(is_in_use)) {
            let today = network.day_at(&position.of.place, now);
            for (id, lot) in position.lots.iter().filter(|(_, lot)| lot.free().is_positive() && !lot.is_expired(today)) {
                let expires = lots.entry(id).or_default();
                *expires = expires.iter().chain(&lot.expires).min().copied();
            }
        }
        let mut shown: Vec<LotValue> = lots.into_iter().map(|(id, expires)| LotValue { lot: id.clone(), expires }).collect();
        // A stable sort: lots with the same date stay in the order of names.
        shown.sort_by_key(|shown| (shown.expires.is_none(), shown.expires));
        shown.truncate(Self::MAX_LOTS);
        shown
    }

    /// Takes over a newer computation.
    pub fn update(&mut self, variant: VariantId, value: MetafieldValue, now: Timestamp) {
        if self.variant != variant {
            // The mapping changed: the value of the old variant does not hold for the new one, and the result of a push to the
            // old one no longer matters.
            self.variant = variant;
            (self.acknowledged, self.sending_since, self.refused) = (None, None, None);
        }
        if self.value != value {
            (self.value, self.refused, self.changed_at) = (value, None, now);
        }
    }

    /// Whether the value must be sent to the shop now.
    #[must_use]
    pub fn is_due(&self) -> bool {
        self.refused.is_none() && self.acknowledged.as_ref() != Some(&self.value)
    }

    /// Whether the shop shows an empty value and should show one, and no push is sending another.
    #[must_use]
    pub fn is_blank(&self) -> bool {
        self.value.is_nothing()
            && self.sending_since.is_none()
            && self.acknowledged.as_ref().is_some_and(MetafieldValue::is_nothing)
    }

    /// Whether a push began to send the value so recently that it may still be running.
    #[must_use]
    pub fn is_being_sent(&self, now: Timestamp) -> bool {
        self.sending_since
            .is_some_and(|since| Duration::try_from(now.duration_since(since)).unwrap_or_default() < Self::SENDING_TIMEOUT)
    }

    /// Records that the shop accepted `sent`: this metafield as it was when the push began.
    pub fn record_accepted(&mut self, sent: &Self) {
        if self.sending_since == sent.sending_since {
            (self.acknowledged, self.sending_since) = (Some(sent.value.clone()), None);
        } else {
            // Another push took over from this one and sent the value too. Which of the two the shop applied last is unknown, so
            // the value is sent again.
            self.acknowledged = None;
        }
    }

    /// Records that the shop refused `sent`: this metafield as it was when the push began.
    pub fn record_refused(&mut self, sent: &Self, reason: &str) {
        if self.sending_since == sent.sending_since {
            self.sending_since = None;
            if self.value == sent.value {
                self.refused = Some(reason.to_owned());
            }
        }
    }

    /// The metafield without what the shop acknowledged or refused, so that it is sent again. `None` if it knows neither already.
    #[must_use]
    pub fn forgotten(&self) -> Option<Self> {
        let forgotten = Self { acknowledged: None, sending_since: None, refused: None, ..self.clone() };
        (forgotten != *self).then_some(forgotten)
    }

    /// The value as JSON: a list such as `[{"lot":"L-7","expires":"2027-05-31"},{"lot":"L-9"}]`, or a promise such as
    /// `{"date":"2026-12-03"}`, `{}` when there is no date.
    #[must_use]
    pub fn json(&self) -> String {
        serde_json::to_string(&self.value).expect("lot names and dates always serialise")
    }
}

fn is_in_use(location: &Location) -> bool {
    location.active
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::{LocationKind, Place, Quantity};
    use crate::ledger::LotBalance;
    use crate::movement::PositionKey;

    /// Positions with lots from text, e.g. `WH: L-1 3 2027-01-01, L-2 3 (1 held)`; the location `CLOSED` is not in use.
    fn positions(words: &[&str]) -> Vec<Position> {
        let lot = |words: &str| {
            let mut words = words.split_whitespace();
            let id = words.next().expect("a lot").parse().expect("a lot");
            let mut lot = LotBalance { on_hand: quantity(words.next().expect("units")), ..LotBalance::default() };
            for word in words {
                match word.parse::<Date>() {
                    Ok(expires) => lot.expires = Some(expires),
                    Err(_) => lot.held = quantity(word.trim_start_matches("held=")),
                }
            }
            (id, lot)
        };
        let position = |words: &&str| {
            let (place, lots) = words.split_once(':').expect("a place and its lots");
            let place = Place::try_from(place.to_owned()).expect("a place");
            let of = PositionKey::new("A".parse().expect("a SKU"), place);
            Position { lots: lots.split_terminator(',').map(lot).collect(), ..Position::empty(of) }
        };
        words.iter().map(position).collect()
    }

    fn quantity(units: &str) -> Quantity {
        Quantity::new(units.parse().expect("units"))
    }

    fn network() -> Network {
        let location = |code: &str| Location::new(code.parse().expect("a location"), LocationKind::Warehouse);
        Network::new([location("WH"), location("TPL"), Location { active: false, ..location("CLOSED") }])
    }

    fn metafield(positions: &[Position]) -> VariantMetafield {
        let names = ("a.myshopify.com".parse().expect("a shop"), "A".parse().expect("a SKU"), VariantId::new(1));
        let mut metafield = VariantMetafield::new(names.0, names.1, names.2, MetafieldKind::Lots, Timestamp::UNIX_EPOCH);
        metafield.update(
            VariantId::new(1),
            MetafieldValue::Lots(VariantMetafield::lots_of(&network(), positions, Timestamp::UNIX_EPOCH)),
            Timestamp::UNIX_EPOCH,
        );
        metafield
    }

    /// Protects the lots that customers read: each lot with a sellable unit once, by expiry date, unknown dates last.
    #[test]
    fn a_metafield_lists_sellable_lots() {
        let rows: [(&[&str], &str); 12] = [
            (&[], "[]"),
            (&["WH:"], "[]"),
            (&["WH: L 3"], r#"[{"lot":"L"}]"#),
            (&["WH: L 3 2027-05-31"], r#"[{"lot":"L","expires":"2027-05-31"}]"#),
            (&["WH: L 3 held=2"], r#"[{"lot":"L"}]"#),
            (&["WH: L 3 held=3"], "[]"),
            (&["WH: L -1"], "[]"),
            (&["CLOSED: L 3", "unassigned: M 3", "ELSEWHERE: N 3"], "[]"),
            (&["WH: L 3 held=3", "TPL: L 1"], r#"[{"lot":"L"}]"#),
            (
                &["WH: L 1 2027-05-31,M 1", "TPL: L 1 2027-03-01,M 1 2028-01-01"],
                r#"[{"lot":"L","expires":"2027-03-01"},{"lot":"M","expires":"2028-01-01"}]"#,
            ),
            (
                &["WH: A 1,B 1 2028-01-01,C 1 2027-01-01,D 1 2027-01-01", "TPL: 0 1"],
                r#"[{"lot":"C","expires":"2027-01-01"},{"lot":"D","expires":"2027-01-01"},{"lot":"B","expires":"2028-01-01"},{"lot":"0"},{"lot":"A"}]"#,
            ),
            (&[r#"WH: "<\ 1"#], r#"[{"lot":"\"<\\"}]"#),
        ];
        for (lots, expected) in rows {
            assert_eq!(metafield(&positions(lots)).json(), expected, "{lots:?}");
        }
        let many: Vec<String> = (0..=VariantMetafield::MAX_LOTS).map(|n| format!("L{n} 1 {}-01-01", 2100 - n)).collect();
        let MetafieldValue::Lots(shown) = metafield(&positions(&[&format!("WH: {}", many.join(","))])).value else {
            panic!("a lots metafield has lots")
        };
        let ends = [&shown[0], &shown[VariantMetafield::MAX_LOTS - 1]].map(|shown| shown.lot.as_str());
        assert_eq!((shown.len(), ends), (VariantMetafield::MAX_LOTS, ["L50", "L1"]), "the last to expire is left out");
    }

    /// Protects the shop from an outdated list: whatever happens while a push sends the metafield, it stays due until the shop
    /// shows its value.
    #[test]
    fn a_change_during_a_push_stays_due() {
        type Happens = fn(&mut VariantMetafield);
        let later = || Timestamp::UNIX_EPOCH + Duration::from_secs(60);
        let nothing: Happens = |_| {};
        let changes: Happens =
            |metafield| metafield.update(VariantId::new(1), MetafieldValue::nothing(MetafieldKind::Lots), metafield.changed_at);
        let is_mapped_anew: Happens =
            |metafield| metafield.update(VariantId::new(2), metafield.value.clone(), metafield.changed_at);
        let another_takes_over: Happens =
            |metafield| metafield.sending_since = metafield.sending_since.map(|at| at + VariantMetafield::SENDING_TIMEOUT);
        let another_has_sent_it: Happens =
            |metafield| (metafield.acknowledged, metafield.sending_since) = (Some(metafield.value.clone()), None);
        for (case, happens, due_when_accepted, due_when_refused) in [
            ("nothing", nothing, false, false),
            ("changes", changes, true, true),
            ("mapped anew", is_mapped_anew, true, true),
            ("another takes over", another_takes_over, true, true),
            ("another has sent it", another_has_sent_it, true, false),
        ] {
            let before = metafield(&positions(&["WH: L 3"]));
            assert!(before.is_due() && !before.is_being_sent(later()), "{case}");
            let sent = VariantMetafield { sending_since: Some(later()), ..before };
            assert!(sent.is_being_sent(later()) && !sent.is_being_sent(later() + VariantMetafield::SENDING_TIMEOUT), "{case}");
            let mut now = sent.clone();
            happens(&mut now);
            let (mut accepted, mut refused) = (now.clone(), now);
            accepted.record_accepted(&sent);
            refused.record_refused(&sent, "no");
            assert_eq!((accepted.is_due(), refused.is_due()), (due_when_accepted, due_when_refused), "{case}");
        }
    }

    /// Protects a shop that refused a list: the list is sent again when it changes, and not before.
    #[test]
    fn a_refused_metafield_waits_for_a_change() {
        let before = metafield(&positions(&["WH: L 3"]));
        let sent = VariantMetafield { sending_since: Some(Timestamp::UNIX_EPOCH), ..before };
        let mut refused = sent.clone();
        refused.record_refused(&sent, "no");
        let nothing = MetafieldValue::nothing(MetafieldKind::Lots);
        for (variant, shows, due) in [(1, sent.value.clone(), false), (1, nothing, true), (2, sent.value.clone(), true)] {
            let mut metafield = refused.clone();
            metafield.update(VariantId::new(variant), shows, Timestamp::UNIX_EPOCH);
            assert_eq!(metafield.is_due(), due);
        }
    }

    /// Protects metafields that were stored before promises existed, and the two kinds from being read as each other.
    #[test]
    fn each_kind_is_read_as_it_was_written() {
        let day: Date = "2026-12-03".parse().expect("a date");
        for (shows, value) in [
            (MetafieldValue::nothing(MetafieldKind::Lots), "[]"),
            (MetafieldValue::nothing(MetafieldKind::Promise), "{}"),
            (MetafieldValue::Promise(PromiseValue { date: Some(day) }), r#"{"date":"2026-12-03"}"#),
            (MetafieldValue::Lots(vec![LotValue { lot: "L".parse().expect("a lot"), expires: None }]), r#"[{"lot":"L"}]"#),
        ] {
            let before = VariantMetafield { value: shows.clone(), acknowledged: Some(shows.clone()), ..metafield(&[]) };
            assert_eq!(before.json(), value);
            let row = serde_json::to_value(&before).expect("a row");
            assert_eq!(serde_json::from_value::<VariantMetafield>(row).expect("it can be read"), before);
        }
    }
}
