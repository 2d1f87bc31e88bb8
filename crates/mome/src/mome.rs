//! The answer loop: route, select, abstain or draft and verify.

use std::borrow::Cow;
use std::sync::Arc;

use mome_engine::{Executor, Head, OpenOptions, Opened, Pass, Prediction, open};
use mome_pack::{Expert, WordingHash};
use mome_store::{Fetched, Store};

use crate::answer::{
    Answer, DONT_KNOW, FactReference, FetchedBytes, MAX_SUGGESTIONS, Reason, Suggestion, TokenLogprob,
};
use crate::attach::{Attachment, accepted_bias, memory, verified};
use crate::gate::{Decision, probability};
use crate::search::{Candidate, ExpertKeys, search};
use crate::selection::{Reading, join_states};
use crate::{MomeError, Pack};

/// Tokens of an answer that room is kept for while the question is read. A longer one is verified in a sequence of its
/// own.
const USUAL_ANSWER: usize = 1024;

/// How a pack is to be opened.
#[derive(Clone, Default)]
pub struct LoadOptions {
    /// Which device runs the backbone, and how.
    pub engine: OpenOptions,
    /// The share of unknown questions that may be answered; the pack's own where `None`.
    pub alpha: Option<f64>,
    /// The file of a backbone that is at hand: used where it is the pack's, so that it need not be fetched.
    pub backbone: Option<Cow<'static, [u8]>>,
}

/// How one question is to be answered.
#[derive(Clone, Copy, Debug, Default)]
pub struct AnswerOptions {
    /// The share of unknown questions that may be answered; that of [`LoadOptions`] where `None`.
    pub alpha: Option<f64>,
}

/// A pack with its backbone on a device, ready to answer.
pub struct Mome {
    pack: Pack,
    executor: Arc<dyn Executor>,
    device_note: Option<String>,
    alpha: f64,
}

/// The best candidate, and whether it may answer.
struct Choice<'a> {
    expert: &'a Expert,
    log_odds: f32,
    confidence: f32,
    accepted: bool,
}

impl Mome {
    /// Opens a pack and puts its backbone on a device. The backbone is fetched from the pack, part by part, unless the
    /// file at hand is the same.
    ///
    /// # Errors
    /// [`MomeError`]: where an object cannot be had or read, the device not be used, or `alpha` is no share.
    pub async fn load(store: Store, options: LoadOptions) -> Result<Self, MomeError> {
        let pack = Pack::open(store).await?;
        let Opened { executor, device_note } = match options.backbone {
            Some(file) if pack.is_backbone(&file) => open(&file, options.engine).await?,
            _ => pack.open_backbone(options.engine).await?,
        };
        Self::new(pack, executor, device_note, options.alpha)
    }

    /// Answers from an open pack with an executor that is ready.
    ///
    /// # Errors
    /// [`MomeError::OtherBackbone`] or [`MomeError::Selector`] where the executor runs another backbone than the
    /// pack's, and [`MomeError::Alpha`].
    pub fn new(
        pack: Pack,
        executor: Arc<dyn Executor>,
        device_note: Option<String>,
        alpha: Option<f64>,
    ) -> Result<Self, MomeError> {
        pack.check_backbone(executor.backbone())?;
        let alpha = checked_alpha(alpha)?.unwrap_or(pack.manifest().alpha);
        Ok(Self { pack, executor, device_note, alpha })
    }

    /// The pack that is asked.
    #[must_use]
    pub fn pack(&self) -> &Pack {
        &self.pack
    }

    /// What runs the backbone.
    #[must_use]
    pub fn executor(&self) -> &Arc<dyn Executor> {
        &self.executor
    }

    /// The device that runs the backbone.
    #[must_use]
    pub fn device(&self) -> &str {
        self.executor.device()
    }

    /// Why no GPU is used, where one might have been.
    #[must_use]
    pub fn device_note(&self) -> Option<&str> {
        self.device_note.as_deref()
    }

    /// Answers a question.
    ///
    /// # Errors
    /// [`MomeError`] where the question is empty or too long, a shard cannot be had or read, or the device fails.
    /// "I don't know" is no error.
    pub async fn answer(&self, question: &str, options: &AnswerOptions) -> Result<Answer, MomeError> {
        let alpha = checked_alpha(options.alpha)?.unwrap_or(self.alpha);
        let before = self.pack.store().fetched();
        let backbone = self.executor.backbone();
        let (selection, context) = (self.pack.selection(), backbone.config().context);
        if question.trim().is_empty() {
            return Err(MomeError::EmptyQuestion);
        }
        let prompt = backbone.frame().prompt(backbone.tokenizer(), question);
        if prompt.tokens.len() > context {
            return Err(MomeError::QuestionTooLong { tokens: prompt.tokens.len(), context });
        }

        let room = context.min(prompt.tokens.len() + USUAL_ANSWER);
        let mut sequence = self.executor.begin(room)?;
        let layers = selection.layers();
        let read = sequence.run(Pass { tokens: &prompt.tokens, states: &layers, head: None }).await?;
        let states = join_states(&read.states, backbone.config().hidden, prompt.question.clone());
        let reading = selection.read(&states, &prompt.tokens[prompt.question]);

        let experts = self.pack.experts_near(&reading).await?;
        let candidates = self.candidates(&reading, &experts);
        let decision = self.pack.decision(alpha);
        let choice = choose(question, &experts, &candidates, decision);
        let fetched = self.fetched_since(before);

        let mut answer = Answer {
            known: false,
            text: DONT_KNOW.to_owned(),
            reason: Some(Reason::Gate),
            confidence: choice.as_ref().map_or(0.0, |choice| choice.confidence),
            facts: Vec::new(),
            suggestions: Vec::new(),
            tokens: Vec::new(),
            passes: 1,
            fetched,
            device: self.device().to_owned(),
        };
        if let Some(choice) = choice.filter(|choice| choice.accepted) {
            let slots = &choice.expert.slots;
            let needed = sequence.len() + slots.len();
            if needed <= context {
                answer.passes += 1;
                let draft: Vec<u32> = slots.iter().map(|slot| slot.token).collect();
                let attention = &selection.selector().attention;
                let bias = accepted_bias(attention, choice.log_odds);
                let attached =
                    memory(self.pack.query(), attention, &[Attachment { slots, bias, next_place: 0 }]);
                let head = Head { rows: draft.len(), memory: Some(&attached), ..Head::default() };
                let mut tokens = draft[..draft.len().saturating_sub(1)].to_vec();
                if needed > room {
                    sequence = self.executor.begin(needed)?;
                    tokens.splice(..0, prompt.tokens.iter().copied());
                }
                let verify = sequence.run(Pass { tokens: &tokens, states: &[], head: Some(head) }).await?;
                if verified(slots, &attached, &verify.predictions) {
                    self.give(&mut answer, &choice, &draft, &verify.predictions);
                    return Ok(answer);
                }
            }
            answer.reason = Some(Reason::Unverified);
        }
        answer.suggestions = suggestions(&experts, &candidates, decision);
        Ok(answer)
    }

    /// The experts most like the question, the best first.
    fn candidates(&self, reading: &Reading, experts: &[Expert]) -> Vec<Candidate> {
        let keys: Vec<ExpertKeys> = experts.iter().map(ExpertKeys::new).collect();
        let keys: Vec<&ExpertKeys> = keys.iter().collect();
        search(reading, self.pack.selection(), &keys, |_, _| false)
    }

    /// Fills in the answer that was verified.
    fn give(&self, answer: &mut Answer, choice: &Choice<'_>, draft: &[u32], predictions: &[Prediction]) {
        let backbone = self.executor.backbone();
        let tokenizer = backbone.tokenizer();
        answer.known = true;
        answer.reason = None;
        answer.text = backbone.frame().text(tokenizer, draft);
        answer.facts = vec![FactReference {
            id: choice.expert.id.clone(),
            source: choice.expert.source.clone(),
            score: choice.confidence,
        }];
        let spoken = &predictions[..predictions.len() - 1];
        answer.tokens = spoken
            .iter()
            .map(|prediction| TokenLogprob {
                text: tokenizer.token_text(prediction.token),
                logprob: prediction.logprob,
            })
            .collect();
    }

    fn fetched_since(&self, before: Fetched) -> FetchedBytes {
        let now = self.pack.store().fetched();
        FetchedBytes { objects: now.objects - before.objects, bytes: now.bytes - before.bytes }
    }
}

/// The expert that stores the question's very wording; else the best candidate, if the gate accepts it.
fn choose<'a>(
    question: &str,
    experts: &'a [Expert],
    candidates: &[Candidate],
    decision: Option<Decision<'_>>,
) -> Option<Choice<'a>> {
    let wording = WordingHash::of(question);
    if let Some(expert) = experts.iter().find(|expert| expert.wordings.contains(&wording)) {
        return Some(Choice { expert, log_odds: f32::INFINITY, confidence: 1.0, accepted: true });
    }
    let best = candidates.first()?;
    let log_odds = log_odds(best, decision);
    let threshold = decision.and_then(|decision| decision.threshold);
    Some(Choice {
        expert: &experts[best.expert],
        log_odds,
        confidence: probability(log_odds),
        accepted: threshold.is_some_and(|threshold| log_odds > threshold),
    })
}

/// What the gate says of a candidate. Without a gate nothing is trusted but stored wordings.
fn log_odds(candidate: &Candidate, decision: Option<Decision<'_>>) -> f32 {
    decision.map_or(f32::NEG_INFINITY, |decision| decision.gate.log_odds(&candidate.features))
}

/// The nearest facts.
fn suggestions(
    experts: &[Expert],
    candidates: &[Candidate],
    decision: Option<Decision<'_>>,
) -> Vec<Suggestion> {
    let nearest = candidates.iter().take(MAX_SUGGESTIONS);
    nearest
        .map(|candidate| Suggestion {
            id: experts[candidate.expert].id.clone(),
            question: experts[candidate.expert].question.clone(),
            score: probability(log_odds(candidate, decision)),
        })
        .collect()
}

fn checked_alpha(alpha: Option<f64>) -> Result<Option<f64>, MomeError> {
    match alpha {
        Some(alpha) if !(alpha > 0.0 && alpha < 1.0) => Err(MomeError::Alpha(alpha)),
        alpha => Ok(alpha),
    }
}
