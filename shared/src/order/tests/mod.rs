//! Orders converge, and each case of their life leads to the movements that ARCHITECTURE.md says.

mod convergence;
mod lifecycle;
pub(crate) mod model;
mod warehouse;
