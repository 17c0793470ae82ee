//! Faults between a handler and the table. A test plans them for the next calls, and each call uses one up.

use std::sync::{Mutex, MutexGuard, PoisonError};

use promissory::table::Key;

/// The fault of one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Throttled and not executed.
    Throttled,
    /// A transaction that is cancelled because one of its rows is throttled.
    ThrottledInside,
    /// Rejected, because the role does not allow it.
    Denied,
    /// Rejected, because the stream no longer has the records.
    Trimmed,
    /// Rejected, because the request is not valid.
    Invalid,
    /// A transaction that is cancelled because one of its rows is not valid, for example too large.
    InvalidInside,
    /// Rejected with status 500 and not executed.
    Internal,
    /// A transaction conflict; not executed.
    Conflict,
    /// The request is lost and not executed.
    RequestLost,
    /// The request is executed and its answer is lost.
    AnswerLost,
    /// A batch read that returns only its first key, and reports the other keys as unprocessed.
    KeysLeftOut,
}

#[derive(Debug)]
struct Plan {
    operation: &'static str,
    skip: usize,
    times: usize,
    fault: Fault,
}

/// The planned faults and the recorded calls.
#[derive(Debug, Default)]
pub struct Faults {
    plans: Mutex<Vec<Plan>>,
    calls: Mutex<Vec<String>>,
    refused: Mutex<RefusedWrites>,
}

/// The row whose writes are refused.
#[derive(Debug, Default)]
struct RefusedWrites {
    of: Option<Key>,
    times: usize,
}

impl Faults {
    /// Lets the next `times` calls of `operation` fail with `fault`. `"*"` stands for any operation.
    pub fn next(&self, operation: &'static str, times: usize, fault: Fault) {
        self.after(operation, 0, times, fault);
    }

    /// Like [`Faults::next`], but skips the next `skip` calls first.
    pub fn after(&self, operation: &'static str, skip: usize, times: usize, fault: Fault) {
        self.plans.lock().unwrap_or_else(PoisonError::into_inner).push(Plan { operation, skip, times, fault });
    }

    /// Removes all planned faults.
    pub fn clear(&self) {
        self.plans.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Refuses every write of a row, as DynamoDB refuses a row that is too large, until [`Faults::allow_writes`].
    pub fn refuse_writes(&self, of: Key) {
        *self.refused_writes() = RefusedWrites { of: Some(of), times: 0 };
    }

    /// Allows the writes of every row again. Returns how many writes were refused.
    pub fn allow_writes(&self) -> usize {
        std::mem::take(&mut *self.refused_writes()).times
    }

    /// Whether the writes of this row are refused. Counts the refusal.
    pub(crate) fn refuses(&self, row: &Key) -> bool {
        let mut refused = self.refused_writes();
        let is_refused = refused.of.as_ref() == Some(row);
        refused.times += usize::from(is_refused);
        is_refused
    }

    fn refused_writes(&self) -> MutexGuard<'_, RefusedWrites> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Number of calls of `operation` since the last [`Faults::forget_calls`].
    #[must_use]
    pub fn calls(&self, operation: &str) -> usize {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).iter().filter(|call| *call == operation).count()
    }

    /// Resets the recorded calls.
    pub fn forget_calls(&self) {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Records a call and returns its fault, if one is planned.
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
