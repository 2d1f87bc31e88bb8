//! The word pairs, groups and names that come with the generator, read once. `data/near_misses/README.md`
//! says where they are from.

use std::collections::HashMap;
use std::sync::LazyLock;

/// One way to say something else: the words that stand there, those to put in their place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pair {
    pub(super) from: &'static str,
    pub(super) to: &'static str,
    /// The base forms of the pair, such as `close|open`.
    pub(super) base: &'static str,
    pub(super) part: PartOfSpeech,
    /// Whether one is denied where the other is said: a question answered by yes or no asks the same with
    /// either.
    pub(super) is_contrary: bool,
}

/// What the words of a pair are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PartOfSpeech {
    Noun,
    Verb,
    Adjective,
    Other,
}

/// Pairs by the first word of what stands there.
type Pairs = HashMap<&'static str, Vec<Pair>>;

pub(super) static ANTONYMS: LazyLock<Pairs> =
    LazyLock::new(|| pairs(include_str!("../../data/near_misses/antonyms.tsv")));
pub(super) static QUANTIFIERS: LazyLock<Pairs> =
    LazyLock::new(|| pairs(include_str!("../../data/near_misses/quantifiers.tsv")));

/// Groups of words of one type, by each word: the group, one line of the table.
pub(super) static SISTER_TERMS: LazyLock<HashMap<&'static str, Vec<Group>>> =
    LazyLock::new(|| groups(include_str!("../../data/near_misses/sister_terms.tsv")));
pub(super) static PROPERTIES: LazyLock<HashMap<&'static str, Vec<Group>>> =
    LazyLock::new(|| groups(include_str!("../../data/near_misses/properties.tsv")));

/// Names of the world by kind; those of one thing are one entry.
pub(super) static NAMES: LazyLock<HashMap<&'static str, Group>> = LazyLock::new(|| {
    let lines = lines(include_str!("../../data/near_misses/names.tsv"));
    let groups = lines.map(|line| -> Group { line.split('\t').collect::<Vec<_>>().leak() });
    groups
        .flat_map(|group| group.iter().flat_map(move |entry| entry.split('|').map(move |name| (name, group))))
        .collect()
});

/// What may follow a noun and make it the name of another thing: `dog`, `food`.
pub(super) static COMPOUNDS: LazyLock<HashMap<&'static str, Vec<&'static str>>> =
    LazyLock::new(|| heads(include_str!("../../data/near_misses/compounds.tsv")));
/// British and American spellings, both ways.
pub(super) static SPELLINGS: LazyLock<HashMap<&'static str, &'static str>> = LazyLock::new(|| {
    let lines = lines(include_str!("../../data/near_misses/spellings.tsv"));
    lines
        .filter_map(|line| line.split_once('\t'))
        .flat_map(|(one, other)| [(one, other), (other, one)])
        .collect()
});

/// Words of which each may stand for the other with another sense.
pub(super) type Group = &'static [&'static str];

fn lines(table: &'static str) -> impl Iterator<Item = &'static str> {
    table.lines().filter(|line| !line.is_empty() && !line.starts_with('#'))
}

/// Lines of a part of speech (`n`, `v`, `a`, `x`; with `!` for contraries) and the forms of one pair, base
/// first.
fn pairs(table: &'static str) -> Pairs {
    let mut pairs: Pairs = HashMap::new();
    for line in lines(table) {
        let mut fields = line.split('\t');
        let (Some(kind), forms) = (fields.next(), fields) else { continue };
        let part = match kind.trim_end_matches('!') {
            "n" => PartOfSpeech::Noun,
            "v" => PartOfSpeech::Verb,
            "a" => PartOfSpeech::Adjective,
            _ => PartOfSpeech::Other,
        };
        let is_contrary = kind.ends_with('!');
        let forms: Vec<&str> = forms.collect();
        let Some(&base) = forms.first() else { continue };
        for (one, other) in forms.iter().filter_map(|form| form.split_once('|')) {
            for (from, to) in [(one, other), (other, one)] {
                let first = from.split(' ').next().unwrap_or(from);
                pairs.entry(first).or_default().push(Pair { from, to, base, part, is_contrary });
            }
        }
    }
    // The longest first: "log in" before "log".
    pairs.values_mut().for_each(|pairs| pairs.sort_by_key(|pair| std::cmp::Reverse(pair.from.len())));
    pairs
}

fn groups(table: &'static str) -> HashMap<&'static str, Vec<Group>> {
    let mut groups: HashMap<&str, Vec<Group>> = HashMap::new();
    for line in lines(table) {
        let group: Group = line.split('\t').collect::<Vec<_>>().leak();
        for &word in group {
            groups.entry(word).or_default().push(group);
        }
    }
    groups
}

fn heads(table: &'static str) -> HashMap<&'static str, Vec<&'static str>> {
    let lines = lines(table).map(|line| line.split('\t'));
    lines.filter_map(|mut fields| Some((fields.next()?, fields.collect()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAIRS: [&str; 2] = [
        include_str!("../../data/near_misses/antonyms.tsv"),
        include_str!("../../data/near_misses/quantifiers.tsv"),
    ];
    const OTHERS: [&str; 5] = [
        include_str!("../../data/near_misses/sister_terms.tsv"),
        include_str!("../../data/near_misses/properties.tsv"),
        include_str!("../../data/near_misses/names.tsv"),
        include_str!("../../data/near_misses/compounds.tsv"),
        include_str!("../../data/near_misses/spellings.tsv"),
    ];

    #[test]
    fn tables_are_small() {
        let bytes: usize = PAIRS.iter().chain(&OTHERS).map(|table| table.len()).sum();
        assert!(bytes <= 200_000, "{bytes}");
    }

    #[test]
    fn every_pair_has_two_sides() {
        for line in PAIRS.into_iter().flat_map(lines) {
            let mut fields = line.split('\t');
            let kind = fields.next().expect("a part of speech");
            assert!(["n", "v", "a", "x"].contains(&kind.trim_end_matches('!')), "{line}");
            let forms: Vec<&str> = fields.collect();
            assert!(!forms.is_empty(), "{line}");
            for form in forms {
                let (one, other) = form.split_once('|').expect(line);
                assert!(
                    !one.is_empty() && !other.is_empty() && one != other && !other.contains('|'),
                    "{line}"
                );
                assert_eq!(form.to_lowercase(), form);
            }
        }
    }

    #[test]
    fn every_group_has_two_words_or_more() {
        for line in OTHERS.into_iter().flat_map(lines) {
            let mut words: Vec<&str> = line.split('\t').collect();
            let all = words.len();
            words.sort_unstable();
            words.dedup();
            assert!(all >= 2 && words.len() == all && words.iter().all(|word| !word.is_empty()), "{line}");
        }
    }

    #[test]
    fn the_tables_are_read() {
        assert!(ANTONYMS.len() > 800 && SISTER_TERMS.len() > 500);
        assert!(NAMES["usa"].contains(&"france") && SPELLINGS["color"] == "colour");
        assert!(ANTONYMS["open"].iter().any(|pair| pair.to == "close" && pair.is_contrary));
        assert!(QUANTIFIERS["before"].iter().any(|pair| pair.to == "after"));
        assert!(PROPERTIES["height"].iter().any(|group| group.contains(&"price")));
        assert!(COMPOUNDS["dog"].contains(&"food"));
    }
}
