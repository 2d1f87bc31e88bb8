//! Any bytes as each object of a pack. What can be read is written again to the same bytes, but for the manifest, whose
//! JSON may be spelt in many ways.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mome_pack::{Manifest, Query, Root, Shard};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(shard) = Shard::decode(bytes) {
        assert_eq!(shard.encode().ok().as_deref(), Some(bytes));
    }
    if let Ok(root) = Root::decode(bytes) {
        assert_eq!(root.encode().ok().as_deref(), Some(bytes));
    }
    if let Ok(query) = Query::decode(bytes) {
        assert_eq!(query.encode().ok().as_deref(), Some(bytes));
    }
    if let Ok(manifest) = Manifest::decode(bytes) {
        let again = manifest.encode().expect("a manifest that was read can be written");
        assert_eq!(Manifest::decode(&again).ok(), Some(manifest));
    }
});
