//! `mome generate`: greedy text from the bare backbone.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use mome::TokenLogprob;
use mome_backbone::{Backbone, ChatMessage, ChatTemplate, Token};
use mome_engine::{Prediction, greedy};
use serde::Serialize;

use crate::DeviceArguments;
use crate::models::{backbone_file, open_backbone};
use crate::output::{self, Failure};

#[derive(Args)]
pub(crate) struct GenerateArguments {
    /// The language model, GGUF
    #[arg(long, value_name = "FILE")]
    backbone: PathBuf,
    /// The text to go on with
    #[arg(long, value_name = "TEXT")]
    prompt: String,
    /// Put the text to the model as a message, in the model's own chat template
    #[arg(long)]
    chat: bool,
    /// What the assistant is told before the message
    #[arg(long, value_name = "TEXT", requires = "chat")]
    system: Option<String>,
    /// The most tokens to add
    #[arg(long, value_name = "N", default_value_t = 128)]
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
    let executor = open_backbone(Some(&arguments.backbone), &file, arguments.device.options())?;
    let tokenizer = executor.backbone().tokenizer();
    let prompt = prompt(executor.backbone(), arguments)?;
    let mut spoken = tokenizer.continuation_decoder();
    let mut text = String::new();
    let mut failure = None;
    // Text is shown as it comes, and a failure to show it ends the work.
    let mut show = |part: String| {
        text.push_str(&part);
        if !arguments.json && failure.is_none() {
            failure = output::text(&part).err();
        }
        failure.is_none()
    };
    let decoding = greedy(executor.as_ref(), &prompt, arguments.max_tokens, |prediction| {
        !tokenizer.ends(prediction.token) && show(spoken.push(prediction.token))
    });
    let predictions = pollster::block_on(decoding)?;
    show(spoken.finish());
    if let Some(failure) = failure {
        return Err(failure);
    }
    if arguments.json {
        let token = |prediction: &Prediction| TokenLogprob {
            text: tokenizer.token_text(prediction.token),
            logprob: prediction.logprob,
        };
        let tokens = predictions.iter().map(token).collect();
        output::json(&Generated { text, tokens, device: executor.device().to_owned() })?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The tokens to go on with: of the text as it is, or of the chat template with the text as a message.
fn prompt(backbone: &Backbone, arguments: &GenerateArguments) -> Result<Vec<u32>, Failure> {
    let tokenizer = backbone.tokenizer();
    let ids = |tokens: Vec<Token>| tokens.into_iter().map(|token| token.id);
    let begin = tokenizer.begin().filter(|_| tokenizer.adds_begin());
    if !arguments.chat {
        return Ok(begin.into_iter().chain(ids(tokenizer.encode(&arguments.prompt))).collect());
    }
    let failure = |error| Failure::ChatTemplate { file: arguments.backbone.clone(), error };
    let template = ChatTemplate::read(backbone.gguf()).map_err(failure)?;
    let template = template.ok_or_else(|| Failure::NoChatTemplate(arguments.backbone.clone()))?;
    let message = |role: &str, content: &String| ChatMessage { role: role.into(), content: content.clone() };
    let system = arguments.system.iter().map(|text| message("system", text));
    let messages: Vec<ChatMessage> = system.chain([message("user", &arguments.prompt)]).collect();
    let text = template.render(&messages, true).map_err(failure)?;
    let tokens: Vec<u32> = ids(tokenizer.encode_with_special(&text)).collect();
    // Some templates begin with the begin token, and some leave that to the reader.
    let begin = begin.filter(|begin| tokens.first() != Some(begin));
    Ok(begin.into_iter().chain(tokens).collect())
}
