//! The answer loop: read, select, abstain or draft and verify, report.

use std::borrow::Cow;
use std::sync::Arc;

use futures::future::try_join;
use mome_engine::{Executor, Head, OpenOptions, Opened, Pass, Prediction, Sequence, open};
use mome_pack::{Expert, Slot, WordingHash};
use mome_retrieval::gate::{Decision, log_odds, probability};
use mome_retrieval::judging::{Candidate, candidates};
use mome_retrieval::ranking::FactKeys;
use mome_retrieval::{Reader, Reading};
use mome_store::{Fetched, Store};

use crate::answer::{
    Answer, DONT_KNOW, FactReference, FetchedBytes, MAX_SUGGESTIONS, Reason, Suggestion, TokenLogprob,
};
use crate::attach::{Attachment, accepted_bias, memory, verified};
use crate::{MomeError, Pack};

/// Tokens of an answer that room is kept for while the question is read. A longer one is verified in a sequence of its
/// own.
const USUAL_ANSWER: usize = 1024;

/// The part of the backbone's context that a question may take; of a longer one the beginning is read.
const QUESTION_SHARE: (usize, usize) = (3, 4);

/// How a pack is to be opened.
#[derive(Clone, Default)]
pub struct LoadOptions {
    /// Which device runs the models, and how.
    pub engine: OpenOptions,
    /// The share of unknown questions that may be answered; the pack's own where `None`.
    pub alpha: Option<f64>,
    /// The file of a backbone that is at hand: used where it is the pack's, so that it need not be fetched.
    pub backbone: Option<Cow<'static, [u8]>>,
    /// The files of a reader that is at hand: used where it is the pack's, so that it need not be fetched.
    pub reader: Option<ReaderFiles>,
}

/// The files of a reader.
#[derive(Clone)]
pub struct ReaderFiles {
    /// The encoder, GGUF.
    pub encoder: Cow<'static, [u8]>,
    /// The reranker that goes with it, GGUF.
    pub reranker: Option<Cow<'static, [u8]>>,
}

/// How one question is to be answered.
#[derive(Clone, Copy, Debug, Default)]
pub struct AnswerOptions {
    /// The share of unknown questions that may be answered; that of [`LoadOptions`] where `None`.
    pub alpha: Option<f64>,
}

/// A pack with its models on a device, ready to answer.
pub struct Mome {
    pack: Pack,
    reader: Arc<dyn Reader>,
    executor: Arc<dyn Executor>,
    device_note: Option<String>,
    alpha: f64,
}

/// A question as the backbone has read it, in the frame that makes it answer.
pub struct Prefilled {
    sequence: Box<dyn Sequence>,
    /// The tokens of the question in its frame.
    prompt: Vec<u32>,
    /// Tokens that the sequence has room for.
    room: usize,
    /// Whether only the question's beginning fits.
    cut: bool,
}

/// What may answer a question: the experts near it, and which of them is chosen.
pub struct Selected {
    experts: Vec<Expert>,
    candidates: Vec<(Candidate, f32)>,
    choice: Option<Choice>,
}

/// The best candidate, and whether it may answer.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Choice {
    expert: usize,
    log_odds: f32,
    confidence: f32,
    accepted: bool,
}

impl Mome {
    /// Opens a pack and puts its models on a device. They are fetched from the pack, part by part and the reader first,
    /// unless the files at hand are the same.
    ///
    /// # Errors
    /// [`MomeError`]: where an object cannot be had or read, the device not be used, or `alpha` is no share.
    pub async fn load(store: Store, options: LoadOptions) -> Result<Self, MomeError> {
        let pack = Pack::open(store).await?;
        let reader = async {
            match &options.reader {
                Some(files) if pack.is_reader(files) => pack.reader_of(files, options.engine).await,
                _ => pack.open_reader(options.engine).await,
            }
        };
        let backbone = async {
            match &options.backbone {
                Some(file) if pack.is_backbone(file) => Ok(open(file, options.engine).await?),
                _ => pack.open_backbone(options.engine).await,
            }
        };
        let (reader, Opened { executor, device_note }) = try_join(reader, backbone).await?;
        Self::new(pack, Arc::new(reader), executor, device_note, options.alpha)
    }

    /// Answers from an open pack with a reader and an executor that are ready.
    ///
    /// # Errors
    /// [`MomeError::OtherModel`] where the reader or the executor run other models than the pack's, and
    /// [`MomeError::Alpha`].
    pub fn new(
        pack: Pack,
        reader: Arc<dyn Reader>,
        executor: Arc<dyn Executor>,
        device_note: Option<String>,
        alpha: Option<f64>,
    ) -> Result<Self, MomeError> {
        pack.check_backbone(executor.backbone())?;
        pack.check_reader(reader.description())?;
        let alpha = checked_alpha(alpha)?.unwrap_or(pack.manifest().alpha);
        Ok(Self { pack, reader, executor, device_note, alpha })
    }

    /// The pack that is asked.
    #[must_use]
    pub fn pack(&self) -> &Pack {
        &self.pack
    }

    /// What reads questions.
    #[must_use]
    pub fn reader(&self) -> &Arc<dyn Reader> {
        &self.reader
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
    /// [`MomeError`] where the question is empty, a shard cannot be had or read, or the device fails.
    /// "I don't know" is no error.
    pub async fn answer(&self, question: &str, options: &AnswerOptions) -> Result<Answer, MomeError> {
        let alpha = checked_alpha(options.alpha)?.unwrap_or(self.alpha);
        if question.trim().is_empty() {
            return Err(MomeError::EmptyQuestion);
        }
        let before = self.pack.store().fetched();
        let (reading, prefilled) = try_join(self.read(question), self.prefill(question)).await?;
        let decision = self.pack.decision(alpha);
        let selected = self.select(question, &reading, decision.as_deref()).await?;

        let mut answer = self.unanswered(&selected, reading.cut || prefilled.cut);
        answer.fetched = self.fetched_since(before);
        if let Some(choice) = selected.choice.filter(|choice| choice.accepted) {
            let expert = &selected.experts[choice.expert];
            match self.draft_and_verify(prefilled, &expert.slots, choice.log_odds).await? {
                Some(predictions) => self.give(&mut answer, expert, choice.confidence, &predictions),
                None => answer.reason = Some(Reason::Unverified),
            }
            answer.passes += 1;
        }
        Ok(answer)
    }

    /// Reads the question.
    ///
    /// # Errors
    /// [`MomeError::Reader`].
    pub async fn read(&self, question: &str) -> Result<Reading, MomeError> {
        Ok(self.reader.read(question).await?)
    }

    /// Runs the question, in its frame, through the backbone.
    ///
    /// # Errors
    /// What the device reports.
    pub async fn prefill(&self, question: &str) -> Result<Prefilled, MomeError> {
        let backbone = self.executor.backbone();
        let context = backbone.config().context;
        let most = context * QUESTION_SHARE.0 / QUESTION_SHARE.1;
        let (frame, tokenizer) = (backbone.frame(), backbone.tokenizer());
        let mut prompt = frame.prompt(tokenizer, question).tokens;
        let cut = prompt.len() > most;
        if cut {
            let tokens = tokenizer.encode(question);
            let around = frame.prompt(tokenizer, "").tokens.len();
            let kept = tokens.get(most.saturating_sub(around + 1)).map_or(0, |token| token.range.start);
            prompt = frame.prompt(tokenizer, question.get(..kept).unwrap_or_default()).tokens;
        }
        let room = context.min(prompt.len() + USUAL_ANSWER);
        let mut sequence = self.executor.begin(room)?;
        sequence.run(Pass { tokens: &prompt, ..Pass::default() }).await?;
        Ok(Prefilled { sequence, prompt, room, cut })
    }

    /// Finds the experts near the question and chooses: the expert that stores the question's very wording; else the
    /// best candidate, which may answer if the gate accepts it.
    ///
    /// # Errors
    /// [`MomeError`] where a shard cannot be had or read, or the device fails.
    pub async fn select(
        &self,
        question: &str,
        reading: &Reading,
        decision: Option<&Decision>,
    ) -> Result<Selected, MomeError> {
        let experts = self.pack.experts_near(&reading.embedding).await?;
        let wording = WordingHash::of(question);
        let stored = experts.iter().position(|expert| expert.wordings.iter().any(|own| own.hash == wording));
        if let Some(expert) = stored {
            let choice = Choice { expert, log_odds: f32::INFINITY, confidence: 1.0, accepted: true };
            return Ok(Selected { experts, candidates: Vec::new(), choice: Some(choice) });
        }
        let keys: Vec<FactKeys> = experts.iter().map(FactKeys::new).collect();
        let keys: Vec<&FactKeys> = keys.iter().collect();
        let candidates = candidates(self.reader.as_ref(), reading, &keys, |_, _| false).await?;
        // Without a gate nothing is trusted but stored wordings.
        let judge = |candidate: &Candidate| match decision {
            None => (f32::NEG_INFINITY, false),
            Some(Decision { gate, thresholds }) => {
                let scores = candidate.scores(gate);
                (log_odds(gate, scores), thresholds.is_some_and(|thresholds| thresholds.accept(scores)))
            }
        };
        let choice = candidates.first().map(|candidate| {
            let (log_odds, accepted) = judge(candidate);
            let confidence = probability(log_odds);
            Choice { expert: candidate.near.fact, log_odds, confidence, accepted }
        });
        let candidates = candidates.into_iter().map(|candidate| {
            let (log_odds, _) = judge(&candidate);
            (candidate, log_odds)
        });
        Ok(Selected { candidates: candidates.collect(), experts, choice })
    }

    /// Appends the tokens of an expert's slots and runs them in one pass with the slots attached. Gives the
    /// predictions where every position says its token, led by its slot; `None` where one does not, or where they do
    /// not fit the context.
    ///
    /// # Errors
    /// What the device reports.
    pub async fn draft_and_verify(
        &self,
        prefilled: Prefilled,
        slots: &[Slot],
        log_odds: f32,
    ) -> Result<Option<Vec<Prediction>>, MomeError> {
        let Prefilled { mut sequence, prompt, room, .. } = prefilled;
        let needed = prompt.len() + slots.len();
        if slots.is_empty() || needed > self.executor.backbone().config().context {
            return Ok(None);
        }
        let mut tokens: Vec<u32> = slots.iter().map(|slot| slot.token).take(slots.len() - 1).collect();
        let attention = &self.pack.query().attention;
        let bias = accepted_bias(attention, log_odds);
        let attached =
            memory(self.pack.query_projection(), attention, &[Attachment { slots, bias, next_place: 0 }]);
        let head = Head { rows: slots.len(), memory: Some(&attached), ..Head::default() };
        if needed > room {
            sequence = self.executor.begin(needed)?;
            tokens.splice(..0, prompt);
        }
        let verify = sequence.run(Pass { tokens: &tokens, states: &[], head: Some(head) }).await?;
        Ok(verified(slots, &attached, &verify.predictions).then_some(verify.predictions))
    }

    /// The reply where nothing is known.
    fn unanswered(&self, selected: &Selected, question_cut: bool) -> Answer {
        Answer {
            known: false,
            text: DONT_KNOW.to_owned(),
            reason: Some(Reason::Gate),
            confidence: selected.choice.map_or(0.0, |choice| choice.confidence),
            facts: Vec::new(),
            suggestions: selected.suggestions(),
            tokens: Vec::new(),
            passes: 1,
            question_cut,
            fetched: FetchedBytes::default(),
            device: self.device().to_owned(),
        }
    }

    /// Fills in the answer that was verified.
    fn give(&self, answer: &mut Answer, expert: &Expert, confidence: f32, predictions: &[Prediction]) {
        let backbone = self.executor.backbone();
        let tokenizer = backbone.tokenizer();
        let draft: Vec<u32> = expert.slots.iter().map(|slot| slot.token).collect();
        answer.known = true;
        answer.reason = None;
        answer.suggestions.clear();
        answer.text = backbone.frame().text(tokenizer, &draft);
        answer.facts =
            vec![FactReference { id: expert.id.clone(), source: expert.source.clone(), score: confidence }];
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

impl Selected {
    /// The id of the best candidate, with the log odds that it is the one asked for: infinite for a stored wording.
    #[must_use]
    pub fn best(&self) -> Option<(&str, f32)> {
        let choice = self.choice?;
        Some((&self.experts[choice.expert].id, choice.log_odds))
    }

    /// The nearest facts, the most probable first.
    fn suggestions(&self) -> Vec<Suggestion> {
        let nearest = self.candidates.iter().take(MAX_SUGGESTIONS);
        let mut suggestions: Vec<Suggestion> = nearest
            .map(|(candidate, log_odds)| {
                let expert = &self.experts[candidate.near.fact];
                Suggestion {
                    id: expert.id.clone(),
                    question: expert.question.clone(),
                    score: probability(*log_odds),
                }
            })
            .collect();
        suggestions.sort_by(|a, b| b.score.total_cmp(&a.score));
        suggestions
    }
}

fn checked_alpha(alpha: Option<f64>) -> Result<Option<f64>, MomeError> {
    match alpha {
        Some(alpha) if !(alpha > 0.0 && alpha < 1.0) => Err(MomeError::Alpha(alpha)),
        alpha => Ok(alpha),
    }
}
