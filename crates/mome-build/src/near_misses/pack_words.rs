//! What a pack's wordings have in common: which words each fact has, which facts have a word, and the names.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::names_in::{Name, names_in};
use super::words::{FUNCTION_WORDS, QUESTION_WORDS, Words, normalized, stem};

/// The wordings of one fact as sets of stems.
#[derive(Debug)]
pub(super) struct FactWords {
    /// Of each wording, its question first.
    pub(super) wordings: Vec<HashSet<String>>,
}

/// The words of a pack.
#[derive(Debug)]
pub(super) struct PackWords {
    pub(super) facts: Vec<FactWords>,
    /// All wordings, normalised.
    pub(super) stored: HashSet<String>,
    /// The facts in which a stem stands.
    having: HashMap<String, Vec<usize>>,
    /// The names by what stands before them ("in", "wrote"), each with the fact that has it.
    pub(super) names: BTreeMap<String, Vec<(usize, Name)>>,
}

impl PackWords {
    pub(super) fn of<Wording: AsRef<str>>(wordings: &[Vec<Wording>]) -> Self {
        let mut pack = Self {
            facts: Vec::new(),
            stored: HashSet::new(),
            having: HashMap::new(),
            names: BTreeMap::new(),
        };
        for (fact, wordings) in wordings.iter().enumerate() {
            let mut sets = Vec::with_capacity(wordings.len());
            for wording in wordings {
                let words = Words::of(wording.as_ref());
                pack.stored.insert(normalized(wording.as_ref()));
                for name in names_in(&words) {
                    let names = pack.names.entry(name.after.clone()).or_default();
                    if names.last().is_none_or(|(_, last)| last.text != name.text) {
                        names.push((fact, name));
                    }
                }
                sets.push(stems(&words));
            }
            for stem in sets.iter().flatten().collect::<HashSet<_>>() {
                pack.having.entry(stem.clone()).or_default().push(fact);
            }
            pack.facts.push(FactWords { wordings: sets });
        }
        pack
    }

    /// Whether another fact than this may be what `text` asks: one that has what was put in, and nearly all
    /// words of the rest that have a topic.
    pub(super) fn is_asked_elsewhere(&self, fact: usize, text: &str, put_in: &str) -> bool {
        let put_in: Vec<String> = topics(&Words::of(put_in));
        let Some(rarest) = put_in.iter().min_by_key(|stem| self.having.get(*stem).map_or(0, Vec::len)) else {
            return false;
        };
        let rest: Vec<String> =
            topics(&Words::of(text)).into_iter().filter(|s| !put_in.contains(s)).collect();
        self.having.get(rarest).into_iter().flatten().filter(|&&other| other != fact).any(|&other| {
            let wordings = &self.facts[other].wordings;
            let has = |stem: &String| wordings.iter().any(|words| words.contains(stem));
            let found = rest.iter().filter(|stem| has(stem)).count();
            put_in.iter().all(has) && found * 4 >= rest.len() * 3
        })
    }
}

/// The stems of all words.
fn stems(words: &Words<'_>) -> HashSet<String> {
    words.words.iter().flat_map(|word| parts(&word.lower)).collect()
}

/// The stem of a word, and of its parts where a hyphen joins them.
fn parts(word: &str) -> Vec<String> {
    let mut parts = vec![stem(word)];
    if word.contains('-') {
        parts.extend(word.split('-').filter(|part| !part.is_empty()).map(stem));
    }
    parts
}

/// The stems of the words that have a topic.
fn topics(words: &Words<'_>) -> Vec<String> {
    let topic = |word: &&str| !FUNCTION_WORDS.contains(word) && !QUESTION_WORDS.contains(word);
    words.words.iter().map(|word| word.lower.as_str()).filter(topic).map(stem).collect()
}
