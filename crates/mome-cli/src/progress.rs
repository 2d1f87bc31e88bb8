//! Progress on standard error, where a person is looking.

use std::collections::HashMap;
use std::sync::Mutex;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use mome_train::Stage;

/// A bar that shows how far each stage is. It draws nothing where standard error is no terminal.
pub(crate) struct StageProgress {
    bars: Mutex<HashMap<Stage, ProgressBar>>,
}

impl StageProgress {
    pub(crate) fn new() -> Self {
        Self { bars: Mutex::default() }
    }

    /// Draws that so much of a stage is done.
    pub(crate) fn show(&self, stage: Stage, done: u64, total: u64) {
        let Ok(mut bars) = self.bars.lock() else { return };
        let bar = bars.entry(stage).or_insert_with(|| bar(total, name(stage)));
        bar.set_position(done.max(bar.position()));
        if done == total {
            bar.finish();
        }
    }
}

/// A bar for some task with so many steps.
pub(crate) fn bar(total: u64, name: &'static str) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr()).with_message(name);
    let style = ProgressStyle::with_template("{msg:<24} {wide_bar} {pos}/{len} {elapsed}");
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

fn name(stage: Stage) -> &'static str {
    match stage {
        Stage::Read => "Reading the wordings",
        Stage::Train => "Training the selector",
        Stage::Memorise => "Memorising",
        Stage::Verify => "Asking every fact",
    }
}
