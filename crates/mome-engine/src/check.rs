//! Refuses a pass or a batch that cannot run, before anything has changed.

use mome_backbone::{Config, EncoderConfig};
use mome_pack::KEY_WIDTH;

use crate::{EngineError, MAX_SLOTS, Memory, Pass, TokenPair};

/// How far a sequence is.
#[derive(Clone, Copy)]
pub(crate) struct Progress {
    /// Tokens that it has run.
    pub len: usize,
    /// Tokens that it may hold.
    pub capacity: usize,
    /// Whether it has the final state of the position before the next pass.
    pub last: bool,
}

impl Progress {
    fn check_room(self, tokens: usize) -> Result<(), EngineError> {
        let tokens = self.len.saturating_add(tokens);
        if tokens > self.capacity {
            return Err(EngineError::TooLong { tokens, capacity: self.capacity });
        }
        Ok(())
    }
}

/// Checks a pass for a sequence.
pub(crate) fn check_pass(config: &Config, pass: &Pass<'_>, progress: Progress) -> Result<(), EngineError> {
    progress.check_room(pass.tokens.len())?;
    check_tokens(config.vocabulary, pass.tokens)?;
    check_layers(config.layers, pass.states)?;
    let Some(head) = &pass.head else { return Ok(()) };
    let available = pass.tokens.len() + usize::from(progress.last);
    if head.rows > available {
        return Err(EngineError::Rows { rows: head.rows, available });
    }
    check_tokens(config.vocabulary, head.watch)?;
    head.memory.map_or(Ok(()), |memory| check_memory(config, memory))
}

/// Checks the decoding of `count` tokens.
pub(crate) fn check_decode(
    config: &Config,
    count: usize,
    memory: Option<&Memory>,
    progress: Progress,
) -> Result<(), EngineError> {
    progress.check_room(count)?;
    if count > 0 && !progress.last {
        return Err(EngineError::Rows { rows: 1, available: 0 });
    }
    memory.map_or(Ok(()), |memory| check_memory(config, memory))
}

/// Checks the inputs of an encoder's batch.
pub(crate) fn check_inputs(config: &EncoderConfig, inputs: &[TokenPair<'_>]) -> Result<(), EngineError> {
    inputs.iter().enumerate().try_for_each(|(text, TokenPair { tokens, .. })| {
        if tokens.is_empty() {
            return Err(EngineError::Empty { text });
        }
        if tokens.len() > config.context {
            return Err(EngineError::TooLong { tokens: tokens.len(), capacity: config.context });
        }
        check_tokens(config.vocabulary, tokens)
    })
}

/// Refuses layers beyond the last one.
pub(crate) fn check_layers(layers: usize, wanted: &[usize]) -> Result<(), EngineError> {
    match wanted.iter().copied().find(|layer| *layer > layers) {
        Some(layer) => Err(EngineError::Layer { layer, layers }),
        None => Ok(()),
    }
}

fn check_tokens(vocabulary: usize, tokens: &[u32]) -> Result<(), EngineError> {
    match tokens.iter().copied().find(|token| *token as usize >= vocabulary) {
        Some(token) => Err(EngineError::Token { token, vocabulary }),
        None => Ok(()),
    }
}

fn check_memory(config: &Config, memory: &Memory) -> Result<(), EngineError> {
    let problem = memory_problem(config, memory);
    problem.map_or(Ok(()), |problem| Err(EngineError::Memory(problem)))
}

fn memory_problem(config: &Config, memory: &Memory) -> Option<String> {
    let (slots, experts) = (&memory.slots, &memory.experts);
    let parameters = &memory.parameters;
    if slots.len() > MAX_SLOTS {
        return Some(format!(
            "{} slots are more than the {MAX_SLOTS} that a pass can attend to",
            slots.len()
        ));
    }
    let query = &memory.query.0;
    if query.len() != KEY_WIDTH * config.hidden {
        let expected = KEY_WIDTH * config.hidden;
        return Some(format!("W_query has {} numbers, not {expected} ([{KEY_WIDTH}, d])", query.len()));
    }
    if !all_finite(query) {
        return Some("W_query has a number that is not finite".to_owned());
    }
    if !all_finite(&[parameters.beta, parameters.gamma, parameters.null, parameters.margin]) {
        return Some("a parameter of the attention is not finite".to_owned());
    }
    if let Some(index) = experts.iter().position(|expert| !expert.bias.is_finite()) {
        return Some(format!("the bias of expert {index} is not finite"));
    }
    for (index, slot) in slots.iter().enumerate() {
        if slot.token as usize >= config.vocabulary {
            return Some(format!("slot {index} raises token {}, which is not in the vocabulary", slot.token));
        }
        if slot.expert as usize >= experts.len() {
            return Some(format!("slot {index} belongs to expert {} of {}", slot.expert, experts.len()));
        }
        if !slot.strength.is_finite() || !all_finite(&slot.key) {
            return Some(format!("slot {index} has a number that is not finite"));
        }
    }
    if !slots.is_sorted_by_key(|slot| (slot.token, slot.expert, slot.place)) {
        return Some("the slots are not sorted by token, expert and place".to_owned());
    }
    None
}

fn all_finite(numbers: &[f32]) -> bool {
    numbers.iter().all(|number| number.is_finite())
}
