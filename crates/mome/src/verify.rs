//! The third job of an answer: the expert's draft is run through the backbone with its slots attached, and must be what the
//! backbone says.

use mome_engine::{Head, Pass, Prediction};
use mome_pack::Slot;

use crate::attach::{Attachment, accepted_bias, memory, verified};
use crate::read::Prefilled;
use crate::{Mome, MomeError};

impl Mome {
    /// Appends the tokens of an expert's slots and runs them in one pass with the slots attached. Gives the
    /// predictions where every position says its token, led by its slot; `None` where one does not, or where they do
    /// not fit the context.
    ///
    /// # Errors
    /// What the device reports.
    pub async fn draft_and_verify(
        &self,
        prefilled: Prefilled,
        slots: &[Slot],
        log_odds: f32,
    ) -> Result<Option<Vec<Prediction>>, MomeError> {
        let Prefilled { mut sequence, prompt, room, .. } = prefilled;
        let needed = prompt.len() + slots.len();
        if slots.is_empty() || needed > self.executor().backbone().config().context {
            return Ok(None);
        }
        let mut tokens: Vec<u32> = slots.iter().map(|slot| slot.token).take(slots.len() - 1).collect();
        let attention = &self.pack().query().attention;
        let bias = accepted_bias(attention, log_odds);
        let attached =
            memory(self.pack().query_projection(), attention, &[Attachment { slots, bias, next_place: 0 }]);
        let head = Head { rows: slots.len(), memory: Some(&attached), ..Head::default() };
        if needed > room {
            sequence = self.executor().begin(needed)?;
            tokens.splice(..0, prompt);
        }
        let verify = sequence.run(Pass { tokens: &tokens, states: &[], head: Some(head) }).await?;
        Ok(verified(slots, &attached, &verify.predictions).then_some(verify.predictions))
    }
}
