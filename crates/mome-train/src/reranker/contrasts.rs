//! What of the questions written by hand readers are trained on, and which of their lines belong together.

use std::collections::BTreeSet;

use mome_build::Contrast;
use mome_build::near_misses::NearMisses;
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;

/// Changes that are looked at to find out what readers are never trained on.
const LOOKED_AT: usize = 400;

/// A contrast without those changes that readers are never trained on.
pub(super) fn trained(contrast: &Contrast) -> Contrast {
    let near_misses = NearMisses::new(std::slice::from_ref(&contrast.same));
    let mut random = ChaCha8Rng::seed_from_u64(0);
    let never: BTreeSet<String> = contrast
        .same
        .iter()
        .flat_map(|wording| near_misses.changes(&mut random, 0, wording, LOOKED_AT))
        .filter(|change| change.held_out)
        .map(|change| bare(&change.text))
        .collect();
    let changed = contrast.changed.iter().filter(|changed| !never.contains(&bare(changed)));
    Contrast { same: contrast.same.clone(), changed: changed.cloned().collect() }
}

/// Which of those that ask the same has most words in common with this text, and fewest others: the one it was made
/// of.
pub(super) fn nearest<'a>(contrast: &'a Contrast, text: &str) -> Option<&'a String> {
    let own = words(text);
    let shared = |same: &String| {
        let others = words(same);
        let both = own.intersection(&others).count();
        both as f64 / (own.len() + others.len()).max(1) as f64
    };
    // Of equals the first, so that the question goes before the others.
    contrast.same.iter().rev().max_by(|one, other| shared(one).total_cmp(&shared(other)))
}

fn words(text: &str) -> BTreeSet<String> {
    let words = text.split(|letter: char| !letter.is_alphanumeric());
    words.filter(|word| !word.is_empty()).map(str::to_lowercase).collect()
}

/// What remains of a text without case and marks.
fn bare(text: &str) -> String {
    text.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_change_was_made_of_is_found() {
        let same = ["When do you open?", "opening hours", "When do you open today?"].map(str::to_owned);
        let contrast = Contrast { same: same.to_vec(), changed: Vec::new() };
        assert_eq!(nearest(&contrast, "When do you close?"), Some(&same[0]));
        assert_eq!(nearest(&contrast, "opening year"), Some(&same[1]));
        assert_eq!(nearest(&contrast, "Who?"), Some(&same[0]));
    }

    #[test]
    fn what_is_held_out_is_left_out() {
        let question = "Can I bring 2 red dogs to the big house in Oslo on Monday before noon?";
        let near_misses = NearMisses::new(&[vec![question]]);
        let changes = near_misses.changes(&mut ChaCha8Rng::seed_from_u64(3), 0, question, 40);
        let same = vec![question.to_owned(), "2 red dogs in Oslo".to_owned()];
        let changed: Vec<String> = changes.iter().map(|change| change.text.to_lowercase()).collect();
        let count = changed.len();
        let trained = trained(&Contrast { same, changed });
        assert!(!trained.changed.is_empty() && trained.changed.len() < count);
    }
}
