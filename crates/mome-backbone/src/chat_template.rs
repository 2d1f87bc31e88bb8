//! Chat templates: how a conversation is put to a model that was trained on conversations.
//!
//! A GGUF file carries the Jinja template of the model's authors (`tokenizer.chat_template`). It is rendered as
//! Hugging Face's `apply_chat_template` does, whose conventions the templates were written for.

mod environment;
mod methods;

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};

use minijinja::{Environment, ErrorKind, Value, context};
use thiserror::Error;

use crate::{Gguf, GgufError};
use environment::{Refusal, environment};

const KEY: &str = "tokenizer.chat_template";
/// The name that messages about a template give it.
const NAME: &str = "chat_template";
/// The longest template, in bytes. Templates with tools take a few thousand.
const MAX_SOURCE: usize = 1 << 16;
/// How many instructions a template may run, and how many more for each message.
const FUEL: u64 = 100_000;
const FUEL_PER_MESSAGE: u64 = 10_000;
/// How many bytes a conversation may become: so many, and so many times the bytes of its messages.
const MAX_FRAME: usize = 1 << 16;
const MAX_GROWTH: usize = 4;

/// Why a chat template cannot be used, or a conversation not be put into it.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum ChatTemplateError {
    /// Metadata of the wrong type.
    #[error(transparent)]
    Metadata(#[from] GgufError),
    /// A template that is absurdly long.
    #[error("{KEY} has {0} bytes ({MAX_SOURCE} at most)")]
    Size(usize),
    /// A template that is not Jinja.
    #[error("{KEY} cannot be read: {0}")]
    Syntax(String),
    /// A conversation without messages. Templates look at the first one without asking whether it is there.
    #[error("a conversation without messages cannot be put into a chat template")]
    Empty,
    /// What the template itself objects to, such as two messages of the same role in a row.
    #[error("the chat template refuses the messages: {0}")]
    Refused(String),
    /// A template that goes wrong, or asks for what is not there, such as `strftime_now`.
    #[error("{KEY} cannot be rendered: {0}")]
    Render(String),
    /// A template that runs on and on.
    #[error("{KEY} takes too many steps for these messages")]
    Steps,
    /// A template that makes too much of the messages.
    #[error("{KEY} makes more than {0} bytes of these messages")]
    Output(usize),
}

/// A message of a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChatMessage {
    /// Who speaks: `system`, `user` or `assistant`.
    pub role: String,
    /// What is said.
    pub content: String,
}

/// A model's chat template.
///
/// A template is a program from the file. Its steps, its recursion and what it puts out are bounded; the memory
/// that it takes for texts on the way is not: minijinja has no limit for that. Where panics abort, as in the web
/// build, a template that makes minijinja panic aborts.
#[derive(Debug)]
pub struct ChatTemplate {
    environment: Environment<'static>,
    begin: Option<String>,
    end: Option<String>,
}

impl ChatTemplate {
    /// Reads the chat template of a GGUF file, where it has one.
    ///
    /// # Errors
    /// [`ChatTemplateError`], where it is not a template that can be rendered.
    pub fn read(gguf: &Gguf) -> Result<Option<Self>, ChatTemplateError> {
        let Some(source) = gguf.string(KEY)? else { return Ok(None) };
        if source.len() > MAX_SOURCE {
            return Err(ChatTemplateError::Size(source.len()));
        }
        let syntax_error = |error: minijinja::Error| ChatTemplateError::Syntax(error.to_string());
        let mut environment = environment().map_err(syntax_error)?;
        environment.add_template_owned(NAME, source.to_owned()).map_err(syntax_error)?;
        let tokens = gguf.strings("tokenizer.ggml.tokens")?.unwrap_or_default();
        let token = |key| {
            let id = gguf.unsigned(key)?.and_then(|id| usize::try_from(id).ok());
            Ok::<_, GgufError>(id.and_then(|id| tokens.get(id)).cloned())
        };
        Ok(Some(Self {
            environment,
            begin: token("tokenizer.ggml.bos_token_id")?,
            end: token("tokenizer.ggml.eos_token_id")?,
        }))
    }

    /// Puts a conversation as the model expects it; with `add_generation_prompt`, up to where the assistant's next
    /// message begins. The text is for [`encode_with_special`](crate::Tokenizer::encode_with_special), and names the
    /// begin token itself where the model wants one.
    ///
    /// # Errors
    /// [`ChatTemplateError`], where the template refuses the messages or cannot be rendered.
    pub fn render(
        &self,
        messages: &[ChatMessage],
        add_generation_prompt: bool,
    ) -> Result<String, ChatTemplateError> {
        if messages.is_empty() {
            return Err(ChatTemplateError::Empty);
        }
        let bytes: usize = messages.iter().map(|message| message.role.len() + message.content.len()).sum();
        let mut output =
            Bounded { text: Vec::new(), most: MAX_FRAME.saturating_add(bytes.saturating_mul(MAX_GROWTH)) };
        let mut environment = self.environment.clone();
        environment.set_fuel(Some(FUEL + FUEL_PER_MESSAGE.saturating_mul(messages.len() as u64)));
        let message =
            |message: &ChatMessage| context! { role => &*message.role, content => &*message.content };
        let context = context! {
            messages => messages.iter().map(message).collect::<Vec<Value>>(),
            add_generation_prompt,
            bos_token => optional(self.begin.as_deref()),
            eos_token => optional(self.end.as_deref()),
            // Given as Hugging Face gives them where there are none.
            tools => (),
            documents => (),
        };
        let render = || environment.get_template(NAME)?.render_captured_to(context, &mut output).map(drop);
        // minijinja 3.0.5 panics where a template slices an empty sequence backwards. A build that aborts on a panic
        // is not helped.
        let rendered = catch_unwind(AssertUnwindSafe(render)).unwrap_or_else(|_| {
            Err(minijinja::Error::new(ErrorKind::InvalidOperation, "the template engine panicked"))
        });
        match rendered {
            Ok(()) => {
                String::from_utf8(output.text).map_err(|error| ChatTemplateError::Render(error.to_string()))
            }
            Err(error) => Err(render_error(&error, output.most)),
        }
    }
}

/// A text that may be missing; undefined, so that a template can ask.
fn optional(text: Option<&str>) -> Value {
    text.map_or(Value::UNDEFINED, Value::from)
}

fn render_error(error: &minijinja::Error, most: usize) -> ChatTemplateError {
    let refusal = std::iter::successors(Some(error as &dyn std::error::Error), |error| error.source())
        .find_map(|error| error.downcast_ref::<Refusal>());
    match (refusal, error.kind()) {
        (Some(Refusal(reason)), _) => ChatTemplateError::Refused(reason.clone()),
        (None, ErrorKind::OutOfFuel) => ChatTemplateError::Steps,
        (None, ErrorKind::WriteFailure) => ChatTemplateError::Output(most),
        (None, _) => ChatTemplateError::Render(error.to_string()),
    }
}

/// Takes so many bytes and no more.
struct Bounded {
    text: Vec<u8>,
    most: usize,
}

impl io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.len() > self.most - self.text.len() {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.text.extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
