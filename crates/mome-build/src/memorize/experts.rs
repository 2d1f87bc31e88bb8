//! Memorising: fact after fact, from its wordings to its expert.

use std::collections::HashSet;

use super::slots::solve_slots;
use super::task::EPSILON;
use super::trace::{Trace, trace};
use mome_backbone::Backbone;
use mome_engine::{Executor, QueryProjection};
use mome_pack::{Digest, Expert, MAX_SHARD, Query, Shard, Wording};
use mome_retrieval::{Reader, ReaderDescription};

use crate::files::{Journal, Place};
use crate::index::Item;
use crate::progress::{Progress, Stage, counted};
use crate::side_by_side::side_by_side;
use crate::{Fact, MemorizeError};

/// Facts that are memorised side by side and then noted in the journal: what is lost when the process is stopped.
const CHUNK: usize = 64;

/// An expert that holds its fact.
pub(crate) struct Held {
    /// The fact's number in the table.
    pub(crate) fact: usize,
    /// The expert's bytes.
    pub(crate) place: Place,
    /// What the index sees of it.
    pub(crate) item: Item,
    /// How many wordings are stored, those left out that differ only in case, spaces or final punctuation.
    pub(crate) wordings: usize,
    /// The largest loss of an answer token, in nats.
    pub(crate) loss: f32,
}

/// What became of the facts.
#[derive(Default)]
pub(crate) struct Experts {
    /// Those that are memorised, in the order of the facts.
    pub(crate) held: Vec<Held>,
    /// Ids of those that are not, with the reason.
    pub(crate) failed: Vec<(String, String)>,
    /// How many were done when this began.
    pub(crate) resumed: usize,
}

/// The facts that fit the backbone, and the ids of those that do not with the reason.
pub(crate) fn fitting<'a>(facts: &'a [Fact], backbone: &Backbone) -> (Vec<&'a Fact>, Vec<(String, String)>) {
    let (frame, tokenizer, context) = (backbone.frame(), backbone.tokenizer(), backbone.config().context);
    let problem = |fact: &Fact| {
        let answer = frame.answer(tokenizer, &fact.answer);
        if frame.text(tokenizer, &answer) != fact.answer {
            return Some("the tokenizer does not give the answer back as it is".to_owned());
        }
        let longest = fact.wordings.iter().map(|wording| frame.prompt(tokenizer, wording).tokens.len()).max();
        let length = longest.unwrap_or(0) + answer.len();
        (length > context)
            .then(|| format!("question and answer have {length} tokens, but the backbone reads {context}"))
    };
    let mut fitting = Vec::with_capacity(facts.len());
    let mut failed = Vec::new();
    for fact in facts {
        match problem(fact) {
            None => fitting.push(fact),
            Some(problem) => failed.push((fact.id.clone(), problem)),
        }
    }
    (fitting, failed)
}

/// Makes the experts of all facts, but for those that lie in the journal, and notes them there. What the backbone does
/// with a fact is forgotten once its expert is made, so memory does not grow with the table but for what the index
/// needs.
///
/// # Errors
/// [`MemorizeError::Mome`] where the backbone could not be run, [`MemorizeError::Write`] where the journal cannot be
/// read or written. A fact that is not memorised is no error.
pub(crate) fn make_experts(
    executor: &dyn Executor,
    reader: &dyn Reader,
    query: &Query,
    facts: &[&Fact],
    journal: &mut Journal<'_>,
    progress: Progress<'_>,
) -> Result<Experts, MemorizeError> {
    let layout = reader.description().layout();
    let maker = Maker::new(executor, reader, query);
    let names: Vec<Digest> = facts.iter().map(|fact| fact.digest()).collect();
    let mut places: Vec<Option<Place>> = names.iter().map(|&name| journal.find(name)).collect();
    let open: Vec<usize> = (0..facts.len()).filter(|&fact| places[fact].is_none()).collect();
    let mut experts = Experts { resumed: facts.len() - open.len(), ..Experts::default() };
    counted(progress, Stage::Memorize, facts.len(), |done| {
        (0..experts.resumed).for_each(|_| done());
        for chunk in open.chunks(CHUNK) {
            let make = |&fact: &usize| {
                let made = maker.expert(facts[fact]);
                done();
                made
            };
            let made = side_by_side(chunk, make)?;
            for (&fact, expert) in chunk.iter().zip(made) {
                match expert.encode(layout) {
                    Ok(bytes) => places[fact] = Some(journal.put(names[fact], &bytes)?),
                    Err(problem) => experts.failed.push((facts[fact].id.clone(), problem.to_string())),
                }
            }
        }
        Ok::<_, MemorizeError>(())
    })?;
    for (fact, place) in places.into_iter().enumerate().filter_map(|(fact, place)| Some((fact, place?))) {
        let bytes = journal.get(place)?;
        let expert = Expert::decode(&bytes, layout)?;
        match problem(&expert, bytes.len()) {
            Some(problem) => experts.failed.push((expert.id, problem)),
            None => experts.held.push(Held {
                fact,
                place,
                item: Item::new(&expert, bytes.len()),
                wordings: expert.wordings.len(),
                loss: expert.loss,
            }),
        }
    }
    Ok(experts)
}

/// Digest of all that experts depend on beside their facts.
pub(crate) fn made_from(
    executor: &dyn Executor,
    reader: &ReaderDescription,
    query: &Query,
) -> Result<Digest, MemorizeError> {
    let backbone = executor.backbone().digest().unwrap_or_default();
    let encoder = reader.encoder.unwrap_or(Digest([0; 32]));
    let version = env!("CARGO_PKG_VERSION");
    let parts = [
        &backbone[..],
        &encoder.0,
        reader.prefix.as_bytes(),
        &[0],
        executor.device().as_bytes(),
        &[0],
        version.as_bytes(),
        &[0],
        &query.encode()?,
    ];
    Ok(Digest::of(&parts.concat()))
}

/// Why an expert of so many bytes cannot be published.
fn problem(expert: &Expert, bytes: usize) -> Option<String> {
    if expert.loss == f32::INFINITY {
        return Some("at a token another place of the answer is attended to more than its own".to_owned());
    }
    if expert.loss > EPSILON {
        return Some(format!("a token's loss stays at {:.3} nats; {EPSILON} was to be reached", expert.loss));
    }
    (Shard::overhead(1) + bytes > MAX_SHARD)
        .then(|| format!("its expert takes {bytes} bytes, more than a shard has room for"))
}

/// What makes experts.
struct Maker<'a> {
    executor: &'a dyn Executor,
    reader: &'a dyn Reader,
    query: &'a Query,
    projection: QueryProjection,
}

impl<'a> Maker<'a> {
    fn new(executor: &'a dyn Executor, reader: &'a dyn Reader, query: &'a Query) -> Self {
        Self { executor, reader, query, projection: QueryProjection(query.projection.dequantize().into()) }
    }

    /// Runs all wordings of a fact through backbone and reader and memorises it.
    fn expert(&self, fact: &Fact) -> Result<Expert, MemorizeError> {
        let backbone = self.executor.backbone();
        let answer = backbone.frame().answer(backbone.tokenizer(), &fact.answer);
        let run = |wording: &String| pollster::block_on(trace(self.executor, wording, &answer));
        let traces = fact.wordings.iter().map(run).collect::<Result<Vec<_>, _>>()?;
        let traces: Vec<&Trace> = traces.iter().collect();
        let memorized = solve_slots(&self.projection, &self.query.attention, &answer, &traces);
        Ok(Expert {
            id: fact.id.clone(),
            question: fact.wordings[0].clone(),
            source: fact.source.clone(),
            loss: memorized.loss,
            wordings: self.wordings(fact)?,
            slots: memorized.slots,
        })
    }

    /// The fact's wordings as the reader sees them, those left out that are the same text but for case, spaces,
    /// encoding or final punctuation.
    fn wordings(&self, fact: &Fact) -> Result<Vec<Wording>, MemorizeError> {
        let texts: Vec<&str> = fact.wordings.iter().map(String::as_str).collect();
        let readings = pollster::block_on(self.reader.read_all(&texts))?;
        let mut seen = HashSet::new();
        let wordings = readings.iter().zip(&texts).map(|(reading, text)| reading.wording(text));
        Ok(wordings.filter(|wording| seen.insert(wording.hash)).collect())
    }
}
