//! Near misses of a table of facts, and wordings that keep the meaning, as JSON Lines.
//!
//! `cargo run -p mome-build --release --example near_misses -- facts.jsonl --each 5 --same 2 --seed 1`

use std::error::Error;
use std::fs::File;
use std::io::{BufRead as _, BufReader, BufWriter, Write as _};
use std::path::PathBuf;

use clap::Parser;
use mome_build::near_misses::{NearMisses, keeping};
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;
use serde::Deserialize;
use serde_json::json;

#[derive(Parser)]
struct Arguments {
    /// Facts as JSON Lines: id, question, paraphrases.
    facts: PathBuf,
    /// Near misses of each wording at most.
    #[arg(long, default_value_t = 5)]
    each: usize,
    /// Wordings that keep the meaning, of each.
    #[arg(long, default_value_t = 1)]
    same: usize,
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Of each fact its question only.
    #[arg(long)]
    questions_only: bool,
}

#[derive(Deserialize)]
struct Fact {
    #[serde(default)]
    id: String,
    question: String,
    #[serde(default)]
    paraphrases: Vec<String>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let mut ids = Vec::new();
    let mut wordings: Vec<Vec<String>> = Vec::new();
    for line in BufReader::new(File::open(&arguments.facts)?).lines() {
        let fact: Fact = serde_json::from_str(&line?)?;
        ids.push(fact.id);
        let paraphrases = if arguments.questions_only { Vec::new() } else { fact.paraphrases };
        wordings.push([fact.question].into_iter().chain(paraphrases).collect());
    }
    let near_misses = NearMisses::new(&wordings);
    let mut random = ChaCha8Rng::seed_from_u64(arguments.seed);
    let mut out = BufWriter::new(std::io::stdout().lock());
    for (fact, (id, wordings)) in ids.iter().zip(&wordings).enumerate() {
        for wording in wordings {
            for change in near_misses.changes(&mut random, fact, wording, arguments.each) {
                let line = json!({
                    "id": id, "wording": wording, "kind": change.kind.name(), "text": change.text,
                    "from": change.pair.0, "to": change.pair.1, "rule": change.rule, "held_out": change.held_out,
                });
                writeln!(out, "{line}")?;
            }
            for _ in 0..arguments.same {
                let text = keeping(&mut random, wording);
                let line =
                    json!({"id": id, "wording": wording, "kind": "same", "text": text, "held_out": false});
                writeln!(out, "{line}")?;
            }
        }
    }
    out.flush()?;
    Ok(())
}
