//! What experts do to text that has nothing to do with them, attached though the gate never spoke for them: where null
//! leads, the logits are the bare backbone's bit for bit; where it does not is counted.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "test code, outside of test functions")]

mod common;

use std::collections::HashSet;
use std::iter::Sum;
use std::ops::Add;
use std::path::Path;

use common::{data, memorized, random_strings};
use mome::attach::{Attachment, memory};
use mome::{Mome, Pack};
use mome_build::{Fact, read_facts};
use mome_engine::{Head, Pass};
use mome_pack::{Expert, WordingHash};
use mome_retrieval::vectors::dot;
use pollster::block_on;
use rand::SeedableRng as _;
use rand::seq::IndexedRandom as _;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use tempfile::TempDir;

/// Experts that are attached together.
const ATTACHED: usize = 32;

/// What was seen over the tokens of texts.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    tokens: usize,
    /// Tokens after which null did not lead.
    not_null: usize,
    /// Tokens that were predicted, and how many nats that cost the bare backbone and the one with experts.
    predicted: usize,
    bare: f64,
    attached: f64,
}

impl Add for Seen {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            tokens: self.tokens + other.tokens,
            not_null: self.not_null + other.not_null,
            predicted: self.predicted + other.predicted,
            bare: self.bare + other.bare,
            attached: self.attached + other.attached,
        }
    }
}

impl Sum for Seen {
    fn sum<I: Iterator<Item = Self>>(seen: I) -> Self {
        seen.fold(Self::default(), Add::add)
    }
}

impl Seen {
    /// Perplexity of the bare backbone, and with experts.
    fn perplexities(&self) -> [f64; 2] {
        [self.bare, self.attached].map(|nats| (nats / self.predicted as f64).exp())
    }
}

/// The first of these many facts of a table of the training crate, each with its question alone.
fn questions(file: &str, count: usize) -> Vec<Fact> {
    let mut facts = read_facts(Path::new(&data(file))).unwrap();
    facts.truncate(count);
    facts.iter_mut().for_each(|fact| fact.wordings.truncate(1));
    facts
}

/// Definitions of words: sentences of their own, which no fact of the packs is about. The last ones of their table, of
/// which the query object that comes with the command may have seen one in six, as text to keep away from.
fn texts(count: usize) -> Vec<String> {
    let definitions = questions("../../../mome-train/data/definitions.jsonl", usize::MAX);
    let long = definitions.into_iter().map(|fact| fact.answer).filter(|text| text.split(' ').count() > 8);
    long.rev().take(count).collect()
}

/// All experts of a pack.
fn experts(pack: &Pack) -> Vec<Expert> {
    block_on(pack.all_experts()).unwrap()
}

/// The experts to attach to the text of this number.
type Choose<'a> = dyn Fn(usize) -> Vec<&'a Expert> + Sync + 'a;

/// Experts drawn at random.
fn drawn(experts: &[Expert], text: usize) -> Vec<&Expert> {
    experts.sample(&mut ChaCha8Rng::seed_from_u64(text as u64), ATTACHED).collect()
}

/// The experts whose questions are most like the text, as routing sees them.
fn nearest<'a>(mome: &Mome, experts: &'a [Expert], text: &str) -> Vec<&'a Expert> {
    let reading = block_on(mome.reader().read(text)).unwrap();
    let mut ranked: Vec<(f32, &Expert)> = experts
        .iter()
        .map(|expert| (dot(&reading.embedding, &expert.wordings[0].routing.dequantize()), expert))
        .collect();
    ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
    ranked.into_iter().take(ATTACHED).map(|(_, expert)| expert).collect()
}

/// Reads a text token by token, as decoding would, with experts that are merely attached: of each, the place expected
/// is one past the slot that led last.
fn read(mome: &Mome, text: &str, experts: &[&Expert]) -> Seen {
    let executor = mome.executor();
    let tokenizer = executor.backbone().tokenizer();
    let begin = tokenizer.begin().filter(|_| tokenizer.adds_begin());
    let tokens: Vec<u32> =
        begin.into_iter().chain(tokenizer.encode(text).into_iter().map(|token| token.id)).collect();
    let attention = &mome.pack().query().attention;
    let mut places = vec![0; experts.len()];
    let mut sequence = executor.begin(tokens.len()).unwrap();
    let mut seen = Seen::default();
    for (at, token) in tokens.iter().enumerate() {
        let attachments = experts.iter().zip(&places);
        let attachments: Vec<_> = attachments
            .map(|(expert, &next_place)| Attachment { slots: &expert.slots, bias: 0.0, next_place })
            .collect();
        let memory = memory(mome.pack().query_projection(), attention, &attachments);
        let next = tokens.get(at + 1);
        let watch: Vec<u32> = next.copied().into_iter().collect();
        let head = Head { rows: 1, memory: Some(&memory), watch: &watch, logits: true, ..Head::default() };
        let attached =
            block_on(sequence.run(Pass { tokens: &[*token], states: &[], head: Some(head) })).unwrap();
        let head = Head { memory: None, ..head };
        let bare = block_on(sequence.run(Pass { tokens: &[], states: &[], head: Some(head) })).unwrap();
        seen.tokens += 1;
        match attached.predictions[0].slot {
            None => {
                let equal = attached.logits.iter().zip(&bare.logits).all(|(a, b)| a.to_bits() == b.to_bits());
                assert!(equal, "null led after token {at} of {text:?}, and yet the logits changed");
            }
            Some(slot) => {
                let slot = &memory.slots[slot as usize];
                places[slot.expert as usize] = slot.place as usize + 1;
                seen.not_null += 1;
            }
        }
        if next.is_some() {
            let nats = |prediction: &mome_engine::Prediction| {
                f64::from(prediction.log_sum) - f64::from(prediction.watched[0])
            };
            seen.predicted += 1;
            seen.bare += nats(&bare.predictions[0]);
            seen.attached += nats(&attached.predictions[0]);
        }
    }
    seen
}

/// Reads all texts with experts drawn at random, and with those that are most like each. The bounds are what was
/// measured when this was written (a thousandth of the tokens, and a fiftieth), and what another query object may cost.
fn locality(facts: &[Fact], texts: &[String]) {
    let directory = TempDir::new().unwrap();
    let (mome, report) = memorized(facts, directory.path());
    assert_eq!(report.memorized, facts.len(), "{:?}", report.failed);
    let experts = experts(mome.pack());
    let random = |text: usize| drawn(&experts, text);
    let near = |text: usize| nearest(&mome, &experts, &texts[text]);
    let choices: [(&str, &Choose<'_>, f64); 2] =
        [("drawn at random", &random, 0.005), ("nearest", &near, 0.04)];
    for (name, choose, bound) in choices {
        let seen: Seen =
            texts.par_iter().enumerate().map(|(number, text)| read(&mome, text, &choose(number))).sum();
        let [bare, attached] = seen.perplexities();
        println!(
            "experts {name}: null did not lead after {} of {} tokens; perplexity {bare:.4} without, {attached:.4} with",
            seen.not_null, seen.tokens
        );
        assert!(seen.not_null as f64 <= bound * seen.tokens as f64, "{name}: {seen:?}");
        assert!(attached <= bare * 1.01, "{name}: {bare} {attached}");
    }
}

#[test]
fn merely_attached_experts_leave_unrelated_text_alone() {
    let mut facts = questions("relations.jsonl", 150);
    facts.extend(random_strings(0, 50));
    locality(&facts, &texts(20));
}

#[test]
#[ignore = "it takes minutes"]
fn merely_attached_experts_of_ten_thousand_leave_unrelated_text_alone() {
    let tables = ["more-relations", "trivia", "webquestions"].map(|name| format!("../../data/{name}.jsonl"));
    let mut facts = questions("relations.jsonl", usize::MAX);
    facts.extend(tables.iter().flat_map(|table| questions(table, usize::MAX)));
    let mut wordings = HashSet::new();
    facts.retain(|fact| wordings.insert(WordingHash::of(&fact.wordings[0])));
    facts.extend(random_strings(0, 10_000 - facts.len()));
    assert_eq!(facts.len(), 10_000);
    locality(&facts, &texts(200));
}
