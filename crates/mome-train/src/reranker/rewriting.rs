//! Wordings turned in their grammar, so that they ask the same: "from Oslo to Rome" and "to Rome from Oslo", "the
//! tower's height" and "the height of the tower", "do you sell stamps" and "are stamps sold by you".

use rand::Rng;
use rand::seq::IndexedRandom as _;

/// A way to turn a wording, given by its words; `None` where it does not apply.
type Turn = fn(&[&str]) -> Option<String>;

const TURNS: [Turn; 8] =
    [to_before_from, of_for_genitive, genitive_for_of, passive, asked_with_not, fails_to, exactly, if_at_end];

/// Auxiliaries that a question begins with, and the same with "not", which expects a yes but asks no other thing.
const WITH_NOT: [(&str, &str); 9] = [
    ("do", "don't"),
    ("does", "doesn't"),
    ("is", "isn't"),
    ("are", "aren't"),
    ("can", "can't"),
    ("should", "shouldn't"),
    ("will", "won't"),
    ("did", "didn't"),
    ("was", "wasn't"),
];

/// What is done for a customer, and what was done.
const DONE: [(&str, &str); 34] = [
    ("accept", "accepted"),
    ("arrange", "arranged"),
    ("bake", "baked"),
    ("book", "booked"),
    ("check", "checked"),
    ("clean", "cleaned"),
    ("collect", "collected"),
    ("cover", "covered"),
    ("deliver", "delivered"),
    ("exchange", "exchanged"),
    ("fit", "fitted"),
    ("hire", "hired"),
    ("host", "hosted"),
    ("install", "installed"),
    ("keep", "kept"),
    ("lend", "lent"),
    ("make", "made"),
    ("need", "needed"),
    ("offer", "offered"),
    ("organise", "organised"),
    ("print", "printed"),
    ("provide", "provided"),
    ("publish", "published"),
    ("recycle", "recycled"),
    ("refund", "refunded"),
    ("rent", "rented"),
    ("repair", "repaired"),
    ("require", "required"),
    ("sell", "sold"),
    ("serve", "served"),
    ("stock", "stocked"),
    ("store", "stored"),
    ("supply", "supplied"),
    ("support", "supported"),
];

/// Words that end a noun phrase.
const ENDS: [&str; 26] = [
    "for", "to", "in", "on", "at", "by", "with", "without", "if", "when", "before", "after", "from", "of",
    "and", "or", "that", "which", "is", "are", "was", "do", "does", "can", "leave", "arrive",
];

/// The wording turned in one of the ways that apply to it, `None` where none does.
pub(super) fn turned(random: &mut impl Rng, wording: &str) -> Option<String> {
    let bare = wording.trim_end_matches(['?', '!', '.', ' ']);
    let words: Vec<&str> = bare.split_whitespace().collect();
    let made: Vec<String> = TURNS.iter().filter_map(|turn| turn(&words)).collect();
    let turned = made.choose(random)?;
    let mut letters = turned.chars();
    let starts_large = wording.starts_with(char::is_uppercase);
    let turned: String = match letters.next() {
        Some(first) if starts_large => first.to_uppercase().chain(letters).collect(),
        _ => turned.clone(),
    };
    Some(format!("{turned}{}", &wording[bare.len()..]))
}

fn to_before_from(words: &[&str]) -> Option<String> {
    let from = place(words, "from")?;
    let to = from + 1 + place(&words[from + 1..], "to")?;
    let end = phrase_end(words, to + 1);
    let is_short = (2..=4).contains(&(to - from)) && end > to + 1;
    is_short.then(|| [&words[..from], &words[to..end], &words[from..to], &words[end..]].concat().join(" "))
}

/// "The height of the tower" for "the tower's height".
fn of_for_genitive(words: &[&str]) -> Option<String> {
    let at = words.iter().position(|word| word.ends_with("'s") && !is_contraction(word))?;
    let owner = words[at].trim_end_matches("'s");
    let is_the = at > 0 && ["the", "my", "your", "our"].contains(&words[at - 1]);
    let start = if is_the { at - 1 } else { at };
    let end = phrase_end(words, at + 1);
    let owner = [&words[start..at], &[owner]].concat();
    (end == at + 2).then(|| {
        [&words[..start], &["the"], &words[at + 1..end], &["of"], &owner, &words[end..]].concat().join(" ")
    })
}

/// "The tower's height" for "the height of the tower".
fn genitive_for_of(words: &[&str]) -> Option<String> {
    let of = place(words, "of").filter(|&of| of >= 2 && words[of - 2] == "the")?;
    let end = phrase_end(words, of + 1);
    let owner = words.get(of + 1..end).filter(|owner| (1..=2).contains(&owner.len()))?;
    let last = owner.last().filter(|last| !last.ends_with('s'))?;
    let owner = [&owner[..owner.len() - 1], &[&*format!("{last}'s")]].concat().join(" ");
    Some([&words[..of - 2], &[&*owner], &words[of - 1..of], &words[end..]].concat().join(" "))
}

/// "Are stamps sold by you" for "do you sell stamps".
fn passive(words: &[&str]) -> Option<String> {
    let asks = words.len() > 3 && words[0].eq_ignore_ascii_case("do") && words[1].eq_ignore_ascii_case("you");
    let (_, done) = DONE.iter().find(|(verb, _)| asks && *verb == words[2])?;
    let end = phrase_end(words, 3);
    let thing = words.get(3..end).filter(|thing| !thing.is_empty())?;
    let is_one = ["a", "an", "the", "my", "any"].contains(&thing[0]) && !thing.last()?.ends_with('s');
    let be = if is_one || !thing.last()?.ends_with('s') { "is" } else { "are" };
    Some([&[be], thing, &[done, "by", "you"], &words[end..]].concat().join(" "))
}

fn asked_with_not(words: &[&str]) -> Option<String> {
    let first = words.first()?.to_lowercase();
    let (_, with_not) = WITH_NOT.iter().find(|(auxiliary, _)| *auxiliary == first)?;
    let is_plain =
        words.len() > 2 && !words.iter().any(|word| word.ends_with("n't") || *word == "not" || *word == "or");
    // "Is there any" becomes "isn't there some" and the like: another turn of phrase, left alone.
    let is_open = words.iter().any(|word| ["any", "anyone", "anything", "ever"].contains(word));
    (is_plain && !is_open).then(|| [&[*with_not], &words[1..]].concat().join(" "))
}

/// "Fails to start" for "does not start".
fn fails_to(words: &[&str]) -> Option<String> {
    let at =
        words.iter().position(|word| ["doesn't", "don't", "didn't"].contains(word)).filter(|&at| at > 0)?;
    let fails = match words[at] {
        "doesn't" => "fails to",
        "don't" => "fail to",
        _ => "failed to",
    };
    // "Why don't you" asks for a reason, and "don't have to" is no failing.
    let is_plain =
        words.get(at + 1).is_some_and(|next| !["i", "I", "you", "we", "have", "need", "it"].contains(next));
    is_plain.then(|| [&words[..at], &[fails], &words[at + 1..]].concat().join(" "))
}

fn exactly(words: &[&str]) -> Option<String> {
    let first = words.first()?.to_lowercase();
    let asks = ["what", "where", "when", "how", "who", "why"].contains(&first.as_str());
    let is_followed =
        words.get(1).is_some_and(|next| ["is", "are", "do", "does", "can", "did", "was"].contains(next));
    (asks && is_followed).then(|| [&words[..1], &["exactly"], &words[1..]].concat().join(" "))
}

/// "What happens if I am late" for "if I am late, what happens".
fn if_at_end(words: &[&str]) -> Option<String> {
    let first = words.first()?.to_lowercase();
    let comma = words.iter().position(|word| word.ends_with(',')).filter(|&comma| comma + 2 < words.len())?;
    let begins = ["if", "when", "before", "after", "without", "with", "for", "on", "in", "at"]
        .contains(&first.as_str());
    let is_only = words.iter().filter(|word| word.ends_with(',')).count() == 1;
    let last = words[comma].trim_end_matches(',');
    (begins && is_only)
        .then(|| [&words[comma + 1..], &[&*first], &words[1..comma], &[last]].concat().join(" "))
}

fn place(words: &[&str], word: &str) -> Option<usize> {
    words.iter().position(|other| *other == word)
}

/// Where the noun phrase that begins at `start` ends.
fn phrase_end(words: &[&str], start: usize) -> usize {
    let after = |at: &usize| {
        let ends_before = ENDS.contains(&words[*at]);
        let ended = *at > start && words[*at - 1].ends_with([',', ';', ':']);
        ends_before || ended
    };
    (start..words.len()).find(after).unwrap_or(words.len())
}

fn is_contraction(word: &str) -> bool {
    ["it's", "what's", "that's", "who's", "where's", "how's", "there's", "let's", "he's", "she's", "when's"]
        .contains(&word.to_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;
    use rand::SeedableRng as _;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    fn all(wording: &str) -> BTreeSet<String> {
        (0..60).filter_map(|seed| turned(&mut ChaCha8Rng::seed_from_u64(seed), wording)).collect()
    }

    #[test]
    fn each_turn_is_made() {
        for (wording, expected) in [
            ("When does the bus from Oslo to Rome leave?", "When does the bus to Rome from Oslo leave?"),
            ("What is the tower's height?", "What is the height of the tower?"),
            ("What is the height of the tower?", "What is the tower's height?"),
            ("Do you sell stamps in the shop?", "Are stamps sold by you in the shop?"),
            ("Are you open today?", "Aren't you open today?"),
            ("What if it doesn't start?", "What if it fails to start?"),
            ("Where is the key?", "Where exactly is the key?"),
            ("If I am late, what happens?", "What happens if I am late?"),
        ] {
            assert!(all(wording).contains(expected), "{wording}: {:?}", all(wording));
        }
    }

    #[test]
    fn what_cannot_be_turned_stays() {
        assert!(all("opening hours").is_empty());
        assert!(all("Don't I have to pay?").is_empty());
    }

    proptest! {
        #[test]
        fn any_text_can_be_turned(text in "\\PC{0,60}", seed in any::<u64>()) {
            let _ = turned(&mut ChaCha8Rng::seed_from_u64(seed), &text);
        }

        #[test]
        fn likely_words_can_be_turned(
            words in prop::collection::vec(
                prop::sample::select(vec!["from", "to", "of", "the", "Ann's", "do", "you", "sell", "if", "so,", "doesn't"]),
                0..9,
            ),
            seed in any::<u64>(),
        ) {
            let _ = turned(&mut ChaCha8Rng::seed_from_u64(seed), &words.join(" "));
        }
    }
}
