//! What is reached on packs of other kinds than relations: the intents of a bank's customers, and FAQs that have one wording
//! of each question. Bounds are what was measured when this was written, less what a change of the random choices may
//! cost; better figures should raise them.
#![allow(clippy::unwrap_used, reason = "test code, outside of test functions")]

mod common;

use common::{data, json, shared_pack};
use serde_json::Value;

const FAQS: [&str; 8] = [
    "bicycle-sharing",
    "blood-donation",
    "bookshop",
    "ferry-line",
    "gym",
    "recycling-service",
    "school-canteen",
    "static-site-generator",
];

/// Replies to the questions of some packs whose wording is not stored, counted together.
#[derive(Debug, Default)]
struct Replies {
    known: u64,
    right: u64,
    wrong: u64,
    unverified: f64,
    unknown: u64,
    answered: u64,
}

impl Replies {
    /// Asks a pack the questions in a file, at alpha 5 %.
    fn ask(&mut self, pack: &str, questions: &str) {
        let evaluation = evaluate(pack, questions);
        let count = |of: &str, what: &str| evaluation[of][what].as_u64().unwrap();
        let known = count("known", "total") - count("exact_canonical", "total");
        self.known += known;
        self.right += count("known", "right") - count("exact_canonical", "right");
        self.wrong += count("known", "wrong");
        let unverified = evaluation["rates"]["unverified_of_known"]["share"].as_f64().unwrap();
        self.unverified += unverified * known as f64;
        self.unknown += count("unknown", "total");
        self.answered += count("unknown", "answered");
    }

    fn share_right(&self) -> f64 {
        self.right as f64 / self.known as f64
    }

    fn share_wrong(&self) -> f64 {
        self.wrong as f64 / self.known as f64
    }

    fn share_unverified(&self) -> f64 {
        self.unverified / self.known as f64
    }

    fn share_answered(&self) -> f64 {
        self.answered as f64 / self.unknown as f64
    }
}

fn evaluate(pack: &str, questions: &str) -> Value {
    json(&["eval", "--pack", pack, &data(questions), "--alpha", "0.05", "--device", "cpu"]).1
}

/// Every stored wording is answered, whatever the gate would say.
fn stored_wordings_are_exact(pack: &str, table: &str, facts: u64) {
    let canonical = evaluate(pack, &format!("{table}.jsonl"));
    assert_eq!(canonical["exact_canonical"], serde_json::json!({"total": facts, "right": facts}), "{table}");
}

#[test]
fn intents_are_told_apart() {
    let (pack, report) = shared_pack("banking", &["--alpha", "0.05"]);
    assert_eq!((&report["memorised"], &report["verified"]), (&62.into(), &62.into()));
    assert_eq!(report["gate"]["calibrated_by"], "pack");
    stored_wordings_are_exact(&pack, "banking", 62);
    let mut replies = Replies::default();
    replies.ask(&pack, "banking.questions.jsonl");
    assert_eq!((replies.known, replies.unknown), (2476, 600));
    assert!(replies.share_right() >= 0.5, "{replies:?}");
    assert!(replies.share_wrong() <= 0.03, "{replies:?}");
    assert!(replies.share_unverified() < 0.01, "{replies:?}");
    assert!(replies.share_answered() <= 0.17, "{replies:?}");
}

#[test]
fn faqs_of_one_wording_each_are_answered_by_the_readers_gate() {
    let mut replies = Replies::default();
    for faq in FAQS {
        let table = format!("faq/{faq}");
        let (pack, report) = shared_pack(&table, &["--alpha", "0.05"]);
        assert_eq!(
            (&report["verified"], &report["calibration"]["fitted"]),
            (&20.into(), &false.into()),
            "{faq}"
        );
        stored_wordings_are_exact(&pack, &table, 20);
        replies.ask(&pack, &format!("{table}.questions.jsonl"));
    }
    assert_eq!((replies.known, replies.unknown), (960, 320));
    assert!(replies.share_right() >= 0.3, "{replies:?}");
    assert!(replies.share_wrong() <= 0.03, "{replies:?}");
    assert!(replies.share_unverified() < 0.01, "{replies:?}");
    assert!(replies.share_answered() <= 0.06, "{replies:?}");
}
