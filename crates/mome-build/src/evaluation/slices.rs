//! What a pack makes of questions that are typed otherwise: one figure for each way of typing.

use mome::{AnswerOptions, Mome, MomeError};
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

use crate::Question;
use crate::near_misses::Typing;

/// What came of the known questions that one way of typing changes. Field names are those of the JSON that
/// `mome eval --slices --json` prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Slice {
    /// How they were typed.
    pub typing: &'static str,
    /// How many there were.
    pub questions: u64,
    /// Answered right as they are.
    pub right_before: u64,
    /// Answered right as they were typed.
    pub right: u64,
    /// Answered wrongly as they were typed.
    pub wrong: u64,
}

/// Asks all known questions as they are, and once in each way of typing that changes them; the seed decides where a letter
/// is missing. `asked` is called after each question.
///
/// # Errors
/// What [`Mome::answer`] reports, for the first question that cannot be handled.
pub async fn evaluate_slices(
    mome: &Mome,
    questions: &[Question],
    options: &AnswerOptions,
    seed: u64,
    mut asked: impl FnMut(),
) -> Result<Vec<Slice>, MomeError> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut slices = Typing::ALL.map(|typing| Slice {
        typing: typing.name(),
        questions: 0,
        right_before: 0,
        right: 0,
        wrong: 0,
    });
    for question in questions {
        if let Some(right) = &question.answer {
            let is_right = |answer: &mome::Answer| answer.known && answer.text == *right;
            let before = is_right(&mome.answer(&question.question, options).await?);
            for (typing, slice) in Typing::ALL.into_iter().zip(&mut slices) {
                let Some(typed) = typing.typed(&mut random, &question.question) else { continue };
                let answer = mome.answer(&typed, options).await?;
                slice.questions += 1;
                slice.right_before += u64::from(before);
                slice.right += u64::from(is_right(&answer));
                slice.wrong += u64::from(answer.known && !is_right(&answer));
            }
        }
        asked();
    }
    Ok(slices.into())
}
