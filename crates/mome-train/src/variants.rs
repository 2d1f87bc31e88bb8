//! Wordings made from wordings: such as people type that ask the same, and such as look alike and ask something
//! else. The selector learns from both what may differ between two wordings of one question and what may not.

use rand::RngExt as _;
use rand::seq::IndexedRandom as _;
use rand_chacha::ChaCha8Rng;

/// What people put before a question.
const OPENINGS: [&str; 12] = [
    "please ",
    "hi, ",
    "hello, ",
    "hey ",
    "so ",
    "can you tell me ",
    "could you say ",
    "do you know ",
    "i want to know ",
    "i'd like to know ",
    "quick question: ",
    "tell me ",
];

/// What people put after one.
const ENDINGS: [&str; 7] = ["?", " ?", "??", ".", " please", " pls", " thanks"];

/// Words that a question can do without.
const SMALL_WORDS: [&str; 44] = [
    "a", "an", "the", "is", "are", "was", "were", "do", "does", "did", "of", "to", "in", "on", "for", "at",
    "by", "with", "and", "or", "my", "your", "i", "you", "it", "that", "this", "be", "can", "could", "would",
    "should", "me", "have", "has", "had", "there", "we", "our", "am", "get", "will", "as", "please",
];

/// Pairs of which one asks something else than the other.
const OPPOSITES: [(&str, &str); 36] = [
    ("first", "second"),
    ("second", "third"),
    ("third", "fourth"),
    ("one", "two"),
    ("two", "three"),
    ("before", "after"),
    ("open", "close"),
    ("opening", "closing"),
    ("highest", "lowest"),
    ("longest", "shortest"),
    ("largest", "smallest"),
    ("biggest", "smallest"),
    ("oldest", "youngest"),
    ("most", "least"),
    ("more", "less"),
    ("with", "without"),
    ("enable", "disable"),
    ("cancel", "change"),
    ("monthly", "yearly"),
    ("adult", "child"),
    ("adults", "children"),
    ("start", "stop"),
    ("begin", "end"),
    ("born", "died"),
    ("birth", "death"),
    ("north", "south"),
    ("east", "west"),
    ("northern", "southern"),
    ("add", "remove"),
    ("buy", "sell"),
    ("send", "receive"),
    ("won", "lost"),
    ("increase", "decrease"),
    ("old", "new"),
    ("early", "late"),
    ("arrive", "leave"),
];

/// Auxiliaries that a negation follows.
const AUXILIARIES: [&str; 14] = [
    "is", "are", "was", "were", "do", "does", "did", "can", "could", "would", "should", "will", "has", "have",
];

/// The same question as somebody else might type it: other case or punctuation, something before or after it, a typo,
/// small words left out.
#[must_use]
pub fn retyped(random: &mut ChaCha8Rng, wording: &str) -> String {
    let mut text = wording.to_owned();
    if random.random_bool(0.5) {
        text = text.to_lowercase();
    }
    if random.random_bool(0.4) {
        text.truncate(text.trim_end_matches(['.', '?', '!', ' ']).len());
    }
    let mut words: Vec<String> = text.split(' ').map(str::to_owned).collect();
    if words.len() > 3 && random.random_bool(0.35) {
        let long: Vec<usize> = (0..words.len()).filter(|&at| can_be_mistyped(&words[at])).collect();
        if let Some(&at) = long.choose(random) {
            words[at] = mistyped(random, &words[at]);
        }
    }
    if words.len() > 4 && random.random_bool(0.35) {
        let small = |word: &String| SMALL_WORDS.contains(&word.to_lowercase().as_str());
        words.retain(|word| !(small(word) && random.random_bool(0.4)));
    }
    text = words.join(" ");
    if random.random_bool(0.3) {
        text = format!("{}{text}", OPENINGS.choose(random).unwrap_or(&""));
    }
    if random.random_bool(0.25) {
        let bare = text.trim_end_matches(['.', '?', ' ']);
        text = format!("{bare}{}", ENDINGS.choose(random).unwrap_or(&""));
    }
    if random.random_bool(0.05) {
        text = text.to_uppercase();
    }
    // Of small words alone nothing may be left.
    if text.trim().is_empty() { wording.to_owned() } else { text }
}

/// A wording that looks like this one and asks something else: another number, a word of opposite sense, a name from
/// `others` in place of one here, two names that change places, a negation. `None` where nothing of it applies.
#[must_use]
pub fn opposed(random: &mut ChaCha8Rng, wording: &str, others: &[&str]) -> Option<String> {
    let words: Vec<&str> = wording.split(' ').collect();
    let changes: Vec<Vec<String>> = [
        other_number(random, &words),
        opposite(random, &words),
        other_name(random, &words, others),
        names_swapped(&words),
        // Rarely: it fits nearly everywhere, and people seldom mean another question by it.
        if random.random_bool(0.1) { negated(random, &words) } else { None },
    ]
    .into_iter()
    .flatten()
    .collect();
    let made = changes.choose(random)?.join(" ");
    (made != wording).then_some(made)
}

fn can_be_mistyped(word: &str) -> bool {
    word.len() > 3 && word.bytes().all(|byte| byte.is_ascii_alphabetic())
}

/// One letter missing, doubled, wrong, or two that changed places; never the first. `word` is ASCII.
fn mistyped(random: &mut ChaCha8Rng, word: &str) -> String {
    let mut letters = word.as_bytes().to_vec();
    let at = random.random_range(1..letters.len() - 1);
    match random.random_range(0..4) {
        0 => drop(letters.remove(at)),
        1 => letters.swap(at, at + 1),
        2 => letters.insert(at, letters[at]),
        _ => letters[at] = random.random_range(b'a'..=b'z'),
    }
    String::from_utf8_lossy(&letters).into_owned()
}

/// A word without the punctuation at its end, and that punctuation.
fn bare(word: &str) -> (&str, &str) {
    word.split_at(word.trim_end_matches(['?', '.', ',', '!', ':', ';']).len())
}

fn replaced(words: &[&str], at: usize, word: String) -> Vec<String> {
    let mut words: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
    words[at] = word;
    words
}

fn other_number(random: &mut ChaCha8Rng, words: &[&str]) -> Option<Vec<String>> {
    let numbers: Vec<usize> = (0..words.len()).filter(|&at| number(words[at]).is_some()).collect();
    let &at = numbers.choose(random)?;
    let (value, ending) = number(words[at])?;
    let other = match random.random_range(0..4) {
        0 => value + 1,
        1 => value.saturating_sub(1),
        2 => value.saturating_add(10),
        _ => value / 10 * 10 + random.random_range(0..10),
    };
    let ordinal = ["st", "nd", "rd", "th"].iter().any(|suffix| ending.starts_with(suffix));
    let rest = if ordinal { &ending[2..] } else { ending };
    let suffix = if ordinal { ordinal_suffix(other) } else { "" };
    Some(replaced(words, at, format!("{other}{suffix}{rest}")))
}

/// The number that a word is, with what follows its digits: an ordinal's suffix, punctuation.
fn number(word: &str) -> Option<(u64, &str)> {
    let digits = word.bytes().take_while(u8::is_ascii_digit).count();
    if digits == 0 || digits > 9 {
        return None;
    }
    let (digits, ending) = word.split_at(digits);
    let suffix = bare(ending).0;
    matches!(suffix, "" | "st" | "nd" | "rd" | "th").then_some((digits.parse().ok()?, ending))
}

fn ordinal_suffix(number: u64) -> &'static str {
    match (number % 100, number % 10) {
        (11..=13, _) => "th",
        (_, 1) => "st",
        (_, 2) => "nd",
        (_, 3) => "rd",
        _ => "th",
    }
}

fn opposite(random: &mut ChaCha8Rng, words: &[&str]) -> Option<Vec<String>> {
    let found: Vec<(usize, &str)> =
        words.iter().enumerate().filter_map(|(at, word)| Some((at, opposite_of(bare(word).0)?))).collect();
    let &(at, other) = found.choose(random)?;
    Some(replaced(words, at, format!("{other}{}", bare(words[at]).1)))
}

fn opposite_of(word: &str) -> Option<&'static str> {
    let word = word.to_lowercase();
    OPPOSITES.iter().find_map(|&(one, other)| match word.as_str() {
        word if word == one => Some(other),
        word if word == other => Some(one),
        _ => None,
    })
}

/// Places of words within a wording that are written like names.
fn names(words: &[&str]) -> Vec<usize> {
    let is_name = |word: &str| word.len() > 2 && word.chars().next().is_some_and(char::is_uppercase);
    (1..words.len()).filter(|&at| is_name(words[at])).collect()
}

fn other_name(random: &mut ChaCha8Rng, words: &[&str], others: &[&str]) -> Option<Vec<String>> {
    let &at = names(words).choose(random)?;
    let other: Vec<&str> = others.choose(random)?.split(' ').collect();
    let name = other[*names(&other).choose(random)?];
    (bare(name).0 != bare(words[at]).0)
        .then(|| replaced(words, at, format!("{}{}", bare(name).0, bare(words[at]).1)))
}

/// The first and the last name change places, where other words stand between them: "the flight from Rome to Oslo".
fn names_swapped(words: &[&str]) -> Option<Vec<String>> {
    let names = names(words);
    let (&first, &last) = (names.first()?, names.last()?);
    let apart = last >= first + 2 && (first + 1..last).any(|at| !names.contains(&at));
    if !apart || bare(words[first]).0 == bare(words[last]).0 {
        return None;
    }
    let swapped = replaced(words, first, format!("{}{}", bare(words[last]).0, bare(words[first]).1));
    let swapped: Vec<&str> = swapped.iter().map(String::as_str).collect();
    Some(replaced(&swapped, last, format!("{}{}", bare(words[first]).0, bare(words[last]).1)))
}

fn negated(random: &mut ChaCha8Rng, words: &[&str]) -> Option<Vec<String>> {
    let found: Vec<usize> = (0..words.len())
        .filter(|&at| AUXILIARIES.contains(&words[at].to_lowercase().as_str()) && at + 1 < words.len())
        .collect();
    let &at = found.choose(random)?;
    Some(replaced(words, at, format!("{} not", words[at])))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::SeedableRng as _;

    use super::*;

    fn random(seed: u64) -> ChaCha8Rng {
        ChaCha8Rng::seed_from_u64(seed)
    }

    /// All that comes of a wording over many draws.
    fn all_opposed(wording: &str, others: &[&str]) -> Vec<String> {
        let mut made: Vec<String> =
            (0..400).filter_map(|seed| opposed(&mut random(seed), wording, others)).collect();
        made.sort();
        made.dedup();
        made
    }

    #[test]
    fn what_decides_is_changed() {
        let numbers = all_opposed("Who was the 3rd president?", &[]);
        assert!(numbers.contains(&"Who was the 2nd president?".into()), "{numbers:?}");
        assert!(numbers.contains(&"Who was the 13th president?".into()), "{numbers:?}");
        assert!(!numbers.iter().any(|made| made.contains("3rd president?") && !made.contains("not")));
        let opposites = all_opposed("Which river is longest?", &[]);
        assert!(opposites.contains(&"Which river is shortest?".into()), "{opposites:?}");
        let names = all_opposed("Where was Ada Lovelace born?", &["Where was Alan Turing born?"]);
        assert!(names.contains(&"Where was Alan Lovelace born?".into()), "{names:?}");
        let swapped = all_opposed("When does the bus from Rome to Oslo leave?", &[]);
        assert!(swapped.contains(&"When does the bus from Oslo to Rome leave?".into()), "{swapped:?}");
    }

    #[test]
    fn where_nothing_decides_nothing_is_made() {
        assert_eq!(all_opposed("opening hours", &[]), ["closing hours"]);
        assert!(all_opposed("refund policy", &["refund policy"]).is_empty());
    }

    #[test]
    fn ordinals_are_spelt_right() {
        let spelt = [1, 2, 3, 4, 11, 12, 13, 21, 102, 111].map(|n| format!("{n}{}", ordinal_suffix(n)));
        assert_eq!(spelt, ["1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "102nd", "111th"]);
    }

    proptest! {
        #[test]
        fn any_text_can_be_varied(text in "\\PC{0,60}", other in "\\PC{0,30}", seed in any::<u64>()) {
            let retyped = retyped(&mut random(seed), &text);
            prop_assert!(text.trim().is_empty() || !retyped.trim().is_empty());
            let made = opposed(&mut random(seed), &text, &[&other]);
            prop_assert_ne!(made.as_ref(), Some(&text));
        }

        #[test]
        fn the_same_seed_gives_the_same(text in "[A-Za-z ]{1,40}", seed in any::<u64>()) {
            prop_assert_eq!(retyped(&mut random(seed), &text), retyped(&mut random(seed), &text));
        }
    }
}
