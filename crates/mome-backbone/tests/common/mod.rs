//! Writes GGUF files, right ones and wrong ones.

#![allow(dead_code, reason = "each test file uses a part")]

use std::path::PathBuf;

use mome_backbone::{Gguf, GgufError, Token, Tokenizer, TokenizerError};

/// Bytes of a metadata value with its type number before them.
pub enum Meta<'a> {
    U32(u32),
    F32(f32),
    Bool(bool),
    Text(&'a str),
    Texts(&'a [String]),
    Integers(&'a [i32]),
    Floats(&'a [f32]),
    Bytes(&'a [u8]),
    /// A type number and bytes, as they are.
    Raw(u32, &'a [u8]),
}

/// A GGUF file in the making.
#[derive(Clone, Default)]
pub struct Writer {
    metadata: Vec<(String, Vec<u8>)>,
    tensors: Vec<TensorEntry>,
}

#[derive(Clone)]
struct TensorEntry {
    name: String,
    kind: u32,
    shape: Vec<u64>,
    /// Where it says it is; where it is, unless a test wants it otherwise.
    offset: Option<u64>,
    data: Vec<u8>,
}

const ALIGNMENT: usize = 32;

impl Writer {
    /// Sets a metadata value, in place of an earlier one of that key.
    pub fn meta(mut self, key: &str, value: Meta<'_>) -> Self {
        self.metadata.retain(|(other, _)| other != key);
        self.meta_again(key, value)
    }

    /// Adds a metadata value, whether or not there is one of that key.
    pub fn meta_again(mut self, key: &str, value: Meta<'_>) -> Self {
        let text = |text: &str| [&(text.len() as u64).to_le_bytes(), text.as_bytes()].concat();
        let list = |kind: u32, count: usize, items: Vec<u8>| {
            [kind.to_le_bytes().to_vec(), (count as u64).to_le_bytes().to_vec(), items].concat()
        };
        let (kind, bytes) = match value {
            Meta::U32(value) => (4, value.to_le_bytes().to_vec()),
            Meta::F32(value) => (6, value.to_le_bytes().to_vec()),
            Meta::Bool(value) => (7, vec![u8::from(value)]),
            Meta::Text(value) => (8, text(value)),
            Meta::Texts(values) => (9, list(8, values.len(), values.iter().flat_map(|v| text(v)).collect())),
            Meta::Integers(values) => {
                (9, list(5, values.len(), values.iter().flat_map(|value| value.to_le_bytes()).collect()))
            }
            Meta::Floats(values) => {
                (9, list(6, values.len(), values.iter().flat_map(|value| value.to_le_bytes()).collect()))
            }
            Meta::Bytes(values) => (9, list(0, values.len(), values.to_vec())),
            Meta::Raw(kind, bytes) => (kind, bytes.to_vec()),
        };
        let value = [u32::to_le_bytes(kind).to_vec(), bytes].concat();
        self.metadata.push((key.to_owned(), value));
        self
    }

    pub fn without_meta(mut self, key: &str) -> Self {
        self.metadata.retain(|(other, _)| other != key);
        self
    }

    /// Adds a tensor; `kind` is ggml's number.
    pub fn tensor(mut self, name: &str, kind: u32, shape: &[u64], data: Vec<u8>) -> Self {
        let (name, shape) = (name.to_owned(), shape.to_vec());
        self.tensors.push(TensorEntry { name, kind, shape, offset: None, data });
        self
    }

    /// Adds a tensor of zeros.
    pub fn zeros(self, name: &str, shape: &[u64]) -> Self {
        self.tensor(name, 0, shape, vec![0; 4 * shape.iter().product::<u64>() as usize])
    }

    pub fn without_tensor(mut self, name: &str) -> Self {
        self.tensors.retain(|tensor| tensor.name != name);
        self
    }

    /// Makes the last tensor claim to be elsewhere.
    pub fn at_offset(mut self, offset: u64) -> Self {
        self.tensors.last_mut().unwrap().offset = Some(offset);
        self
    }

    pub fn bytes(&self) -> Vec<u8> {
        let mut out = b"GGUF".to_vec();
        out.extend(3u32.to_le_bytes());
        out.extend((self.tensors.len() as u64).to_le_bytes());
        out.extend((self.metadata.len() as u64).to_le_bytes());
        for (key, value) in &self.metadata {
            out.extend((key.len() as u64).to_le_bytes());
            out.extend(key.as_bytes());
            out.extend(value);
        }
        let mut data = Vec::new();
        for tensor in &self.tensors {
            out.extend((tensor.name.len() as u64).to_le_bytes());
            out.extend(tensor.name.as_bytes());
            out.extend((tensor.shape.len() as u32).to_le_bytes());
            out.extend(tensor.shape.iter().flat_map(|dimension| dimension.to_le_bytes()));
            out.extend(tensor.kind.to_le_bytes());
            out.extend(tensor.offset.unwrap_or(data.len() as u64).to_le_bytes());
            data.extend(&tensor.data);
            data.resize(data.len().next_multiple_of(ALIGNMENT), 0);
        }
        out.resize(out.len().next_multiple_of(ALIGNMENT), 0);
        out.extend(data);
        out
    }
}

/// A llama with the smallest of shapes: width 8, one block, and the tokenizer of `vocabulary` and `merges`.
pub fn small_llama(vocabulary: &[String], merges: &[String]) -> Writer {
    Writer::default()
        .meta("general.architecture", Meta::Text("llama"))
        .meta("general.name", Meta::Text("small"))
        .meta("llama.context_length", Meta::U32(64))
        .meta("llama.embedding_length", Meta::U32(8))
        .meta("llama.block_count", Meta::U32(1))
        .meta("llama.feed_forward_length", Meta::U32(16))
        .meta("llama.attention.head_count", Meta::U32(2))
        .meta("llama.attention.head_count_kv", Meta::U32(1))
        .meta("llama.attention.layer_norm_rms_epsilon", Meta::F32(1e-5))
        .meta("tokenizer.ggml.model", Meta::Text("gpt2"))
        .meta("tokenizer.ggml.pre", Meta::Text("gpt-2"))
        .meta("tokenizer.ggml.tokens", Meta::Texts(vocabulary))
        .meta("tokenizer.ggml.merges", Meta::Texts(merges))
        .meta("tokenizer.ggml.bos_token_id", Meta::U32(0))
        .meta("tokenizer.ggml.eos_token_id", Meta::U32(0))
        .zeros("token_embd.weight", &[8, vocabulary.len() as u64])
        .zeros("output_norm.weight", &[8])
        .zeros("blk.0.attn_norm.weight", &[8])
        .zeros("blk.0.attn_q.weight", &[8, 8])
        .zeros("blk.0.attn_k.weight", &[8, 4])
        .zeros("blk.0.attn_v.weight", &[8, 4])
        .zeros("blk.0.attn_output.weight", &[8, 8])
        .zeros("blk.0.ffn_norm.weight", &[8])
        .zeros("blk.0.ffn_gate.weight", &[8, 16])
        .zeros("blk.0.ffn_up.weight", &[8, 16])
        .zeros("blk.0.ffn_down.weight", &[16, 8])
}

/// A vocabulary of one control token and the 256 bytes.
pub fn byte_vocabulary() -> Vec<String> {
    let printable = |byte: u8| matches!(byte, b'!'..=b'~' | 0xA1..=0xAC | 0xAE..=0xFF);
    let mut others = '\u{100}'..;
    let bytes =
        (0..=u8::MAX).map(|byte| if printable(byte) { char::from(byte) } else { others.next().unwrap() });
    std::iter::once("<|endoftext|>".to_owned()).chain(bytes.map(String::from)).collect()
}

/// A file with nothing but a tokenizer: SentencePiece's, of pieces with scores and types.
pub fn sentence_piece(model: &str, pieces: &[(&str, f32, i32)]) -> Writer {
    let texts: Vec<String> = pieces.iter().map(|(text, ..)| (*text).to_owned()).collect();
    let scores: Vec<f32> = pieces.iter().map(|(_, score, _)| *score).collect();
    let types: Vec<i32> = pieces.iter().map(|(.., kind)| *kind).collect();
    Writer::default()
        .meta("tokenizer.ggml.model", Meta::Text(model))
        .meta("tokenizer.ggml.tokens", Meta::Texts(&texts))
        .meta("tokenizer.ggml.scores", Meta::Floats(&scores))
        .meta("tokenizer.ggml.token_type", Meta::Integers(&types))
        .meta("tokenizer.ggml.bos_token_id", Meta::U32(1))
        .meta("tokenizer.ggml.eos_token_id", Meta::U32(2))
}

/// A file with nothing but a tokenizer: WordPiece, of tokens with types.
pub fn word_piece(tokens: &[(&str, i32)]) -> Writer {
    let texts: Vec<String> = tokens.iter().map(|(text, _)| (*text).to_owned()).collect();
    let types: Vec<i32> = tokens.iter().map(|(_, kind)| *kind).collect();
    Writer::default()
        .meta("tokenizer.ggml.model", Meta::Text("bert"))
        .meta("tokenizer.ggml.tokens", Meta::Texts(&texts))
        .meta("tokenizer.ggml.token_type", Meta::Integers(&types))
}

/// The tokenizer of a file.
pub fn tokenizer(file: &Writer) -> Result<Tokenizer, TokenizerError> {
    Tokenizer::read(&parse(&file.bytes()).unwrap())
}

/// The ids of a text's tokens.
pub fn ids(tokens: &[Token]) -> Vec<u32> {
    tokens.iter().map(|token| token.id).collect()
}

/// Reads the head of a file that is wholly at hand.
pub fn parse(file: &[u8]) -> Result<Gguf, GgufError> {
    Gguf::parse(file, file.len() as u64)
}

/// A file of the test data.
pub fn data(name: &str) -> Vec<u8> {
    read(&format!("tests/data/{name}"))
}

/// The default backbone.
pub fn tiny() -> Vec<u8> {
    read("data/mome-tiny-q8_0.gguf")
}

/// The default encoder.
pub fn minilm() -> Vec<u8> {
    read("data/all-minilm-l6-v2-q8_0.gguf")
}

/// The default reranker.
pub fn reranker() -> Vec<u8> {
    read("data/reranker-q8_0.gguf")
}

fn read(path: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
