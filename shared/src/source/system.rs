//! Other systems, and the feeds that are pulled from each.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::catalog::{AccountId, FeedId, LocationId, SystemId, SystemLimits, TimeZone};
use crate::source::StockKind;
use crate::source::pull::{FeedWatermark, PullConfig};

/// The role of another system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SystemKind {
    /// Keeps the ERP balances.
    Erp,
    /// Runs a warehouse.
    Wms,
    /// Records sales in stores.
    Pos,
    /// Stores our stock: a third-party logistics provider (3PL).
    ThirdParty,
}

/// Another system. A system that only sends events over HTTP needs no row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct System {
    /// Its code.
    pub code: SystemId,
    /// Its role.
    pub kind: SystemKind,
    /// The time zone of its clock: of times that it writes without an offset, and of the day that a time is on. UTC without it.
    #[serde(default, skip_serializing_if = "TimeZone::is_utc")]
    pub time_zone: TimeZone,
    /// The longest time, in minutes, without a complete pull or a sent event. After it an alert is raised.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stale_after_minutes: Option<u32>,
    /// By how many minutes its clock may be ahead of ours. An event with a later time is refused. Without a value,
    /// `Network::CLOCK_LIMIT` applies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock_ahead_minutes: Option<u16>,
    /// The AWS account from which it puts events on the bus. Without it, the system does not use the bus, and an event there that names
    /// the system is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bus_account: Option<AccountId>,
    /// The kinds of event that it may send. Without the list: every kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kinds: Option<BTreeSet<StockKind>>,
    /// Our codes of the locations that its events may name, also as the destination of a transfer. Without the list: every location.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locations: Option<BTreeSet<LocationId>>,
    /// Its feeds. Most systems have a delta feed of movements that is pulled often and a feed of their stock that is pulled
    /// rarely.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub pull: BTreeMap<FeedId, PullConfig>,
}

impl System {
    /// The limits of what its events may say.
    #[must_use]
    pub fn limits(&self) -> SystemLimits {
        let clock_ahead = self.clock_ahead_minutes.map(|minutes| Duration::from_secs(u64::from(minutes) * 60));
        let kinds = self.kinds.as_ref().map(|kinds| kinds.iter().map(|kind| kind.name()).collect());
        SystemLimits { clock_ahead, kinds, locations: self.locations.clone() }
    }

    /// Since when a feed is stale: the time of its last complete run, or of its first run if none was complete. `None` when
    /// that is not longer ago than the system allows.
    #[must_use]
    pub fn stale_since(&self, watermark: &FeedWatermark, now: Timestamp) -> Option<Timestamp> {
        let allowed = SignedDuration::from_mins(i64::from(self.stale_after_minutes?));
        let whole = watermark.complete_at.unwrap_or(watermark.first_at);
        (now.duration_since(whole) > allowed).then_some(whole)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Protects times from a wrong clock: a connector with an unknown time zone is refused when it is set, with a proposal.
    #[test]
    fn an_unknown_time_zone_is_refused() {
        let system = |zone: &str| {
            let system = json!({ "code": "erp", "kind": "erp", "time_zone": zone });
            serde_json::from_value::<System>(system).map(|system| system.time_zone.to_string()).map_err(|error| error.to_string())
        };
        assert_eq!(system("America/Los_Angeles").as_deref(), Ok("America/Los_Angeles"));
        let refused = "\"Europe/Berln\" is not the IANA name of a time zone; the most similar one is \"Europe/Berlin\"";
        assert_eq!(system("Europe/Berln"), Err(refused.to_owned()));
        let without: System = serde_json::from_value(json!({ "code": "erp", "kind": "erp" })).expect("a system");
        assert!(without.time_zone.is_utc());
        assert_eq!(serde_json::to_value(&without).expect("it serialises"), json!({ "code": "erp", "kind": "erp" }));
    }

    /// Protects the limits of a system: they are read as they are written, a mistake in them is refused, and a row without them has none.
    #[test]
    fn limits_are_read_as_written() {
        let limited = json!({
            "code": "wms", "kind": "wms", "clock_ahead_minutes": 2, "bus_account": "123456789012",
            "kinds": ["receipt", "count"], "locations": ["3PL-1", "WH-1"],
        });
        let system: System = serde_json::from_value(limited.clone()).expect("a system");
        let mut written = serde_json::to_value(&system).expect("it serialises");
        written["kinds"].as_array_mut().expect("a list").sort_by_key(|kind| *kind == json!("count"));
        assert_eq!(written, limited);
        let limits = system.limits();
        assert_eq!(limits.clock_ahead, Some(Duration::from_secs(120)));
        assert_eq!(limits.kinds, Some(["count", "receipt"].into()));
        assert_eq!(limits.locations, system.locations);
        for (field, value) in
            [("bus_account", json!("1234")), ("kinds", json!(["teleport"])), ("locations", json!([" "])), ("location", json!([]))]
        {
            let mut wrong = limited.clone();
            wrong[field] = value;
            assert!(System::from_file(&wrong.to_string()).is_err(), "{field}");
        }
        let plain: System = serde_json::from_value(json!({ "code": "wms", "kind": "wms" })).expect("a system");
        assert_eq!((plain.limits(), plain.bus_account), (SystemLimits::default(), None));
    }
}
