//! A wording cut into words, each with its place in the text, and edits of it that keep case and punctuation.

use std::ops::Range;

/// Words that stand first in a question that is answered by yes or no.
const AUXILIARIES: [&str; 37] = [
    "am",
    "is",
    "are",
    "was",
    "were",
    "do",
    "does",
    "did",
    "can",
    "could",
    "will",
    "would",
    "shall",
    "should",
    "may",
    "might",
    "must",
    "has",
    "have",
    "had",
    "isn't",
    "aren't",
    "wasn't",
    "weren't",
    "don't",
    "doesn't",
    "didn't",
    "can't",
    "couldn't",
    "won't",
    "wouldn't",
    "shouldn't",
    "hasn't",
    "haven't",
    "any",
    "ok",
    "cannot",
];

/// Words that ask for something.
pub(super) const QUESTION_WORDS: [&str; 9] =
    ["who", "whom", "whose", "what", "which", "when", "where", "why", "how"];

/// Words that carry no topic: before one of them a noun phrase has ended.
pub(super) const FUNCTION_WORDS: [&str; 72] = [
    "a", "an", "the", "is", "are", "was", "were", "be", "been", "am", "do", "does", "did", "of", "to", "in",
    "on", "for", "at", "by", "with", "without", "from", "into", "and", "or", "but", "if", "when", "while",
    "because", "so", "than", "then", "after", "before", "during", "until", "till", "my", "your", "our",
    "their", "his", "her", "its", "i", "you", "we", "they", "he", "she", "it", "that", "this", "these",
    "those", "can", "could", "would", "should", "will", "must", "may", "has", "have", "had", "as", "please",
    "too", "not", "there",
];

/// One word: letters and digits with what joins them, such as `can't`, `check-in`, `7:30`, `X-200`.
#[derive(Debug)]
pub(super) struct Word<'a> {
    pub(super) span: Range<usize>,
    pub(super) text: &'a str,
    pub(super) lower: String,
}

/// A wording as words.
#[derive(Debug)]
pub(super) struct Words<'a> {
    pub(super) text: &'a str,
    pub(super) words: Vec<Word<'a>>,
}

/// A change that a rule proposes: byte ranges of the text, in order and apart, with what replaces them, and
/// the words that it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Proposal {
    pub(super) edits: Vec<(Range<usize>, String)>,
    pub(super) from: String,
    pub(super) to: String,
    /// The pair in its base form, the same for all its inflections and both directions.
    pub(super) rule: String,
}

impl<'a> Words<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        let mut words = Vec::new();
        let mut start = None;
        for (at, letter) in text.char_indices().chain([(text.len(), ' ')]) {
            let parts = letter.is_whitespace() || matches!(letter, '/' | '—' | '–' | '…' | '|');
            match (parts, start) {
                (false, None) => start = Some(at),
                (true, Some(from)) => {
                    words.extend(trimmed(text, from..at));
                    start = None;
                }
                _ => {}
            }
        }
        Self { text, words }
    }

    pub(super) fn len(&self) -> usize {
        self.words.len()
    }

    /// The word in lower case, with straight apostrophes; empty where there is none.
    pub(super) fn lower(&self, at: usize) -> &str {
        self.words.get(at).map_or("", |word| &word.lower)
    }

    /// The word before, empty at the beginning.
    pub(super) fn before(&self, at: usize) -> &str {
        at.checked_sub(1).map_or("", |before| self.lower(before))
    }

    /// Whether these words stand here one after another with nothing but spaces between them.
    pub(super) fn reads(&self, at: usize, phrase: &[&str]) -> bool {
        phrase.iter().enumerate().all(|(nth, word)| {
            self.lower(at + nth) == *word && (nth == 0 || self.gap(at + nth - 1).trim().is_empty())
        })
    }

    /// What stands between this word and the next, or the end.
    pub(super) fn gap(&self, at: usize) -> &'a str {
        let Some(word) = self.words.get(at) else { return "" };
        let end = self.words.get(at + 1).map_or(self.text.len(), |next| next.span.start);
        &self.text[word.span.end..end]
    }

    /// Whether a noun phrase or clause ends after this word: at a mark, at the end, before a word without
    /// topic.
    pub(super) fn ends_phrase(&self, at: usize) -> bool {
        at + 1 >= self.len()
            || !self.gap(at).trim().is_empty()
            || FUNCTION_WORDS.contains(&self.lower(at + 1))
    }

    /// Whether a sentence begins with this word.
    pub(super) fn begins_sentence(&self, at: usize) -> bool {
        at == 0 || self.gap(at - 1).contains(['.', '?', '!', ':', '\n'])
    }

    /// The words of the sentence that asks: the last that ends in a question mark, or else all.
    pub(super) fn asking(&self) -> Range<usize> {
        let mut asking = 0..self.len();
        let mut start = 0;
        for at in 0..self.len() {
            if at > 0 && self.begins_sentence(at) {
                start = at;
            }
            if self.gap(at).contains('?') {
                asking = start..at + 1;
            }
        }
        asking
    }

    /// Whether the answer is yes or no. In such a question, and in one without a verb that asks, a word and
    /// its contrary ask the same: whoever knows that the shop is open knows that it is not closed.
    pub(super) fn is_polar(&self) -> bool {
        let asking = self.asking();
        let asks_for = |at: usize| QUESTION_WORDS.contains(&self.lower(at));
        !asking.clone().take(8).any(asks_for)
            || self.begins_with_auxiliary() && !asking.clone().skip(1).take(5).any(asks_for)
    }

    /// Whether the sentence that asks begins as a question of yes or no does.
    pub(super) fn begins_with_auxiliary(&self) -> bool {
        AUXILIARIES.contains(&self.lower(self.asking().start))
    }

    /// Whether all of it is in capitals, so that they tell no names.
    pub(super) fn is_in_capitals(&self) -> bool {
        !self.text.chars().any(char::is_lowercase)
    }

    /// Whether this word is written as a name is: a capital within a sentence, or at its beginning where
    /// another follows ("Good Times debuted on").
    pub(super) fn is_name(&self, at: usize) -> bool {
        if !self.has_capital(at) || self.is_in_capitals() {
            return false;
        }
        let word = self.lower(at);
        let is_small = FUNCTION_WORDS.contains(&word) || QUESTION_WORDS.contains(&word);
        let next = if ["of", "the"].contains(&self.lower(at + 1)) { at + 2 } else { at + 1 };
        !self.begins_sentence(at) || !is_small && self.gap(at) == " " && self.has_capital(next)
    }

    pub(super) fn has_capital(&self, at: usize) -> bool {
        self.words.get(at).is_some_and(|word| word.text.starts_with(char::is_uppercase))
    }

    /// The words `range` replaced: case as it was, the article before them right.
    pub(super) fn replaced(&self, range: Range<usize>, with: &str) -> Proposal {
        let (first, last) = (&self.words[range.start], &self.words[range.end - 1]);
        let span = first.span.start..last.span.end;
        let written = in_case_of(&self.text[span.clone()], with);
        let mut edits = self.article_before(range.start, &written);
        let from = self.text[span.clone()].to_owned();
        edits.push((span, written.clone()));
        let rule = rule(&from, &written);
        Proposal { edits, from, to: written, rule }
    }

    /// Words put in after this one.
    pub(super) fn inserted_after(&self, at: usize, with: &str) -> Proposal {
        let word = &self.words[at];
        let edits = vec![(word.span.end..word.span.end, format!(" {with}"))];
        let to = format!("{} {with}", word.text);
        Proposal { edits, rule: rule(&word.lower, &to), from: word.text.to_owned(), to }
    }

    /// Words put in before this one.
    pub(super) fn inserted_before(&self, at: usize, with: &str) -> Proposal {
        let word = &self.words[at];
        let mut edits = self.article_before(at, with);
        edits.push((word.span.start..word.span.start, format!("{with} ")));
        let to = format!("{with} {}", word.text);
        Proposal { edits, rule: rule(&word.lower, &to), from: word.text.to_owned(), to }
    }

    /// The edit that makes `a` to `an` or back before a word that is replaced.
    fn article_before(&self, at: usize, written: &str) -> Vec<(Range<usize>, String)> {
        let article = match self.before(at) {
            "a" if sounds_as_vowel(written) => "an",
            "an" if !sounds_as_vowel(written) => "a",
            _ => return Vec::new(),
        };
        let word = &self.words[at - 1];
        // "A" alone is a capital, not a word in capitals.
        let article =
            if word.text.starts_with('A') { article.replacen('a', "A", 1) } else { article.to_owned() };
        vec![(word.span.clone(), article)]
    }

    /// The text with a proposal's edits made.
    pub(super) fn edited(&self, edits: &[(Range<usize>, String)]) -> String {
        let mut made = String::with_capacity(self.text.len() + 16);
        let mut end = 0;
        for (range, with) in edits {
            made.push_str(&self.text[end..range.start]);
            made.push_str(with);
            end = range.end;
        }
        made.push_str(&self.text[end..]);
        made
    }
}

impl Proposal {
    /// The same edit under a rule with a name of its own.
    pub(super) fn of_rule(self, rule: impl Into<String>) -> Self {
        Self { rule: rule.into(), ..self }
    }
}

/// The name of what is done: both words in lower case, in the order of the alphabet.
pub(super) fn rule(one: &str, other: &str) -> String {
    let (one, other) = (one.to_lowercase(), other.to_lowercase());
    if one <= other { format!("{one}/{other}") } else { format!("{other}/{one}") }
}

/// `new` written as `old` is: in capitals, with a capital, or as it comes.
pub(super) fn in_case_of(old: &str, new: &str) -> String {
    let letters = old.chars().filter(|letter| letter.is_alphabetic());
    let capitals = letters.clone().filter(|letter| letter.is_uppercase()).count();
    if capitals > 1 && capitals == letters.count() {
        return new.to_uppercase();
    }
    if old.chars().next().is_some_and(char::is_uppercase) { capitalized(new) } else { new.to_owned() }
}

pub(super) fn capitalized(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// What decides whether two wordings are the same text: letters and digits in lower case, one space between
/// words.
pub(super) fn normalized(text: &str) -> String {
    let mut words = String::with_capacity(text.len());
    for letter in text.chars() {
        if letter.is_alphanumeric() {
            words.extend(letter.to_lowercase());
        } else if !matches!(letter, '\'' | '’') && !words.is_empty() && !words.ends_with(' ') {
            words.push(' ');
        }
    }
    words.truncate(words.trim_end().len());
    words
}

/// A word without the endings of plural, past and possession, so that its forms are found to be the same.
/// Lower case.
pub(super) fn stem(word: &str) -> String {
    let word = word.strip_suffix("'s").unwrap_or(word);
    for (ending, left, with) in
        [("ies", 3, "y"), ("ing", 4, ""), ("ed", 4, ""), ("es", 4, ""), ("s", 3, ""), ("e", 3, "")]
    {
        if let Some(stem) = word.strip_suffix(ending)
            && stem.len() >= left
            && !(stem.ends_with('s') && ending.ends_with('s'))
        {
            let stem = stem.strip_suffix('e').filter(|_| with.is_empty() && stem.len() > 3).unwrap_or(stem);
            return format!("{stem}{with}");
        }
    }
    word.to_owned()
}

/// Whether `an` stands before it. By its spelling, with the few that are spoken otherwise.
fn sounds_as_vowel(word: &str) -> bool {
    let word = word.to_lowercase();
    let spoken_as_consonant = ["uni", "use", "usa", "euro", "one", "once"];
    let spoken_as_vowel = ["hour", "honest", "heir", "8", "11", "18"];
    spoken_as_vowel.iter().any(|start| word.starts_with(start))
        || word.starts_with(['a', 'e', 'i', 'o', 'u'])
            && !spoken_as_consonant.iter().any(|start| word.starts_with(start))
}

/// The word within a run without spaces: no marks at its ends.
fn trimmed(text: &str, run: Range<usize>) -> Option<Word<'_>> {
    let whole = &text[run.clone()];
    let inner = whole.trim_start_matches(|letter: char| !letter.is_alphanumeric());
    let start = run.start + whole.len() - inner.len();
    let inner = inner.trim_end_matches(|letter: char| !letter.is_alphanumeric());
    let lower = inner.to_lowercase().replace('’', "'");
    (!inner.is_empty()).then(|| Word { span: start..start + inner.len(), text: inner, lower })
}
