//! What a reranker says of minimal pairs that people wrote: files `NAME.facts.jsonl` (`id`, `question`) and
//! `NAME.pairs.jsonl` (`of`, `question`, `kind`, `changes`) in the folders given.
//!
//! `cargo run --release -p mome-train --example judge_pairs -- --reranker reranker-q8_0.gguf FOLDER`
#![allow(clippy::print_stdout, reason = "it talks to the person at the terminal")]

use std::collections::{BTreeMap, HashMap};
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use clap::Parser;
use mome_engine::{DeviceChoice, EncoderExecutor, TokenPair, open_encoder};
use serde::Deserialize;
use serde::de::DeserializeOwned;

#[derive(Parser)]
struct Arguments {
    #[arg(long, default_value = "crates/mome-backbone/data/all-minilm-l6-v2-q8_0.gguf")]
    encoder: PathBuf,
    #[arg(long, default_value = "crates/mome-backbone/data/reranker-q8_0.gguf")]
    reranker: PathBuf,
    /// Folders with facts and pairs
    #[arg(required = true)]
    folders: Vec<PathBuf>,
    /// Print the changing pairs that score highest and the keeping ones that score lowest
    #[arg(long, default_value_t = 0)]
    worst: usize,
}

#[derive(Deserialize)]
struct Fact {
    id: String,
    question: String,
}

#[derive(Deserialize)]
struct Pair {
    of: String,
    question: String,
    kind: String,
    changes: bool,
}

/// A pair with its score.
struct Judged {
    pair: Pair,
    stored: String,
    score: f32,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let (encoder, reranker) = (fs::read(&arguments.encoder)?, fs::read(&arguments.reranker)?);
    let executor = pollster::block_on(open_encoder(&encoder, Some(&reranker), DeviceChoice::Cpu))?.executor;
    let mut judged = Vec::new();
    for folder in &arguments.folders {
        for entry in fs::read_dir(folder)? {
            let file = entry?.path();
            if let Some(name) = file.to_string_lossy().strip_suffix(".pairs.jsonl") {
                judged.extend(judge(&*executor, &file, Path::new(&format!("{name}.facts.jsonl")))?);
            }
        }
    }
    judged.sort_by(|one, other| other.score.total_cmp(&one.score));
    report(&judged);
    let worst = |changes: bool| judged.iter().filter(move |judged| judged.pair.changes == changes);
    for Judged { pair, stored, score } in
        worst(true).take(arguments.worst).chain(worst(false).rev().take(arguments.worst))
    {
        let what = if pair.changes { "changes" } else { "keeps" };
        println!("{score:+.2} {what} {}: {stored} | {}", pair.kind, pair.question);
    }
    Ok(())
}

fn judge(executor: &dyn EncoderExecutor, pairs: &Path, facts: &Path) -> Result<Vec<Judged>, Box<dyn Error>> {
    let facts: Vec<Fact> = lines(facts)?;
    let stored: HashMap<String, String> = facts.into_iter().map(|fact| (fact.id, fact.question)).collect();
    let encoder = executor.encoder();
    let ids = |text: &str| -> Vec<u32> {
        encoder.tokenizer().encode(text).into_iter().map(|token| token.id).collect()
    };
    let mut judged = Vec::new();
    for pair in lines::<Pair>(pairs)? {
        let stored = stored.get(&pair.of).ok_or_else(|| format!("there is no fact {}", pair.of))?.clone();
        let input = encoder.frame().pair(&ids(&pair.question), &ids(&stored), encoder.config().context);
        let tokens = TokenPair { tokens: &input.ids, second: input.types_from };
        let score = pollster::block_on(executor.rerank(&[tokens]))?[0].score();
        judged.push(Judged { pair, stored, score });
    }
    Ok(judged)
}

fn lines<T: DeserializeOwned>(file: &Path) -> Result<Vec<T>, Box<dyn Error>> {
    let text = fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
    Ok(text.lines().map(serde_json::from_str).collect::<Result<_, _>>()?)
}

/// For the thresholds where 1 % and 3 % of all changing pairs pass, and for even odds: by kind, how many changing and
/// keeping pairs pass.
fn report(judged: &[Judged]) {
    let changing: Vec<f32> =
        judged.iter().filter(|judged| judged.pair.changes).map(|judged| judged.score).collect();
    let at = |share: f64| changing.get((changing.len() as f64 * share) as usize).copied().unwrap_or(0.0);
    for (what, threshold) in [("even odds", 0.0), ("1 % of changes", at(0.01)), ("3 % of changes", at(0.03))]
    {
        let mut kinds: BTreeMap<&str, [[usize; 2]; 2]> = BTreeMap::new();
        for Judged { pair, score, .. } in judged {
            for kind in [pair.kind.as_str(), "~ all"] {
                let counts = &mut kinds.entry(kind).or_default()[usize::from(!pair.changes)];
                counts[0] += usize::from(*score > threshold);
                counts[1] += 1;
            }
        }
        println!("{what} (score above {threshold:.2}): changing that pass | keeping that pass");
        for (kind, [[passed, changing], [kept, keeping]]) in kinds {
            let share = 100.0 * kept as f64 / keeping.max(1) as f64;
            println!("  {kind:12} {passed:3} of {changing:3} | {kept:3} of {keeping:3} ({share:.0} %)");
        }
    }
}
