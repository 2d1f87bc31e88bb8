//! A word put in that makes it another thing: "Model 3 Plus", "dog food", "Ada Lovelace's brother", "the vice
//! president".

use rand::{Rng, RngExt as _};

use super::names_in::names_in;
use super::tables::{COMPOUNDS, NAMES};
use super::words::{Proposal, Words, rule};

/// What follows the name of a model and makes it another model.
const AFTER_MODELS: [&str; 9] = ["Plus", "Mini", "Pro", "Max", "Lite", "Ultra", "Air", "XL", "Junior"];

/// Relatives: what belongs to them is not what belongs to the person.
const RELATIVES: [&str; 8] =
    ["brother", "father", "mother", "sister", "son", "daughter", "teacher", "neighbour"];

/// Offices, and what before them makes another office.
const BEFORE_OFFICES: [(&str, &str); 14] = [
    ("president", "vice"),
    ("minister", "deputy"),
    ("director", "assistant"),
    ("manager", "assistant"),
    ("king", "last"),
    ("queen", "last"),
    ("capital", "former"),
    ("mayor", "deputy"),
    ("headteacher", "deputy"),
    ("captain", "former"),
    ("chairman", "former"),
    ("champion", "junior"),
    ("coach", "assistant"),
    ("owner", "previous"),
];

/// Cities, and another of the same name.
const OTHER_CITIES: [(&str, &str); 12] = [
    ("paris", "Texas"),
    ("london", "Ontario"),
    ("rome", "Georgia"),
    ("athens", "Georgia"),
    ("berlin", "Connecticut"),
    ("dublin", "Ohio"),
    ("moscow", "Idaho"),
    ("cambridge", "Massachusetts"),
    ("birmingham", "Alabama"),
    ("manchester", "New Hampshire"),
    ("naples", "Florida"),
    ("toledo", "Ohio"),
];

pub(super) fn proposals(random: &mut impl Rng, words: &Words<'_>) -> Vec<Proposal> {
    let mut found = Vec::new();
    for at in 0..words.len() {
        found.extend(another_model(random, words, at));
        found.extend(another_thing(random, words, at));
        found.extend(another_office(words, at));
        found.extend(another_city(words, at));
    }
    found.extend(a_relative(random, words));
    found
}

/// After a code, or a number after a name: "X200", "Model 3"; after a name with a capital within it:
/// "iPhone".
fn another_model(random: &mut impl Rng, words: &Words<'_>, at: usize) -> Option<Proposal> {
    let text = words.words[at].text;
    let capitals = text.chars().skip(1).filter(|letter| letter.is_uppercase()).count();
    let has_digit = text.chars().any(|letter| letter.is_ascii_digit());
    let has_small = text.chars().any(char::is_lowercase);
    // "A4" and "E07" are sizes and errors, unless a name stands before them.
    let is_long = text.len() >= 4 || at > 0 && words.is_name(at - 1);
    let of_error = ["error", "code", "message", "form", "gate", "section"].contains(&words.before(at));
    let is_code =
        has_digit && text.starts_with(|first: char| first.is_ascii_uppercase()) && is_long && !of_error;
    let is_brand =
        capitals == 1 && has_small && !text.contains(['-', '\'', '’', '.']) && text.len() > 4 && !has_digit;
    let is_numbered = text.len() <= 2
        && text.chars().all(|letter| letter.is_ascii_digit())
        && at > 0
        && words.words[at - 1].text.starts_with(char::is_uppercase)
        && !words.begins_sentence(at - 1)
        && !is_month(words.before(at));
    let follows = !words.words.get(at + 1).is_some_and(|next| {
        words.gap(at) == " "
            && next.text.starts_with(|first: char| first.is_uppercase() || first.is_ascii_digit())
    });
    let suffix = AFTER_MODELS[random.random_range(0..AFTER_MODELS.len())];
    let named = (is_code || is_brand || is_numbered) && follows && !is_surname(text);
    named.then(|| words.inserted_after(at, suffix).of_rule(format!("model/model {}", suffix.to_lowercase())))
}

fn is_month(word: &str) -> bool {
    [
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
    ]
    .contains(&word)
        || word == "december"
}

fn is_surname(text: &str) -> bool {
    ["Mc", "Mac", "De", "Di", "La", "Le", "O'", "Fitz", "Van"].iter().any(|start| text.starts_with(start))
}

/// The noun made the first part of another: "dog", "dog food".
fn another_thing(random: &mut impl Rng, words: &Words<'_>, at: usize) -> Option<Proposal> {
    let word = words.lower(at);
    let seconds = COMPOUNDS.get(word)?;
    let is_noun =
        ["a", "an", "the", "my", "your", "our", "new", "another", "own", "his", "her", "with", "for", "of"]
            .contains(&words.before(at));
    let second = seconds[random.random_range(0..seconds.len().max(1)).min(seconds.len().checked_sub(1)?)];
    (is_noun && words.ends_phrase(at)).then(|| words.inserted_after(at, second))
}

fn another_office(words: &Words<'_>, at: usize) -> Option<Proposal> {
    let (office, before) = BEFORE_OFFICES.iter().find(|(office, _)| *office == words.lower(at))?;
    let is_free = ["the", "a", "your", "our", "my", "of"].contains(&words.before(at));
    is_free.then(|| words.inserted_before(at, before).of_rule(rule(office, &format!("{before} {office}"))))
}

fn another_city(words: &Words<'_>, at: usize) -> Option<Proposal> {
    let (city, region) = OTHER_CITIES.iter().find(|(city, _)| *city == words.lower(at))?;
    let is_place = ["in", "to", "from", "near"].contains(&words.before(at)) && words.ends_phrase(at);
    is_place.then(|| {
        let end = words.words[at].span.end;
        let to = format!("{}, {region}", words.words[at].text);
        let edits = vec![(end..end, format!(", {region}"))];
        Proposal { edits, from: words.words[at].text.to_owned(), rule: rule(city, &to), to }
    })
}

/// Somebody else for a person of two names or more: "Ada Lovelace", "Ada Lovelace's brother".
fn a_relative(random: &mut impl Rng, words: &Words<'_>) -> Vec<Proposal> {
    let mut found = Vec::new();
    for name in names_in(words) {
        let place = name.range();
        let last = place.end - 1;
        let given =
            NAMES.get(words.lower(place.start)).is_some_and(|g| g.contains(&"anna") || g.contains(&"peter"));
        let owns = words.words[last].text.ends_with("'s") || words.words[last].text.ends_with("’s");
        if given && place.len() >= 2 && !owns {
            let relative = RELATIVES[random.random_range(0..RELATIVES.len())];
            let end = words.words[last].span.end;
            found.push(Proposal {
                edits: vec![(end..end, format!("'s {relative}"))],
                to: format!("{}'s {relative}", name.text),
                from: name.text,
                rule: format!("person/person's {relative}"),
            });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::ChangeKind;
    use super::super::tests::{assert_makes, assert_makes_nothing};

    const KIND: ChangeKind = ChangeKind::Insertion;

    #[test]
    fn another_thing_by_a_word_put_in() {
        assert_makes(KIND, "How heavy is the Model 3?", "How heavy is the Model 3 Plus?");
        assert_makes(KIND, "Does my iPhone fit?", "Does my iPhone Mini fit?");
        assert_makes(KIND, "Can I bring my dog?", "Can I bring my dog food?");
        assert_makes(KIND, "Who is the president?", "Who is the vice president?");
        assert_makes(KIND, "What is there to see in Paris?", "What is there to see in Paris, Texas?");
        assert_makes(KIND, "When was Peter Pan born?", "When was Peter Pan's brother born?");
    }

    #[test]
    fn where_it_would_be_no_thing_nothing_is_put_in() {
        assert_makes_nothing(KIND, "Can I dog sit?");
        assert_makes_nothing(KIND, "Are you open on May 3?");
    }
}
