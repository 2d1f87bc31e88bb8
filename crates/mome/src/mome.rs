//! A pack with its models on a device: opened here, and asked.

use std::borrow::Cow;
use std::sync::Arc;

use futures::future::try_join;
use mome_engine::{Executor, OpenOptions, Opened, open};
use mome_retrieval::Reader;
use mome_store::Store;

use crate::{Answer, MomeError, Pack, ReaderFiles};

/// How a pack is to be opened.
#[derive(Clone, Default)]
pub struct LoadOptions {
    /// Which device runs the models, and how.
    pub engine: OpenOptions,
    /// The share of unknown questions that may be answered; the pack's own where `None`.
    pub alpha: Option<f64>,
    /// The file of a backbone that is at hand: used where it is the pack's, so that it need not be fetched.
    pub backbone: Option<Cow<'static, [u8]>>,
    /// The files of a reader that is at hand: used where it is the pack's, so that it need not be fetched.
    pub reader: Option<ReaderFiles>,
}

/// How one question is to be answered.
#[derive(Clone, Copy, Debug, Default)]
pub struct AnswerOptions {
    /// The share of unknown questions that may be answered; that of [`LoadOptions`] where `None`.
    pub alpha: Option<f64>,
}

/// A pack with its models on a device, ready to answer.
pub struct Mome {
    pack: Pack,
    reader: Arc<dyn Reader>,
    executor: Arc<dyn Executor>,
    device_note: Option<String>,
    alpha: f64,
}

impl Mome {
    /// Opens a pack and puts its models on a device. They are fetched from the pack, part by part and the reader first,
    /// unless the files at hand are the same.
    ///
    /// # Errors
    /// [`MomeError`]: where an object cannot be had or read, the device not be used, or `alpha` is no share.
    pub async fn load(store: Store, options: LoadOptions) -> Result<Self, MomeError> {
        let pack = Pack::open(store).await?;
        let reader = async {
            match &options.reader {
                Some(files) if pack.is_reader(files) => pack.reader_of(files, options.engine).await,
                _ => pack.open_reader(options.engine).await,
            }
        };
        let backbone = async {
            match &options.backbone {
                Some(file) if pack.is_backbone(file) => Ok(open(file, options.engine).await?),
                _ => pack.open_backbone(options.engine).await,
            }
        };
        let (reader, Opened { executor, device_note }) = try_join(reader, backbone).await?;
        Self::new(pack, Arc::new(reader), executor, device_note, options.alpha)
    }

    /// Answers from an open pack with a reader and an executor that are ready.
    ///
    /// # Errors
    /// [`MomeError::OtherModel`] where the reader or the executor run other models than the pack's, and
    /// [`MomeError::Alpha`].
    pub fn new(
        pack: Pack,
        reader: Arc<dyn Reader>,
        executor: Arc<dyn Executor>,
        device_note: Option<String>,
        alpha: Option<f64>,
    ) -> Result<Self, MomeError> {
        pack.check_backbone(executor.backbone())?;
        pack.check_reader(reader.description())?;
        let alpha = checked_alpha(alpha)?.unwrap_or(pack.manifest().alpha);
        Ok(Self { pack, reader, executor, device_note, alpha })
    }

    /// The pack that is asked.
    #[must_use]
    pub fn pack(&self) -> &Pack {
        &self.pack
    }

    /// What reads questions.
    #[must_use]
    pub fn reader(&self) -> &Arc<dyn Reader> {
        &self.reader
    }

    /// What runs the backbone.
    #[must_use]
    pub fn executor(&self) -> &Arc<dyn Executor> {
        &self.executor
    }

    /// The device that runs the backbone.
    #[must_use]
    pub fn device(&self) -> &str {
        self.executor.device()
    }

    /// Why no GPU is used, where one might have been.
    #[must_use]
    pub fn device_note(&self) -> Option<&str> {
        self.device_note.as_deref()
    }

    /// Answers a question: reads it, selects a fact, drafts its answer and verifies it, and reports.
    ///
    /// # Errors
    /// [`MomeError`] where the question is empty, a shard cannot be had or read, or the device fails.
    /// "I don't know" is no error.
    pub async fn answer(&self, question: &str, options: &AnswerOptions) -> Result<Answer, MomeError> {
        let alpha = checked_alpha(options.alpha)?.unwrap_or(self.alpha);
        let read = self.read(question).await?;
        let selected = self.select(&read, self.pack.decision(alpha).as_deref()).await?;
        let question_cut = read.is_cut();
        let verified = match selected.accepted() {
            Some(accepted) => {
                let slots = &accepted.expert.slots;
                self.draft_and_verify(read.prefilled, slots, accepted.log_odds).await?
            }
            None => None,
        };
        Ok(self.report(&selected, verified, question_cut))
    }
}

fn checked_alpha(alpha: Option<f64>) -> Result<Option<f64>, MomeError> {
    match alpha {
        Some(alpha) if !(alpha > 0.0 && alpha < 1.0) => Err(MomeError::Alpha(alpha)),
        alpha => Ok(alpha),
    }
}
