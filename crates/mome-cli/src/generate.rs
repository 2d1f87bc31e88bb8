//! `mome generate`: greedy text from the bare backbone.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use mome::TokenLogprob;
use mome_engine::{Prediction, greedy};
use serde::Serialize;

use crate::DeviceArguments;
use crate::backbone::{backbone_file, open_backbone};
use crate::output::{self, Failure};

#[derive(Args)]
pub(crate) struct GenerateArguments {
    /// The language model, GGUF
    #[arg(long, value_name = "FILE")]
    backbone: PathBuf,
    /// The text to go on with
    #[arg(long, value_name = "TEXT")]
    prompt: String,
    /// The most tokens to add
    #[arg(long, value_name = "N")]
    max_tokens: usize,
    #[command(flatten)]
    device: DeviceArguments,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Generated {
    text: String,
    tokens: Vec<TokenLogprob>,
    device: String,
}

pub(crate) fn run(arguments: &GenerateArguments) -> Result<ExitCode, Failure> {
    let file = backbone_file(Some(&arguments.backbone))?;
    let executor = open_backbone(Some(&arguments.backbone), &file, arguments.device.device)?;
    let tokenizer = executor.backbone().tokenizer();
    let spoken = tokenizer.encode(&arguments.prompt).into_iter().map(|token| token.id);
    let prompt: Vec<u32> = tokenizer.begin().into_iter().chain(spoken).collect();
    let decoding = greedy(executor.as_ref(), &prompt, arguments.max_tokens, Some(tokenizer.end()));
    let predictions = pollster::block_on(decoding)?;
    let ids: Vec<u32> = predictions.iter().map(|prediction| prediction.token).collect();
    let text = tokenizer.decode(&ids);
    if arguments.json {
        let token = |prediction: &Prediction| TokenLogprob {
            text: tokenizer.token_text(prediction.token),
            logprob: prediction.logprob,
        };
        let tokens = predictions.iter().map(token).collect();
        output::json(&Generated { text, tokens, device: executor.device().to_owned() })?;
    } else {
        output::text(&text)?;
    }
    Ok(ExitCode::SUCCESS)
}
