//! What goes wrong between a handler and the table: planned call by call, used up as calls come in.

use std::sync::{Mutex, PoisonError};

/// What happens to one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Refused for the rate; not run.
    Throttled,
    /// A transaction refused for the rate of one of its rows; not run.
    ThrottledInside,
    /// Refused with 500; not run.
    Internal,
    /// Another transaction holds a row; not run.
    Conflict,
    /// Never arrived.
    RequestLost,
    /// Done, and the answer never came.
    AnswerLost,
    /// A batch read that answers for its first key only and leaves the others for another call.
    KeysLeftOut,
}

#[derive(Debug)]
struct Plan {
    operation: &'static str,
    skip: usize,
    times: usize,
    fault: Fault,
}

/// The faults that are planned, and the calls that were made.
#[derive(Debug, Default)]
pub struct Faults {
    plans: Mutex<Vec<Plan>>,
    calls: Mutex<Vec<String>>,
}

impl Faults {
    /// The next `times` calls of `operation` (`"*"`: of any) suffer `fault`.
    pub fn next(&self, operation: &'static str, times: usize, fault: Fault) {
        self.after(operation, 0, times, fault);
    }

    /// As [`Faults::next`], from behind the next `skip` calls.
    pub fn after(&self, operation: &'static str, skip: usize, times: usize, fault: Fault) {
        self.plans.lock().unwrap_or_else(PoisonError::into_inner).push(Plan { operation, skip, times, fault });
    }

    /// Nothing goes wrong any more.
    pub fn clear(&self) {
        self.plans.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// How many calls of `operation` were made since the last [`Faults::forget_calls`].
    #[must_use]
    pub fn calls(&self, operation: &str) -> usize {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).iter().filter(|call| *call == operation).count()
    }

    /// Counts from zero again.
    pub fn forget_calls(&self) {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Counts a call and says what happens to it.
    pub(crate) fn strike(&self, operation: &str) -> Option<Fault> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).push(operation.to_owned());
        let mut plans = self.plans.lock().unwrap_or_else(PoisonError::into_inner);
        let plan = plans.iter_mut().find(|plan| plan.times > 0 && (plan.operation == operation || plan.operation == "*"))?;
        if plan.skip > 0 {
            plan.skip -= 1;
            return None;
        }
        plan.times -= 1;
        Some(plan.fault)
    }
}
