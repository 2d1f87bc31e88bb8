//! What can go wrong between a pack's files and those who read them.

use mome_pack::Digest;
use thiserror::Error;

use crate::SourceError;
use crate::source::CHECK_ADDRESS;

/// Why a pack could not be opened, or one of its files not be had.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum StoreError {
    /// A location that can hold no pack.
    #[error("there can be no pack at `{location}`: {problem}")]
    Location {
        /// The location as it was given.
        location: String,
        /// What is wrong with it, and what to do.
        problem: String,
    },
    /// A file that could not be had, or is not what it should be.
    #[error("{path} from {location}: {problem}")]
    File {
        /// The file's path in the pack.
        path: String,
        /// Where the pack lies.
        location: String,
        /// What is wrong.
        problem: FileProblem,
    },
}

/// What is wrong with one file.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum FileProblem {
    /// The source did not bring it.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// An HTML page came with status 200.
    #[error("the server sent an HTML page in place of the file; {}", CHECK_ADDRESS)]
    HtmlPage,
    /// Another number of bytes came than the link says.
    #[error(
        "it has {found} bytes where {expected} are expected: the file was cut short or changed; copy the pack \
         there again"
    )]
    Length {
        /// What the link says.
        expected: u64,
        /// What came.
        found: u64,
    },
    /// Other bytes came than the link says.
    #[error(
        "it does not match its digest: the file is damaged or was changed (its bytes have the digest {found}); \
         copy the pack there again"
    )]
    Digest {
        /// The digest of what came.
        found: Digest,
    },
}

impl FileProblem {
    /// Whether fetching the file once more, past all caches, may help.
    pub(crate) fn is_worth_a_retry(&self) -> bool {
        match self {
            Self::Source(error) => error.is_worth_a_retry(),
            Self::HtmlPage | Self::Length { .. } | Self::Digest { .. } => true,
        }
    }
}
