//! Training of W_query: what turns the state that predicts a token of an answer into the query that slots are attended
//! to with.
//!
//! Contrastive, across wordings: the state at one place of an answer under one wording should find the key that the
//! fact's other wordings give that place, among the keys of other places and other facts; states of running text
//! should find none, so that null leads.

use burn::optim::AdamW;
use burn::tensor::activation::log_softmax;
use burn::tensor::{Device, Tensor, TensorData};

use mome_build::{ATTENTION, Fact, MemorizeError, Progress, Stage, counted, mean, principal_directions};
use mome_engine::{Executor, Head, Pass};
use mome_pack::{Digest, KEY_WIDTH, Projection, Query};
use rand::SeedableRng as _;
use rand::seq::{IndexedRandom as _, SliceRandom as _, index};
use rand_chacha::ChaCha8Rng;

use crate::trained::{Trained, annealed, optimizer, unit_rows};
use crate::wordings::Wordings;

/// Facts of all tables together that W_query is trained on.
const FACTS: usize = 1500;

/// Gradient steps: one for so many wordings, within these bounds. More of them fit a few wordings, but no others.
const WORDINGS_A_STEP: usize = 30;
const FEWEST_STEPS: usize = 100;
const MOST_STEPS: usize = 1000;

/// Facts in a batch.
const BATCH: usize = 48;

/// Places of a long answer that a batch takes, and wordings that a key is made of.
const PLACES: usize = 12;
const KEPT: usize = 4;

/// States of running text in a batch.
const TEXT_BATCH: usize = 256;

/// States that the principal directions are taken from.
const SAMPLE: usize = 4096;

/// Learning rate.
const RATE: f64 = 0.003;

/// States of running text that are gathered at most, and tokens that are read of each text.
const TEXT_STATES: usize = 16_384;
const TEXT_TOKENS: usize = 64;

/// Trains the query object of a backbone on tables of facts.
///
/// # Errors
/// [`MemorizeError::Mome`] where the backbone could not be run.
pub fn train_query_object(
    executor: &dyn Executor,
    tables: &[Vec<Fact>],
    seed: u64,
    progress: Progress<'_>,
) -> Result<Query, MemorizeError> {
    let backbone = executor.backbone();
    let hidden = backbone.config().hidden;
    let all: Vec<&Fact> = tables.iter().flatten().collect();
    let some: Vec<&Fact> = all.sample(&mut ChaCha8Rng::seed_from_u64(seed), FACTS).copied().collect();
    let wordings = some.iter().map(|fact| fact.wordings.len()).sum();
    let wordings = counted(progress, Stage::Query, wordings, |done| Wordings::trace(executor, &some, done))?;
    let text = running_text(executor, &some, seed)?;
    let projection = counted(progress, Stage::Train, query_steps(&wordings), |done| {
        train_query(&wordings, &text, hidden, seed, done)
    });
    let backbone = Digest(backbone.digest().unwrap_or_default());
    Ok(Query { backbone, projection, attention: ATTENTION })
}

/// Final states of running text, after the last norm, `[tokens, d]`: the questions and answers of these facts by
/// themselves, without the frame that makes a question of them.
///
/// # Errors
/// What the device reports.
fn running_text(executor: &dyn Executor, facts: &[&Fact], seed: u64) -> Result<Vec<f32>, MemorizeError> {
    let tokenizer = executor.backbone().tokenizer();
    let most = TEXT_TOKENS.min(executor.backbone().config().context);
    let mut texts: Vec<&str> =
        facts.iter().flat_map(|fact| [fact.wordings[0].as_str(), fact.answer.as_str()]).collect();
    texts.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
    let mut states = Vec::new();
    let hidden = executor.backbone().config().hidden;
    for text in texts {
        let begin = tokenizer.begin().filter(|_| tokenizer.adds_begin());
        let own = tokenizer.encode(text).into_iter().map(|token| token.id);
        let tokens: Vec<u32> = begin.into_iter().chain(own).take(most).collect();
        if tokens.is_empty() {
            continue;
        }
        let head = Head { rows: tokens.len(), hidden: true, ..Head::default() };
        let pass = Pass { tokens: &tokens, states: &[], head: Some(head) };
        states.extend(pollster::block_on(executor.begin(tokens.len())?.run(pass))?.hidden);
        if states.len() >= TEXT_STATES * hidden {
            break;
        }
    }
    Ok(states)
}

/// How many gradient steps [`train_query`] takes for these wordings, where it takes any.
fn query_steps(wordings: &Wordings) -> usize {
    (wordings.len() / WORDINGS_A_STEP).clamp(FEWEST_STEPS, MOST_STEPS)
}

/// W_query for these wordings, `[KEY_WIDTH, d]`. `text` are states of running text as [`running_text`] gives them;
/// with none, null is not trained. Starts from the principal directions of the states that predict answers, and stays
/// there where no fact has two wordings. `done` is called after each of [`query_steps`].
fn train_query(wordings: &Wordings, text: &[f32], hidden: usize, seed: u64, done: impl Fn()) -> Projection {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let start = principal(wordings, hidden, seed, &mut random);
    if wordings.of.iter().all(|own| own.len() < 2) {
        return Projection::quantize(&start, hidden);
    }
    let mut model = Model::new(&start, hidden);
    let text: Vec<&[f32]> = text.chunks_exact(hidden).collect();
    let steps = query_steps(wordings);
    for step in 0..steps {
        let batch = Batch::draw(&mut random, wordings, hidden);
        let text: Vec<&[f32]> = text.sample(&mut random, TEXT_BATCH).copied().collect();
        model.step(&batch, &text.concat(), annealed(step, steps));
        done();
    }
    Projection::quantize(&model.query.values(), hidden)
}

/// The principal directions of the states that predict answers, `[KEY_WIDTH, d]`.
fn principal(wordings: &Wordings, hidden: usize, seed: u64, random: &mut ChaCha8Rng) -> Vec<f32> {
    let states: Vec<&[f32]> =
        wordings.traces.iter().flat_map(|trace| trace.hidden.chunks_exact(hidden)).collect();
    let sample: Vec<&[f32]> = states.sample(random, SAMPLE).copied().collect();
    principal_directions(&sample, &mean(&sample, hidden), KEY_WIDTH, seed)
}

/// States of some places of some facts, each with the number of the key that it belongs to.
#[derive(Default)]
struct Batch {
    /// Under one wording, `[asked, d]`: these look for their keys.
    asked: Vec<f32>,
    asked_key: Vec<usize>,
    /// Under others, `[kept, d]`: a key is the mean of its own.
    kept: Vec<f32>,
    kept_key: Vec<usize>,
    keys: usize,
}

impl Batch {
    fn draw(random: &mut ChaCha8Rng, wordings: &Wordings, hidden: usize) -> Self {
        let mut batch = Self::default();
        for fact in index::sample(random, wordings.of.len(), BATCH.min(wordings.of.len())) {
            let mut own = wordings.of[fact].clone();
            own.shuffle(random);
            let state = |wording: usize, place: usize| {
                &wordings.traces[wording].hidden[place * hidden..(place + 1) * hidden]
            };
            // A fact of one wording is only something not to be taken for another.
            let (asked, kept) = own.split_at(usize::from(own.len() > 1));
            let places = wordings.traces[own[0]].log_sums.len();
            for place in index::sample(random, places, places.min(PLACES)) {
                for &wording in asked {
                    batch.asked.extend_from_slice(state(wording, place));
                    batch.asked_key.push(batch.keys);
                }
                for &wording in kept.iter().take(KEPT) {
                    batch.kept.extend_from_slice(state(wording, place));
                    batch.kept_key.push(batch.keys);
                }
                batch.keys += 1;
            }
        }
        batch
    }
}

/// W_query as a tensor.
struct Model {
    query: Trained<2>,
    hidden: usize,
    device: Device,
    optimizer: AdamW,
}

impl Model {
    fn new(start: &[f32], hidden: usize) -> Self {
        let device = crate::device::training_device().autodiff();
        let query = Trained::new(start, [KEY_WIDTH, hidden], RATE, &device);
        Self { query, hidden, device, optimizer: optimizer() }
    }

    fn step(&mut self, batch: &Batch, text: &[f32], share: f64) {
        let kept = self.queries(&batch.kept);
        let keys = unit_rows(self.one_hot(&batch.kept_key, batch.keys).transpose().matmul(kept));
        let null = vec![batch.keys; text.len() / self.hidden];
        let losses = [(batch.asked.as_slice(), &batch.asked_key), (text, &null)]
            .into_iter()
            .filter(|(_, right)| !right.is_empty())
            .map(|(states, right)| {
                let shares = self.log_shares(states, &keys) * self.one_hot(right, batch.keys + 1);
                shares.sum() / -(right.len() as f64)
            });
        let Some(loss) = losses.reduce(|sum, loss| sum + loss) else { return };
        self.query.step(&self.optimizer, &loss.backward(), share);
    }

    /// For each state, the logarithms of the shares that the keys and, last, null get of the attention. Null stands
    /// where it just leads by its margin; order plays no part.
    fn log_shares(&self, states: &[f32], keys: &Tensor<2>) -> Tensor<2> {
        let scores = self.queries(states).matmul(keys.clone().transpose()) * ATTENTION.beta;
        let null = Tensor::full([scores.dims()[0], 1], ATTENTION.null - ATTENTION.margin, &self.device);
        log_softmax(Tensor::cat(vec![scores, null], 1), 1)
    }

    fn queries(&self, states: &[f32]) -> Tensor<2> {
        let shape = [states.len() / self.hidden, self.hidden];
        let states = Tensor::<2>::from_data(TensorData::new(states.to_vec(), shape), &self.device);
        unit_rows(states.matmul(self.query.tensor.clone().transpose()))
    }

    /// `[columns.len(), width]`, with a one in each row's column.
    fn one_hot(&self, columns: &[usize], width: usize) -> Tensor<2> {
        let mut values = vec![0f32; columns.len() * width];
        columns.iter().enumerate().for_each(|(row, column)| values[row * width + column] = 1.0);
        Tensor::from_data(TensorData::new(values, [columns.len(), width]), &self.device)
    }
}
