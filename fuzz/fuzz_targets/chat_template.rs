//! Any template with any messages.

#![no_main]

#[path = "../../crates/mome-backbone/tests/common/mod.rs"]
mod common;

use common::{Meta, Writer, parse};
use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;
use mome_backbone::{ChatMessage, ChatTemplate};

#[derive(Debug, Arbitrary)]
struct Input<'a> {
    add_generation_prompt: bool,
    messages: Vec<(u8, &'a str)>,
    template: &'a str,
}

// Panics of minijinja are caught and become errors; libFuzzer's hook would abort before that.
fuzz_target!(init: std::panic::set_hook(Box::new(|_| ())), |input: Input<'_>| {
    let file = Writer::default().meta("tokenizer.chat_template", Meta::Text(input.template));
    let gguf = parse(&file.bytes()).expect("a file that makes sense");
    let Ok(Some(template)) = ChatTemplate::read(&gguf) else { return };
    let role = |role: u8| ["system", "user", "assistant"][usize::from(role) % 3].to_owned();
    let message = |(speaker, content): &(u8, &str)| ChatMessage {
        role: role(*speaker),
        content: (*content).to_owned(),
    };
    let messages: Vec<ChatMessage> = input.messages.iter().map(message).collect();
    let _ = template.render(&messages, input.add_generation_prompt);
});
