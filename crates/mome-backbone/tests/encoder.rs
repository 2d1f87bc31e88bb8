//! Encoders and rerankers: what their files say of them, and which files are refused with what words.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::{Meta, Writer, byte_vocabulary, minilm, reranker, small_llama, tiny, word_piece};
use mome_backbone::{
    Backbone, BackboneError, Encoder, EncoderBlockShape, EncoderConfig, EncoderError, Pooling, Reranker,
    RerankerError,
};
use sha2::{Digest, Sha256};

/// An encoder with the smallest of shapes: width 8, two heads, one block.
fn small() -> Writer {
    let tokens = [("[UNK]", 2), ("[CLS]", 3), ("[SEP]", 3), ("\u{2581}a", 1), ("b", 1)];
    let file = word_piece(&tokens)
        .meta("general.architecture", Meta::Text("bert"))
        .meta("bert.context_length", Meta::U32(16))
        .meta("bert.embedding_length", Meta::U32(8))
        .meta("bert.feed_forward_length", Meta::U32(12))
        .meta("bert.block_count", Meta::U32(1))
        .meta("bert.attention.head_count", Meta::U32(2))
        .meta("bert.attention.layer_norm_epsilon", Meta::F32(1e-12))
        .meta("bert.attention.causal", Meta::Bool(false))
        .meta("bert.pooling_type", Meta::U32(1))
        .zeros("token_embd.weight", &[8, 5])
        .zeros("position_embd.weight", &[8, 16])
        .zeros("token_types.weight", &[8, 2])
        .zeros("token_embd_norm.weight", &[8])
        .zeros("token_embd_norm.bias", &[8]);
    block(file, 0)
}

/// With the tensors of block `index`.
fn block(file: Writer, index: usize) -> Writer {
    let name = |part: &str| format!("blk.{index}.{part}");
    let linear = |file: Writer, part: &str, shape: [u64; 2]| {
        file.zeros(&name(&format!("{part}.weight")), &shape)
            .zeros(&name(&format!("{part}.bias")), &[shape[1]])
    };
    let norm = |file: Writer, part: &str| {
        file.zeros(&name(&format!("{part}.weight")), &[8]).zeros(&name(&format!("{part}.bias")), &[8])
    };
    let file = ["attn_q", "attn_k", "attn_v", "attn_output"]
        .into_iter()
        .fold(file, |file, part| linear(file, part, [8, 8]));
    let file = linear(linear(file, "ffn_up", [8, 12]), "ffn_down", [12, 8]);
    norm(norm(file, "attn_output_norm"), "layer_output_norm")
}

/// A reranker of one block on top of an encoder with one.
fn small_reranker(encoder: &str) -> Writer {
    let file = Writer::default()
        .meta("general.architecture", Meta::Text("mome-reranker"))
        .meta("mome-reranker.encoder", Meta::Text(encoder))
        .meta("mome-reranker.first_layer", Meta::U32(1))
        .meta("mome-reranker.block_count", Meta::U32(2))
        .meta("mome-reranker.embedding_length", Meta::U32(8))
        .meta("mome-reranker.attention.head_count", Meta::U32(2))
        .meta("mome-reranker.feed_forward_length", Meta::U32(12))
        .zeros("rank.hidden.weight", &[16, 4])
        .zeros("rank.hidden.bias", &[4])
        .zeros("rank.out.weight", &[4, 3])
        .zeros("rank.out.bias", &[3]);
    block(file, 1)
}

fn refusal(file: &Writer) -> String {
    Encoder::from_bytes(&file.bytes()).unwrap_err().to_string()
}

fn reranker_refusal(file: &Writer) -> String {
    Reranker::from_bytes(&file.bytes()).unwrap_err().to_string()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}

#[test]
fn describes_the_default_encoder() {
    let file = minilm();
    let encoder = Encoder::from_bytes(&file).unwrap();
    let block = EncoderBlockShape { hidden: 384, heads: 12, feed_forward: 1536, norm_epsilon: 1e-12 };
    let expected = EncoderConfig {
        block,
        layers: 6,
        context: 512,
        vocabulary: 30_522,
        token_types: 2,
        pooling: Pooling::Mean,
    };
    assert_eq!(encoder.config(), &expected);
    assert_eq!(encoder.config().block.head_width(), 32);
    assert_eq!(encoder.name(), "all-MiniLM-L6-v2");
    assert_eq!(encoder.digest(), Some(Sha256::digest(&file).into()));
    assert_eq!(encoder.weights().blocks.len(), 6);
}

#[test]
fn describes_the_default_reranker() {
    let (encoder_file, file) = (minilm(), reranker());
    let (encoder, reranker) =
        (Encoder::from_bytes(&encoder_file).unwrap(), Reranker::from_bytes(&file).unwrap());
    let config = reranker.config();
    assert_eq!(config.block, encoder.config().block);
    assert_eq!((config.first_layer, config.layers, config.rank_width), (2, 6, 128));
    assert_eq!(config.encoder, encoder.digest().unwrap());
    assert_eq!(reranker.digest(), Some(Sha256::digest(&file).into()));
    assert_eq!(reranker.weights().blocks.len(), 4);
    reranker.check_encoder(&encoder).unwrap();
}

#[test]
fn heads_come_before_the_data() {
    let file = small().bytes();
    let length = file.len() as u64;
    assert!(Encoder::read_head(&file[..100], length).unwrap().is_none());
    let file = small_reranker(&"0".repeat(64)).bytes();
    assert!(Reranker::read_head(&file[..100], file.len() as u64).unwrap().is_none());
}

#[test]
fn the_file_says_how_to_pool() {
    let pooling = |number| {
        let file = small().meta("bert.pooling_type", Meta::U32(number)).bytes();
        Encoder::from_bytes(&file).map(|encoder| encoder.config().pooling).map_err(|error| error.to_string())
    };
    assert_eq!(pooling(1), Ok(Pooling::Mean));
    assert_eq!(pooling(2), Ok(Pooling::Cls));
    let unsupported = |name| {
        Err(format!("pooling `{name}` of an encoder, which is neither mean nor CLS, is not supported"))
    };
    assert_eq!(pooling(0), unsupported("none"));
    assert_eq!(pooling(3), unsupported("last token"));
    assert_eq!(pooling(4), unsupported("rank"));
    assert!(pooling(5).unwrap_err().starts_with("metadata bert.pooling_type is 5"));
    assert_eq!(refusal(&small().without_meta("bert.pooling_type")), "metadata bert.pooling_type is missing");
}

#[test]
fn queries_keys_and_values_may_be_one_tensor() {
    let names = ["attn_q", "attn_k", "attn_v"];
    let apart = names.iter().fold(small(), |file, name| {
        file.without_tensor(&format!("blk.0.{name}.weight")).without_tensor(&format!("blk.0.{name}.bias"))
    });
    let file = apart.zeros("blk.0.attn_qkv.weight", &[8, 24]).zeros("blk.0.attn_qkv.bias", &[24]);
    let encoder = Encoder::from_bytes(&file.bytes()).unwrap();
    let block = &encoder.weights().blocks[0];
    let parts = [&block.query, &block.key, &block.value];
    let tensor = encoder.file().gguf().tensor_index("blk.0.attn_qkv.weight").unwrap();
    assert!(parts.iter().all(|part| part.weight.tensor == tensor));
    assert_eq!(parts.map(|part| part.weight.rows.clone()), [0..8, 8..16, 16..24]);
    assert_eq!(parts.map(|part| part.bias.clone().unwrap().elements), [0..8, 8..16, 16..24]);
}

#[test]
fn types_of_tokens_may_be_absent() {
    let encoder = Encoder::from_bytes(&small().without_tensor("token_types.weight").bytes()).unwrap();
    assert_eq!(encoder.config().token_types, 1);
    assert!(encoder.weights().embedding.types.is_none());
}

#[test]
fn what_an_encoder_does_not_have_is_refused() {
    assert_eq!(
        refusal(&small().zeros("cls.weight", &[8, 8])),
        "tensor cls.weight: architecture bert has no such tensor"
    );
    assert_eq!(
        refusal(&small().without_tensor("blk.0.ffn_up.bias")),
        "tensor blk.0.ffn_up.bias: it is missing"
    );
    assert_eq!(
        refusal(&small().without_tensor("position_embd.weight").zeros("position_embd.weight", &[8, 15])),
        "tensor position_embd.weight: its shape is [8, 15], not [8, 16]"
    );
    assert_eq!(
        refusal(&small().meta("bert.attention.causal", Meta::Bool(true))),
        "an encoder with causal attention is not supported"
    );
    assert_eq!(
        refusal(&small().meta("bert.attention.head_count", Meta::U32(3))),
        "metadata bert.attention.head_count is 3: it does not divide the width 8"
    );
    let types = small().without_tensor("token_types.weight").zeros("token_types.weight", &[8, 17]);
    assert_eq!(refusal(&types), "tensor token_types.weight: 17 token types are more than 16");
    assert_eq!(
        refusal(&small().meta("general.architecture", Meta::Text("nomic-bert"))),
        "architecture nomic-bert is not supported for sentence encoders; bert is"
    );
}

#[test]
fn an_encoder_without_a_vocabulary_is_refused() {
    for file in [
        small().without_meta("tokenizer.ggml.tokens"),
        small().meta("tokenizer.ggml.tokens", Meta::Texts(&[])),
    ] {
        let error = Encoder::from_bytes(&file.bytes()).unwrap_err();
        assert_eq!(error, EncoderError::Vocabulary);
        assert!(error.to_string().starts_with("the encoder has no vocabulary"));
    }
}

#[test]
fn models_of_another_kind_are_refused() {
    let llama = small_llama(&byte_vocabulary(), &[]);
    let error = Backbone::from_bytes(&small().bytes()).unwrap_err();
    assert!(matches!(error, BackboneError::Kind(_)));
    assert_eq!(
        error.to_string(),
        "the file (architecture bert) holds a sentence encoder, where a backbone (a causal language model) \
         is wanted"
    );
    let message = Backbone::from_bytes(&reranker()).unwrap_err().to_string();
    assert!(message.starts_with("the file (architecture mome-reranker) holds a reranker,"), "{message}");
    assert_eq!(
        refusal(&llama),
        "the file (architecture llama) holds a backbone (a causal language model), where a sentence encoder \
         is wanted"
    );
    assert!(Encoder::from_bytes(&tiny()).is_err());
    assert!(refusal(&small_reranker(&"0".repeat(64))).contains("holds a reranker, where a sentence encoder"));
    assert!(reranker_refusal(&small()).contains("holds a sentence encoder, where a reranker"));
    assert!(reranker_refusal(&llama).ends_with("where a reranker is wanted"));
}

#[test]
fn a_reranker_stands_on_one_encoder() {
    let file = small().bytes();
    let digest = Sha256::digest(&file);
    let encoder = Encoder::from_bytes(&file).unwrap();
    let check = |file: Writer| Reranker::from_bytes(&file.bytes()).unwrap().check_encoder(&encoder);
    check(small_reranker(&hex(&digest))).unwrap();

    let other = check(small_reranker(&"ab".repeat(32))).unwrap_err();
    let found = digest.into();
    assert_eq!(other, RerankerError::OtherEncoder { wanted: [0xab; 32], found });
    let (message, own) = (other.to_string(), hex(&found).to_lowercase());
    assert!(message.contains(&"ab".repeat(32)) && message.contains(&own), "{message}");

    let heads = small_reranker(&hex(&digest)).meta("mome-reranker.attention.head_count", Meta::U32(4));
    let message = check(heads).unwrap_err().to_string();
    assert_eq!(message, "the reranker does not fit its encoder: it has 4 attention heads, the encoder 2");
    let late = block(small_reranker(&hex(&digest)), 2)
        .without_tensor("blk.1.attn_q.weight")
        .meta("mome-reranker.block_count", Meta::U32(3))
        .meta("mome-reranker.first_layer", Meta::U32(2));
    let late = ["attn_q", "attn_k", "attn_v", "attn_output", "ffn_up", "ffn_down"]
        .iter()
        .chain(&["attn_output_norm", "layer_output_norm"])
        .fold(late, |file, part| {
            file.without_tensor(&format!("blk.1.{part}.weight")).without_tensor(&format!("blk.1.{part}.bias"))
        });
    let message = check(late).unwrap_err().to_string();
    assert_eq!(message, "the reranker does not fit its encoder: it begins after layer 2, the encoder has 1");
}

#[test]
fn what_a_reranker_does_not_have_is_refused() {
    let small = || small_reranker(&"0".repeat(64));
    for digest in ["", "00", &"0".repeat(63), &"0".repeat(66), &"g".repeat(64), &"é".repeat(64)] {
        let message = reranker_refusal(&small_reranker(digest));
        assert!(message.starts_with("metadata mome-reranker.encoder is"), "{message}");
    }
    assert_eq!(
        reranker_refusal(&small().without_meta("mome-reranker.encoder")),
        "metadata mome-reranker.encoder is missing"
    );
    assert_eq!(
        reranker_refusal(&small().meta("mome-reranker.first_layer", Meta::U32(3))),
        "metadata mome-reranker.first_layer is 3: it is beyond the 2 blocks that there are"
    );
    assert_eq!(
        reranker_refusal(&small().zeros("token_embd.weight", &[8, 5])),
        "tensor token_embd.weight: architecture mome-reranker has no such tensor"
    );
    assert_eq!(
        reranker_refusal(&small().without_tensor("rank.out.weight").zeros("rank.out.weight", &[4, 2])),
        "tensor rank.out.weight: its shape is [4, 2], not [4, 3]"
    );
    assert_eq!(
        reranker_refusal(&small().without_tensor("rank.hidden.weight")),
        "tensor rank.hidden.weight: it is missing"
    );
    assert_eq!(
        reranker_refusal(&small().meta("general.architecture", Meta::Text("jina-reranker"))),
        "architecture jina-reranker is not supported for rerankers; mome-reranker is"
    );
}
