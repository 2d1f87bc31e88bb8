//! Any bytes as a GGUF file or as the first bytes of one, and as a model of each kind.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mome_backbone::{Backbone, ChatTemplate, Encoder, Gguf, ModelFile, Reranker};

fuzz_target!(|input: (u32, &[u8])| {
    let (missing, bytes) = input;
    let file = bytes.len() as u64 + u64::from(missing);
    if let Ok(gguf) = Gguf::parse(bytes, file) {
        for tensor in gguf.tensors() {
            assert!(tensor.range.start <= tensor.range.end && tensor.range.end <= file);
        }
        let _ = ChatTemplate::read(&gguf);
    }
    if let Ok(Some(backbone)) = Backbone::read_head(bytes, file) {
        check_pieces(backbone.file(), bytes);
    }
    if let Ok(Some(encoder)) = Encoder::read_head(bytes, file) {
        check_pieces(encoder.file(), bytes);
    }
    if let Ok(Some(reranker)) = Reranker::read_head(bytes, file) {
        check_pieces(reranker.file(), bytes);
    }
});

/// Pieces of tensors are the bytes at the tensors' places.
fn check_pieces(file: &ModelFile, bytes: &[u8]) {
    for piece in file.pieces(0, bytes) {
        let tensor = &file.tensors()[piece.tensor];
        let start = tensor.range.start as usize + piece.offset;
        assert_eq!(piece.bytes, &bytes[start..start + piece.bytes.len()]);
    }
}
