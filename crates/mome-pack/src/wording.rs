//! When two texts are the same question: however they are encoded, cased, spaced and punctuated at the end.

use caseless::Caseless as _;
use sha2::{Digest as _, Sha256};
use unicode_normalization::UnicodeNormalization as _;

/// What may stand at the end of a question, or be left out there: the sentence-final marks of the scripts in use,
/// after compatibility normalisation.
const FINAL_MARKS: &str = ".?!:;,…‽؟؛،۔。、।॥։՞՜።፧፣။၊།༎។៕᠃᠉꓿꘎꘏߹‼⸮";

/// What Spanish puts in front of a question.
const OPENING_MARKS: &str = "¿¡";

/// The first 16 bytes of the SHA-256 of a wording, without what does not tell questions apart: its encoding, case,
/// extra white space and final punctuation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WordingHash(pub [u8; 16]);

impl WordingHash {
    /// The hash of a wording, or of a question that may be one.
    #[must_use]
    pub fn of(wording: &str) -> Self {
        let mut hash = [0; 16];
        hash.copy_from_slice(&Sha256::digest(normalized(wording).as_bytes())[..16]);
        Self(hash)
    }
}

/// The text as it is read: in Unicode's NFKC form, without what cannot be seen, with straight quotes, plain dashes and
/// single spaces. Two texts that look alike read alike.
#[must_use]
pub fn plain_text(text: &str) -> String {
    let visible: String = text.nfkc().filter(|&c| !is_invisible(c)).map(plain_character).collect();
    visible.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The plain text, in full case folding, without punctuation at its ends. One of such marks alone keeps them.
fn normalized(wording: &str) -> String {
    let text = plain_text(wording);
    // Folding may undo the normal form, so it comes between two (Unicode 3.13, definition D146). An i loses its dot in
    // Turkish capitals and gets one in others: all are one letter here.
    let folded: String = text.chars().default_case_fold().nfkc().collect();
    let folded = folded.replace("i\u{307}", "i").replace('ı', "i");
    let spare = |c: char| c.is_whitespace() || FINAL_MARKS.contains(c);
    let bare = folded.trim_end_matches(spare).trim_start_matches(|c| spare(c) || OPENING_MARKS.contains(c));
    if bare.is_empty() { folded } else { bare.to_owned() }
}

/// Joiners, marks of direction, soft hyphens, variation selectors, and other characters that show nothing.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
        | '\u{e0000}'..='\u{e0fff}')
        || (c.is_control() && !c.is_whitespace())
}

/// The plain form of a quotation mark or dash.
fn plain_character(c: char) -> char {
    match c {
        '‘' | '’' | '‚' | '‛' | '′' | 'ʼ' | 'ʹ' | '`' | '´' | '‹' | '›' => '\'',
        '“' | '”' | '„' | '‟' | '″' | '«' | '»' => '"',
        '‐'..='―' | '−' | '⁃' | '﹘' => '-',
        c => c,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_looks_alike_is_one_question() {
        for (wording, same) in [
            ("What is the capital of France?", "  What is  the\tcapital of FRANCE ?! "),
            ("When does the café close?", "When does the cafe\u{301} close"),
            ("プールは何時に開きますか？", "プールは何時に開きますか?"),
            ("游泳池几点开门？", "游泳池几点开门"),
            ("متى يفتح المسبح؟", "متى يفتح المسبح?"),
            ("कब खुलता है?", "कब खुलता है।"),
            ("Πότε ανοίγει;", "Πότε ανοίγει\u{37e}"),
            ("Wie komme ich in die Straße?", "WIE KOMME ICH IN DIE STRASSE"),
            ("İstanbul'da şubeniz var mı?", "İSTANBUL'DA ŞUBENIZ VAR MI?"),
            ("Where's the owner's “garden”?", "Where’s the owner's \"garden\""),
            ("from 9–5?", "from 9-5"),
            ("opening hours", "\u{200b}opening\u{a0}hours\u{200f}"),
            ("ATM fee", "ＡＴＭ ｆｅｅ"),
            ("¿Dónde está?", "Dónde está"),
        ] {
            assert_eq!(WordingHash::of(wording), WordingHash::of(same), "{wording} {same}");
        }
    }

    #[test]
    fn what_differs_in_a_letter_or_number_does_not() {
        let hash = WordingHash::of("What is the capital of France?");
        for other in ["What is the capital of Frances?", "What's the capital of France?", "?", ""] {
            assert_ne!(WordingHash::of(other), hash, "{other}");
        }
        assert_ne!(WordingHash::of("?"), WordingHash::of("!"));
        assert_ne!(WordingHash::of("rate in %"), WordingHash::of("rate in"));
        assert_ne!(WordingHash::of("C++"), WordingHash::of("C"));
        assert_ne!(WordingHash::of("resume"), WordingHash::of("résumé"));
    }

    proptest! {
        #[test]
        fn plain_text_is_plain_already(text in "\\PC{0,40}") {
            let plain = plain_text(&text);
            prop_assert_eq!(plain_text(&plain), plain);
        }

        #[test]
        fn normal_forms_do_not_matter(text in "\\PC{0,40}") {
            let (composed, decomposed): (String, String) = (text.nfc().collect(), text.nfd().collect());
            prop_assert_eq!(WordingHash::of(&composed), WordingHash::of(&decomposed));
        }
    }
}
