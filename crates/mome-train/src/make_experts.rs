//! Memorising: fact after fact, from its wordings to its expert.

use std::mem;

use half::f16;
use mome::MomeError;
use mome::memorise::{EPSILON, Trace, memorise, trace};
use mome::selection::{Reading, Selection, dot};
use mome_backbone::Backbone;
use mome_engine::{Executor, QueryProjection};
use mome_pack::{Digest, Expert, MAX_SHARD, QuestionKeys, Selector, Shard, WordingHash};
use rayon::prelude::*;

use crate::build_index::Item;
use crate::journal::{Journal, Place};
use crate::stage::{Progress, Stage, counted};
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
    (selector, searched): (&Selector, usize),
    facts: &[&Fact],
    journal: &mut Journal,
    progress: Progress<'_>,
) -> Result<Experts, MemorizeError> {
    let query = QueryProjection(selector.query.dequantise().into());
    let maker = Maker { executor, selection: Selection::new(selector.clone()), query, searched };
    let names: Vec<Digest> = facts.iter().map(|fact| fact.digest()).collect();
    let mut places: Vec<Option<Place>> = names.iter().map(|&name| journal.find(name)).collect();
    let open: Vec<usize> = (0..facts.len()).filter(|&fact| places[fact].is_none()).collect();
    let mut experts = Experts { resumed: facts.len() - open.len(), ..Experts::default() };
    counted(progress, Stage::Memorise, facts.len(), |done| {
        (0..experts.resumed).for_each(|_| done());
        for chunk in open.chunks(CHUNK) {
            let make = |&fact: &usize| {
                let made = maker.expert(facts[fact]);
                done();
                made
            };
            let made = chunk.par_iter().map(make).collect::<Result<Vec<_>, _>>()?;
            for (&fact, expert) in chunk.iter().zip(made) {
                match expert.encode() {
                    Ok(bytes) => places[fact] = Some(journal.put(names[fact], &bytes)?),
                    Err(problem) => experts.failed.push((facts[fact].id.clone(), problem.to_string())),
                }
            }
        }
        Ok::<_, MemorizeError>(())
    })?;
    for (fact, place) in places.into_iter().enumerate().filter_map(|(fact, place)| Some((fact, place?))) {
        let bytes = journal.get(place)?;
        let expert = Expert::decode(&bytes)?;
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
    selection: Selection,
    query: QueryProjection,
    /// The most wordings of a fact that are searched.
    searched: usize,
}

impl Maker<'_> {
    /// Runs all wordings of a fact through the backbone and memorises it.
    fn expert(&self, fact: &Fact) -> Result<Expert, MomeError> {
        let backbone = self.executor.backbone();
        let answer = backbone.frame().answer(backbone.tokenizer(), &fact.answer);
        let layers = self.selection.layers();
        let (mut traces, mut readings) = (Vec::new(), Vec::new());
        for wording in &fact.wordings {
            let mut traced = pollster::block_on(trace(self.executor, &layers, wording, &answer))?;
            let states: Vec<f32> = mem::take(&mut traced.states).into_iter().map(f16::to_f32).collect();
            readings.push(self.selection.read(&states, &traced.question));
            traces.push(traced);
        }
        let traces: Vec<&Trace> = traces.iter().collect();
        let attention = &self.selection.selector().attention;
        let memorised = memorise(&self.query, attention, &answer, &traces);
        let readings: Vec<&Reading> = readings.iter().collect();
        let searched = searched_wordings(&readings, self.searched);
        let expert = unfilled_expert(fact, &readings, &searched);
        Ok(Expert { loss: memorised.loss, slots: memorised.slots, ..expert })
    }
}

/// A fact's expert without its slots. Of `readings`, one for each wording, those of `searched` are what questions are
/// compared with; the others only lead to the shard.
pub(crate) fn unfilled_expert(fact: &Fact, readings: &[&Reading], searched: &[usize]) -> Expert {
    let mut wordings: Vec<WordingHash> =
        fact.wordings.iter().map(|wording| WordingHash::of(wording)).collect();
    wordings.sort_unstable();
    wordings.dedup();
    let keys = |(wording, reading): (usize, &&Reading)| {
        let keys = reading.keys();
        let tokens = if searched.contains(&wording) { keys.tokens } else { Vec::new() };
        QuestionKeys { tokens, ..keys }
    };
    Expert {
        id: fact.id.clone(),
        question: fact.wordings[0].clone(),
        source: fact.source.clone(),
        loss: 0.0,
        wordings,
        keys: readings.iter().enumerate().map(keys).collect(),
        slots: Vec::new(),
    }
}

/// Of the readings of a fact's wordings, those that are searched, at most `most`: one after another, the one that most improves how near
/// every wording of the fact has one of them.
pub(crate) fn searched_wordings(readings: &[&Reading], most: usize) -> Vec<usize> {
    let covered = |searched: &[usize]| -> f32 {
        let nearest = |reading: &&Reading| {
            let similarity = |&other: &usize| dot(&reading.routing, &readings[other].routing);
            searched.iter().map(similarity).fold(-1.0, f32::max)
        };
        readings.iter().map(nearest).sum()
    };
    let mut searched: Vec<usize> = Vec::new();
    while searched.len() < readings.len().min(most) {
        let with = |wording: usize| covered(&[searched.as_slice(), &[wording]].concat());
        let left = (0..readings.len()).filter(|wording| !searched.contains(wording));
        let Some((best, _)) = left
            .map(|wording| (wording, with(wording)))
            .max_by(|a, b| a.1.total_cmp(&b.1).then(b.0.cmp(&a.0)))
        else {
            break;
        };
        searched.push(best);
    }
    searched.sort_unstable();
    searched
}
