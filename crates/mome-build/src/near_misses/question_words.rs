//! Another word that asks, and another modal.

use super::words::{Proposal, Words};

/// What begins a question, and what may begin it with another sense. Left out are pairs that mostly get one
/// answer, such as "how can I" and "where can I".
const BEGINNINGS: [(&[&str], &[&str]); 30] = [
    (&["when", "do"], &["why do", "where do"]),
    (&["when", "does"], &["why does", "where does"]),
    (&["when", "can"], &["where can", "why can"]),
    (&["when", "is"], &["where is"]),
    (&["when", "are"], &["where are"]),
    (&["when", "was"], &["where was"]),
    (&["when", "were"], &["where were"]),
    (&["when", "did"], &["where did"]),
    (&["when", "will"], &["where will", "why will"]),
    (&["when", "must"], &["where must", "why must"]),
    (&["when", "should"], &["where should", "why should"]),
    (&["where", "is"], &["when is"]),
    (&["where", "was"], &["when was"]),
    (&["where", "did"], &["when did"]),
    (&["where", "can"], &["when can", "why can"]),
    (&["where", "do"], &["when do", "why do"]),
    (&["where", "does"], &["when does", "why does"]),
    (&["how", "do", "i"], &["why do I", "when do I"]),
    (&["how", "can", "i"], &["when can I"]),
    (&["how", "does"], &["why does", "when does"]),
    (&["how", "often"], &["how long", "how early"]),
    (&["how", "long", "does"], &["how often does"]),
    (&["how", "long", "do"], &["how often do"]),
    (&["how", "old", "is"], &["how tall is", "how rich is"]),
    (&["how", "tall", "is"], &["how old is", "how heavy is"]),
    (&["how", "heavy", "is"], &["how big is", "how old is"]),
    (&["how", "big", "is"], &["how heavy is", "how old is"]),
    (&["what", "time", "does"], &["why does", "where does"]),
    (&["what", "time", "do"], &["why do", "where do"]),
    (&["who", "can"], &["who must", "who cannot"]),
];

/// Modals in a question, with what asks otherwise. Permission is not turned into necessity ("Can I pay in cash?", "Do I have
/// to pay in cash?"): an answer to one mostly answers the other.
const MODALS: [(&[&str], &[&str]); 1] = [(&["what", "must", "i"], &["what may I", "what must I not"])];

/// Verbs by which one asks for something to happen, of which one says "can" and means no permission.
const ASKED_FOR: [&str; 12] =
    ["get", "see", "find", "know", "ask", "reach", "trust", "hear", "help", "have", "tell", "speak"];

pub(super) fn proposals(words: &Words<'_>) -> Vec<Proposal> {
    let asking = words.asking();
    let mut found = Vec::new();
    // After "Hello," or "do you know" too.
    for at in asking.start..asking.end {
        let begins = at == asking.start
            || words.gap(at - 1).contains(',')
            || ["know", "me", "and", "so", "hi", "hello", "hey", "say"].contains(&words.before(at));
        if !begins {
            continue;
        }
        // "When can" at the beginning has a modal of its own.
        for (phrase, others) in BEGINNINGS {
            if words.reads(at, phrase) && fits(words, at, phrase) {
                let place = at..at + phrase.len();
                // "Where and when do we meet" asks for both already.
                let is_asked = |other: &&&str| {
                    let word = other.split(' ').next().unwrap_or_default();
                    (0..words.len()).any(|at| !place.contains(&at) && words.lower(at) == word)
                };
                let asked_anew = others.iter().filter(|other| !is_asked(other));
                found.extend(asked_anew.map(|other| words.replaced(place.clone(), other)));
            }
        }
        for (phrase, others) in MODALS {
            if words.reads(at, phrase) && !ASKED_FOR.contains(&words.lower(at + phrase.len())) {
                found.extend(others.iter().map(|other| written(words, at, phrase.len(), other)));
            }
        }
    }
    found
}

/// The pairs with "I" have a capital of their own, which is not that of the beginning.
fn written(words: &Words<'_>, at: usize, length: usize, other: &str) -> Proposal {
    let mut proposal = words.replaced(at..at + length, other);
    let has_small_i = words.words[at..at + length].iter().any(|word| word.text == "i");
    if has_small_i && let Some((_, written)) = proposal.edits.last_mut() {
        *written = written.to_lowercase();
        proposal.to.clone_from(written);
    }
    proposal
}

fn fits(words: &Words<'_>, at: usize, phrase: &[&str]) -> bool {
    let next = words.lower(at + phrase.len());
    match phrase {
        // "How do I get to", "how do I know": no when and no why.
        ["how", "do" | "can", "i"] => !["get", "know", "find", "contact", "reach", "say"].contains(&next),
        // "How does it work": no when.
        ["how", "does"] => !words.words.iter().any(|word| ["work", "works"].contains(&word.lower.as_str())),
        // "Where do I find", "where is the entrance": places have no time.
        ["where", "do" | "can", ..] => !["find", "get", "see"].contains(&words.lower(at + 3)),
        ["where", "is"] => {
            words.words.iter().any(|word| word.lower.ends_with("ing") || word.lower.ends_with("ed"))
        }
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::super::ChangeKind;
    use super::super::tests::{assert_makes, assert_makes_nothing};

    const KIND: ChangeKind = ChangeKind::QuestionWord;

    #[test]
    fn other_question_words_and_modals() {
        assert_makes(KIND, "When was Ada born?", "Where was Ada born?");
        assert_makes_nothing(KIND, "Where, why and when do we meet?");
        assert_makes(KIND, "How long does the show run?", "How often does the show run?");
        assert_makes(KIND, "What must I bring?", "What may I bring?");
        assert_makes_nothing(KIND, "Can I bring my own food?");
        assert_makes(KIND, "Hello, when do you open?", "Hello, why do you open?");
        assert_makes(KIND, "How tall is the tower?", "How old is the tower?");
    }

    #[test]
    fn what_asks_the_same_stays() {
        assert_makes_nothing(KIND, "How do I get to the station?");
        assert_makes_nothing(KIND, "Where do I find my number?");
        assert_makes_nothing(KIND, "Which shoes fit?");
    }
}
