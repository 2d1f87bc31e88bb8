//! What is told of a near miss.

use std::fmt;

use super::words::{Proposal, Words, normalized, rule};

/// In what a near miss differs from the wording that it is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum ChangeKind {
    /// Another number: digits, words, ordinals, years, times, units, codes of models.
    Number,
    /// `not` put in or taken out, `without` for `with`.
    Negation,
    /// A word of opposite sense.
    Antonym,
    /// Another thing of the same type: another colour, weekday, animal.
    SisterTerm,
    /// Another name of the same kind.
    Name,
    /// Two things that change places: from Oslo to Rome, from Rome to Oslo.
    Role,
    /// Another quantity or direction: all and none, at least and at most, before and after.
    Quantifier,
    /// Another word that asks, or another modal: where and when, may and must.
    QuestionWord,
    /// Another property of the same thing: its height, its price.
    Property,
    /// A word put in that makes it another thing: Model 3, Model 3 Plus.
    Insertion,
}

impl ChangeKind {
    /// All kinds.
    pub const ALL: [Self; 10] = [
        Self::Number,
        Self::Negation,
        Self::Antonym,
        Self::SisterTerm,
        Self::Name,
        Self::Role,
        Self::Quantifier,
        Self::QuestionWord,
        Self::Property,
        Self::Insertion,
    ];

    /// The name for reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Number => "number",
            Self::Negation => "negation",
            Self::Antonym => "antonym",
            Self::SisterTerm => "sister term",
            Self::Name => "name",
            Self::Role => "role",
            Self::Quantifier => "quantifier",
            Self::QuestionWord => "question word",
            Self::Property => "property",
            Self::Insertion => "insertion",
        }
    }
}

impl fmt::Display for ChangeKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// A near miss.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// In what it differs.
    pub kind: ChangeKind,
    /// The question made.
    pub text: String,
    /// What stood in the wording, and what stands there now.
    pub pair: (String, String),
    /// The pair in its base form, the same for its inflections and both directions, such as `close/open`: its
    /// name in reports.
    pub rule: String,
    /// Whether its rule is one of the third that readers are never trained on. How many of those a gate lets
    /// through tells whether what training taught carries over to pairs that it did not see. A hash of kind
    /// and rule decides.
    pub held_out: bool,
}

impl Change {
    pub(super) fn new(kind: ChangeKind, text: String, proposal: Proposal) -> Self {
        let held_out = is_rule_held_out(kind, &proposal.rule);
        Self { kind, text, pair: (proposal.from, proposal.to), rule: proposal.rule, held_out }
    }

    /// The same change made to another wording of the fact, so that both ask the same again: `None` where
    /// what was changed does not stand in it exactly once, or where the change is not one of single words.
    #[must_use]
    pub fn also_made_in(&self, wording: &str) -> Option<String> {
        let lexical = [
            ChangeKind::Number,
            ChangeKind::Antonym,
            ChangeKind::SisterTerm,
            ChangeKind::Name,
            ChangeKind::Property,
        ];
        if !lexical.contains(&self.kind) {
            return None;
        }
        let words = Words::of(wording);
        let from: Vec<String> = Words::of(&self.pair.0).words.into_iter().map(|word| word.lower).collect();
        let from: Vec<&str> = from.iter().map(String::as_str).collect();
        let mut places = (0..words.len()).filter(|&at| !from.is_empty() && words.reads(at, &from));
        let (at, None) = (places.next()?, places.next()) else { return None };
        let made = words.edited(&words.replaced(at..at + from.len(), &self.pair.1).edits);
        (normalized(&made) != normalized(wording)).then_some(made)
    }
}

/// Whether readers are never trained to tell these two apart, as a change of that kind, in either direction.
#[must_use]
pub fn is_held_out(kind: ChangeKind, one: &str, other: &str) -> bool {
    is_rule_held_out(kind, &rule(one, other))
}

/// FNV-1a: short, and the same everywhere and for good.
fn is_rule_held_out(kind: ChangeKind, rule: &str) -> bool {
    let hash =
        kind.name().bytes().chain([0]).chain(rule.bytes()).fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
    (hash >> 32).is_multiple_of(3)
}
