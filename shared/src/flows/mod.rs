//! The flows. Each flow reads rows, lets the pure modules decide, and writes the decision in one conditional transaction. When
//! another function changed a row in between, the flow reads again and repeats.
//!
//! This is the only async code outside `adapters`. Each flow is one file. Every event ends in [`commit()`], which is the only
//! writer of positions. Repairs use the same flows as the first attempt.

pub mod alert;
mod backlog;
mod backoff;
mod claims;
mod closure;
mod commit;
mod compare;
mod delivered;
mod explain;
mod faults;
mod heartbeat;
mod hint;
mod holds;
mod import;
mod network;
mod note;
pub mod pull;
pub mod push;
mod read;
mod receive;
mod recompute;
mod reconcile_error;
mod refresh;
mod replan;
mod restore;
mod resume;
mod retry;
mod shop;
mod sweep;
mod watermark;

pub use backlog::{BacklogReport, backlog};
pub use backoff::backoff;
pub use commit::{CommitError, commit};
pub use compare::compare;
pub use explain::{ExplainError, explain};
pub use heartbeat::{HeartbeatRecorder, alert_silent_systems};
pub use hint::hint_all;
pub use holds::{HoldsReport, holds};
pub use import::{ImportError, Imported, import_catalog};
pub use network::{NetworkCache, load_network};
pub use note::note;
pub use read::{OrderReader, ReadReport};
pub use receive::{Received, receive, receive_all, settle_lane};
pub use recompute::{Recomputed, recompute};
pub use reconcile_error::ReconcileError;
pub use refresh::{ensure_refresh, refresh, request_refresh};
pub use replan::replan;
pub use restore::{Prepared, prepare_restored};
pub use resume::{Resumed, resume};
pub use retry::{Retries, RetryBudget, write_if_unchanged};
pub use shop::{ShopSettingsError, set_shop};
pub use sweep::{SweepReport, sweep};
