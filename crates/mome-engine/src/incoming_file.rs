//! A model's file that arrives piece by piece: first its head, which is kept until it is whole, then its tensors' data,
//! of which nothing is kept.

use std::borrow::Cow;

use sha2::{Digest, Sha256};

use crate::EngineError;

/// The longest head that a file may have: vocabularies of a quarter of a million tokens take some 15 MiB.
const MAX_HEAD: usize = 64 << 20;

/// A file on its way, and what takes its data once the head was read.
pub(crate) struct IncomingFile<W> {
    bytes: u64,
    /// Bytes that have come.
    read: u64,
    hash: Sha256,
    state: State<W>,
}

enum State<W> {
    /// The head is not complete: all bytes so far, and how many there must be before another look is worth while.
    Head {
        bytes: Vec<u8>,
        enough: usize,
    },
    Data(W),
}

/// What a piece of a file brought.
pub(crate) enum Arrived<'f, 'b, W, H> {
    /// A part of the head.
    Nothing,
    /// The head, and all bytes of the file so far: see [`IncomingFile::open`].
    Head(H, Cow<'b, [u8]>),
    /// Bytes after the head, which begin at this place in the file, for what takes them.
    Data(&'f mut W, u64),
}

impl<W> IncomingFile<W> {
    /// A file of `bytes` bytes, of which nothing has come.
    pub fn new(bytes: u64) -> Self {
        Self { bytes, read: 0, hash: Sha256::new(), state: State::Head { bytes: Vec::new(), enough: 0 } }
    }

    /// Takes the next bytes, and reads the head with `read_head`, which is told the length of the file and gives `None`
    /// where the head is not complete.
    ///
    /// # Errors
    /// [`EngineError::Length`] where there are more bytes than was said, [`EngineError::Head`] where the head does not
    /// end, and those of `read_head`.
    pub fn take<'f, 'b, H, E>(
        &'f mut self,
        bytes: &'b [u8],
        read_head: impl FnOnce(&[u8], u64) -> Result<Option<H>, E>,
    ) -> Result<Arrived<'f, 'b, W, H>, EngineError>
    where
        EngineError: From<E>,
    {
        let offset = self.read;
        self.read += bytes.len() as u64;
        if self.read > self.bytes {
            return Err(EngineError::Length { expected: self.bytes, found: self.read });
        }
        self.hash.update(bytes);
        let (begun, enough) = match &mut self.state {
            State::Data(taker) => return Ok(Arrived::Data(taker, offset)),
            State::Head { bytes, enough } => (bytes, enough),
        };
        // The first piece may be the whole file, so it is copied only where more must come.
        let first = begun.is_empty();
        if !first {
            begun.extend_from_slice(bytes);
        }
        let head = if first { bytes } else { &**begun };
        if head.len() >= *enough || self.read == self.bytes {
            if let Some(model) = read_head(head, self.bytes)? {
                let so_far = if first { Cow::Borrowed(bytes) } else { Cow::Owned(std::mem::take(begun)) };
                return Ok(Arrived::Head(model, so_far));
            }
            if head.len() > MAX_HEAD {
                return Err(EngineError::Head(MAX_HEAD));
            }
            *enough = 2 * head.len();
        }
        if first {
            begun.extend_from_slice(bytes);
        }
        Ok(Arrived::Nothing)
    }

    /// Has all data taken by `taker` from now on.
    pub fn open(&mut self, taker: W) {
        self.state = State::Data(taker);
    }

    /// What takes the data, once the head was read.
    pub fn taker(&self) -> Option<&W> {
        match &self.state {
            State::Head { .. } => None,
            State::Data(taker) => Some(taker),
        }
    }

    /// What has taken the data, all of which have come, and the SHA-256 of the file.
    ///
    /// # Errors
    /// [`EngineError::Length`] where they have not.
    pub fn finish(self) -> Result<(W, [u8; 32]), EngineError> {
        match self.state {
            State::Data(taker) if self.read == self.bytes => Ok((taker, self.hash.finalize().into())),
            _ => Err(EngineError::Length { expected: self.bytes, found: self.read }),
        }
    }
}
