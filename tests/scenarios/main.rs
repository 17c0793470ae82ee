//! The real handlers over an emulated table: given rows and events, and the expected state afterwards.

mod catalog;
mod contention;
mod draft_orders;
mod explain;
mod field_cases;
mod forwarding;
mod going_live;
mod holds;
mod intake;
mod intake_topics;
mod kits;
mod large_orders;
mod late_search;
mod ledger;
mod lifecycle;
mod lots;
mod personal_data;
mod planning;
mod pusher;
mod pusher_faults;
mod pusher_initialisation;
mod reading;
mod recompute;
mod reconciler;
mod sources;
mod whole_life;
