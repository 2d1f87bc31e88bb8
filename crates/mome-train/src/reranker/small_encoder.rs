//! The small form of an encoder: embeddings and feed-forward layers in Q4_0, the rest as it is.
//!
//! It is made of a file whose matrices are quantised already, so what it loses comes on top of what that lost.

use std::io::{self, Write};

use mome_backbone::{Encoder, NewTensor, TensorInfo, TensorType, Value, write_gguf};

/// Writes the small form of an encoder, whose file is at hand.
///
/// # Errors
/// What writing reports.
pub fn write_small_encoder(out: &mut impl Write, encoder: &Encoder, file: &[u8]) -> io::Result<()> {
    let gguf = encoder.file().gguf();
    let small_name = Value::String(format!("{} small", encoder.name()));
    let metadata: Vec<(&str, Value)> = gguf
        .metadata()
        // The type that most matrices have is another now, and no number stands for such a mixture.
        .filter(|(key, _)| *key != "general.file_type")
        .map(|(key, value)| (key, if key == "general.name" { small_name.clone() } else { value.clone() }))
        .collect();
    let tensor = |info: &TensorInfo| NewTensor {
        name: info.name.clone(),
        kind: if becomes_small(info) { TensorType::Q4_0 } else { info.kind },
        shape: info.shape.iter().map(|dimension| *dimension as usize).collect(),
    };
    let tensors: Vec<NewTensor> = gguf.tensors().iter().map(tensor).collect();
    let mut infos = gguf.tensors().iter();
    write_gguf(out, &metadata, &tensors, |tensor| {
        let data = infos.next().and_then(|info| {
            let bytes = file.get(info.range.start as usize..info.range.end as usize)?;
            if tensor.kind == info.kind {
                return Some(bytes.to_vec());
            }
            let mut numbers = vec![0.0; info.rows() * info.columns()];
            info.kind.dequantize(bytes, &mut numbers);
            tensor.kind.quantize(&numbers)
        });
        data.unwrap_or_default()
    })
}

/// Whether a tensor is among the embeddings of tokens or the feed-forward layers, which lose least by it.
fn becomes_small(info: &TensorInfo) -> bool {
    let is_one = info.name == "token_embd.weight"
        || info.name.contains(".ffn_up.")
        || info.name.contains(".ffn_down.");
    is_one && info.name.ends_with(".weight") && info.columns().is_multiple_of(TensorType::Q4_0.block_len())
}

#[cfg(test)]
mod tests {
    use mome_engine::{DeviceChoice, open_encoder};

    use super::*;

    #[test]
    fn the_small_form_reads_nearly_as_the_large_one() {
        let file = std::fs::read("../mome-backbone/data/all-minilm-l6-v2-q8_0.gguf").unwrap();
        let encoder = Encoder::from_bytes(&file).unwrap();
        let mut small = Vec::new();
        write_small_encoder(&mut small, &encoder, &file).unwrap();
        assert!(small.len() < file.len() * 2 / 3, "{} bytes", small.len());
        let ids: Vec<u32> =
            encoder.tokenizer().encode("Where may I smoke?").iter().map(|token| token.id).collect();
        let ids = encoder.frame().single(&ids, 64).ids;
        let [large, small] = [&file, &small].map(|file| {
            let executor = pollster::block_on(open_encoder(file, None, DeviceChoice::Cpu)).unwrap().executor;
            assert_eq!(executor.encoder().config(), encoder.config());
            pollster::block_on(executor.embed(&[&ids])).unwrap().remove(0)
        });
        let cosine: f32 = large.iter().zip(&small).map(|(one, other)| one * other).sum();
        assert!((0.97..0.99999).contains(&cosine), "{cosine}");
    }
}
