//! Judging: the reranker looks at the question beside the nearest wording of each of the best facts, and what it says
//! becomes what the gate decides by.

use mome_engine::RerankLogits;

use crate::ranking::{FactKeys, Near, leads, rank};
use crate::vectors::log_add_exp;
use crate::{Reader, ReaderError, Reading};

/// How many facts are judged: the nearest ones, each by its nearest wording.
pub const JUDGED: usize = 3;

/// How much the reranker's word counts in the order of the facts that it judged, and the bounds within which it does.
const WORD: f32 = 0.03;
const WORD_BOUNDS: (f32, f32) = (-3.0, 4.0);

/// A lead, or a difference of logits, beyond these says no more; a similarity this far above one is none.
const MOST_LEAD: f32 = 0.3;
const MOST_LOGIT: f32 = 6.0;
const PAST_ONE: f32 = 1.05;

/// How many features the part of a gate has that looks at nearness: without a reranker, and with one.
pub const SENSE_FEATURES: usize = 4;
/// Two more than [`SENSE_FEATURES`]: what the reranker says.
pub const NEAR_FEATURES: usize = SENSE_FEATURES + 2;

/// How many features the part has that looks for changes.
pub const UNCHANGED_FEATURES: usize = 1;

/// What the gate looks at to tell whether anything was changed: same against changed.
#[must_use]
pub fn unchanged_features(judged: RerankLogits) -> [f32; UNCHANGED_FEATURES] {
    [(judged.same - judged.changed).clamp(-MOST_LOGIT, MOST_LOGIT)]
}

/// A fact that may be the one asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// How near it is in sense.
    pub near: Near,
    /// What the reranker says of its nearest wording; `None` where it was not judged.
    pub judged: Option<RerankLogits>,
    /// By how much its similarity leads that of every other fact: see [`leads`].
    pub lead: f32,
}

impl Candidate {
    /// What the gate looks at to tell whether the question is near, where no reranker judges: the largest similarity
    /// and the mean one, so that what is close to one counts most; what the regression gives; lead.
    #[must_use]
    pub fn sense_features(&self) -> [f32; SENSE_FEATURES] {
        let close = |cosine: f32| -(PAST_ONE - cosine.min(1.0)).ln();
        let Near { cosine, mean_cosine, nearness, .. } = self.near;
        [close(cosine), close(mean_cosine), nearness, self.lead.clamp(-MOST_LEAD, MOST_LEAD)]
    }

    /// The same where one does: also same against other, and same against all that is not the same.
    #[must_use]
    pub fn near_features(&self, judged: RerankLogits) -> [f32; NEAR_FEATURES] {
        let [largest, mean, nearness, lead] = self.sense_features();
        let RerankLogits { same, changed, other } = judged;
        let bounded = |logit: f32| logit.clamp(-MOST_LOGIT, MOST_LOGIT);
        [largest, mean, nearness, lead, bounded(same - other), bounded(same - log_add_exp(changed, other))]
    }

    /// Where it stands among the candidates.
    fn mark(&self) -> f32 {
        let (least, most) = WORD_BOUNDS;
        let word = self.judged.map_or(least, |RerankLogits { same, other, .. }| same - other);
        self.near.nearness + WORD * word.clamp(least, most)
    }
}

/// Finds the facts that a question may ask for, the best first. `hidden(fact, wording)` says which wordings it may not
/// see.
///
/// # Errors
/// As [`Reader::judge`].
pub async fn candidates(
    reader: &dyn Reader,
    reading: &Reading,
    facts: &[&FactKeys],
    hidden: impl Fn(usize, usize) -> bool,
) -> Result<Vec<Candidate>, ReaderError> {
    let ranked = rank(&reading.embedding, facts, hidden);
    let tokens = |near: &Near| facts[near.fact].wordings[near.wording].tokens.as_slice();
    let nearest: Vec<&[u32]> = ranked.iter().take(JUDGED).map(tokens).collect();
    let judgments = reader.judge(&reading.tokens, &nearest).await?;
    let mut judgments = judgments.into_iter();
    let leads = leads(&ranked);
    let mut candidates: Vec<Candidate> = ranked
        .into_iter()
        .zip(leads)
        .map(|(near, lead)| Candidate { near, judged: judgments.next(), lead })
        .collect();
    candidates.sort_by(|a, b| b.mark().total_cmp(&a.mark()).then(a.near.fact.cmp(&b.near.fact)));
    Ok(candidates)
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use half::f16;
    use mome_pack::{Digest, Expert, KEY_WIDTH, Slot, UnitVector};
    use pollster::block_on;

    use super::*;
    use crate::ranking::WordingKeys;
    use crate::vectors::normalize;
    use crate::{ReaderDescription, ReaderError};

    const WIDTH: usize = 32;

    /// A reader without a model: words are counted in buckets, and a question is the same where all words are.
    struct BagOfWords(ReaderDescription);

    impl BagOfWords {
        fn new(judges: bool) -> Self {
            Self(ReaderDescription {
                encoder: Some(Digest::of(b"bag of words")),
                reranker: None,
                judges,
                prefix: String::new(),
                width: WIDTH,
                vocabulary: WIDTH,
            })
        }

        fn bucket(word: &str) -> u32 {
            let hash = word.bytes().fold(7u32, |hash, byte| hash.wrapping_mul(31).wrapping_add(byte.into()));
            hash % WIDTH as u32
        }
    }

    #[cfg_attr(target_arch = "wasm32", async_trait(?Send))]
    #[cfg_attr(not(target_arch = "wasm32"), async_trait)]
    impl Reader for BagOfWords {
        fn description(&self) -> &ReaderDescription {
            &self.0
        }

        async fn read_all(&self, texts: &[&str]) -> Result<Vec<Reading>, ReaderError> {
            let read = |text: &&str| {
                let tokens: Vec<u32> = text.split_whitespace().map(Self::bucket).collect();
                let mut embedding = vec![0.0; WIDTH];
                tokens.iter().for_each(|&token| embedding[token as usize] += 1.0);
                normalize(&mut embedding);
                Reading { embedding, tokens, cut: false }
            };
            Ok(texts.iter().map(read).collect())
        }

        async fn judge(
            &self,
            question: &[u32],
            wordings: &[&[u32]],
        ) -> Result<Vec<RerankLogits>, ReaderError> {
            let judge = |wording: &&[u32]| {
                let missing = wording.iter().filter(|token| !question.contains(token)).count();
                RerankLogits { same: 3.0 - missing as f32, changed: 1.0, other: missing as f32 }
            };
            let judges = self.0.judges;
            Ok(wordings.iter().filter(|_| judges).map(judge).collect())
        }

        fn cuts(&self, _: &str) -> bool {
            false
        }
    }

    /// What is searched of a fact whose wordings this reader read, as an expert keeps them.
    fn keys(reader: &dyn Reader, wordings: &[&str]) -> FactKeys {
        let readings = block_on(reader.read_all(wordings)).unwrap();
        let wordings = readings.iter().zip(wordings).map(|(reading, text)| reading.wording(text)).collect();
        let slot = Slot { key: UnitVector::quantize(&[1.0; KEY_WIDTH]), token: 0, strength: f16::ONE };
        let expert = Expert {
            id: "fact".into(),
            question: "question".into(),
            source: None,
            loss: 0.0,
            wordings,
            slots: vec![slot],
        };
        let layout = reader.description().layout();
        let bytes = expert.encode(layout).unwrap();
        FactKeys::new(&Expert::decode(&bytes, layout).unwrap())
    }

    #[test]
    fn any_reader_will_do() {
        for judges in [false, true] {
            let reader = BagOfWords::new(judges);
            let facts = [
                keys(&reader, &["when does the shop open", "from when on is the shop open"]),
                keys(&reader, &["where is the shop"]),
                keys(&reader, &["who owns the yellow bicycle"]),
            ];
            let facts: Vec<&FactKeys> = facts.iter().collect();
            let reading = block_on(reader.read("who owns the bicycle")).unwrap();
            let candidates = block_on(candidates(&reader, &reading, &facts, |_, _| false)).unwrap();
            assert_eq!(candidates[0].near.fact, 2);
            assert!(candidates.iter().all(|candidate| candidate.judged.is_some() == judges));
        }
    }

    #[test]
    fn of_two_that_are_as_near_the_judged_one_comes_first() {
        let reader = BagOfWords::new(true);
        let same = reader.read("open shop");
        let reading = block_on(same).unwrap();
        let embedding = reading.embedding.clone();
        let fact = |tokens: &[u32]| FactKeys {
            wordings: vec![WordingKeys { embedding: embedding.clone(), tokens: tokens.to_vec() }],
        };
        let facts = [fact(&[1, 2, 3, 4, 5]), fact(&reading.tokens)];
        let facts: Vec<&FactKeys> = facts.iter().collect();
        let candidates = block_on(candidates(&reader, &reading, &facts, |_, _| false)).unwrap();
        assert_eq!(candidates[0].near.fact, 1);
    }
}
