//! Any bytes as a GGUF file or as the first bytes of one, and as a backbone.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mome_backbone::{Backbone, ChatTemplate, Gguf};

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
        for piece in backbone.pieces(0, bytes) {
            let tensor = &backbone.tensors()[piece.tensor];
            let start = tensor.range.start as usize + piece.offset;
            assert_eq!(piece.bytes, &bytes[start..start + piece.bytes.len()]);
        }
    }
});
