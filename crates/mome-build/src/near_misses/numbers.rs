//! Another number: digits, ordinals, years, times, dates, codes of models, number words, Roman numerals,
//! units.

use rand::{Rng, RngExt as _};

use super::words::{Proposal, Words, in_case_of, rule};

const CARDINALS: [&str; 20] = [
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
    "twenty",
];
const TENS: [&str; 9] =
    ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety", "hundred"];
const ORDINALS: [&str; 12] = [
    "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth",
    "eleventh", "twelfth",
];
const ROMAN: [&str; 20] = [
    "I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII", "XIII", "XIV", "XV", "XVI",
    "XVII", "XVIII", "XIX", "XX",
];

/// What "first" and "second" stand before without counting.
const NOT_COUNTED: [&str; 14] = [
    "aid", "of", "class", "name", "time", "come", "hand", "thing", "things", "all", "person", "then", "but",
    "ever",
];

/// Units of which one may stand for another of its row after a number, singular and plural, and signs.
const UNITS: [&[&str]; 14] = [
    &["seconds", "minutes", "hours", "days", "weeks", "months", "years"],
    &["second", "minute", "hour", "day", "week", "month", "year"],
    &["kilos", "pounds", "grams", "tonnes"],
    &["kilogram", "pound", "gram", "tonne"],
    &["kg", "g", "lb"],
    &["mm", "cm", "m", "km"],
    &["inches", "feet", "metres", "miles", "kilometres", "centimetres"],
    &["inch", "foot", "metre", "mile", "kilometre", "centimetre"],
    &["kb", "mb", "gb", "tb"],
    &["euros", "dollars", "pounds", "francs"],
    &["litres", "gallons", "pints"],
    &["watts", "kilowatts", "volts", "amps"],
    &["w", "kw", "v"],
    &["percent", "euros"],
];

/// Names and phrases with digits that do not count anything.
const FIXED: [&str; 16] = [
    "24/7", "2fa", "3d", "2d", "mp3", "mp4", "h2o", "co2", "401k", "b2b", "b2c", "covid-19", "i18n", "a11y",
    "k8s", "9-to-5",
];

pub(super) fn proposals(random: &mut impl Rng, words: &Words<'_>) -> Vec<Proposal> {
    let mut found = Vec::new();
    for at in 0..words.len() {
        // Of a number such as 24/7 or a date with slashes no part means anything alone.
        let slashed = words.gap(at).starts_with('/') || at > 0 && words.gap(at - 1).ends_with('/');
        if slashed || FIXED.contains(&words.lower(at)) {
            continue;
        }
        found.extend(other_digits(random, words, at));
        found.extend(other_cardinal(random, words, at));
        found.extend(other_ordinal(random, words, at));
        found.extend(other_roman(random, words, at));
        found.extend(other_unit(random, words, at));
        found.extend(other_half_of_day(words, at));
    }
    found
}

/// A word with digits in it: one number of it changed, all else of it as it was.
fn other_digits(random: &mut impl Rng, words: &Words<'_>, at: usize) -> Option<Proposal> {
    let text = words.words[at].text;
    let runs = digit_runs(text);
    // A date such as 2024-05-03 keeps its year and month; 7:30 mostly keeps its minutes; X200 has one number.
    let (start, end) = match runs.as_slice() {
        [] => return None,
        [only] => *only,
        [hour, _] if text.contains(':') => *hour,
        [.., last] => *last,
    };
    let value: u64 = text.get(start..end).filter(|digits| digits.len() <= 9)?.parse().ok()?;
    let (head, tail) = (&text[..start], &text[end..]);
    let is_ordinal = ["st", "nd", "rd", "th"].contains(&tail.to_lowercase().as_str());
    let is_time = tail.starts_with(':') || ["am", "pm"].contains(&tail.to_lowercase().as_str());
    let is_bare = head.is_empty() && tail.is_empty();
    let other = if is_time {
        around(random, value, 2, if tail.starts_with(':') { 23 } else { 12 })?
    } else if is_ordinal || follows_month(words, at) {
        around(random, value, 5, if follows_month(words, at) { 28 } else { u64::MAX })?
    } else if is_bare && (1000..=2100).contains(&value) && end == 4 {
        around(random, value, 9, 2100)?
    } else {
        other_value(random, value)?
    };
    let digits = if text[start..end].starts_with('0') {
        format!("{other:0width$}", width = end - start)
    } else {
        other.to_string()
    };
    let tail = if is_ordinal { in_case_of(tail, ordinal_suffix(other)) } else { tail.to_owned() };
    let mut proposal = words.replaced(at..at + 1, &format!("{head}{digits}{tail}"));
    // "1 day" is never made from or into "2 days" by digits alone.
    if is_bare && (value == 1 || other == 1) && !words.ends_phrase(at) && !follows_month(words, at) {
        return None;
    }
    // A letter before or after is part of a code, whose case must stay.
    if let Some((_, written)) = proposal.edits.last_mut() {
        *written = format!("{head}{digits}{tail}");
        proposal.to.clone_from(written);
    }
    Some(proposal)
}

/// The places of digits in a row. A comma or point between three digits and more belongs to the number: its
/// last group is one of its runs.
fn digit_runs(text: &str) -> Vec<(usize, usize)> {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for (at, byte) in text.bytes().enumerate().filter(|(_, byte)| byte.is_ascii_digit()) {
        let _ = byte;
        match runs.last_mut() {
            Some((_, end)) if *end == at => *end += 1,
            _ => runs.push((at, at + 1)),
        }
    }
    runs
}

fn follows_month(words: &Words<'_>, at: usize) -> bool {
    let months = [
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
        "december",
    ];
    months.contains(&words.before(at)) || months.contains(&words.lower(at + 1))
}

/// A value at most `far` from this one, from 1 to `most`.
fn around(random: &mut impl Rng, value: u64, far: u64, most: u64) -> Option<u64> {
    let least = value.saturating_sub(far).max(1);
    let most = value.saturating_add(far).min(most);
    if least >= most {
        return None;
    }
    let other = random.random_range(least..=most);
    let other = if other == value { if value < most { value + 1 } else { value - 1 } } else { other };
    (other >= 1 && other != value).then_some(other)
}

/// A value that counts something else: near it where it is small, of the same length where it is large.
fn other_value(random: &mut impl Rng, value: u64) -> Option<u64> {
    if value <= 20 {
        return around(random, value, 3, u64::MAX);
    }
    let length = value.ilog10();
    // The second digit at the latest: 250 and 251 may well be the same to who asks.
    let step = 10_u64.pow(length.saturating_sub(random.random_range(0..=1)));
    let round = value.is_multiple_of(10);
    let far = random.random_range(1..=4) * step;
    let other = if random.random_bool(0.5) { value.saturating_sub(far) } else { value + far };
    let other = if other.checked_ilog10() == Some(length) { other } else { value + step };
    (other != value && other.is_multiple_of(10) >= round).then_some(other)
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

/// Number words from two on: "one" is mostly no number.
fn other_cardinal(random: &mut impl Rng, words: &Words<'_>, at: usize) -> Option<Proposal> {
    let word = words.lower(at);
    let (list, least) = if CARDINALS.contains(&word) { (&CARDINALS[..], 1) } else { (&TENS[..], 0) };
    let place = list.iter().position(|&number| number == word)?;
    // "These two", "one or two", "between two": what they count was said before.
    let counted_before = ["these", "those", "the", "or", "between", "of", "one", "either", "any"];
    if place < least || counted_before.contains(&words.before(at)) {
        return None;
    }
    let near = around(random, place as u64 + 1, 3, list.len() as u64)? as usize - 1;
    (near >= least && near != place).then(|| words.replaced(at..at + 1, list[near]))
}

fn other_ordinal(random: &mut impl Rng, words: &Words<'_>, at: usize) -> Option<Proposal> {
    let place = ORDINALS.iter().position(|&ordinal| ordinal == words.lower(at))?;
    let counts = ["the", "my", "his", "her", "its", "your", "our", "a", "'s"];
    let is_counted = counts.contains(&words.before(at)) || words.before(at).ends_with("'s");
    let is_unit = words.lower(at) == "second" && words.ends_phrase(at);
    if !is_counted || is_unit || NOT_COUNTED.contains(&words.lower(at + 1)) {
        return None;
    }
    let near = around(random, place as u64 + 1, 2, ORDINALS.len() as u64)? as usize - 1;
    (near != place).then(|| words.replaced(at..at + 1, ORDINALS[near]))
}

/// The numeral after a name: Henry VIII, World War II.
fn other_roman(random: &mut impl Rng, words: &Words<'_>, at: usize) -> Option<Proposal> {
    let place = ROMAN.iter().position(|&numeral| numeral == words.words[at].text)?;
    let named =
        at > 0 && words.words[at - 1].text.starts_with(char::is_uppercase) && !words.begins_sentence(at);
    let is_letter = ["I", "V", "X"].contains(&ROMAN[place]);
    if !named || is_letter && !words.ends_phrase(at) || ROMAN[place] == "I" {
        return None;
    }
    let other = ROMAN[around(random, place as u64 + 1, 2, ROMAN.len() as u64)? as usize - 1];
    let mut proposal = words.replaced(at..at + 1, other);
    // Its case is its own: "V" alone would be taken for a capital.
    if let Some((_, written)) = proposal.edits.last_mut() {
        *written = other.to_owned();
    }
    proposal.rule = rule(ROMAN[place], other);
    proposal.to = other.to_owned();
    Some(proposal)
}

/// Another unit after a number.
fn other_unit(random: &mut impl Rng, words: &Words<'_>, at: usize) -> Option<Proposal> {
    let unit = words.lower(at);
    let number = words.before(at);
    let is_number = CARDINALS.contains(&number)
        || TENS.contains(&number)
        || number.bytes().any(|byte| byte.is_ascii_digit());
    let row = UNITS.iter().find(|row| row.contains(&unit))?;
    if !is_number || at == 0 || !words.gap(at - 1).trim().is_empty() {
        return None;
    }
    let others: Vec<&str> = row.iter().copied().filter(|&other| other != unit).collect();
    let other = others.get(random.random_range(0..others.len().max(1)))?;
    let proposal = words.replaced(at - 1..at + 1, &format!("{} {other}", words.words[at - 1].text));
    Some(proposal.of_rule(rule(unit, other)))
}

/// Before noon for after noon: 7 am, 7pm.
fn other_half_of_day(words: &Words<'_>, at: usize) -> Option<Proposal> {
    let word = words.lower(at);
    let (digits, half) = word.split_at(word.bytes().take_while(u8::is_ascii_digit).count());
    let other = match half {
        "am" => "pm",
        "pm" => "am",
        _ => return None,
    };
    let before = words.before(at);
    let is_time =
        !digits.is_empty() || !before.is_empty() && before.starts_with(|first: char| first.is_ascii_digit());
    is_time.then(|| words.replaced(at..at + 1, &format!("{digits}{other}")))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{all_of, assert_makes, assert_makes_nothing};
    use super::super::{ChangeKind, numbers::ordinal_suffix};

    const KIND: ChangeKind = ChangeKind::Number;

    #[test]
    fn digits_of_every_form() {
        assert_makes(KIND, "Who was the 3rd president?", "Who was the 2nd president?");
        assert_makes(KIND, "Can I bring 2 bags?", "Can I bring 3 bags?");
        assert_makes(KIND, "Does the X200 fold?", "Does the X300 fold?");
        assert_makes(KIND, "Are you open at 7:30?", "Are you open at 8:30?");
        assert_makes(KIND, "Are you open at 7 pm?", "Are you open at 7 am?");
        assert_makes(KIND, "Are you open on 3 May?", "Are you open on 5 May?");
        assert_makes(KIND, "Who won in 1998?", "Who won in 1997?");
        assert_makes(KIND, "Does it lift 20 kg?", "Does it lift 20 lb?");
        assert_makes(KIND, "Can I pay with a €50 note?", "Can I pay with a €60 note?");
    }

    #[test]
    fn number_words_ordinals_and_numerals() {
        assert_makes(KIND, "May I bring two dogs?", "May I bring three dogs?");
        assert_makes(KIND, "Who was the first king?", "Who was the second king?");
        assert_makes(KIND, "When did World War II end?", "When did World War III end?");
        assert_makes(KIND, "Does it hold an 8 cm tube?", "Does it hold a 9 cm tube?");
    }

    #[test]
    fn what_counts_nothing_stays() {
        assert_makes_nothing(KIND, "Is the line open 24/7?");
        assert_makes_nothing(KIND, "Which one is it?");
        assert_makes_nothing(KIND, "Do you give first aid?");
        assert_makes_nothing(KIND, "How do I turn on 2FA?");
    }

    #[test]
    fn a_number_never_becomes_itself() {
        for wording in ["Is 1 enough?", "Is 21 enough?", "Is 99 enough?", "Is 100 enough?", "Is 0 enough?"] {
            assert!(!all_of(KIND, wording).contains(wording), "{wording}");
        }
    }

    #[test]
    fn ordinals_are_spelt_right() {
        let spelt = [1, 2, 3, 4, 11, 12, 13, 21, 102, 111].map(|n| format!("{n}{}", ordinal_suffix(n)));
        assert_eq!(spelt, ["1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "102nd", "111th"]);
    }
}
