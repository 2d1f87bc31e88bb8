//! Trains the reranker of a reader on tables of facts.
#![allow(clippy::print_stdout, reason = "it talks to the person at the terminal")]

use std::collections::BTreeSet;
use std::error::Error;
use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;
use mome_backbone::{Encoder, EncoderInput};
use mome_build::Contrast;
use mome_engine::{DeviceChoice, TokenPair, open_encoder};
use mome_train::reranker::{
    Evaluation, Pair, Pairs, RerankerNumbers, Rules, Table, TrainingEvent, TrainingOptions, train_reranker,
    write_reranker,
};

const EXAMPLES: &str = "\
Examples:
  make_reader --start reranker-q8_0.gguf --steps 4000
      goes on from a reranker's weights
  make_reader --steps 12000 --rate 1e-4 --out new.gguf
      begins with the encoder's own layers and a new head
  make_reader --start reranker-q8_0.gguf --steps 0
      only judges the pairs kept aside
  make_reader --show 100
      only prints pairs as they are drawn: class, how they were made, stored wording, question";

/// Train the reranker of a reader on tables of facts and on questions written by hand
#[derive(Parser)]
#[command(after_help = EXAMPLES)]
struct Arguments {
    /// The encoder, GGUF
    #[arg(long, default_value = "crates/mome-backbone/data/all-minilm-l6-v2-q8_0.gguf")]
    encoder: PathBuf,
    /// The reranker to start from, GGUF [default: the encoder's own layers and a new head]
    #[arg(long)]
    start: Option<PathBuf>,
    /// How many of the encoder's layers are shared, where there is no reranker to start from
    #[arg(long, default_value_t = 2)]
    first_layer: usize,
    /// Tables of facts: files, and folders of files that end in .jsonl
    #[arg(long, num_args = 1.., default_values = [
        "crates/mome-train/data/faq",
        "crates/mome-train/data/trivia.jsonl",
        "crates/mome-train/data/more-relations.jsonl",
        "crates/mome-train/data/definitions.jsonl",
    ])]
    tables: Vec<PathBuf>,
    /// Questions written by hand, with what asks the same and what does not: files, and folders of files that end in
    /// .txt
    #[arg(long, num_args = 0.., default_value = "crates/mome-train/data/contrasts")]
    contrasts: Vec<PathBuf>,
    /// The same, for judging what was learnt
    #[arg(long, num_args = 0.., default_value = "crates/mome-train/data/contrasts-aside")]
    contrasts_aside: Vec<PathBuf>,
    /// Tables to judge what was learnt by
    #[arg(long, num_args = 1.., default_value = "crates/mome-train/data/faq-aside")]
    tables_aside: Vec<PathBuf>,
    /// Pairs to judge by
    #[arg(long, default_value_t = 1500)]
    judge: usize,
    /// Only print so many pairs as they are drawn for training
    #[arg(long)]
    show: Option<usize>,
    /// Gradient steps
    #[arg(long, default_value_t = 4000)]
    steps: usize,
    /// Pairs in a batch
    #[arg(long, default_value_t = 48)]
    batch: usize,
    /// Learning rate at its highest
    #[arg(long, default_value_t = 3e-5)]
    rate: f64,
    /// Steps in which the learning rate rises
    #[arg(long, default_value_t = 100)]
    warm_up: usize,
    /// Steps between evaluations
    #[arg(long, default_value_t = 200)]
    evaluate_every: usize,
    /// Everything that is drawn follows from it
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Where the reranker goes
    #[arg(long, default_value = "reranker-q8_0.gguf")]
    out: PathBuf,
    /// A folder for the reranker as it is at each evaluation
    #[arg(long)]
    checkpoints: Option<PathBuf>,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let file = read(&arguments.encoder)?;
    let encoder = Encoder::from_bytes(&file)?;
    let start = match &arguments.start {
        Some(start) => RerankerNumbers::read(&read(start)?, &encoder)?,
        None => RerankerNumbers::of_encoder(&encoder, &file, arguments.first_layer, arguments.seed)?,
    };
    let (tables, aside_tables) = read_tables(arguments, &file)?;
    let contrasts = read_contrasts(&arguments.contrasts)?;
    let aside_contrasts = read_contrasts(&arguments.contrasts_aside)?;
    println!("{} contrasts, {} kept aside", contrasts.len(), aside_contrasts.len());
    if let Some(show) = arguments.show {
        for pair in Pairs::new(&tables, &contrasts, Rules::Trained, arguments.seed)?.take(show) {
            println!("{:?}\t{}\t{}\t{}", pair.class, pair.origin, pair.wording, pair.question);
        }
        return Ok(());
    }
    let judged = Pairs::new(&aside_tables, &aside_contrasts, Rules::All, arguments.seed)?;
    let judged: Vec<Pair> = judged.take(arguments.judge).collect();
    let options = TrainingOptions {
        steps: arguments.steps,
        batch: arguments.batch,
        rate: arguments.rate,
        warm_up: arguments.warm_up,
        evaluate_every: arguments.evaluate_every,
        seed: arguments.seed,
    };
    let mut log = Log { steps: options.steps, ..Log::default() };
    let mut failed = None;
    let learnt_from = (tables.as_slice(), contrasts.as_slice());
    let trained = train_reranker((&encoder, &file), &start, learnt_from, &judged, &options, |event| {
        log.note(&event);
        if let (TrainingEvent::Evaluation { step, numbers, .. }, Some(folder)) =
            (event, &arguments.checkpoints)
        {
            let written = write(&folder.join(format!("step-{step:05}.gguf")), numbers, &encoder);
            failed = failed.take().or(written.err());
        }
    })?;
    failed.map_or(Ok(()), Err)?;
    write(&arguments.out, &trained, &encoder)?;
    println!("Wrote {}", arguments.out.display());
    let written = judge_by_engine(&file, &read(&arguments.out)?, &judged)?;
    print!("As it was written, in the engine: {written}");
    Ok(())
}

/// What the engine makes of pairs with the reranker as it was written.
fn judge_by_engine(encoder: &[u8], reranker: &[u8], pairs: &[Pair]) -> Result<Evaluation, Box<dyn Error>> {
    let executor = pollster::block_on(open_encoder(encoder, Some(reranker), DeviceChoice::Cpu))?.executor;
    let inputs: Vec<EncoderInput> = pairs.iter().map(|pair| pair.input(executor.encoder())).collect();
    let tokens: Vec<TokenPair<'_>> =
        inputs.iter().map(|input| TokenPair { tokens: &input.ids, second: input.types_from }).collect();
    let logits = pollster::block_on(executor.rerank(&tokens))?;
    let logits: Vec<[f32; 3]> =
        logits.iter().map(|logits| [logits.same, logits.changed, logits.other]).collect();
    Ok(Evaluation::of(pairs, &logits))
}

/// The tables to learn from, and those kept aside.
fn read_tables(arguments: &Arguments, file: &[u8]) -> Result<(Vec<Table>, Vec<Table>), Box<dyn Error>> {
    let begin = Instant::now();
    let executor = pollster::block_on(open_encoder(file, None, DeviceChoice::Cpu))?.executor;
    let read = |paths: &[PathBuf]| -> Result<Vec<Table>, Box<dyn Error>> {
        let tables = files(paths, "jsonl")?.into_iter();
        Ok(tables.map(|file| Table::read(&file, &*executor)).collect::<Result<_, _>>()?)
    };
    let (mut tables, aside) = (read(&arguments.tables)?, read(&arguments.tables_aside)?);
    let composed = Table::compose(&tables, arguments.seed, &*executor)?;
    let counts = (tables.len(), aside.len(), composed.len());
    tables.extend(composed);
    let seconds = begin.elapsed().as_secs_f64();
    println!("{} tables, {} kept aside, {} composed: {seconds:.1} s", counts.0, counts.1, counts.2);
    Ok((tables, aside))
}

fn read_contrasts(paths: &[PathBuf]) -> Result<Vec<Contrast>, Box<dyn Error>> {
    let read: Vec<Vec<Contrast>> =
        files(paths, "txt")?.iter().map(|file| Contrast::read(file)).collect::<Result<_, _>>()?;
    Ok(read.concat())
}

/// The files of these paths; of folders those with this ending, in order.
fn files(paths: &[PathBuf], extension: &str) -> Result<BTreeSet<PathBuf>, Box<dyn Error>> {
    let mut files = BTreeSet::new();
    for path in paths {
        if path.is_dir() {
            for entry in fs::read_dir(path)? {
                files.insert(entry?.path());
            }
        } else {
            files.insert(path.clone());
        }
    }
    files.retain(|file| file.extension().is_some_and(|own| own == extension));
    Ok(files)
}

fn read(file: &Path) -> Result<Vec<u8>, Box<dyn Error>> {
    fs::read(file).map_err(|error| format!("{}: {error}", file.display()).into())
}

fn write(file: &Path, numbers: &RerankerNumbers, encoder: &Encoder) -> Result<(), Box<dyn Error>> {
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut out = BufWriter::new(File::create(file)?);
    write_reranker(&mut out, numbers, encoder)?;
    out.flush()?;
    Ok(())
}

/// Tells what happens, in a line for each hundred steps.
#[derive(Default)]
struct Log {
    steps: usize,
    loss: f64,
    gradient: f64,
    took: Duration,
    noted: usize,
}

impl Log {
    fn note(&mut self, event: &TrainingEvent<'_>) {
        match event {
            TrainingEvent::Step { step, loss, gradient, took } => {
                self.loss += loss;
                self.gradient += gradient;
                self.took += *took;
                self.noted += 1;
                if self.noted == 50 || *step == self.steps {
                    let count = self.noted as f64;
                    let (loss, gradient) = (self.loss / count, self.gradient / count);
                    let seconds = self.took.as_secs_f64() / count;
                    println!("step {step}: loss {loss:.4}, gradient {gradient:.2}, {seconds:.3} s a step");
                    *self = Self { steps: self.steps, ..Self::default() };
                }
            }
            TrainingEvent::Evaluation { step, evaluation, .. } => print!("After {step} steps: {evaluation}"),
        }
    }
}
