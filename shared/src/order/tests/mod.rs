//! Tests of orders: they converge, and each case of their lifecycle leads to the movements in the table of infra/docs/cases.md.

mod convergence;
mod drafts;
mod go_live;
mod lifecycle;
pub(crate) mod model;
mod restored;
mod warehouse;
