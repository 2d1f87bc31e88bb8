//! Progress on standard error: bars where a person is looking, else a line now and then.

use std::collections::HashMap;
use std::io::{IsTerminal as _, stderr};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use mome_build::Stage;

/// How often a line is written where standard error is no terminal.
const BETWEEN_LINES: Duration = Duration::from_secs(10);

/// How often a bar is drawn anew while nothing is done.
const BETWEEN_DRAWINGS: Duration = Duration::from_millis(250);

/// Shows how far a command is with each of its tasks.
pub(crate) struct Progress(Mutex<Shown>);

enum Shown {
    Bars(HashMap<&'static str, ProgressBar>),
    Lines { last: Instant },
}

impl Progress {
    pub(crate) fn new() -> Self {
        let bars = stderr().is_terminal();
        Self(Mutex::new(if bars {
            Shown::Bars(HashMap::new())
        } else {
            Shown::Lines { last: Instant::now() }
        }))
    }

    /// Shows that so much of a task is done.
    pub(crate) fn show(&self, task: &'static str, done: u64, total: u64) {
        match &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            Shown::Bars(bars) => {
                let bar = bars.entry(task).or_insert_with(|| bar(task, total));
                bar.set_position(done.max(bar.position()));
                if done == total {
                    bar.finish();
                }
            }
            Shown::Lines { last } if last.elapsed() >= BETWEEN_LINES => {
                *last = Instant::now();
                eprintln!("mome: {task}: {done} of {total}");
            }
            Shown::Lines { .. } => (),
        }
    }

    /// Shows how far a stage of memorising is.
    pub(crate) fn stage(&self, stage: Stage, done: u64, total: u64) {
        self.show(name(stage), done, total);
    }
}

fn bar(task: &'static str, total: u64) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr()).with_message(task);
    let style = ProgressStyle::with_template("{msg:<28} {wide_bar} {pos}/{len} {elapsed}");
    let bar = bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.enable_steady_tick(BETWEEN_DRAWINGS);
    bar
}

fn name(stage: Stage) -> &'static str {
    match stage {
        Stage::Open => "Reading the pack",
        Stage::Query => "Finding queries",
        Stage::Train => "Training W_query",
        Stage::Calibrate => "Calibrating the gate",
        Stage::Memorize => "Memorising",
        Stage::Index => "Building the index",
        Stage::AskBefore => "Asking facts near by",
        Stage::Write => "Writing the pack",
        Stage::Verify => "Asking every wording",
        Stage::AskAfter => "Asking facts near by again",
    }
}
