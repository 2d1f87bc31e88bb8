//! Two things that change places: "from Oslo to Rome", "Did Rome beat Oslo", "Can I call you".

use super::names_in::names_in;
use super::tables::NAMES;
use super::words::{FUNCTION_WORDS, Proposal, Words, rule};

/// What a question is about whose answer does not depend on the order.
const SYMMETRIC: [&str; 22] = [
    "far",
    "distance",
    "between",
    "difference",
    "differ",
    "compare",
    "compared",
    "versus",
    "vs",
    "same",
    "and",
    "or",
    "marry",
    "married",
    "meet",
    "equal",
    "closer",
    "both",
    "border",
    "borders",
    "time",
    "together",
];

/// Pairs of words around the things that change places: `from` x `to` y, x `instead of` y.
const AROUND: [(&[&str], &[&str]); 11] = [
    (&["from"], &["to"]),
    (&["from"], &["into"]),
    (&["change"], &["to"]),
    (&["change"], &["into"]),
    (&["convert"], &["to"]),
    (&["convert"], &["into"]),
    (&["exchange"], &["for"]),
    (&["swap"], &["for"]),
    (&["replace"], &["with"]),
    (&["replace"], &["by"]),
    (&["prefer"], &["to"]),
];

/// Words between two things of which each may stand on either side, with another sense.
const BETWEEN: [&[&str]; 2] = [&["instead", "of"], &["rather", "than"]];

/// Verbs by which one does something to another.
const DONE_TO: [&str; 14] = [
    "beat",
    "defeat",
    "own",
    "buy",
    "acquire",
    "kill",
    "call",
    "invade",
    "succeed",
    "play",
    "teach",
    "pay",
    "sue",
    "influence",
];

/// What one can do to another, both ways round.
const BOTH_WAYS: [&str; 22] = [
    "call", "contact", "pay", "email", "phone", "send", "visit", "reach", "follow", "invite", "write",
    "ring", "notify", "refund", "charge", "text", "message", "invoice", "bill", "block", "tip", "sue",
];

pub(super) fn proposals(words: &Words<'_>) -> Vec<Proposal> {
    let mut found = people(words);
    found.extend(doers(words));
    if (0..words.len()).any(|at| SYMMETRIC.contains(&words.lower(at))) {
        return found;
    }
    for at in 0..words.len() {
        found.extend(around(words, at));
        found.extend(either_side(words, at));
    }
    found
}

/// "from x to y": each of one to three words, the second ending a phrase.
fn around(words: &Words<'_>, at: usize) -> Vec<Proposal> {
    let mut found = Vec::new();
    for (before, between) in AROUND.iter().filter(|(before, _)| words.reads(at, before)) {
        let first = at + before.len();
        for middle in first + 1..(first + 4).min(words.len()) {
            if words.reads(middle, between) {
                let second = middle + between.len();
                found.extend(
                    phrase_end(words, second).and_then(|end| swapped(words, first..middle, second..end)),
                );
            }
        }
    }
    found
}

/// "x instead of y": nouns of one word each, with their articles.
fn either_side(words: &Words<'_>, at: usize) -> Option<Proposal> {
    let between = BETWEEN.iter().find(|between| words.reads(at, between))?;
    let second = at + between.len();
    let end = phrase_end(words, second).filter(|&end| end - second <= 2)?;
    let start = at.checked_sub(end - second).filter(|_| at > 0 && words.gap(at - 1) == " ")?;
    // Both with an article or both without: only then both are things.
    let has_article = |at: usize| ["a", "an", "the", "my"].contains(&words.lower(at));
    (end - second == 2 && has_article(start) && has_article(second))
        .then(|| swapped(words, start..at, second..end))?
}

/// "Did Rome beat Oslo": two names around what one does to the other.
fn people(words: &Words<'_>) -> Vec<Proposal> {
    let names = names_in(words);
    let pairs = names.iter().zip(names.iter().skip(1));
    pairs
        .filter_map(|(one, other)| {
            let between = one.range().end..other.range().start;
            let verb = words.lower(between.start);
            let verb = verb.strip_suffix('s').unwrap_or(verb);
            (between.len() == 1 && DONE_TO.contains(&verb))
                .then(|| swapped(words, one.range(), other.range()))?
        })
        .collect()
}

/// "Can I call you": the two who speak.
fn doers(words: &Words<'_>) -> Option<Proposal> {
    let at = (0..words.len()).find(|&at| {
        ["can", "could", "will", "do", "should", "must", "may"].contains(&words.lower(at))
            && BOTH_WAYS.contains(&words.lower(at + 2))
    })?;
    let (doer, done_to) = match (words.lower(at + 1), words.lower(at + 3)) {
        ("i" | "we", "you") => ("you", if words.lower(at + 1) == "i" { "me" } else { "us" }),
        ("you", "me") => ("I", "you"),
        ("you", "us") => ("we", "you"),
        _ => return None,
    };
    let edits = vec![
        (words.words[at + 1].span.clone(), doer.to_owned()),
        (words.words[at + 3].span.clone(), done_to.to_owned()),
    ];
    let said = |doer: &str, done_to: &str| format!("{doer} {} {done_to}", words.lower(at + 2));
    let (from, to) = (said(words.lower(at + 1), words.lower(at + 3)), said(&doer.to_lowercase(), done_to));
    Some(Proposal { edits, rule: rule(&from, &to), from, to })
}

/// Where the noun phrase from here ends: before a mark, a small word, after three words at most. `None` where
/// it is no noun phrase of its own.
fn phrase_end(words: &Words<'_>, start: usize) -> Option<usize> {
    let is_capital =
        |at: usize| words.words.get(at).is_some_and(|word| word.text.starts_with(char::is_uppercase));
    if is_capital(start) {
        return (start..words.len())
            .find(|&at| words.ends_phrase(at) || !is_capital(at + 1))
            .map(|at| at + 1);
    }
    if NAMES.contains_key(words.lower(start)) {
        return Some(start + 1);
    }
    let articles = ["a", "an", "the", "my", "your", "another"];
    let first = if articles.contains(&words.lower(start)) { start + 1 } else { start };
    if first >= words.len() || FUNCTION_WORDS.contains(&words.lower(first)) {
        return None;
    }
    (first..words.len().min(first + 3)).find(|&at| words.ends_phrase(at)).map(|at| at + 1)
}

/// Both places with each other's text.
fn swapped(
    words: &Words<'_>,
    one: std::ops::Range<usize>,
    other: std::ops::Range<usize>,
) -> Option<Proposal> {
    let text = |range: &std::ops::Range<usize>| {
        let span =
            words.words.get(range.start)?.span.start..words.words.get(range.end.checked_sub(1)?)?.span.end;
        Some((span.clone(), &words.text[span]))
    };
    let ((first, one_text), (second, other_text)) = (text(&one)?, text(&other)?);
    // What is asked for, or a pronoun, takes no other's place; "from door to door" stays.
    let is_thing = |range: &std::ops::Range<usize>| {
        let pronouns = [
            "it",
            "this",
            "that",
            "them",
            "me",
            "you",
            "us",
            "one",
            "another",
            "here",
            "there",
            "other",
            "something",
            "anything",
            "nothing",
            "from",
        ];
        range.clone().all(|at| !pronouns.contains(&words.lower(at)))
    };
    if one_text.to_lowercase() == other_text.to_lowercase() || !is_thing(&one) || !is_thing(&other) {
        return None;
    }
    let (from, to) = (format!("{one_text} … {other_text}"), format!("{other_text} … {one_text}"));
    let edits = vec![(first, other_text.to_owned()), (second, one_text.to_owned())];
    Some(Proposal { edits, rule: rule(&from, &to), from, to })
}

#[cfg(test)]
mod tests {
    use super::super::ChangeKind;
    use super::super::tests::{assert_makes, assert_makes_nothing};

    const KIND: ChangeKind = ChangeKind::Role;

    #[test]
    fn two_things_change_places() {
        assert_makes(
            KIND,
            "When does the bus from Rome to Oslo leave?",
            "When does the bus from Oslo to Rome leave?",
        );
        assert_makes(KIND, "How do I convert a PDF to a picture?", "How do I convert a picture to a PDF?");
        assert_makes(KIND, "When did Rome defeat Carthage?", "When did Carthage defeat Rome?");
        assert_makes(KIND, "Can I call you?", "Can you call me?");
        assert_makes(
            KIND,
            "How do I switch from monthly to yearly?",
            "How do I switch from yearly to monthly?",
        );
        assert_makes(KIND, "Do I get a cup instead of a glass?", "Do I get a glass instead of a cup?");
    }

    #[test]
    fn where_the_order_says_nothing_it_stays() {
        assert_makes_nothing(KIND, "How far is it from Oslo to Rome?");
        assert_makes_nothing(KIND, "How do I connect the printer to the router?");
        assert_makes_nothing(KIND, "Do you go from door to door?");
        assert_makes_nothing(KIND, "What is the difference between tea and coffee?");
    }
}
