//! Everything about a backbone that is not arithmetic: the GGUF file, the types of its tensors, the
//! description of its architecture, its tokenizer, and the frame that a question is put in.
//!
//! [`Backbone::from_bytes`] is the way in.

mod backbone;
mod config;
mod frame;
mod gguf;
mod tensor_type;
mod tokenizer;

pub use backbone::{Backbone, BackboneError, Tensor};
pub use config::{Config, ConfigError};
pub use frame::{Frame, Prompt};
pub use gguf::{Array, Gguf, GgufError, TensorInfo, Value};
pub use tensor_type::{Block, TensorType};
pub use tokenizer::{Token, Tokenizer, TokenizerError};
