//! What keeps wrong labels out: changes that leave the question as it was, or make it one that the pack
//! knows.

use std::ops::Range;

use super::change::ChangeKind;
use super::pack_words::{FactWords, PackWords};
use super::words::{FUNCTION_WORDS, Proposal, Words, normalized, stem};

/// A paraphrase of more words tells a story, whose details do not decide.
const LONGEST_BARE_QUESTION: usize = 14;

/// So does a question of more.
const LONGEST_QUESTION: usize = 20;

/// The guards of one wording.
pub(super) struct Guards<'a> {
    pack: &'a PackWords,
    fact: usize,
    fact_words: &'a FactWords,
    words: &'a Words<'a>,
    asking: Range<usize>,
    is_question_of_fact: bool,
}

impl<'a> Guards<'a> {
    /// `None` where the pack has no such fact.
    pub(super) fn new(pack: &'a PackWords, fact: usize, words: &'a Words<'a>) -> Option<Self> {
        let fact_words = pack.facts.get(fact)?;
        let own: Vec<String> = words.words.iter().map(|word| stem(&word.lower)).collect();
        let is_question_of_fact = fact_words
            .wordings
            .first()
            .is_some_and(|question| own.iter().all(|stem| question.contains(stem)));
        Some(Self { pack, fact, fact_words, words, asking: words.asking(), is_question_of_fact })
    }

    /// The text that a proposal makes, where its label can be trusted.
    pub(super) fn accepted(&self, kind: ChangeKind, proposal: &Proposal) -> Option<String> {
        let text = self.words.edited(&proposal.edits);
        let sound = !self.pack.stored.contains(&normalized(&text))
            && self.decides(kind, proposal)
            && !self.is_said_otherwise(kind, proposal)
            && !self.pack.is_asked_elsewhere(self.fact, &text, &proposal.to);
        sound.then_some(text)
    }

    /// Whether what is changed decides the question: it stands in the fact's question, or in at least half of
    /// the other wordings. Of a fact with fewer than three wordings: in the sentence that asks.
    fn decides(&self, kind: ChangeKind, proposal: &Proposal) -> bool {
        if !self.is_in_asking_sentence(proposal) || self.asking.len() > LONGEST_QUESTION {
            return false;
        }
        let wordings = &self.fact_words.wordings;
        if self.is_question_of_fact || wordings.len() < 3 {
            return self.is_question_of_fact || self.asking.len() <= 2 * LONGEST_BARE_QUESTION;
        }
        let topics = topics_of(&proposal.from);
        let is_of_structure =
            matches!(kind, ChangeKind::Negation | ChangeKind::QuestionWord | ChangeKind::Role);
        if is_of_structure || topics.is_empty() {
            let from = Words::of(&proposal.from);
            return self.words.len() <= LONGEST_BARE_QUESTION
                && self.asking.len() == self.words.len()
                && from.words.iter().all(|word| wordings[0].contains(&stem(&word.lower)));
        }
        topics.iter().all(|stem| {
            let others = wordings[1..].iter().filter(|words| words.contains(stem)).count();
            // This wording itself is mostly one of them.
            wordings[0].contains(stem) || 2 * others > wordings.len()
        })
    }

    fn is_in_asking_sentence(&self, proposal: &Proposal) -> bool {
        let (Some(first), Some(last)) = (
            self.words.words.get(self.asking.start),
            self.asking.end.checked_sub(1).and_then(|last| self.words.words.get(last)),
        ) else {
            return false;
        };
        proposal.edits.iter().all(|(range, _)| range.start >= first.span.start && range.end <= last.span.end)
    }

    /// Whether another wording of the fact already says what is put in: "open" in one and "closed" in the
    /// other.
    fn is_said_otherwise(&self, kind: ChangeKind, proposal: &Proposal) -> bool {
        // What changes places stands in it in any case; words such as "not" and "where" decide nothing alone.
        if matches!(kind, ChangeKind::Role | ChangeKind::Negation | ChangeKind::QuestionWord) {
            return false;
        }
        let before = topics_of(&proposal.from);
        let new: Vec<String> =
            topics_of(&proposal.to).into_iter().filter(|stem| !before.contains(stem)).collect();
        let said = |stem: &String| self.fact_words.wordings.iter().any(|words| words.contains(stem));
        if kind == ChangeKind::Name { new.iter().any(said) } else { !new.is_empty() && new.iter().all(said) }
    }
}

fn topics_of(text: &str) -> Vec<String> {
    let words = Words::of(text);
    let topical = words.words.iter().filter(|word| !FUNCTION_WORDS.contains(&word.lower.as_str()));
    topical.map(|word| stem(&word.lower)).collect()
}
