//! What one shop shows beside one item, its lots or its promise date: what it should show, and what it has acknowledged.
//!
//! Quantities are left out on purpose: a label changes when a lot comes or goes or a date moves, not with every sale. It is told
//! whole, so telling it again does no harm; what could do harm is two pushes that tell different ones at the same time, and nobody
//! knows which came last. Hence [`VariantMetafield::sending_since`]. Deliberately absent: emptying a variant that the item is not sold as
//! any more. It may be another item's by now, and that item's label is right.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::catalog::{Location, LotId, Network, ShopDomain, Sku, VariantId};
use crate::ledger::Position;

/// One lot, as a shop shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LotValue {
    /// Its name.
    pub lot: LotId,
    /// When it expires, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Date>,
}

/// What can be shown beside an item; each is a metafield of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MetafieldKind {
    /// Which lots there are.
    Lots,
    /// When a unit that is ordered now can be there.
    Promise,
}

/// What a label says. An array is lots, an object a promise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum MetafieldValue {
    /// Lots, the first to expire first.
    Lots(Vec<LotValue>),
    /// A promise.
    Promise(PromiseValue),
}

/// When a unit that is ordered now can be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PromiseValue {
    /// The day. None where units are there, and where nothing that is known brings one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date: Option<Date>,
}

impl MetafieldKind {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Lots, Self::Promise];

    /// The metafield's key.
    #[must_use]
    pub const fn metafield(self) -> &'static str {
        match self {
            Self::Lots => "lots",
            Self::Promise => "promise",
        }
    }
}

impl MetafieldValue {
    /// What kind of label says it.
    #[must_use]
    pub const fn kind(&self) -> MetafieldKind {
        match self {
            Self::Lots(_) => MetafieldKind::Lots,
            Self::Promise(_) => MetafieldKind::Promise,
        }
    }

    /// Whether it says nothing.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        match self {
            Self::Lots(lots) => lots.is_empty(),
            Self::Promise(promise) => promise.date.is_none(),
        }
    }

    /// What says nothing.
    #[must_use]
    pub const fn nothing(kind: MetafieldKind) -> Self {
        match kind {
            MetafieldKind::Lots => Self::Lots(Vec::new()),
            MetafieldKind::Promise => Self::Promise(PromiseValue { date: None }),
        }
    }
}

/// What one shop shows beside one item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VariantMetafield {
    /// The shop.
    pub shop: ShopDomain,
    /// Our item.
    pub sku: Sku,
    /// What the shop sells it as.
    pub variant: VariantId,
    /// What the shop should show.
    #[serde(rename = "lots")]
    pub shows: MetafieldValue,
    /// What the shop has taken in. None: it was never told, or nobody knows what it was told last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told: Option<MetafieldValue>,
    /// Since when a push has been telling it. Another one leaves it alone for [`Self::AT_WORK`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sending_since: Option<Timestamp>,
    /// Why the shop refuses to be told, until that changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
    /// Whether the alert about a refusal is open.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub alerted: bool,
    /// When what it should show last changed.
    pub changed_at: Timestamp,
}

impl VariantMetafield {
    /// The most lots a shop shows of an item: far more than a customer reads, and far below what a metafield may hold.
    pub const MAX_LOTS: usize = 50;

    /// How long a push may be at work on a label before another takes it over. Longer than a call takes.
    pub const AT_WORK: Duration = Duration::from_secs(10);

    /// What an alert names in the place of a location. No location can have such a code; `lots` could be one's.
    #[must_use]
    pub fn in_alerts(&self) -> String {
        format!("#{}", self.shows.kind().metafield())
    }

    /// A label the shop was never told about, with nothing on it yet.
    #[must_use]
    pub fn new(shop: ShopDomain, sku: Sku, variant: VariantId, kind: MetafieldKind, now: Timestamp) -> Self {
        let (told, sending_since, refused, alerted) = Default::default();
        Self { shop, sku, variant, shows: MetafieldValue::nothing(kind), told, sending_since, refused, alerted, changed_at: now }
    }

    /// The lots to be shown of an item: those with a unit that may be sold at any location in use, the first to expire first,
    /// those that never said last. Where two locations disagree on a date, the earlier one counts.
    #[must_use]
    pub fn lots_of(network: &Network, positions: &[Position]) -> Vec<LotValue> {
        let mut lots: BTreeMap<&LotId, Option<Date>> = BTreeMap::new();
        for position in positions.iter().filter(|position| network.at(&position.of.place).is_some_and(is_in_use)) {
            for (id, lot) in position.lots.iter().filter(|(_, lot)| (lot.on_hand - lot.held).is_positive()) {
                let expires = lots.entry(id).or_default();
                *expires = expires.iter().chain(&lot.expires).min().copied();
            }
        }
        let mut shown: Vec<LotValue> = lots.into_iter().map(|(id, expires)| LotValue { lot: id.clone(), expires }).collect();
        shown.sort_by_key(|shown| (shown.expires.is_none(), shown.expires)); // Stable: by name where the dates are the same.
        shown.truncate(Self::MAX_LOTS);
        shown
    }

    /// Takes over a newer computation.
    pub fn want(&mut self, variant: VariantId, shows: MetafieldValue, now: Timestamp) {
        if self.variant != variant {
            // Mapped anew: what the old variant shows says nothing about this one, and who is telling that one is too late.
            self.variant = variant;
            (self.told, self.sending_since, self.refused) = (None, None, None);
        }
        if self.shows != shows {
            (self.shows, self.refused, self.changed_at) = (shows, None, now);
        }
    }

    /// Whether the shop must be told something now.
    #[must_use]
    pub fn is_due(&self) -> bool {
        self.refused.is_none() && self.told.as_ref() != Some(&self.shows)
    }

    /// Whether the shop shows nothing and is to show nothing, and nobody is telling it anything else.
    #[must_use]
    pub fn is_blank(&self) -> bool {
        self.shows.is_nothing() && self.sending_since.is_none() && self.told.as_ref().is_some_and(MetafieldValue::is_nothing)
    }

    /// Whether a push began to tell it so lately that it may still be at work.
    #[must_use]
    pub fn is_being_sent(&self, now: Timestamp) -> bool {
        self.sending_since.is_some_and(|since| Duration::try_from(now.duration_since(since)).unwrap_or_default() < Self::AT_WORK)
    }

    /// The shop has taken in `sent`: this label as it was when its push began.
    pub fn record_accepted(&mut self, sent: &Self) {
        if self.sending_since == sent.sending_since {
            (self.told, self.sending_since) = (Some(sent.shows.clone()), None);
        } else {
            // Another push thought this one dead, and told it too: which of the two came last nobody knows. It is told again.
            self.told = None;
        }
    }

    /// The shop has refused `sent`: this label as it was when its push began.
    pub fn record_refused(&mut self, sent: &Self, reason: &str) {
        if self.sending_since == sent.sending_since {
            self.sending_since = None;
            if self.shows == sent.shows {
                self.refused = Some(reason.to_owned());
            }
        }
    }

    /// What is sent: a list such as `[{"lot":"L-7","expires":"2027-05-31"},{"lot":"L-9"}]`, or a promise such as
    /// `{"date":"2026-12-03"}`, `{}` where there is nothing to wait for or nothing to hope for.
    #[must_use]
    pub fn value(&self) -> String {
        serde_json::to_string(&self.shows).expect("names and dates always serialise")
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

    /// Lots in words, e.g. `WH: L-1 3 2027-01-01, L-2 3 (1 held)`, at locations of which `CLOSED` is not in use.
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

    fn label(positions: &[Position]) -> VariantMetafield {
        let names = ("a.myshopify.com".parse().expect("a shop"), "A".parse().expect("a SKU"), VariantId::new(1));
        let mut label = VariantMetafield::new(names.0, names.1, names.2, MetafieldKind::Lots, Timestamp::UNIX_EPOCH);
        label.want(
            VariantId::new(1),
            MetafieldValue::Lots(VariantMetafield::lots_of(&network(), positions)),
            Timestamp::UNIX_EPOCH,
        );
        label
    }

    /// Protects what customers read: lots of which a unit may be sold, once each, the first to expire first, unknown dates last.
    #[test]
    fn a_label_shows_what_may_be_sold() {
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
            assert_eq!(label(&positions(lots)).value(), expected, "{lots:?}");
        }
        let many: Vec<String> = (0..=VariantMetafield::MAX_LOTS).map(|n| format!("L{n} 1 {}-01-01", 2100 - n)).collect();
        let MetafieldValue::Lots(shown) = label(&positions(&[&format!("WH: {}", many.join(","))])).shows else {
            panic!("lots are shown")
        };
        let ends = [&shown[0], &shown[VariantMetafield::MAX_LOTS - 1]].map(|shown| shown.lot.as_str());
        assert_eq!((shown.len(), ends), (VariantMetafield::MAX_LOTS, ["L50", "L1"]), "the last to expire is left out");
    }

    /// Protects the shop from an old list: whatever happens while a label is being told, it is due until the shop shows it.
    #[test]
    fn what_happens_while_a_label_is_told_is_not_forgotten() {
        type Happens = fn(&mut VariantMetafield);
        let later = || Timestamp::UNIX_EPOCH + Duration::from_secs(60);
        let nothing: Happens = |_| {};
        let changes: Happens =
            |label| label.want(VariantId::new(1), MetafieldValue::nothing(MetafieldKind::Lots), label.changed_at);
        let is_mapped_anew: Happens = |label| label.want(VariantId::new(2), label.shows.clone(), label.changed_at);
        let another_takes_over: Happens =
            |label| label.sending_since = label.sending_since.map(|at| at + VariantMetafield::AT_WORK);
        let another_has_told_it: Happens = |label| (label.told, label.sending_since) = (Some(label.shows.clone()), None);
        for (case, happens, due_when_told, due_when_refused) in [
            ("nothing", nothing, false, false),
            ("changes", changes, true, true),
            ("mapped anew", is_mapped_anew, true, true),
            ("another takes over", another_takes_over, true, true),
            ("another has told it", another_has_told_it, true, false),
        ] {
            let before = label(&positions(&["WH: L 3"]));
            assert!(before.is_due() && !before.is_being_sent(later()), "{case}");
            let sent = VariantMetafield { sending_since: Some(later()), ..before };
            assert!(sent.is_being_sent(later()) && !sent.is_being_sent(later() + VariantMetafield::AT_WORK), "{case}");
            let mut now = sent.clone();
            happens(&mut now);
            let (mut told, mut refused) = (now.clone(), now);
            told.record_accepted(&sent);
            refused.record_refused(&sent, "no");
            assert_eq!((told.is_due(), refused.is_due()), (due_when_told, due_when_refused), "{case}");
        }
    }

    /// Protects a shop that refused a list: it is told again when the list changes, and not before.
    #[test]
    fn a_refused_label_waits_for_a_change() {
        let before = label(&positions(&["WH: L 3"]));
        let sent = VariantMetafield { sending_since: Some(Timestamp::UNIX_EPOCH), ..before };
        let mut refused = sent.clone();
        refused.record_refused(&sent, "no");
        let nothing = MetafieldValue::nothing(MetafieldKind::Lots);
        for (variant, shows, due) in [(1, sent.shows.clone(), false), (1, nothing, true), (2, sent.shows.clone(), true)] {
            let mut label = refused.clone();
            label.want(VariantId::new(variant), shows, Timestamp::UNIX_EPOCH);
            assert_eq!(label.is_due(), due);
        }
    }

    /// Protects labels that were stored before there were promises, and the two kinds from being taken for each other.
    #[test]
    fn a_label_of_either_kind_is_read_as_it_was_written() {
        let day: Date = "2026-12-03".parse().expect("a date");
        for (shows, value) in [
            (MetafieldValue::nothing(MetafieldKind::Lots), "[]"),
            (MetafieldValue::nothing(MetafieldKind::Promise), "{}"),
            (MetafieldValue::Promise(PromiseValue { date: Some(day) }), r#"{"date":"2026-12-03"}"#),
            (MetafieldValue::Lots(vec![LotValue { lot: "L".parse().expect("a lot"), expires: None }]), r#"[{"lot":"L"}]"#),
        ] {
            let before = VariantMetafield { shows: shows.clone(), told: Some(shows.clone()), ..label(&[]) };
            assert_eq!(before.value(), value);
            let row = serde_json::to_value(&before).expect("a row");
            assert_eq!(serde_json::from_value::<VariantMetafield>(row).expect("it can be read"), before);
        }
    }
}
