//! Pairs to learn from: a question, a stored wording, and whether both ask the same. They are drawn without end from
//! tables of facts and of contrasts, the same ones for the same seed.

use std::collections::BTreeMap;
use std::fmt;

use mome_backbone::{Encoder, EncoderInput};
use mome_build::Contrast;
use mome_build::near_misses::{Change, ChangeKind, keeping};
use rand::distr::Distribution as _;
use rand::distr::weighted::WeightedIndex;
use rand::seq::{IndexedRandom as _, index};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use super::class::Class;
use super::contrasts::nearest;
use super::equal_words::exchanged;
use super::rewriting::turned;
use super::{Table, TrainingError, words};

/// How a pair was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// Two wordings of one fact.
    Wordings,
    /// A wording and itself as somebody else might type it.
    Noise,
    /// A wording and itself with a word of the same sense, or turned in its grammar.
    EqualWords,
    /// The same change made to two wordings of one fact.
    BothChanged,
    /// A wording and a change of it, or of another wording of its fact.
    Change(ChangeKind),
    /// Wordings of two facts of one table.
    Facts,
    /// Two questions written by hand, to be of this class.
    Contrast(Class),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wordings => f.write_str("two wordings"),
            Self::Noise => f.write_str("typed otherwise"),
            Self::EqualWords => f.write_str("other words of the same sense"),
            Self::BothChanged => f.write_str("the same change in both"),
            Self::Change(kind) => write!(f, "{kind}"),
            Self::Facts => f.write_str("two facts"),
            Self::Contrast(Class::Same) => f.write_str("written as the same"),
            Self::Contrast(_) => f.write_str("written as another"),
        }
    }
}

/// A pair to learn from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// As somebody asks it.
    pub question: String,
    /// As it is stored.
    pub wording: String,
    /// What they are to each other.
    pub class: Class,
    /// How the pair was made.
    pub origin: Origin,
    /// Whether the change is one of those that readers are never trained on.
    pub held_out: bool,
}

impl Pair {
    /// The pair as a reranker on this encoder reads it.
    #[must_use]
    pub fn input(&self, encoder: &Encoder) -> EncoderInput {
        words::pair(encoder, &self.question, &self.wording)
    }
}

/// Which changes are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rules {
    /// All but those that readers are never trained on: for training.
    Trained,
    /// All: for judging what was learnt.
    All,
}

/// How often which origin is drawn. Changes and other facts together are half: a reranker that takes everything for
/// the same is wrong as often as one that takes nothing for it.
const SHARES: [(Drawn, f64); 8] = [
    (Drawn::ContrastSame, 0.21),
    (Drawn::ContrastChanged, 0.30),
    (Drawn::Wordings, 0.15),
    (Drawn::Noise, 0.01),
    (Drawn::EqualWords, 0.11),
    (Drawn::BothChanged, 0.02),
    (Drawn::Changed, 0.11),
    (Drawn::Facts, 0.09),
];

/// How often the question of a pair is typed as somebody else might type it, where that is not what the pair is about.
const NOISY: f64 = 0.25;

/// How often a change is made to another wording than the one it is paired with.
const ACROSS: f64 = 0.35;

/// How often a pair of two facts is of facts that are near to each other.
const NEAR: f64 = 0.85;

/// How often two of a contrast that ask the same are its question and another, and how often what asks something else
/// is paired with the wording that it was made of.
const QUESTION: f64 = 0.5;
const MADE_OF: f64 = 0.6;

/// How often the stored wording of a contrast is the one that was changed, and how often one with equal words.
const STORED_CHANGED: f64 = 0.25;
const EITHER: f64 = 0.5;

/// How often a word of the same sense is put into what asks something else.
const CHANGED_TWICE: f64 = 0.25;

/// How often equal words are put into a line of a contrast.
const OF_CONTRAST: f64 = 0.5;

/// Changes that are looked at to choose one.
const CHOICE: usize = 24;

/// How often a draw that came to nothing is tried again before a pair of another origin is drawn.
const TRIES: usize = 100;

#[derive(Clone, Copy)]
enum Drawn {
    ContrastSame,
    ContrastChanged,
    Wordings,
    Noise,
    EqualWords,
    BothChanged,
    Changed,
    Facts,
}

/// Draws pairs without end.
pub struct Pairs<'a> {
    tables: &'a [Table],
    contrasts: &'a [Contrast],
    /// Large tables are drawn from more often, but not as much more as they are larger.
    table: WeightedIndex<f64>,
    origin: WeightedIndex<f64>,
    rules: Rules,
    random: ChaCha8Rng,
    /// How often each kind of change was drawn: the one drawn least goes first.
    drawn: BTreeMap<ChangeKind, usize>,
}

impl<'a> Pairs<'a> {
    /// Draws from these tables and contrasts; there may be no contrasts.
    ///
    /// # Errors
    /// [`TrainingError::NoTables`] where there is no table with a fact.
    pub fn new(
        tables: &'a [Table],
        contrasts: &'a [Contrast],
        rules: Rules,
        seed: u64,
    ) -> Result<Self, TrainingError> {
        let weights = tables.iter().map(|table| (table.facts.len() as f64).sqrt());
        let shares = SHARES.map(|(drawn, share)| {
            let is_contrast = matches!(drawn, Drawn::ContrastSame | Drawn::ContrastChanged);
            if is_contrast && contrasts.is_empty() { 0.0 } else { share }
        });
        Ok(Self {
            tables,
            contrasts,
            table: WeightedIndex::new(weights).map_err(|_| TrainingError::NoTables)?,
            origin: WeightedIndex::new(shares).map_err(|_| TrainingError::NoTables)?,
            rules,
            random: ChaCha8Rng::seed_from_u64(seed),
            drawn: BTreeMap::new(),
        })
    }

    fn pair(&mut self, origin: Drawn) -> Option<Pair> {
        let tables: &'a [Table] = self.tables;
        let table = &tables[self.table.sample(&mut self.random)];
        let fact = self.random.random_range(0..table.facts.len());
        match origin {
            Drawn::Wordings => self.wordings(&table.facts[fact]),
            Drawn::Noise => self.noise(&table.facts[fact]),
            Drawn::EqualWords => self.equal_words(&table.facts[fact]),
            Drawn::BothChanged => self.both_changed(table, fact),
            Drawn::Changed => self.changed(table, fact),
            Drawn::Facts => self.facts(table, fact),
            Drawn::ContrastSame => self.contrast_same(),
            Drawn::ContrastChanged => self.contrast_changed(),
        }
    }

    fn contrast_same(&mut self) -> Option<Pair> {
        let contrasts: &'a [Contrast] = self.contrasts;
        let contrast = contrasts.choose(&mut self.random)?;
        let [question, wording] = match self.random.random_bool(QUESTION) {
            true => [contrast.same[1..].choose(&mut self.random)?, &contrast.same[0]],
            false => self.two(&contrast.same)?,
        };
        let question = self.typed(question);
        let (question, wording) = self.in_turn(STORED_CHANGED, question, wording.clone());
        Some(Pair { question, wording, ..same(Origin::Contrast(Class::Same)) })
    }

    fn contrast_changed(&mut self) -> Option<Pair> {
        let contrasts: &'a [Contrast] = self.contrasts;
        let contrast = contrasts.choose(&mut self.random)?;
        let question = contrast.changed.choose(&mut self.random)?;
        let wording = match self.random.random_bool(MADE_OF) {
            true => nearest(contrast, question)?,
            false => contrast.same.choose(&mut self.random)?,
        };
        let exchanged = match self.random.random_bool(CHANGED_TWICE) {
            true => exchanged(&mut self.random, question),
            false => None,
        };
        let question = self.typed(exchanged.as_ref().unwrap_or(question));
        let (question, wording) = self.in_turn(STORED_CHANGED, question, wording.clone());
        let (class, origin) = (Class::Changed, Origin::Contrast(Class::Changed));
        Some(Pair { question, wording, class, origin, held_out: false })
    }

    /// A question and a wording, that often the other way round.
    fn in_turn(&mut self, share: f64, question: String, wording: String) -> (String, String) {
        match self.random.random_bool(share) {
            true => (wording, question),
            false => (question, wording),
        }
    }

    fn wordings(&mut self, wordings: &[String]) -> Option<Pair> {
        let [question, wording] = self.two(wordings)?;
        let question = self.typed(question);
        Some(Pair { question, wording: wording.clone(), ..same(Origin::Wordings) })
    }

    fn noise(&mut self, wordings: &[String]) -> Option<Pair> {
        let wording = wordings.choose(&mut self.random)?;
        let question = keeping(&mut self.random, wording);
        Some(Pair { question, wording: wording.clone(), ..same(Origin::Noise) })
    }

    fn equal_words(&mut self, wordings: &[String]) -> Option<Pair> {
        let contrasts: &'a [Contrast] = self.contrasts;
        let of_contrast = contrasts.choose(&mut self.random).filter(|_| self.random.random_bool(OF_CONTRAST));
        let wording = match of_contrast {
            Some(Contrast { same, changed }) => {
                let at = self.random.random_range(0..same.len() + changed.len());
                same.get(at).unwrap_or_else(|| &changed[at - same.len()]).clone()
            }
            None => wordings.choose(&mut self.random)?.clone(),
        };
        let exchanged = exchanged(&mut self.random, &wording);
        let turned = turned(&mut self.random, exchanged.as_deref().unwrap_or(&wording));
        let question = match (exchanged, turned) {
            (Some(_), Some(turned)) if self.random.random_bool(0.5) => turned,
            (Some(exchanged), _) => exchanged,
            (None, turned) => turned?,
        };
        let question = self.typed(&question);
        let (question, wording) = self.in_turn(EITHER, question, wording);
        Some(Pair { question, wording, ..same(Origin::EqualWords) })
    }

    fn both_changed(&mut self, table: &Table, fact: usize) -> Option<Pair> {
        let [one, other] = self.two(&table.facts[fact])?;
        let changes = self.changes(table, fact, one);
        let made: Vec<(String, String)> = changes
            .into_iter()
            .filter_map(|change| change.also_made_in(other).map(|other| (change.text, other)))
            .collect();
        let (question, wording) = made.choose(&mut self.random)?.clone();
        Some(Pair { question: self.typed(&question), wording, ..same(Origin::BothChanged) })
    }

    /// The question has the change, as it is where somebody asks for what is not stored.
    fn changed(&mut self, table: &Table, fact: usize) -> Option<Pair> {
        let wordings = &table.facts[fact];
        let [original, wording] = match self.random.random_bool(ACROSS) {
            true => self.two(wordings)?,
            false => [wordings.choose(&mut self.random)?; 2],
        };
        let changes = self.changes(table, fact, original);
        let drawn = |change: &Change| self.drawn.get(&change.kind).copied().unwrap_or(0);
        let change = changes.into_iter().min_by_key(drawn)?;
        *self.drawn.entry(change.kind).or_default() += 1;
        let question = self.typed(&change.text);
        let origin = Origin::Change(change.kind);
        let wording = wording.clone();
        Some(Pair { question, wording, class: Class::Changed, origin, held_out: change.held_out })
    }

    fn facts(&mut self, table: &Table, fact: usize) -> Option<Pair> {
        let (other, class) = match self.random.random_bool(NEAR) {
            true => (*table.nearest[fact].choose(&mut self.random)?, table.near_facts),
            false => (self.random.random_range(0..table.facts.len()), Class::Other),
        };
        if other == fact {
            return None;
        }
        let question = table.facts[fact].choose(&mut self.random)?;
        let wording = table.facts[other].choose(&mut self.random)?.clone();
        let question = self.typed(question);
        Some(Pair { question, wording, class, origin: Origin::Facts, held_out: false })
    }

    /// Changes of a wording, as far as they may be drawn.
    fn changes(&mut self, table: &Table, fact: usize, wording: &str) -> Vec<Change> {
        let mut changes = table.near_misses.changes(&mut self.random, fact, wording, CHOICE);
        changes.retain(|change| self.rules == Rules::All || !change.held_out);
        changes
    }

    /// Two of a fact's wordings.
    fn two<'w>(&mut self, wordings: &'w [String]) -> Option<[&'w String; 2]> {
        index::sample_array(&mut self.random, wordings.len())
            .map(|places: [usize; 2]| places.map(|at| &wordings[at]))
    }

    /// Sometimes as somebody else might type it.
    fn typed(&mut self, question: &str) -> String {
        match self.random.random_bool(NOISY) {
            true => keeping(&mut self.random, question),
            false => question.to_owned(),
        }
    }
}

impl Iterator for Pairs<'_> {
    type Item = Pair;

    /// The next pair; there always is one.
    fn next(&mut self) -> Option<Pair> {
        let (origin, _) = SHARES[self.origin.sample(&mut self.random)];
        let drawn = (0..TRIES).find_map(|_| self.pair(origin));
        drawn.or_else(|| self.pair(Drawn::Noise))
    }
}

fn same(origin: Origin) -> Pair {
    Pair { question: String::new(), wording: String::new(), class: Class::Same, origin, held_out: false }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use mome_build::near_misses::NearMisses;

    use super::*;

    fn tables() -> Vec<Table> {
        let facts: Vec<Vec<String>> = [
            [
                "When do you open on Sundays?",
                "opening time on Sundays",
                "from what hour can I come on Sundays",
            ],
            [
                "Can I bring 2 dogs to the red house?",
                "am I allowed to come with 2 dogs",
                "2 dogs in the red house?",
            ],
            [
                "How much is a ticket to Oslo?",
                "price of a ticket to Oslo",
                "what do you charge for going to Oslo",
            ],
            ["Do you sell cheap bikes?", "Is there a cheap bike in the shop?", "cheap bikes for sale"],
        ]
        .map(|wordings| wordings.map(str::to_owned).to_vec())
        .to_vec();
        let nearest = (0..facts.len()).map(|fact| vec![(fact + 1) % facts.len()]).collect();
        let near_misses = NearMisses::new(&facts);
        vec![Table { name: "shop".to_owned(), facts, near_misses, nearest, near_facts: Class::Other }]
    }

    fn contrasts() -> Vec<Contrast> {
        let [same, changed] = [
            ["Who pays for the wine?", "Who has to pay for the wine?", "wine: who pays"],
            ["Who is paid for the wine?", "Who pays for the water?", "Where do I pay for the wine?"],
        ]
        .map(|lines| lines.map(str::to_owned).to_vec());
        vec![Contrast { same, changed }]
    }

    fn draw(rules: Rules, seed: u64, count: usize) -> Vec<Pair> {
        Pairs::new(&tables(), &contrasts(), rules, seed).unwrap().take(count).collect()
    }

    #[test]
    fn the_seed_decides() {
        assert_eq!(draw(Rules::Trained, 1, 100), draw(Rules::Trained, 1, 100));
        assert_ne!(draw(Rules::Trained, 1, 100), draw(Rules::Trained, 2, 100));
    }

    #[test]
    fn what_is_held_out_is_never_trained_on() {
        assert!(draw(Rules::Trained, 3, 2000).iter().all(|pair| !pair.held_out));
        let judged = draw(Rules::All, 3, 2000);
        let held_out: BTreeSet<&str> =
            judged.iter().filter(|pair| pair.held_out).map(|pair| pair.question.as_str()).collect();
        assert!(held_out.len() > 10);
        assert!(judged.iter().all(|pair| !pair.held_out || pair.class == Class::Changed));
    }

    #[test]
    fn each_class_has_its_share_and_each_kind_its_turn() {
        let pairs = draw(Rules::Trained, 4, 4000);
        for (class, share) in [(Class::Same, 0.50), (Class::Changed, 0.41), (Class::Other, 0.09)] {
            let found = pairs.iter().filter(|pair| pair.class == class).count() as f64 / pairs.len() as f64;
            assert!((found - share).abs() < 0.04, "{class:?}: {found}");
        }
        let mut kinds: BTreeMap<Origin, usize> = BTreeMap::new();
        pairs.iter().for_each(|pair| *kinds.entry(pair.origin).or_default() += 1);
        assert!(kinds.len() > 8, "{kinds:?}");
    }

    #[test]
    fn a_pair_of_one_fact_is_of_one_and_a_pair_of_two_of_two() {
        let tables = tables();
        let fact =
            |wording: &str| tables[0].facts.iter().position(|fact| fact.iter().any(|own| own == wording));
        for pair in draw(Rules::Trained, 5, 1000) {
            let (question, wording) = (fact(&pair.question), fact(&pair.wording));
            match pair.origin {
                Origin::Wordings => {
                    assert!(wording.is_some() && question.is_none_or(|fact| Some(fact) == wording));
                }
                Origin::Facts => {
                    assert!(wording.is_some() && question.is_none_or(|fact| Some(fact) != wording));
                }
                Origin::Change(_) => assert!(wording.is_some() && question.is_none(), "{pair:?}"),
                Origin::Contrast(class) => {
                    let contrast = &contrasts()[0];
                    let is_changed = |text: &String| contrast.changed.contains(text);
                    let changed = [&pair.question, &pair.wording].into_iter().filter(|text| is_changed(text));
                    assert!(pair.class == class && changed.count() <= usize::from(class == Class::Changed));
                }
                _ => {}
            }
        }
    }

    #[test]
    fn without_tables_nothing_is_drawn() {
        assert!(matches!(Pairs::new(&[], &[], Rules::All, 1), Err(TrainingError::NoTables)));
    }
}
