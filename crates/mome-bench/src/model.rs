//! Writes models of random weights: speed does not depend on what they say.

use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::Path;

use half::f16;
use mome_backbone::{Array, NewTensor, TensorType, Value, write_gguf};
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use crate::shape::{CONTEXT, HEAD_WIDTH, Quantization, Shape};
use crate::vocabulary::{self, NOT_TEXT};

/// The tensors with a row for each token.
const EMBEDDING: &str = "token_embd.weight";
const OUTPUT: &str = "output.weight";

/// The standard deviation that weights have in models of these sizes before training.
const DEVIATION: f32 = 0.02;

/// Writes a GGUF file; the same shape, quantisation and seed give the same bytes.
///
/// # Errors
/// What writing the file reports.
pub fn write(file: &Path, shape: Shape, quantization: Quantization, seed: u64) -> io::Result<()> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut out = BufWriter::new(File::create(file)?);
    write_gguf(&mut out, &metadata(shape, quantization), &tensors(shape, quantization), |tensor| {
        random_data(tensor, &mut random)
    })?;
    out.flush()
}

fn metadata(shape: Shape, quantization: Quantization) -> Vec<(&'static str, Value)> {
    let number = |value: usize| Value::Unsigned(value as u64);
    let end = number(shape.vocabulary - 1);
    vec![
        ("general.architecture", Value::String("llama".to_owned())),
        ("general.name", Value::String(format!("random {shape} {quantization}"))),
        ("llama.block_count", number(shape.layers)),
        ("llama.context_length", number(CONTEXT)),
        ("llama.embedding_length", number(shape.hidden)),
        ("llama.feed_forward_length", number(shape.feed_forward)),
        ("llama.attention.head_count", number(shape.heads)),
        ("llama.attention.head_count_kv", number(shape.kv_heads)),
        ("llama.attention.layer_norm_rms_epsilon", Value::Float(1e-5f32.into())),
        ("llama.rope.dimension_count", number(HEAD_WIDTH)),
        ("llama.rope.freq_base", Value::Float(10_000.0)),
        ("llama.vocab_size", number(shape.vocabulary)),
        ("tokenizer.ggml.model", Value::String("gpt2".to_owned())),
        ("tokenizer.ggml.pre", Value::String("gpt-2".to_owned())),
        ("tokenizer.ggml.token_type", Value::Array(Array::Signed(vocabulary::types(shape.vocabulary)))),
        ("tokenizer.ggml.tokens", Value::Array(Array::String(vocabulary::tokens(shape.vocabulary)))),
        ("tokenizer.ggml.merges", Value::Array(Array::String(Vec::new()))),
        ("tokenizer.ggml.eos_token_id", end),
    ]
}

fn tensors(shape: Shape, quantization: Quantization) -> Vec<NewTensor> {
    let Shape { hidden, feed_forward, vocabulary, .. } = shape;
    let (queries, keys) = (shape.heads * HEAD_WIDTH, shape.kv_heads * HEAD_WIDTH);
    let matrix = |name: String, columns, rows| NewTensor {
        name,
        kind: quantization.kind(),
        shape: vec![columns, rows],
    };
    let norm = |name: String| NewTensor { name, kind: TensorType::F32, shape: vec![hidden] };

    let mut tensors = vec![matrix(EMBEDDING.to_owned(), hidden, vocabulary)];
    for layer in 0..shape.layers {
        let name = |part: &str| format!("blk.{layer}.{part}.weight");
        tensors.extend([
            norm(name("attn_norm")),
            matrix(name("attn_q"), hidden, queries),
            matrix(name("attn_k"), hidden, keys),
            matrix(name("attn_v"), hidden, keys),
            matrix(name("attn_output"), queries, hidden),
            norm(name("ffn_norm")),
            matrix(name("ffn_gate"), hidden, feed_forward),
            matrix(name("ffn_up"), hidden, feed_forward),
            matrix(name("ffn_down"), feed_forward, hidden),
        ]);
    }
    tensors.push(norm("output_norm.weight".to_owned()));
    if !shape.tied {
        tensors.push(matrix(OUTPUT.to_owned(), hidden, vocabulary));
    }
    tensors
}

/// Norms are one everywhere; the quants of matrices are uniform over all that their bits can say. Tokens that are
/// no text have weights of zero, so that no model predicts them.
fn random_data(tensor: &NewTensor, random: &mut ChaCha8Rng) -> Vec<u8> {
    let mut data = vec![0; tensor.bytes()];
    let quants = match tensor.kind {
        TensorType::Q4_0 => 16.0,
        TensorType::Q8_0 => 256.0,
        _ => {
            data.as_chunks_mut().0.fill(1f32.to_le_bytes());
            return data;
        }
    };
    random.fill_bytes(&mut data);
    // A uniform distribution over `quants` steps has the deviation `quants / sqrt(12)`.
    let scale = f16::from_f32(DEVIATION * 12f32.sqrt() / quants).to_le_bytes();
    for block in data.chunks_exact_mut(tensor.kind.block_bytes()) {
        block[..2].copy_from_slice(&scale);
    }
    if [EMBEDDING, OUTPUT].contains(&tensor.name.as_str()) {
        let row_bytes = tensor.kind.row_bytes(tensor.shape[0]);
        data[NOT_TEXT.start * row_bytes..NOT_TEXT.end * row_bytes].fill(0);
    }
    data
}

#[cfg(test)]
mod tests {
    use mome_backbone::Backbone;
    use mome_engine::{DeviceChoice, Head, Pass};

    use super::*;

    const SMALL: Shape = Shape {
        hidden: 128,
        layers: 2,
        feed_forward: 96,
        vocabulary: 300,
        heads: 2,
        kv_heads: 1,
        tied: false,
    };

    fn written(shape: Shape, quantization: Quantization, seed: u64) -> Vec<u8> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("model.gguf");
        write(&file, shape, quantization, seed).unwrap();
        std::fs::read(file).unwrap()
    }

    #[test]
    fn a_written_model_is_what_was_asked_for() {
        for tied in [false, true] {
            for quantization in [Quantization::Q8_0, Quantization::Q4_0] {
                let shape = Shape { tied, ..SMALL };
                let backbone = Backbone::from_bytes(&written(shape, quantization, 1)).unwrap();
                let config = backbone.config();
                let widths = (config.hidden, config.layers, config.feed_forward, config.vocabulary);
                assert_eq!(widths, (shape.hidden, shape.layers, shape.feed_forward, shape.vocabulary));
                let heads = (config.heads, config.kv_heads, config.head_width, config.context);
                assert_eq!(heads, (shape.heads, shape.kv_heads, HEAD_WIDTH, CONTEXT));
                let output = backbone.tensors().iter().any(|tensor| tensor.name == OUTPUT);
                assert_eq!(output, !tied);
            }
        }
    }

    #[test]
    fn the_seed_decides_the_bytes() {
        let [first, again, other] = [1, 1, 2].map(|seed| written(SMALL, Quantization::Q4_0, seed));
        assert_eq!(first, again);
        assert_ne!(first, other);
    }

    #[test]
    fn a_letter_is_a_token() {
        let backbone = Backbone::from_bytes(&written(SMALL, Quantization::Q8_0, 1)).unwrap();
        let tokens = backbone.tokenizer().encode("whatever");
        assert_eq!(tokens.len(), "whatever".len());
    }

    #[test]
    fn what_is_no_text_is_never_predicted() {
        let bytes = written(SMALL, Quantization::Q8_0, 1);
        pollster::block_on(async {
            let executor = mome_engine::open(&bytes, DeviceChoice::Cpu).await.unwrap().executor;
            let mut sequence = executor.begin(64).unwrap();
            let tokens: Vec<u32> = (0..64).collect();
            let head = Head { rows: 64, logits: true, ..Head::default() };
            let output =
                sequence.run(Pass { tokens: &tokens, head: Some(head), ..Pass::default() }).await.unwrap();
            assert!(output.predictions.iter().all(|best| !NOT_TEXT.contains(&(best.token as usize))));
            for logits in output.logits.chunks(SMALL.vocabulary) {
                assert!(logits[NOT_TEXT].iter().all(|logit| *logit == 0.0));
            }
        });
    }
}
