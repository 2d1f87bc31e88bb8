//! `mome ask`: one question to a pack.

use std::process::ExitCode;

use clap::Args;
use mome::{Answer, AnswerOptions, FetchedBytes, LoadOptions, Mome, Reason, Store};

use crate::models::{embedded_backbone, embedded_reader};
use crate::output::{self, Failure};
use crate::{DeviceArguments, UNKNOWN};

#[derive(Args)]
pub(crate) struct AskArguments {
    #[command(flatten)]
    pack: PackArguments,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// The question
    question: String,
}

/// Options that all commands which ask a pack share.
#[derive(Args)]
pub(crate) struct PackArguments {
    /// The pack: a directory or a URL
    #[arg(long, value_name = "DIR_OR_URL")]
    pack: String,
    /// The share of unknown questions that may be answered [default: the pack's]
    #[arg(long)]
    alpha: Option<f64>,
    #[command(flatten)]
    device: DeviceArguments,
}

pub(crate) fn run(arguments: &AskArguments) -> Result<ExitCode, Failure> {
    let mome = pollster::block_on(arguments.pack.load())?;
    let mut answer = pollster::block_on(mome.answer(&arguments.question, &AnswerOptions::default()))?;
    // One question is all there is, so what opening the pack fetched was fetched for it.
    let fetched = mome.pack().store().fetched();
    answer.fetched = FetchedBytes { objects: fetched.objects, bytes: fetched.bytes };
    if arguments.json {
        output::json(&answer)?;
    } else {
        output::line(&in_words(&answer))?;
    }
    Ok(if answer.known { ExitCode::SUCCESS } else { ExitCode::from(UNKNOWN) })
}

impl PackArguments {
    /// Opens the pack.
    pub(crate) async fn load(&self) -> Result<Mome, Failure> {
        load(&self.pack, self.alpha, &self.device).await
    }
}

/// Opens a pack, with the embedded models where they are the pack's.
pub(crate) async fn load(
    location: &str,
    alpha: Option<f64>,
    device: &DeviceArguments,
) -> Result<Mome, Failure> {
    let options = LoadOptions {
        engine: device.options(),
        alpha,
        backbone: Some(embedded_backbone()),
        reader: Some(embedded_reader()),
    };
    Ok(Mome::load(Store::open(location)?, options).await?)
}

fn in_words(answer: &Answer) -> String {
    let mut lines = vec![answer.text.clone()];
    for fact in &answer.facts {
        let source = fact.source.as_deref().unwrap_or("no source given");
        lines.push(format!("  {} ({source}), confidence {:.3}", fact.id, fact.score));
    }
    if answer.reason == Some(Reason::Unverified) {
        lines.push("  the nearest fact could not be verified".to_owned());
    }
    if answer.question_cut {
        lines.push("  the question is too long to be read whole: only its beginning was".to_owned());
    }
    if !answer.suggestions.is_empty() {
        lines.push("The nearest facts:".to_owned());
    }
    for suggestion in &answer.suggestions {
        lines.push(format!("  {} ({:.3})", suggestion.question, suggestion.score));
    }
    lines.join("\n")
}
