//! A backbone as a whole: its configuration, its digests, and its frame.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::{Meta, Writer, byte_vocabulary, data, small_llama, tiny};
use mome_backbone::{
    Activation, Backbone, Config, LocalAttention, NormKind, Rope, RopePairs, TensorInfo, TensorType,
};
use serde_json::Value;
use sha2::{Digest, Sha256};

fn small() -> Writer {
    small_llama(&byte_vocabulary(), &[])
}

fn message(file: &Writer) -> String {
    Backbone::from_bytes(&file.bytes()).unwrap_err().to_string()
}

#[test]
fn describes_the_default_backbone() {
    let file = tiny();
    let backbone = Backbone::from_bytes(&file).unwrap();
    let expected = Config {
        architecture: "llama".to_owned(),
        hidden: 256,
        layers: 6,
        heads: 8,
        kv_heads: 4,
        head_width: 32,
        feed_forward: 768,
        context: 512,
        vocabulary: 8192,
        embedding_scale: 1.0,
        norm: NormKind::Rms,
        norm_epsilon: 1e-5,
        rope: Some(Rope { base: 10_000.0, width: 32, pairs: RopePairs::Interleaved }),
        local: None,
        activation: Activation::GatedSilu,
    };
    assert_eq!(backbone.config(), &expected);
    assert_eq!(backbone.name(), "Mome Tiny");
    assert_eq!(backbone.digest(), Some(Sha256::digest(&file).into()));
    assert_eq!(backbone.tensors().len(), 56);
    let embedding = backbone.gguf().tensor("token_embd.weight").unwrap();
    assert_eq!((embedding.rows(), embedding.columns(), embedding.kind), (8192, 256, TensorType::Q8_0));
    assert_eq!(embedding.bytes(), 8192 * 8 * 34);
    assert!(backbone.transformer().output.is_none());
}

#[test]
fn the_vocabulary_digest_is_that_of_the_tokens_and_their_lengths() {
    let backbone = Backbone::from_bytes(&small().bytes()).unwrap();
    let mut bytes = [&13u32.to_le_bytes()[..], b"<|endoftext|>"].concat();
    for byte in 0..=u8::MAX {
        bytes.extend(1u32.to_le_bytes());
        bytes.push(byte);
    }
    assert_eq!(backbone.vocabulary_digest(), <[u8; 32]>::from(Sha256::digest(&bytes)));
}

#[test]
fn prompts_and_answers_equal_the_reference() {
    let backbone = Backbone::from_bytes(&tiny()).unwrap();
    let (frame, tokenizer) = (backbone.frame(), backbone.tokenizer());
    let cases: Value = serde_json::from_slice(&data("frame.json")).unwrap();
    for case in cases.as_array().unwrap() {
        let list = |key: &str| serde_json::from_value::<Vec<u32>>(case[key].clone()).unwrap();
        let (question, answer) = (case["question"].as_str().unwrap(), case["answer"].as_str().unwrap());
        let prompt = frame.prompt(tokenizer, question);
        assert_eq!(prompt.tokens, list("prompt"), "{question}");
        assert_eq!([prompt.question.start as u32, prompt.question.end as u32], list("own")[..], "{question}");
        let tokens = frame.answer(tokenizer, answer);
        assert_eq!(tokens, list("answer_ids"), "{answer}");
        assert_eq!(frame.text(tokenizer, &tokens), answer);
    }
}

#[test]
fn an_empty_question_has_no_tokens_of_its_own() {
    let backbone = Backbone::from_bytes(&tiny()).unwrap();
    let prompt = backbone.frame().prompt(backbone.tokenizer(), "");
    assert!(prompt.question.is_empty() && prompt.question.end <= prompt.tokens.len(), "{prompt:?}");
}

#[test]
fn the_begin_token_comes_only_where_the_file_asks_for_it() {
    let first = |file: &Writer| {
        let backbone = Backbone::from_bytes(&file.bytes()).unwrap();
        let prompt = backbone.frame().prompt(backbone.tokenizer(), "x");
        assert_eq!(backbone.tokenizer().decode(&prompt.tokens[prompt.question.clone()]), "x");
        prompt.tokens[0]
    };
    let key = "tokenizer.ggml.add_bos_token";
    let letter_q = 1 + u32::from(b'Q');
    assert_eq!(first(&small()), letter_q);
    assert_eq!(first(&small().meta(key, Meta::Bool(false))), letter_q);
    assert_eq!(first(&small().meta(key, Meta::Bool(true))), 0);
}

/// Where all blocks have a window the context ends with it; where some see all tokens, it is theirs.
#[test]
fn a_window_is_that_of_all_blocks_or_of_local_ones() {
    let config = |file: &Writer| Backbone::from_bytes(&file.bytes()).unwrap().config().clone();
    let mistral = config(&small().meta("llama.attention.sliding_window", Meta::U32(9)));
    assert_eq!((mistral.context, mistral.local), (9, None));

    let key = |name: &str| format!("gemma3.{name}");
    let sizes = [
        ("context_length", 64),
        ("embedding_length", 8),
        ("block_count", 1),
        ("feed_forward_length", 16),
        ("attention.head_count", 2),
        ("attention.head_count_kv", 1),
        ("attention.sliding_window", 9),
    ];
    let names = ["attn_q_norm", "attn_k_norm", "post_attention_norm", "post_ffw_norm"];
    let with_sizes = sizes.iter().fold(small(), |file, (name, size)| file.meta(&key(name), Meta::U32(*size)));
    let gemma = names.into_iter().zip([4, 4, 8, 8]).fold(with_sizes, |file, (name, width)| {
        file.tensor(&format!("blk.0.{name}.weight"), 0, &[width], vec![0; 4 * width as usize])
    });
    let gemma = gemma.meta("general.architecture", Meta::Text("gemma3"));
    let of_gemma = config(&gemma);
    assert_eq!((of_gemma.context, of_gemma.embedding_scale), (64, 8f32.sqrt()));
    let local = LocalAttention { window: 9, global_every: 6, rope_base: 10_000.0 };
    let attends = (0..7).map(|index| of_gemma.local_attention(index));
    assert!(attends.eq((0..7).map(|index| (index != 5).then_some(local))));

    let said = gemma
        .meta(&key("attention.sliding_window_pattern"), Meta::U32(2))
        .meta(&key("rope.freq_base_swa"), Meta::F32(500.0))
        .meta(&key("rope.freq_base"), Meta::F32(7e5));
    let of_said = config(&said);
    assert_eq!(of_said.local, Some(LocalAttention { window: 9, global_every: 2, rope_base: 500.0 }));
    assert_eq!(of_said.rope.unwrap().base, 7e5);
    let without = config(&said.without_meta(&key("attention.sliding_window")));
    assert_eq!((without.local, without.local_attention(0)), (None, None));
}

#[test]
fn tells_what_cannot_be_run() {
    let with = |key: &str, value| message(&small().meta(key, value));
    assert_eq!(
        with("general.architecture", Meta::Text("mamba")),
        "architecture mamba is not supported; supported are llama, qwen2, qwen3, gemma3, gpt2"
    );
    assert_eq!(message(&small().without_meta("llama.block_count")), "metadata llama.block_count is missing");
    assert_eq!(
        with("llama.block_count", Meta::Text("six")),
        "metadata llama.block_count should be an integer that is not negative"
    );
    assert_eq!(
        with("llama.block_count", Meta::U32(0)),
        "metadata llama.block_count is 0: it should be from 1 to 4096"
    );
    assert_eq!(
        with("llama.embedding_length", Meta::U32(u32::MAX)),
        "metadata llama.embedding_length is 4294967295: it should be from 1 to 65536"
    );
    assert!(with("llama.attention.head_count", Meta::U32(3)).contains("does not divide"));
    assert!(with("llama.attention.head_count_kv", Meta::U32(3)).contains("does not divide 2 heads"));
    assert!(with("llama.rope.dimension_count", Meta::U32(3)).contains("should be even"));
    assert!(with("llama.rope.dimension_count", Meta::U32(6)).contains("at most the head's width, 4"));
    assert!(with("llama.rope.freq_base", Meta::F32(f32::NAN)).contains("should be above 0"));
    assert_eq!(
        with("llama.rope.scaling.type", Meta::Text("linear")),
        "RoPE scaling `linear` is not supported"
    );
    assert!(with("llama.expert_count", Meta::U32(8)).contains("mixture of feed-forward experts"));
    assert!(with("llama.attention.value_length", Meta::U32(8)).contains("value heads of another width"));
    for key in ["attn_logit_softcapping", "final_logit_softcapping"] {
        let key_of_file = format!("llama.{key}");
        assert_eq!(with(&key_of_file, Meta::F32(30.0)), format!("`{key}` is not supported"));
    }
    assert_eq!(
        with("llama.embedding_length", Meta::U32(16)),
        "tensor token_embd.weight: its shape is [8, 257], not [16, 257]"
    );
}

#[test]
fn tells_which_tensor_does_not_fit() {
    let without = |name: &str| message(&small().without_tensor(name));
    assert_eq!(without("output_norm.weight"), "tensor output_norm.weight: it is missing");
    assert_eq!(without("blk.0.ffn_down.weight"), "tensor blk.0.ffn_down.weight: it is missing");
    let added = |name: &str, shape: &[u64]| {
        let data = vec![0; 4 * shape.iter().product::<u64>() as usize];
        small().without_tensor(name).tensor(name, 0, shape, data)
    };
    assert_eq!(
        message(&added("rope_freqs.weight", &[3])),
        "tensor rope_freqs.weight: its shape is [3], not [2]"
    );
    Backbone::from_bytes(&added("rope_freqs.weight", &[2]).bytes()).unwrap();
    assert_eq!(
        message(&added("blk.0.attn_q.weight", &[8, 4])),
        "tensor blk.0.attn_q.weight: its shape is [8, 4], not [8, 8]"
    );
    assert_eq!(
        message(&added("blk.1.attn_q.weight", &[8, 8])),
        "tensor blk.1.attn_q.weight: architecture llama has no such tensor"
    );
    assert_eq!(
        message(&added("blk.0.attn_q_norm.weight", &[4])),
        "tensor blk.0.attn_q_norm.weight: architecture llama has no such tensor"
    );
    let biased = Backbone::from_bytes(&added("blk.0.attn_q.bias", &[8]).bytes()).unwrap();
    let block = &biased.transformer().blocks[0];
    assert!(block.query.bias.is_some() && block.key.bias.is_none());
    let quantized = small().without_tensor("output_norm.weight").meta("llama.x", Meta::U32(0));
    let quantized = quantized.tensor("output_norm.weight", 8, &[32], vec![0; 34]);
    assert!(message(&quantized).contains("output_norm.weight"), "{}", message(&quantized));
}

/// However a file is cut, every byte of every tensor comes once, in order.
#[test]
fn pieces_cover_the_tensors() {
    let file = tiny();
    let backbone = Backbone::from_bytes(&file).unwrap();
    let mut seen = vec![0; backbone.tensors().len()];
    let (mut start, mut step) = (0, 1);
    while start < file.len() {
        let end = file.len().min(start + step);
        for piece in backbone.pieces(start as u64, &file[start..end]) {
            let info = &backbone.tensors()[piece.tensor];
            assert_eq!(piece.offset, seen[piece.tensor]);
            assert_eq!(piece.bytes, &file[info.range.start as usize + piece.offset..][..piece.bytes.len()]);
            seen[piece.tensor] += piece.bytes.len();
        }
        (start, step) = (end, (step * 7 + 13) % 70_000);
    }
    let lengths: Vec<usize> = backbone.tensors().iter().map(TensorInfo::bytes).collect();
    assert_eq!(seen, lengths);
}

#[test]
fn the_head_is_read_once_enough_of_the_file_is_there() {
    let file = tiny();
    let data = Backbone::from_bytes(&file).unwrap().tensors()[0].range.start as usize;
    for length in [0, 3, 4, 100, 20_000, data / 2] {
        assert!(Backbone::read_head(&file[..length], file.len() as u64).unwrap().is_none(), "{length}");
    }
    let backbone = Backbone::read_head(&file[..data], file.len() as u64).unwrap().unwrap();
    assert_eq!((backbone.digest(), backbone.name()), (None, "Mome Tiny"));
    assert!(Backbone::read_head(b"GGUX", 1000).is_err());
}
