//! 2,000 facts memorised on the default backbone: the figures that were reached, and what holds for every fact.
#![allow(clippy::unwrap_used, reason = "test code, outside of test functions")]

mod common;

use std::path::Path;

use common::{data, json, models_on, opened, relations};
use half::f16;
use mome::Mome;
use mome::attach::{Attachment, accepted_bias, memory};
use mome_backbone::Backbone;
use mome_build::slots::{EPSILON, SPARE, loss};
use mome_build::trace::trace;
use mome_build::{Fact, read_facts};
use mome_engine::{DeviceChoice, Head, Pass};
use mome_pack::{Attention, Expert, Slot};
use pollster::block_on;
use rayon::prelude::*;

/// The pack on the CPU, and its experts in the order of the facts.
struct Relations {
    mome: Mome,
    facts: Vec<Fact>,
    experts: Vec<Expert>,
}

impl Relations {
    fn open() -> Self {
        let mome = opened(Path::new(&relations().0), &models_on(DeviceChoice::Cpu));
        let mut experts = block_on(mome.pack().all_experts()).unwrap();
        let facts = read_facts(Path::new(&data("relations.jsonl"))).unwrap();
        experts.sort_by(|a, b| a.id.cmp(&b.id));
        assert!(facts.iter().map(|fact| &fact.id).eq(experts.iter().map(|expert| &expert.id)));
        Self { mome, facts, experts }
    }

    fn backbone(&self) -> &Backbone {
        self.mome.executor().backbone()
    }

    fn prompt(&self, question: &str) -> Vec<u32> {
        self.backbone().frame().prompt(self.backbone().tokenizer(), question).tokens
    }

    fn attention(&self) -> &Attention {
        &self.mome.pack().query().attention
    }

    /// Whether the answer loop would give these slots' answer, for an expert with these log odds: infinite for one whose
    /// wording is stored.
    fn verifies(&self, question: &str, slots: &[Slot], log_odds: f32) -> bool {
        let prefilled = block_on(self.mome.prefill(question)).unwrap();
        block_on(self.mome.draft_and_verify(prefilled, slots, log_odds)).unwrap().is_some()
    }

    /// Greedy decoding, one token at a time, with the expert attached (without slots: by the bare backbone), up to
    /// the end token.
    fn decode(&self, question: &str, slots: &[Slot], log_odds: f32, most: usize) -> Vec<u32> {
        let (attention, bias) = (self.attention(), accepted_bias(self.attention(), log_odds));
        let mut tokens = self.prompt(question);
        let mut sequence = self.mome.executor().begin(tokens.len() + most).unwrap();
        let (mut decoded, mut next_place) = (Vec::new(), 0);
        while decoded.len() < most {
            let attached = memory(
                self.mome.pack().query_projection(),
                attention,
                &[Attachment { slots, bias, next_place }],
            );
            let attend = (!slots.is_empty()).then_some(&attached);
            let head = Head { rows: 1, memory: attend, ..Head::default() };
            let output =
                block_on(sequence.run(Pass { tokens: &tokens, states: &[], head: Some(head) })).unwrap();
            let next = &output.predictions[0];
            if let Some(slot) = next.slot {
                next_place = attached.slots[slot as usize].place as usize + 1;
            }
            decoded.push(next.token);
            if next.token == self.backbone().tokenizer().end() {
                break;
            }
            tokens = vec![next.token];
        }
        decoded
    }
}

fn draft(slots: &[Slot]) -> Vec<u32> {
    slots.iter().map(|slot| slot.token).collect()
}

fn scaled(slots: &[Slot], factor: f64) -> Vec<Slot> {
    slots
        .iter()
        .map(|slot| Slot { strength: f16::from_f64(slot.strength.to_f64() * factor), ..*slot })
        .collect()
}

/// What was measured when this was written, less what a change of the random choices may cost. Better figures
/// should raise these bounds.
#[test]
fn the_figures_reached_are_kept() {
    let (pack, report) = relations();
    assert_eq!(
        (&report["facts"], &report["memorised"], &report["verified"]),
        (&2000.into(), &2000.into(), &2000.into())
    );
    assert_eq!(report["failed"].as_array().map(Vec::len), Some(0));
    assert!(report["max_loss"].as_f64().unwrap() <= f64::from(EPSILON));

    let ask = |file: &str| json(&["eval", "--pack", &pack, &data(file), "--device", "cpu"]).1;
    let canonical = ask("relations.jsonl");
    assert_eq!(canonical["exact_canonical"], serde_json::json!({"total": 2000, "right": 2000}));
    assert_eq!(canonical["known"]["right"], 2000);

    let unseen = ask("relations.questions.jsonl");
    assert_eq!(unseen["exact_canonical"]["total"], 0, "no paraphrase in the figures is a stored wording");
    let figure = |of: &str, what: &str| unseen[of][what].as_u64().unwrap();
    assert!(figure("known", "right") >= 1940, "{unseen}");
    assert!(figure("known", "wrong") <= 6, "{unseen}");
    assert!(figure("unknown", "answered") <= 10, "{unseen}");
    let confidence = &unseen["confidence"];
    assert_eq!(confidence["questions"], 2500);
    assert!(confidence["auroc"].as_f64() > Some(0.99), "{confidence}");
    assert!(confidence["coverage_at_1_percent"].as_f64() > Some(0.75), "{confidence}");
}

#[test]
fn draft_and_verify_is_token_by_token_decoding() {
    let relations = Relations::open();
    let least = relations.attention().accepted;
    let differ = |question: &str, slots: &[Slot], log_odds: f32| {
        let decoded = relations.decode(question, slots, log_odds, slots.len() + 4);
        (decoded == draft(slots)) != relations.verifies(question, slots, log_odds)
    };
    let differing: Vec<&str> = relations
        .facts
        .par_iter()
        .zip(&relations.experts)
        .filter(|(fact, expert)| {
            let stored = differ(&fact.wordings[0], &expert.slots, f32::INFINITY);
            // A question that is not the expert's at all, which the gate only just accepted.
            stored || differ(&format!("Who likes {}", fact.id), &expert.slots, least)
        })
        .map(|(fact, _)| fact.id.as_str())
        .collect();
    assert!(differing.is_empty(), "{differing:?}");
}

#[test]
fn without_its_strengths_an_expert_is_not_verified() {
    let relations = Relations::open();
    let facts: Vec<_> = relations.facts.iter().zip(&relations.experts).step_by(10).collect();
    assert_eq!(facts.len(), 200);
    let by_itself: Vec<bool> = facts
        .par_iter()
        .map(|(fact, expert)| {
            let question = &fact.wordings[0];
            let known = relations.decode(question, &[], 0.0, expert.slots.len()) == draft(&expert.slots);
            let verifies = relations.verifies(question, &scaled(&expert.slots, 0.0), f32::INFINITY);
            assert_eq!(verifies, known, "{}", fact.id);
            known
        })
        .collect();
    let by_itself = by_itself.into_iter().filter(|&known| known).count();
    assert!(by_itself < 20, "the bare backbone knows {by_itself} of 200: then this shows little");
}

#[test]
fn strengths_are_what_the_loss_needs_and_no_more() {
    let relations = Relations::open();
    let attention = relations.attention();
    relations.facts.par_iter().zip(&relations.experts).step_by(10).for_each(|(fact, expert)| {
        let answer = draft(&expert.slots);
        let traces: Vec<_> = fact
            .wordings
            .iter()
            .map(|wording| block_on(trace(relations.mome.executor().as_ref(), wording, &answer)).unwrap())
            .collect();
        let traces: Vec<_> = traces.iter().collect();
        let loss = |slots: &[Slot]| loss(relations.mome.pack().query_projection(), attention, slots, &traces);
        assert!(loss(&expert.slots) <= EPSILON, "{}", fact.id);
        assert!((loss(&expert.slots) - expert.loss).abs() < 1e-4, "{}", fact.id);
        let mut weaker = scaled(&expert.slots, 0.95);
        weaker.iter_mut().for_each(|slot| slot.strength = f16::from_f32(slot.strength.to_f32() - SPARE));
        assert!(loss(&weaker) > EPSILON, "{}", fact.id);
    });
}
