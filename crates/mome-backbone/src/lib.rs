//! Everything about a model that is not arithmetic: the GGUF file, the types of its tensors, the description of its
//! architecture, its tokenizer, and the frame that a question is put in.
//!
//! There are three kinds of models: a [`Backbone`] speaks, an [`Encoder`] reads, a [`Reranker`] compares.
//! [`Backbone::read_head`] and its like are the way in: they need the first bytes of a file, since the tensors' data are
//! for the executors. [`ModelFile::pieces`] tells which tensors the bytes that follow belong to.

mod architecture;
mod arithmetic;
mod backbone;
#[cfg(feature = "chat")]
mod chat_template;
mod config;
mod config_error;
mod encoder;
mod encoder_frame;
mod frame;
mod gguf;
mod layout;
mod model_file;
mod reranker;
mod section;
mod tensor_type;
mod tensors;
mod tokenizer;
mod transformer;

pub use arithmetic::{Activation, LocalAttention, NormKind, Rope, RopePairs};
pub use backbone::{Backbone, BackboneError};
#[cfg(feature = "chat")]
pub use chat_template::{ChatMessage, ChatTemplate, ChatTemplateError};
pub use config::Config;
pub use config_error::ConfigError;
pub use encoder::{
    Encoder, EncoderBlock, EncoderBlockShape, EncoderConfig, EncoderEmbedding, EncoderError, EncoderWeights,
    Pooling,
};
pub use encoder_frame::{EncoderFrame, EncoderInput};
pub use frame::{Frame, Prompt};
pub use gguf::{Array, Gguf, GgufError, NewTensor, TensorInfo, Value, write_gguf};
pub use model_file::{ModelFile, ModelKind, TensorPiece, WrongKind};
pub use reranker::{Reranker, RerankerConfig, RerankerError, RerankerWeights};
pub use tensor_type::{QuantizedBlock, TensorType};
pub use tokenizer::{Decoder, Token, Tokenizer, TokenizerError};
pub use transformer::{Block, Linear, MatrixSource, Norm, Transformer, VectorSource};
