//! A wording with a word or phrase in it exchanged for another of the same sense: as small an edit as a change, that
//! keeps the meaning. `data/equal_words` has the words.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::LazyLock;

use rand::Rng;
use rand::seq::IndexedRandom as _;

/// The most words that a phrase has.
const LONGEST: usize = 4;

const FILES: [&str; 3] = [
    include_str!("../../data/equal_words/phrases.txt"),
    include_str!("../../data/equal_words/nouns.txt"),
    include_str!("../../data/equal_words/others.txt"),
];

/// By each phrase in lower case those that may stand in its place.
static EQUALS: LazyLock<HashMap<String, Vec<&'static str>>> = LazyLock::new(|| {
    let mut equals: HashMap<String, Vec<&str>> = HashMap::new();
    for line in FILES.into_iter().flat_map(str::lines).filter(|line| !line.starts_with('#')) {
        let phrases: Vec<&str> = line.split('\t').collect();
        // The first of a line may be meant where the others are said; not the other way round.
        equals.entry(phrases[0].to_lowercase()).or_default().extend(&phrases[1..]);
    }
    equals
});

/// The wording with one phrase exchanged, `None` where it has none that could be.
pub(super) fn exchanged(random: &mut impl Rng, wording: &str) -> Option<String> {
    let words = words(wording);
    let phrases = (0..words.len()).flat_map(|start| {
        let ends = (start + 1..=words.len()).take(LONGEST);
        ends.map(move |end| start..end)
    });
    let found: Vec<(Range<usize>, &Vec<&str>)> = phrases
        .filter_map(|phrase| {
            let place = words[phrase.start].start..words[phrase.end - 1].end;
            EQUALS.get(&wording[place.clone()].to_lowercase()).map(|equals| (place, equals))
        })
        .collect();
    // "Parking" in "car parking" is a part of another phrase that is exchanged as a whole.
    let is_part = |place: &Range<usize>| {
        found.iter().any(|(other, _)| other != place && other.start <= place.start && place.end <= other.end)
    };
    let whole: Vec<&(Range<usize>, &Vec<&str>)> = found.iter().filter(|(place, _)| !is_part(place)).collect();
    let (place, equals) = whole.choose(random)?;
    let equal = equals.choose(random)?;
    let starts_large = wording[place.clone()].starts_with(char::is_uppercase);
    let mut letters = equal.chars();
    let equal = match letters.next() {
        Some(first) if starts_large => first.to_uppercase().chain(letters).collect(),
        _ => (*equal).to_owned(),
    };
    Some(format!("{}{equal}{}", &wording[..place.start], &wording[place.end..]))
}

/// Where the words are: letters, digits, and marks between them.
fn words(text: &str) -> Vec<Range<usize>> {
    let is_mark = |letter: char| matches!(letter, '?' | '!' | '.' | ',' | ';' | ':' | '(' | ')' | '"');
    let mut words = Vec::new();
    let mut start = 0;
    for part in text.split_inclusive(char::is_whitespace) {
        let bare = part.trim_end();
        let word = bare.trim_matches(is_mark);
        if !word.is_empty() {
            let first = start + bare.len() - bare.trim_start_matches(is_mark).len();
            words.push(first..first + word.len());
        }
        start += part.len();
    }
    words
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;
    use rand::SeedableRng as _;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    fn all(wording: &str) -> BTreeSet<String> {
        (0..200).filter_map(|seed| exchanged(&mut ChaCha8Rng::seed_from_u64(seed), wording)).collect()
    }

    #[test]
    fn one_phrase_is_exchanged() {
        let made = all("Where is the train station?");
        assert!(made.contains("Where is the railway station?"), "{made:?}");
        assert!(made.contains("Where can I find the train station?"), "{made:?}");
        assert!(all("The weather").is_empty());
    }

    #[test]
    fn marks_and_capitals_stay() {
        assert_eq!(all("(Sofa)"), ["(Couch)", "(Settee)"].map(str::to_owned).into());
    }

    #[test]
    fn every_line_is_one_of_equals() {
        assert!(EQUALS.len() > 250);
        for (phrase, equals) in EQUALS.iter() {
            assert!(
                !equals.is_empty() && !equals.iter().any(|equal| equal.to_lowercase() == *phrase),
                "{phrase}"
            );
            assert!(phrase.split(' ').count() <= LONGEST, "{phrase}");
        }
    }

    proptest! {
        #[test]
        fn any_text_can_be_read(text in "\\PC{0,60}", seed in any::<u64>()) {
            let _ = exchanged(&mut ChaCha8Rng::seed_from_u64(seed), &text);
        }
    }
}
