//! Tables composed of parts, for what tables of real questions hold little of: numbers, dates, times and amounts in
//! all their forms, many properties of one thing, two things in either role.
//!
//! A fact of such a table has wordings that mean the same, and the table holds other facts that differ from it in one
//! thing only. `data/composed.txt` has the parts.

use std::collections::BTreeMap;

use mome_build::near_misses::{ChangeKind, is_held_out};
use rand::seq::{IndexedRandom as _, SliceRandom as _};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

/// The wordings of each fact of a table.
pub(super) type Wordings = Vec<Vec<String>>;

const PARTS: &str = include_str!("../../data/composed.txt");

/// Tables that are made of phrases, and of each section of properties and of roles.
const PHRASE_TABLES: usize = 40;
const SECTION_TABLES: usize = 5;

/// Questions in a table that phrases are put to, each with two of them.
const QUESTIONS: usize = 12;

/// Things in a table, and properties of each.
const THINGS: usize = 3;
const PROPERTIES: usize = 8;

/// Pairs of things in a table of roles.
const ROLES: usize = 12;

/// Wordings of a question that phrases are put to.
const WORDINGS: usize = 5;

/// How often a phrase stands before its question.
const BEFORE: f64 = 0.2;

/// How often two things are drawn until they may be told apart in training.
const TRIES: usize = 20;

/// Forms of one meaning.
type Forms = Vec<&'static str>;

/// What `data/composed.txt` holds.
#[derive(Debug, Default)]
struct Parts {
    /// Groups of phrases, of which each line excludes the others.
    phrases: Vec<Vec<Forms>>,
    things: BTreeMap<&'static str, Vec<&'static str>>,
    properties: BTreeMap<&'static str, Vec<Forms>>,
    roles: BTreeMap<&'static str, Vec<Forms>>,
}

/// Tables of composed facts. Phrases are put to questions of `tables`; the same ones for the same seed. Facts of a
/// table never differ in what readers are never trained on.
pub(super) fn composed(tables: &[&Wordings], seed: u64) -> Vec<Wordings> {
    let parts = Parts::read(PARTS);
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut made = Vec::new();
    made.extend((0..PHRASE_TABLES).map(|_| with_phrases(&parts.phrases, tables, &mut random)));
    for (section, forms) in &parts.properties {
        let things = parts.things.get(section).map_or(&[][..], Vec::as_slice);
        made.extend((0..SECTION_TABLES).map(|_| of_properties(things, forms, &mut random)));
    }
    for (section, forms) in &parts.roles {
        let things = parts.things.get(section).map_or(&[][..], Vec::as_slice);
        made.extend((0..SECTION_TABLES).map(|_| of_roles(things, forms, &mut random)));
    }
    made.retain(|table| !table.is_empty());
    made
}

impl Parts {
    fn read(text: &'static str) -> Self {
        let mut parts = Self::default();
        let mut section = ("", "");
        let mut is_new_group = true;
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
                section = name.split_once(' ').unwrap_or((name, ""));
                is_new_group = true;
            } else if line.is_empty() {
                is_new_group = true;
            } else {
                parts.add(section, line, std::mem::take(&mut is_new_group));
            }
        }
        parts
    }

    fn add(&mut self, (what, name): (&'static str, &'static str), line: &'static str, is_new_group: bool) {
        let forms = || line.split('\t').collect();
        match what {
            "phrases" => {
                if is_new_group || self.phrases.is_empty() {
                    self.phrases.push(Vec::new());
                }
                self.phrases.last_mut().into_iter().for_each(|group| group.push(forms()));
            }
            "things" => self.things.entry(name).or_default().push(line),
            "properties" => self.properties.entry(name).or_default().push(forms()),
            "roles" => self.roles.entry(name).or_default().push(forms()),
            _ => {}
        }
    }
}

/// Questions, each with two phrases that exclude each other: two facts of each.
fn with_phrases(groups: &[Vec<Forms>], tables: &[&Wordings], random: &mut ChaCha8Rng) -> Wordings {
    let mut facts = Vec::new();
    for table in tables.sample(random, QUESTIONS).copied().collect::<Vec<_>>() {
        let Some(question) = table.choose(random) else { continue };
        let drawn = (0..TRIES).find_map(|_| {
            let group = groups.choose(random)?;
            let mut lines = group.sample(random, 2);
            let two = [lines.next()?, lines.next()?];
            may_differ(two[0][0], two[1][0]).then_some(two)
        });
        for line in drawn.into_iter().flatten() {
            let wordings: Vec<&String> = question.sample(random, WORDINGS).collect();
            facts.push(wordings.into_iter().map(|wording| attached(wording, line, random)).collect());
        }
    }
    facts
}

/// A question with one form of a phrase.
fn attached(question: &str, line: &Forms, random: &mut ChaCha8Rng) -> String {
    let phrase = line.choose(random).copied().unwrap_or_default();
    if random.random_bool(BEFORE) {
        return format!("{}, {question}", capitalized(phrase));
    }
    let bare = question.trim_end_matches(['?', '.', '!', ' ']);
    format!("{bare} {phrase}{}", &question[bare.len()..])
}

/// Some properties of some things.
fn of_properties(things: &[&str], lines: &[Forms], random: &mut ChaCha8Rng) -> Wordings {
    let mut facts = Vec::new();
    let mut kept: Vec<&Forms> = Vec::new();
    let mut lines: Vec<&Forms> = lines.iter().collect();
    lines.shuffle(random);
    for line in lines {
        if kept.len() < PROPERTIES && kept.iter().all(|other| may_be_told_apart(line, other)) {
            kept.push(line);
        }
    }
    for thing in things.sample(random, THINGS) {
        facts.extend(
            kept.iter().map(|line| line.iter().map(|form| capitalized(&form.replace("{}", thing))).collect()),
        );
    }
    facts
}

/// Things in two roles, and in each other's: two facts of each pair.
fn of_roles(things: &[&str], lines: &[Forms], random: &mut ChaCha8Rng) -> Wordings {
    let mut facts = Vec::new();
    for _ in 0..ROLES {
        let drawn = (0..TRIES).find_map(|_| {
            let mut two = things.sample(random, 2);
            let (one, other) = (*two.next()?, *two.next()?);
            let rule = (format!("{one} … {other}"), format!("{other} … {one}"));
            (!is_held_out(ChangeKind::Role, &rule.0, &rule.1)).then_some([one, other])
        });
        let (Some([one, other]), Some(line)) = (drawn, lines.choose(random)) else { continue };
        for (a, b) in [(one, other), (other, one)] {
            let form = |form: &&str| capitalized(&form.replace("{a}", a).replace("{b}", b));
            let fact: Vec<String> = line.iter().map(form).collect();
            // Drawn twice, one question would be two facts.
            if !facts.contains(&fact) {
                facts.push(fact);
            }
        }
    }
    facts
}

/// Whether two phrases may be told apart in training: not where they differ in one word, and that is a change that
/// readers are never trained on.
fn may_differ(one: &str, other: &str) -> bool {
    let kinds = [
        ChangeKind::Number,
        ChangeKind::Antonym,
        ChangeKind::SisterTerm,
        ChangeKind::Quantifier,
        ChangeKind::Name,
    ];
    differing_words(one, other)
        .is_none_or(|(one, other)| kinds.iter().all(|kind| !is_held_out(*kind, one, other)))
}

/// The same of two properties.
fn may_be_told_apart(one: &Forms, other: &Forms) -> bool {
    let pairs = one.iter().flat_map(|one| other.iter().map(move |other| (one, other)));
    let mut differing = pairs.filter_map(|(one, other)| differing_words(one, other));
    differing.all(|(one, other)| !is_held_out(ChangeKind::Property, one, other))
}

/// The words in which two texts differ, where it is one in each.
fn differing_words<'a>(one: &'a str, other: &'a str) -> Option<(&'a str, &'a str)> {
    let mut differing = one.split(' ').zip(other.split(' ')).filter(|(one, other)| one != other);
    let is_as_long = one.split(' ').count() == other.split(' ').count();
    let found = differing.next().filter(|_| is_as_long)?;
    differing.next().is_none().then_some(found)
}

fn capitalized(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn table() -> Wordings {
        vec![vec!["When do you open?".to_owned(), "opening time".to_owned()]]
    }

    #[test]
    fn every_line_has_forms_and_every_section_its_things() {
        let parts = Parts::read(PARTS);
        assert!(parts.phrases.len() > 30 && parts.phrases.iter().all(|group| group.len() > 1));
        assert!(parts.phrases.iter().flatten().all(|forms| forms.len() > 1));
        for (section, forms) in &parts.properties {
            assert!(parts.things[section].len() >= THINGS, "{section}");
            assert!(
                forms.iter().all(|forms| forms.len() > 1 && forms.iter().all(|form| form.contains("{}")))
            );
        }
        for (section, forms) in &parts.roles {
            assert!(parts.things[section].len() >= THINGS, "{section}");
            let has_both = |form: &&str| form.contains("{a}") && form.contains("{b}");
            assert!(forms.iter().all(|forms| forms.len() > 1 && forms.iter().all(has_both)), "{section}");
        }
    }

    #[test]
    fn facts_of_a_table_have_no_wording_in_common() {
        for table in composed(&[&table()], 3) {
            let mut seen: BTreeSet<&str> = BTreeSet::new();
            for fact in &table {
                let own: BTreeSet<&str> = fact.iter().map(String::as_str).collect();
                assert!(own.iter().all(|wording| seen.insert(wording)), "{own:?}");
            }
        }
    }

    #[test]
    fn the_seed_decides() {
        assert_eq!(composed(&[&table()], 1), composed(&[&table()], 1));
        assert_ne!(composed(&[&table()], 1), composed(&[&table()], 2));
    }

    #[test]
    fn phrases_are_put_before_the_mark() {
        let mut random = ChaCha8Rng::seed_from_u64(1);
        let made: BTreeSet<String> =
            (0..50).map(|_| attached("When do you open?", &vec!["on Sundays"], &mut random)).collect();
        let expected = ["On Sundays, When do you open?", "When do you open on Sundays?"];
        assert!(made.iter().map(String::as_str).eq(expected), "{made:?}");
    }
}
