//! `not` put in or taken out, and `without` for `with`. Never in what a yes-or-no question asks: "Aren't you
//! open?" asks the same as "Are you open?".

use super::words::{FUNCTION_WORDS, Proposal, QUESTION_WORDS, Words};

/// What "not" can follow, each with its negated form.
const NEGATED: [(&str, &str); 20] = [
    ("is", "isn't"),
    ("are", "aren't"),
    ("was", "wasn't"),
    ("were", "weren't"),
    ("do", "don't"),
    ("does", "doesn't"),
    ("did", "didn't"),
    ("can", "can't"),
    ("could", "couldn't"),
    ("will", "won't"),
    ("would", "wouldn't"),
    ("should", "shouldn't"),
    ("has", "hasn't"),
    ("have", "haven't"),
    ("may", "may not"),
    ("must", "mustn't"),
    ("am", "am not"),
    ("can", "cannot"),
    ("can", "can not"),
    ("do", "do not"),
];

/// What can be said of a thing, or not: "What is included" and "What is not included".
const PREDICATES: [&str; 40] = [
    "allowed",
    "permitted",
    "included",
    "covered",
    "required",
    "accepted",
    "available",
    "supported",
    "possible",
    "valid",
    "working",
    "eligible",
    "insured",
    "refundable",
    "recyclable",
    "compatible",
    "suitable",
    "safe",
    "waterproof",
    "open",
    "exempt",
    "responsible",
    "liable",
    "needed",
    "deductible",
    "served",
    "charged",
    "taxed",
    "stored",
    "shared",
    "visible",
    "admitted",
    "affected",
    "counted",
    "connected",
    "delivered",
    "listed",
    "tested",
    "approved",
    "published",
];

/// Verbs whose negation changes a condition: "if I lose my key".
const CONDITION_VERBS: [&str; 40] = [
    "lose", "have", "cancel", "pay", "need", "want", "arrive", "break", "forget", "miss", "leave", "move",
    "change", "return", "use", "work", "live", "buy", "order", "book", "fail", "pass", "win", "sign", "join",
    "get", "receive", "like", "eat", "drink", "smoke", "drive", "travel", "bring", "come", "show", "stay",
    "finish", "sell", "install",
];

/// Words before "with" that take it for another purpose, and words after it that no "without" suits.
const WITH_OF: [&str; 24] = [
    "happens",
    "happen",
    "deal",
    "do",
    "done",
    "work",
    "works",
    "help",
    "start",
    "begin",
    "problem",
    "problems",
    "wrong",
    "contact",
    "touch",
    "agree",
    "comply",
    "come",
    "comes",
    "issue",
    "trouble",
    "along",
    "up",
    "compatible",
];
const WITH_WHOM: [&str; 21] = [
    "less", "more", "only", "all", "any", "many", "no", "me", "you", "us", "it", "them", "him", "her",
    "that", "this", "regard", "respect", "the", "your", "which",
];

/// Verbs of knowing, before a condition that is no condition: "I wonder if you are open".
const OF_KNOWING: [&str; 14] = [
    "wonder",
    "wondering",
    "know",
    "ask",
    "check",
    "me",
    "see",
    "sure",
    "say",
    "curious",
    "out",
    "even",
    "tell",
    "matter",
];

/// Verbs that are negated without changing what is asked: "I don't know how".
const OF_THE_SPEAKER: [&str; 14] = [
    "know",
    "understand",
    "want",
    "remember",
    "think",
    "see",
    "like",
    "care",
    "mind",
    "wish",
    "find",
    "get",
    "have",
    "believe",
];

pub(super) fn proposals(words: &Words<'_>) -> Vec<Proposal> {
    let mut found = Vec::new();
    for at in 0..words.len() {
        found.extend(with_and_without(words, at));
        found.extend(condition(words, at));
        if !words.is_polar() {
            found.extend(of_question(words, at));
            found.extend(predicate(words, at));
        }
        found.extend(taken_out(words, at));
    }
    found
}

fn with_and_without(words: &Words<'_>, at: usize) -> Option<Proposal> {
    let next = words.lower(at + 1);
    if at == 0 || next.is_empty() || !words.gap(at).trim().is_empty() {
        return None;
    }
    match words.lower(at) {
        "with" => (!WITH_OF.contains(&words.before(at)) && !WITH_WHOM.contains(&next) && !comes_with(words))
            .then(|| words.replaced(at..at + 1, "without")),
        // "without paying": no "with" says its contrary.
        "without" => {
            (!next.ends_with("ing") && !comes_with(words)).then(|| words.replaced(at..at + 1, "with"))
        }
        _ => None,
    }
}

/// "Does it come with a cable": with and without ask the same.
fn comes_with(words: &Words<'_>) -> bool {
    let verbs = ["come", "comes", "sold", "delivered", "supplied", "available", "shipped"];
    words.words.iter().any(|word| verbs.contains(&word.lower.as_str()))
}

/// "if I lose my key", "if I don't have a receipt", "if my order is late".
fn condition(words: &Words<'_>, at: usize) -> Option<Proposal> {
    let is_condition = words.lower(at) == "if" && !OF_KNOWING.contains(&words.before(at));
    if !is_condition || words.words.iter().any(|word| ["whether", "not", "no"].contains(&word.lower.as_str()))
    {
        return None;
    }
    if ["i", "we", "you", "they"].contains(&words.lower(at + 1)) {
        let verb = words.lower(at + 2);
        if CONDITION_VERBS.contains(&verb) {
            return Some(words.inserted_before(at + 2, "don't").of_rule("if i/if i don't"));
        }
    }
    // The first verb of the condition, up to four words on.
    (at + 2..words.len().min(at + 6)).find_map(|place| {
        let verb = words.lower(place);
        let (positive, negative) = NEGATED.iter().find(|(one, other)| *one == verb || *other == verb)?;
        if ["have", "has", "do", "did", "does", "must", "may"].contains(&verb) {
            return None;
        }
        let other = if *positive == verb { negative } else { positive };
        Some(words.replaced(place..place + 1, other).of_rule(format!("if … {positive}/{negative}")))
    })
}

/// "Where can I park", "Why does it smoke", "Which cards do you take".
fn of_question(words: &Words<'_>, at: usize) -> Option<Proposal> {
    let asking = words.asking();
    let asks = (asking.start..asking.end.min(asking.start + 3))
        .find(|&place| QUESTION_WORDS.contains(&words.lower(place)))?;
    let question_word = words.lower(asks);
    // "How do I not" is never asked.
    let is_asked = at > asks && at <= asks + 3 && question_word != "how" && words.lower(asks + 1) != "about";
    let verb = words.lower(at);
    let (positive, negative) = NEGATED.iter().find(|(one, other)| *one == verb || *other == verb)?;
    let is_negated = words.words.iter().any(|word| ["not", "no"].contains(&word.lower.as_str()));
    if !is_asked
        || is_negated
        || asks > asking.start
        || (asks + 1..at).any(|place| FUNCTION_WORDS.contains(&words.lower(place)))
    {
        return None;
    }
    let next = words.lower(at + 1);
    let follows_subject = ["i", "you", "we", "they", "it", "my", "the"].contains(&next);
    let fits = match *positive {
        "can" | "may" | "should" | "must" if words.reads(at + 1, &["i", "do"]) && question_word == "what" => {
            *positive == "should"
        }
        "can" | "may" | "should" | "must" => {
            question_word != "when" && (follows_subject || question_word != "why")
        }
        "do" | "does" | "did" => match question_word {
            "why" => follows_subject,
            "which" => follows_subject,
            "what" => ["need", "have"].contains(&words.lower(at + 2)) && words.lower(asks + 1) != "time",
            _ => false,
        },
        "is" | "are" | "was" | "were" => question_word == "why" && follows_subject,
        _ => false,
    };
    let other = if *positive == verb { negative } else { positive };
    fits.then(|| {
        words.replaced(at..at + 1, other).of_rule(format!("{question_word} … {positive}/{negative}"))
    })
}

/// "What is included", "Where is smoking allowed".
fn predicate(words: &Words<'_>, at: usize) -> Option<Proposal> {
    let asking = words.asking();
    let asks =
        asking.clone().take(3).map(|place| words.lower(place)).find(|word| QUESTION_WORDS.contains(word))?;
    let before = words.before(at);
    let is_said = PREDICATES.contains(&words.lower(at)) && !["how", "why"].contains(&asks);
    let be = ["is", "are", "was", "were"];
    // "Where is the smoking area open" is no predicate of "is" right before it, "Where is smoking allowed"
    // is.
    let belongs = be.contains(&before)
        || asking.take_while(|&place| place < at).any(|place| be.contains(&words.lower(place)));
    if !is_said || !belongs || words.words.iter().any(|word| word.lower == "not") || before == "most" {
        return None;
    }
    (words.ends_phrase(at)).then(|| {
        let rule = format!("{0}/not {0}", words.lower(at));
        words.inserted_before(at, "not").of_rule(rule)
    })
}

/// "My oven does not heat", "Who can't take part".
fn taken_out(words: &Words<'_>, at: usize) -> Option<Proposal> {
    let asking = words.asking();
    let is_question = asking.clone().any(|place| QUESTION_WORDS.contains(&words.lower(place)));
    let verb = words.lower(at);
    let is_said =
        !OF_THE_SPEAKER.contains(&words.lower(at + 1)) && !OF_THE_SPEAKER.contains(&words.lower(at + 2));
    let asks = is_question || words.text.contains('?') || words.begins_with_auxiliary();
    if at <= asking.start || asks && words.is_polar() || !is_said {
        return None;
    }
    if verb == "not" {
        let (before, next) = (words.before(at), words.lower(at + 1));
        let is_negation =
            NEGATED.iter().any(|(positive, _)| *positive == before) || PREDICATES.contains(&next);
        let is_whole =
            is_negation && !next.is_empty() && words.gap(at) == " " && before != "or" && next != "only";
        return is_whole.then(|| {
            let span = words.words[at].span.start..words.words[at + 1].span.start;
            let (from, to) = (format!("not {next}"), next.to_owned());
            Proposal { edits: vec![(span, String::new())], rule: format!("{next}/not {next}"), from, to }
        });
    }
    let (positive, negative) = NEGATED.iter().find(|(_, negative)| *negative == verb)?;
    (!words.ends_phrase(at) || FUNCTION_WORDS.contains(&words.lower(at + 1)))
        .then(|| words.replaced(at..at + 1, positive).of_rule(format!("{positive}/{negative}")))
}

#[cfg(test)]
mod tests {
    use super::super::ChangeKind;
    use super::super::tests::{all_of, assert_makes, assert_makes_nothing};

    const KIND: ChangeKind = ChangeKind::Negation;

    #[test]
    fn put_in() {
        assert_makes(KIND, "Where can I park?", "Where can't I park?");
        assert_makes(KIND, "What is included in the price?", "What is not included in the price?");
        assert_makes(KIND, "Why does my oven smoke?", "Why doesn't my oven smoke?");
        assert_makes(KIND, "Which cards do you accept?", "Which cards don't you accept?");
        assert_makes(KIND, "What happens if I lose my key?", "What happens if I don't lose my key?");
        assert_makes(KIND, "Can I enter with a dog?", "Can I enter without a dog?");
    }

    #[test]
    fn taken_out() {
        assert_makes(KIND, "Why can't I log in?", "Why can I log in?");
        assert_makes(KIND, "Who is not allowed to vote?", "Who is allowed to vote?");
        assert_makes(KIND, "My oven does not heat", "My oven does heat");
        assert_makes(KIND, "Can I return it without a receipt?", "Can I return it with a receipt?");
        assert_makes(KIND, "What happens if my parcel isn't there?", "What happens if my parcel is there?");
    }

    #[test]
    fn a_yes_or_no_question_asks_the_same_negated() {
        assert_makes_nothing(KIND, "Are you open on Sundays?");
        assert_makes_nothing(KIND, "Can't I bring my dog?");
        assert_makes_nothing(KIND, "Are dogs not allowed?");
        assert_makes_nothing(KIND, "Do you know if you are open?");
        assert_makes_nothing(KIND, "Does it come with a cable?");
        let made = all_of(KIND, "Why does my oven not heat?");
        assert!(made.iter().all(|made| !made.contains("doesn't")), "{made:?}");
    }
}
