//! The classes of characters that the rules speak of.

use unicode_general_category::{GeneralCategory, get_general_category};

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    /// `\p{L}`
    Letter,
    /// `\p{N}`
    Number,
    /// `\s`
    Space,
    /// Everything else.
    Other,
}

impl Class {
    pub(super) fn of(character: char) -> Self {
        use GeneralCategory as Is;
        if character.is_whitespace() {
            return Self::Space;
        }
        match get_general_category(character) {
            Is::UppercaseLetter
            | Is::LowercaseLetter
            | Is::TitlecaseLetter
            | Is::ModifierLetter
            | Is::OtherLetter => Self::Letter,
            Is::DecimalNumber | Is::LetterNumber | Is::OtherNumber => Self::Number,
            _ => Self::Other,
        }
    }
}

/// Length in bytes of the characters of one class that a text begins with.
pub(super) fn run(text: &str, class: Class) -> usize {
    text.find(|character| Class::of(character) != class).unwrap_or(text.len())
}
