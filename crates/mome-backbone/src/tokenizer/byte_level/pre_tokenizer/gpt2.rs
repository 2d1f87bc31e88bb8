//! GPT-2's rule: the regular expression
//! `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`
//! of <https://github.com/openai/gpt-2/blob/master/src/encoder.py>.

use super::class::{Class, run};
use super::spaces;

const CONTRACTIONS: [&str; 7] = ["'s", "'t", "'re", "'ve", "'m", "'ll", "'d"];

/// Length of the first word in bytes; `None` where the text is empty.
pub(super) fn first_word(text: &str) -> Option<usize> {
    if let Some(contraction) = CONTRACTIONS.iter().find(|contraction| text.starts_with(**contraction)) {
        return Some(contraction.len());
    }
    let after_space = text.strip_prefix(' ').unwrap_or(text);
    let class = after_space.chars().next().map(Class::of);
    match class.filter(|class| *class != Class::Space) {
        Some(class) => Some(text.len() - after_space.len() + run(after_space, class)),
        None => spaces(text),
    }
}
