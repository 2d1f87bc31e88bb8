//! Llama 3's rule: the regular expression
//! `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
//! of <https://github.com/meta-llama/llama3/blob/main/llama/tokenizer.py>. Qwen2's is the same with `\p{N}` for
//! `\p{N}{1,3}`.

use super::class::{Class, run};
use super::spaces;

const NEWLINES: [char; 2] = ['\r', '\n'];

/// Length of the first word in bytes, with at most `digits` numbers in one word; `None` where the text is empty.
pub(super) fn first_word(text: &str, digits: usize) -> Option<usize> {
    let mut characters = text.chars();
    let first = characters.next()?;
    if let Some(contraction) = contraction(text) {
        return Some(contraction);
    }
    let (class, rest) = (Class::of(first), characters.as_str());
    let letters_after = |text: &str| Some(run(text, Class::Letter)).filter(|letters| *letters > 0);
    match class {
        Class::Letter => return letters_after(text),
        Class::Number => {
            let numbers = text.chars().take(digits).take_while(|number| Class::of(*number) == Class::Number);
            return Some(numbers.map(char::len_utf8).sum());
        }
        Class::Space | Class::Other => {}
    }
    if let Some(letters) = letters_after(rest).filter(|_| !NEWLINES.contains(&first)) {
        return Some(first.len_utf8() + letters);
    }
    let after_space = text.strip_prefix(' ').unwrap_or(text);
    let others = run(after_space, Class::Other);
    if others > 0 {
        let newlines = after_space[others..].trim_start_matches(NEWLINES);
        return Some(text.len() - newlines.len());
    }
    match text[..run(text, Class::Space)].rfind(NEWLINES) {
        Some(newline) => Some(newline + 1),
        None => spaces(text),
    }
}

/// Length in bytes of the contraction that a text begins with, in either case. U+017F counts as an s, as it does
/// in regular expressions that ignore case.
fn contraction(text: &str) -> Option<usize> {
    let mut characters = text.strip_prefix('\'')?.chars();
    let mut next = || characters.next().map(|character| character.to_ascii_lowercase());
    match (next()?, next()) {
        ('s' | 't' | 'm' | 'd', _) => Some(2),
        ('\u{17F}', _) => Some(1 + '\u{17F}'.len_utf8()),
        ('r' | 'v', Some('e')) | ('l', Some('l')) => Some(3),
        _ => None,
    }
}
