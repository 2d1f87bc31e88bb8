//! What is written is read back; what is damaged is an error and never a panic.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use half::f16;
use mome_pack::{
    Attention, CalibratedGate, Calibration, Counts, Digest, Envelope, Expert, FORMAT, Gate, InvertedList,
    KnownScores, Link, Logistic, Manifest, ModelReference, PackError, Pooling, Projection, Query,
    ReaderReference, RerankerReference, Root, RoutingKey, Scores, Shard, Signature, Slot, UnitVector,
    Wording, WordingHash, WordingLayout,
};
use proptest::prelude::*;

const LAYOUT: WordingLayout = WordingLayout { width: 12, wide_tokens: false };

fn unit<const N: usize>(seed: u8) -> UnitVector<N> {
    UnitVector(std::array::from_fn(|i| (i as u8).wrapping_mul(31).wrapping_add(seed) as i8))
}

fn routing(seed: u8, width: usize) -> RoutingKey {
    RoutingKey((0..width).map(|i| (i as u8).wrapping_mul(31).wrapping_add(seed) as i8).collect())
}

prop_compose! {
    fn any_expert(width: usize)(
        id in ".{0,20}",
        question in ".{0,40}",
        source in prop::option::of(".{0,20}"),
        loss in 0f32..1.0,
        wordings in prop::collection::vec((any::<[u8; 16]>(), prop::collection::vec(0u32..65_536, 0..=128)), 1..4),
        slots in prop::collection::vec((any::<u8>(), any::<u32>(), 0f32..100.0), 1..20),
    ) -> Expert {
        Expert {
            id, question, source, loss,
            wordings: wordings.into_iter().map(|(hash, tokens)| Wording {
                hash: WordingHash(hash), routing: routing(hash[0], width), tokens,
            }).collect(),
            slots: slots.into_iter().map(|(seed, token, strength)| Slot {
                key: unit(seed), token, strength: f16::from_f32(strength),
            }).collect(),
        }
    }
}

prop_compose! {
    fn any_shard(most: usize)(width in 1usize..40, wide_tokens in any::<bool>())(
        experts in prop::collection::vec(any_expert(width), 0..most),
        layout in Just(WordingLayout { width, wide_tokens }),
    ) -> Shard {
        Shard { layout, experts }
    }
}

fn query() -> Query {
    let ramp = |n: usize| (0..n).map(|i| (i % 17) as f32 - 8.0).collect::<Vec<_>>();
    Query {
        backbone: Digest::of(b"backbone"),
        projection: Projection::quantize(&ramp(64 * 4), 4),
        attention: Attention { beta: 16.0, gamma: 8.0, null: 12.0, margin: 4.0, accepted: 12.0, cap: 16.0 },
    }
}

fn root() -> Root {
    Root {
        width: 12,
        nprobe: 6,
        lists: vec![InvertedList { centroid: routing(1, 12), shard: Link::to(b"x") }],
    }
}

fn calibrated_gate() -> CalibratedGate {
    let part = |bias: f32| Logistic { weights: vec![0.5; 4], bias };
    CalibratedGate {
        gate: Gate { near: part(-1.0), unchanged: Some(part(2.0)), confidence: part(0.0) },
        calibration: Calibration {
            written: Vec::new(),
            hidden: [(-1.0, 0.5), (-2.5, 1.0)].map(Scores::from).to_vec(),
            near_misses: vec![Scores { near: 2.0, unchanged: -3.0 }],
            known: KnownScores {
                count: 7,
                wrong: vec![Scores { near: 0.25, unchanged: 4.0 }],
                right: vec![Scores { near: 3.5, unchanged: 5.0 }],
            },
        },
    }
}

fn model(name: &str) -> ModelReference {
    ModelReference {
        digest: Digest::of(name.as_bytes()),
        name: name.into(),
        architecture: "llama".into(),
        hidden: 256,
        vocabulary: Digest::of(b"vocabulary"),
        parts: vec![Link::to(b"something")],
    }
}

fn manifest() -> Manifest {
    let link = Link::to(b"something");
    Manifest {
        format: FORMAT,
        pack: "planets".into(),
        sequence: 3,
        created: 1_700_000_000,
        expires: None,
        backbone: model("backbone"),
        reader: ReaderReference {
            encoder: model("encoder"),
            reranker: Some(RerankerReference { digest: Digest::of(b"reranker"), parts: vec![link] }),
            prefix: String::new(),
            pooling: Pooling::Mean,
            gate: Some(calibrated_gate()),
        },
        query: link,
        root: link,
        counts: Counts { facts: 1, wordings: 4, shards: 1 },
        alpha: 0.01,
        gate: Some(calibrated_gate()),
    }
}

proptest! {
    #[test]
    fn a_shard_is_read_back(shard in any_shard(5)) {
        prop_assert_eq!(Shard::decode(&shard.encode()?)?, shard);
    }

    #[test]
    fn a_shard_cut_anywhere_is_an_error(shard in any_shard(3), at in any::<prop::sample::Index>()) {
        let bytes = shard.encode()?;
        prop_assert!(Shard::decode(&bytes[..at.index(bytes.len())]).is_err());
    }

    #[test]
    fn a_damaged_object_never_panics(
        shard in any_shard(3),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        for mut bytes in [shard.encode()?, root().encode()?, query().encode()?, manifest().encode()?] {
            for (at, byte) in &damage {
                let at = at.index(bytes.len());
                bytes[at] = *byte;
            }
            let _ = (Shard::decode(&bytes), Root::decode(&bytes), Query::decode(&bytes), Manifest::decode(&bytes));
        }
    }

    #[test]
    fn any_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = (Shard::decode(&bytes), Root::decode(&bytes), Query::decode(&bytes), Manifest::decode(&bytes));
        let _ = Expert::decode(&bytes, LAYOUT);
    }
}

#[test]
fn a_query_object_is_read_back() {
    assert_eq!(Query::decode(&query().encode().unwrap()).unwrap(), query());
}

#[test]
fn a_query_object_that_cannot_be_is_not_written_and_not_read() {
    let wrong = Query { projection: Projection::quantize(&[0.0; 12], 4), ..query() };
    assert!(wrong.encode().unwrap_err().to_string().contains("W_query"));

    let over = Query { attention: Attention { accepted: 17.0, ..query().attention }, ..query() };
    assert!(over.encode().unwrap_err().to_string().contains("attention"));
    let mut bytes = query().encode().unwrap();
    let accepted = 8 + 32 + 4 + 4 * 4;
    bytes[accepted..accepted + 4].copy_from_slice(&17f32.to_le_bytes());
    assert!(Query::decode(&bytes).unwrap_err().to_string().contains("attention"));
}

#[test]
fn an_expert_without_slots_is_not_written_and_not_read() {
    let expert = expert();
    let none = Expert { slots: Vec::new(), ..expert.clone() };
    assert!(none.encode(LAYOUT).unwrap_err().to_string().contains("slots"));
    let mut bytes = expert.encode(LAYOUT).unwrap();
    bytes[8..10].copy_from_slice(&[0, 0]);
    bytes.truncate(bytes.len() - 70);
    assert!(Expert::decode(&bytes, LAYOUT).unwrap_err().to_string().contains("slots"));
}

#[test]
fn tokens_beyond_sixteen_bits_want_the_wide_layout() {
    let mut expert = expert();
    expert.wordings[0].tokens = vec![65_536];
    assert!(expert.encode(LAYOUT).unwrap_err().to_string().contains("65536"));
    let wide = WordingLayout { wide_tokens: true, ..LAYOUT };
    assert_eq!(Expert::decode(&expert.encode(wide).unwrap(), wide).unwrap(), expert);
}

#[test]
fn a_projection_is_kept_to_half_a_step() {
    let values: Vec<f32> = (0..60).map(|i| (i as f32 * 0.37).sin()).collect();
    let back = Projection::quantize(&values, 20).dequantize();
    assert!(values.iter().zip(back).all(|(a, b)| (a - b).abs() <= 0.5 / 127.0 + 1e-6));
}

#[test]
fn a_manifest_is_read_back() {
    assert_eq!(Manifest::decode(&manifest().encode().unwrap()).unwrap(), manifest());
}

#[test]
fn signatures_are_kept_and_so_are_the_bytes_that_were_signed() {
    let mut envelope = Envelope::unsigned(manifest().to_json().unwrap());
    // Whoever signs may write JSON otherwise than this crate does.
    envelope.payload.push(b'\n');
    envelope.signatures = vec![
        Signature { key_id: "editors".into(), signature: STANDARD.encode("one") },
        Signature { key_id: String::new(), signature: STANDARD.encode("two") },
    ];
    let read = Envelope::decode(&envelope.encode().unwrap()).unwrap();
    assert_eq!(read, envelope);
    assert_eq!(Manifest::from_json(&read.payload).unwrap(), manifest());

    // The example of the specification, with this payload type.
    let hello = Envelope::unsigned(b"hello world".to_vec());
    let signed = String::from_utf8(hello.signed_bytes()).unwrap();
    assert_eq!(signed, "DSSEv1 34 application/vnd.mome.manifest+json 11 hello world");
}

#[test]
fn a_manifest_of_another_format_says_so() {
    let newer = Manifest { format: FORMAT + 1, ..manifest() };
    let error = Manifest::decode(&newer.encode().unwrap()).unwrap_err();
    assert_eq!(error, PackError::Version { object: "manifest", version: FORMAT + 1 });
    let older = Manifest { format: 2, ..manifest() };
    let error = Manifest::decode(&older.encode().unwrap()).unwrap_err();
    assert!(error.to_string().contains("memorise its table of facts again"), "{error}");
}

#[test]
fn a_manifest_holds_finite_numbers_alone() {
    let mut infinite = manifest();
    infinite.gate.as_mut().unwrap().gate.near.bias = f32::INFINITY;
    assert!(infinite.encode().unwrap_err().to_string().contains("gate"));

    // Finite in JSON, and infinite in 32 bits.
    let mut envelope: serde_json::Value = serde_json::from_slice(&manifest().encode().unwrap()).unwrap();
    let payload = STANDARD.decode(envelope["payload"].as_str().unwrap()).unwrap();
    let too_large = String::from_utf8(payload).unwrap().replace("\"bias\":-1.0", "\"bias\":-1e40");
    assert!(too_large.contains("1e40"));
    envelope["payload"] = STANDARD.encode(too_large).into();
    let error = Manifest::decode(envelope.to_string().as_bytes()).unwrap_err();
    assert!(error.to_string().contains("gate"), "{error}");
}

#[test]
fn a_page_in_place_of_a_manifest_is_an_error() {
    assert!(Manifest::decode(b"<!doctype html><title>Not found</title>").is_err());
}

#[test]
fn false_counts_allocate_nothing() {
    let mut shard = Shard { layout: LAYOUT, experts: Vec::new() }.encode().unwrap();
    shard[12..16].copy_from_slice(&u32::MAX.to_le_bytes());
    assert!(matches!(Shard::decode(&shard), Err(PackError::Truncated { .. })));
}

fn expert() -> Expert {
    Expert {
        id: "fact-1".into(),
        question: "What?".into(),
        source: Some("book".into()),
        loss: 0.0078125,
        wordings: vec![Wording {
            hash: WordingHash::of("What?"),
            routing: routing(1, 12),
            tokens: vec![2054, 1029],
        }],
        slots: vec![Slot { key: unit(3), token: 17, strength: f16::from_f32(12.5) }],
    }
}

/// The layout is fixed: these bytes must be readable for ever.
#[test]
fn layouts_do_not_change() {
    let shard = Shard { layout: LAYOUT, experts: vec![expert()] };
    let objects = [
        shard.encode().unwrap(),
        root().encode().unwrap(),
        query().encode().unwrap(),
        manifest().encode().unwrap(),
    ];
    let digests = objects.map(|object| Digest::of(&object).to_string());
    let golden = include_str!("data/layouts.txt").lines().collect::<Vec<_>>();
    assert_eq!(digests.to_vec(), golden);
}
