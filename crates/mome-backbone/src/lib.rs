//! Everything about a backbone that is not arithmetic: the GGUF file, the types of its tensors, the
//! description of its architecture, its tokenizer, and the frame that a question is put in.
//!
//! [`Backbone::read_head`] is the way in: it needs the first bytes of a file, since the tensors' data are for the
//! executors. [`Backbone::pieces`] tells which tensors the bytes that follow belong to.

mod architecture;
mod backbone;
#[cfg(feature = "chat")]
mod chat_template;
mod config;
mod encoder_frame;
mod frame;
mod gguf;
mod tensor_type;
mod tokenizer;
mod transformer;

pub use backbone::{Backbone, BackboneError, TensorPiece};
#[cfg(feature = "chat")]
pub use chat_template::{ChatMessage, ChatTemplate, ChatTemplateError};
pub use config::{Activation, Config, ConfigError, LocalAttention, NormKind, Rope, RopePairs};
pub use encoder_frame::{EncoderFrame, EncoderInput};
pub use frame::{Frame, Prompt};
pub use gguf::{Array, Gguf, GgufError, TensorInfo, Value};
pub use tensor_type::{QuantizedBlock, TensorType};
pub use tokenizer::{Decoder, Token, Tokenizer, TokenizerError};
pub use transformer::{Block, Linear, MatrixSource, Norm, Transformer, VectorSource};
