//! The faults: each takes effect where the real fault would, as often as it was set, and no more.

use super::*;

/// Returns what the caller of one call sees.
fn seen(answer: &Answer) -> String {
    match answer {
        Answer::Json(body) => match body["errors"][0]["extensions"]["code"].as_str() {
            Some(code) => code.to_owned(),
            None => refusals(body, "inventoryAdjustQuantities").first().map_or("applied".to_owned(), |(code, _)| code.clone()),
        },
        Answer::BadRequest(_) => "bad request".to_owned(),
        Answer::Failed => "500".to_owned(),
        Answer::Silent => "silence".to_owned(),
    }
}

/// Protects the caller's retry: the caller repeats a key until the shop answers, and the shop applies the mutation once, unless
/// it forgets the key.
#[test]
fn a_retried_key_is_applied_once_whatever_went_wrong() {
    let concurrent = "IDEMPOTENCY_CONCURRENT_REQUEST";
    let rows: [(Faults, &[&str], i64); 7] = [
        (Faults::default(), &["applied"], 6),
        (Faults { fail: 2, ..Faults::default() }, &["500", "500", "applied"], 6),
        (Faults { throttle: 1, ..Faults::default() }, &["THROTTLED", "applied"], 6),
        (Faults { lose_request: 1, ..Faults::default() }, &["silence", "applied"], 6),
        (Faults { lose_answer: 2, ..Faults::default() }, &["silence", "silence", "applied"], 6),
        (Faults { concurrent: 1, ..Faults::default() }, &[concurrent, "applied"], 6),
        (Faults { lose_answer: 1, forget_keys: 1, ..Faults::default() }, &["silence", "applied"], 7),
    ];
    for (faults, expected, available) in rows {
        let mut f = fixture();
        f.shop.faults = faults.clone();
        let variables = f.adjustment("k", &[(f.main, 1)]);
        for (n, expected) in expected.iter().enumerate() {
            assert_eq!(&seen(&f.raw(at(1), ADJUST, &variables)), expected, "call {n} under {faults:?}");
        }
        assert_eq!(f.level(f.main).0, available, "{faults:?}");
        assert_eq!(f.shop.faults, Faults::default(), "all of it was used up");
    }
}

/// Protects against late calls: a call that its caller gave up is applied later, once, and its key is in use until then.
#[test]
fn a_call_may_be_applied_late() {
    let mut f = fixture();
    f.shop.faults.apply_late = 1;
    let variables = f.adjustment("k", &[(f.main, 1)]);
    assert_eq!(seen(&f.raw(at(1), ADJUST, &variables)), "silence");
    assert_eq!(seen(&f.raw(at(2), ADJUST, &variables)), "IDEMPOTENCY_CONCURRENT_REQUEST");
    assert_eq!((f.level(f.main).0, f.shop.settle_late(at(3))), (5, 1));
    assert_eq!((f.level(f.main).0, f.shop.settle_late(at(3))), (6, 0));
    assert_eq!(seen(&f.raw(at(4), ADJUST, &variables)), "applied");
    assert_eq!((f.level(f.main).0, f.shop.counters().deduplicated), (6, 1));
}

/// Protects queries from the faults of mutations, and the state of the shop from calls that were not let in.
#[test]
fn knobs_for_mutations_leave_queries_alone() {
    let mut f = fixture();
    f.shop.faults = Faults { lose_request: 1, lose_answer: 1, concurrent: 1, apply_late: 1, ..Faults::default() };
    let before = f.shop.faults.clone();
    let body = f.call(at(1), LEVELS, &json!({ "ids": [f.board.gid()] }));
    assert_eq!(body["data"]["nodes"][0]["id"], json!(f.board.gid()));
    assert_eq!(f.shop.faults, before);
}

/// Protects the drift report: an edit by a person changes the level, and the log marks it as not ours.
#[test]
fn a_manual_edit_is_logged_as_such() {
    let mut f = fixture();
    f.shop.manual_edit(at(1), f.board, f.main, 50).expect("known");
    let [logged] = f.shop.log() else { panic!("one entry") };
    assert_eq!(
        (logged.kind, logged.key.as_deref(), logged.changes[0].delta, f.level(f.main).0),
        (AppliedKind::ManualEdit, None, 45, 50)
    );
    assert_eq!(f.shop.manual_edit(at(1), ItemId(1), f.main, 1), Err(SetupRefused::UnknownItem(ItemId(1))));
    assert_eq!(f.shop.manual_edit(at(1), f.board, LocationId(1), 1), Err(SetupRefused::UnknownLocation(LocationId(1))));
}
