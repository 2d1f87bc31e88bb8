//! The last job of an answer: the reply that the user sees.

use mome_engine::Prediction;
use mome_store::Fetched;

use crate::Mome;
use crate::answer::{Answer, DONT_KNOW, FactReference, FetchedBytes, Reason, TokenLogprob};
use crate::select::{Accepted, Selected};

impl Mome {
    /// The reply to a question for which this was selected. `verified` is what [`Mome::draft_and_verify`] gave for the
    /// expert that was accepted, if one was; `question_cut` says whether only the question's beginning was read.
    #[must_use]
    pub fn report(
        &self,
        selected: &Selected,
        verified: Option<Vec<Prediction>>,
        question_cut: bool,
    ) -> Answer {
        let Fetched { objects, bytes } = selected.fetched;
        let accepted = selected.accepted();
        let nothing = Answer {
            known: false,
            text: DONT_KNOW.to_owned(),
            reason: Some(Reason::Gate),
            confidence: selected.confidence(),
            facts: Vec::new(),
            suggestions: selected.suggestions(),
            tokens: Vec::new(),
            passes: if accepted.is_some() { 2 } else { 1 },
            question_cut,
            fetched: FetchedBytes { objects, bytes },
            device: self.device().to_owned(),
        };
        match (accepted, verified) {
            (Some(accepted), Some(predictions)) => self.known(nothing, accepted, &predictions),
            (Some(_), None) => Answer { reason: Some(Reason::Unverified), ..nothing },
            (None, _) => nothing,
        }
    }

    /// The reply with the answer of this expert.
    fn known(&self, nothing: Answer, accepted: Accepted<'_>, predictions: &[Prediction]) -> Answer {
        let Accepted { expert, confidence, .. } = accepted;
        let backbone = self.executor().backbone();
        let tokenizer = backbone.tokenizer();
        let draft: Vec<u32> = expert.slots.iter().map(|slot| slot.token).collect();
        // The end token is not spoken.
        let spoken = &predictions[..predictions.len().saturating_sub(1)];
        let tokens = spoken.iter().map(|prediction| TokenLogprob {
            text: tokenizer.token_text(prediction.token),
            logprob: prediction.logprob,
        });
        Answer {
            known: true,
            text: backbone.frame().text(tokenizer, &draft),
            reason: None,
            facts: vec![FactReference {
                id: expert.id.clone(),
                source: expert.source.clone(),
                score: confidence,
            }],
            suggestions: Vec::new(),
            tokens: tokens.collect(),
            ..nothing
        }
    }
}
