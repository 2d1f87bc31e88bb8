//! The file of a reranker, as `mome-backbone` reads it: architecture `mome-reranker`, the blocks' matrices in Q8_0,
//! all else in f32.

use std::io::{self, Write};

use mome_backbone::{Encoder, Linear, NewTensor, Norm, TensorType, Value, write_gguf};

use super::numbers::{Matrix, RerankerNumbers};

/// What the weights that come with Mome are licensed under, and so what follows from them.
const LICENCE: &str = "apache-2.0";

/// A tensor and its numbers.
struct Numbered<'a> {
    tensor: NewTensor,
    numbers: &'a [f32],
}

/// Writes the file of a reranker on top of an encoder, whose digest is known.
///
/// # Errors
/// What writing reports.
pub fn write_reranker(out: &mut impl Write, reranker: &RerankerNumbers, encoder: &Encoder) -> io::Result<()> {
    let digest: String = encoder.digest().iter().flatten().map(|byte| format!("{byte:02x}")).collect();
    let (block, number) = (&reranker.block, |number: usize| Value::Unsigned(number as u64));
    let metadata = [
        ("general.architecture", Value::String("mome-reranker".to_owned())),
        ("general.name", Value::String(format!("Mome reranker on {}", encoder.name()))),
        ("general.license", Value::String(LICENCE.to_owned())),
        ("mome-reranker.encoder", Value::String(digest)),
        ("mome-reranker.first_layer", number(reranker.first_layer)),
        ("mome-reranker.block_count", number(reranker.first_layer + reranker.weights.blocks.len())),
        ("mome-reranker.embedding_length", number(block.hidden)),
        ("mome-reranker.attention.head_count", number(block.heads)),
        ("mome-reranker.feed_forward_length", number(block.feed_forward)),
        ("mome-reranker.attention.layer_norm_epsilon", Value::Float(block.norm_epsilon.into())),
    ];
    let numbered = tensors(reranker);
    let tensors: Vec<NewTensor> = numbered.iter().map(|numbered| numbered.tensor.clone()).collect();
    let mut numbered = numbered.iter();
    write_gguf(out, &metadata, &tensors, |tensor| {
        numbered.next().and_then(|numbered| tensor.kind.quantize(numbered.numbers)).unwrap_or_default()
    })
}

/// All tensors, in the order of a forward pass.
fn tensors(reranker: &RerankerNumbers) -> Vec<Numbered<'_>> {
    let mut tensors = Vec::new();
    for (index, block) in reranker.weights.blocks.iter().enumerate() {
        let name = |part: &str| format!("blk.{}.{part}", reranker.first_layer + index);
        for (part, layer) in [
            ("attn_q", &block.query),
            ("attn_k", &block.key),
            ("attn_v", &block.value),
            ("attn_output", &block.attention_output),
        ] {
            linear(&mut tensors, &name(part), layer, TensorType::Q8_0);
        }
        norm(&mut tensors, &name("attn_output_norm"), &block.attention_norm);
        linear(&mut tensors, &name("ffn_up"), &block.up, TensorType::Q8_0);
        linear(&mut tensors, &name("ffn_down"), &block.down, TensorType::Q8_0);
        norm(&mut tensors, &name("layer_output_norm"), &block.output_norm);
    }
    linear(&mut tensors, "rank.hidden", &reranker.weights.hidden, TensorType::F32);
    linear(&mut tensors, "rank.out", &reranker.weights.output, TensorType::F32);
    tensors
}

fn linear<'a>(
    tensors: &mut Vec<Numbered<'a>>,
    name: &str,
    layer: &'a Linear<Matrix, Vec<f32>>,
    kind: TensorType,
) {
    let Matrix { rows, columns, values } = &layer.weight;
    let kind = if columns.is_multiple_of(kind.block_len()) { kind } else { TensorType::F32 };
    let tensor = NewTensor { name: format!("{name}.weight"), kind, shape: vec![*columns, *rows] };
    tensors.push(Numbered { tensor, numbers: values });
    tensors.extend(layer.bias.iter().map(|bias| vector(format!("{name}.bias"), bias)));
}

fn norm<'a>(tensors: &mut Vec<Numbered<'a>>, name: &str, norm: &'a Norm<Vec<f32>>) {
    tensors.push(vector(format!("{name}.weight"), &norm.weight));
    tensors.extend(norm.bias.iter().map(|bias| vector(format!("{name}.bias"), bias)));
}

fn vector(name: String, numbers: &[f32]) -> Numbered<'_> {
    Numbered { tensor: NewTensor { name, kind: TensorType::F32, shape: vec![numbers.len()] }, numbers }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reranker_that_is_read_and_written_is_the_same_file() {
        let data = |name: &str| std::fs::read(format!("../mome-backbone/data/{name}")).unwrap();
        let encoder = Encoder::from_bytes(&data("all-minilm-l6-v2-q8_0.gguf")).unwrap();
        let file = data("reranker-q8_0.gguf");
        let mut written = Vec::new();
        write_reranker(&mut written, &RerankerNumbers::read(&file, &encoder).unwrap(), &encoder).unwrap();
        assert!(written == file);
    }

    #[test]
    fn a_reranker_of_an_encoder_is_read_back() {
        let file = std::fs::read("../mome-engine/tests/data/bert-f32.gguf").unwrap();
        let encoder = Encoder::from_bytes(&file).unwrap();
        let reranker = RerankerNumbers::of_encoder(&encoder, &file, 1, 3).unwrap();
        let mut written = Vec::new();
        write_reranker(&mut written, &reranker, &encoder).unwrap();
        let read = RerankerNumbers::read(&written, &encoder).unwrap();
        assert_eq!((read.first_layer, read.weights.blocks.len()), (1, 2));
        assert_eq!(read.weights.hidden, reranker.weights.hidden);
        let (found, expected) = (&read.weights.blocks[1].up.weight, &reranker.weights.blocks[1].up.weight);
        assert_eq!((found.rows, found.columns), (expected.rows, expected.columns));
        let most = expected.values.iter().fold(0f32, |most, number| most.max(number.abs()));
        for (found, expected) in found.values.iter().zip(&expected.values) {
            assert!((found - expected).abs() <= most / 250.0, "{found} {expected}");
        }
    }
}
