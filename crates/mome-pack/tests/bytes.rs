//! What is written is read back; what is damaged is an error and never a panic.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use half::f16;
use mome_pack::{
    Attention, BackboneReference, CalibratedGate, Calibration, Counts, Dense, Digest, Expert, FORMAT,
    GATE_FEATURES, Gate, KnownScores, Leaf, Link, Manifest, MatchNetwork, PackError, Projection,
    QuestionKeys, Root, Selector, Shard, Slot, TokenKey, UnitVector, WordingHash,
};
use proptest::prelude::*;

fn unit<const N: usize>(seed: u8) -> UnitVector<N> {
    UnitVector(std::array::from_fn(|i| (i as u8).wrapping_mul(31).wrapping_add(seed) as i8))
}

prop_compose! {
    fn any_expert()(
        id in ".{0,20}",
        question in ".{0,40}",
        source in prop::option::of(".{0,20}"),
        loss in 0f32..1.0,
        wordings in prop::collection::vec(any::<[u8; 16]>(), 0..5),
        keys in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..=16), 0..4),
        slots in prop::collection::vec((any::<u8>(), any::<u32>(), 0f32..100.0), 0..20),
    ) -> Expert {
        Expert {
            id, question, source, loss,
            wordings: wordings.into_iter().map(WordingHash).collect(),
            keys: keys.into_iter().map(|seeds| QuestionKeys {
                routing: unit(seeds.len() as u8),
                tokens: seeds.into_iter().map(|s| TokenKey { key: unit(s), salience: f16::from_f32(0.1), rarity: s }).collect(),
            }).collect(),
            slots: slots.into_iter().map(|(seed, token, strength)| Slot {
                key: unit(seed), token, strength: f16::from_f32(strength),
            }).collect(),
        }
    }
}

fn selector(gate: bool) -> Selector {
    let ramp = |n: usize| (0..n).map(|i| (i % 17) as f32 - 8.0).collect::<Vec<_>>();
    Selector {
        layers: vec![0, 2],
        hidden: 4,
        mean: ramp(8),
        route: Projection::quantise(&ramp(128 * 8), 8),
        read: Projection::quantise(&ramp(64 * 8), 8),
        query: Projection::quantise(&ramp(64 * 4), 4),
        salience: ramp(8),
        salience_of_idf: [0.5, 0.0],
        mix: [10.0, 9.0, 8.0],
        attention: Attention { beta: 16.0, gamma: 8.0, null: 12.0, margin: 4.0, accepted: 12.0, cap: 16.0 },
        wordings: 12,
        counts: vec![(3, 2), (9, 1)],
        network: MatchNetwork::default(),
        gate: gate.then(calibrated_gate),
    }
}

fn calibrated_gate() -> CalibratedGate {
    CalibratedGate {
        gate: Gate { weights: [0.5; GATE_FEATURES], bias: -1.0 },
        calibration: Calibration {
            unknown: vec![-1.0, -2.5],
            known: KnownScores { count: 7, wrong: vec![0.25] },
        },
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
        backbone: BackboneReference {
            digest: Digest::of(b"backbone"),
            name: "Tiny".into(),
            architecture: "llama".into(),
            hidden: 256,
            vocabulary: Digest::of(b"vocabulary"),
            parts: vec![link],
        },
        selector: link,
        root: link,
        counts: Counts { facts: 1, wordings: 4, shards: 1 },
        searched: 4,
        alpha: 0.01,
        gate: Some(calibrated_gate()),
    }
}

proptest! {
    #[test]
    fn a_shard_is_read_back(experts in prop::collection::vec(any_expert(), 0..5)) {
        let shard = Shard { experts };
        prop_assert_eq!(Shard::decode(&shard.encode()?)?, shard);
    }

    #[test]
    fn a_shard_cut_anywhere_is_an_error(experts in prop::collection::vec(any_expert(), 1..3), at in any::<prop::sample::Index>()) {
        let bytes = Shard { experts }.encode()?;
        prop_assert!(Shard::decode(&bytes[..at.index(bytes.len())]).is_err());
    }

    #[test]
    fn a_damaged_object_never_panics(
        experts in prop::collection::vec(any_expert(), 0..3),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let root = Root { beam: 6, leaves: vec![Leaf { centroid: unit(1), shard: Link::to(b"x") }] };
        for mut bytes in [Shard { experts }.encode()?, root.encode()?, selector(true).encode()?, manifest().encode()?] {
            for (at, byte) in &damage {
                let at = at.index(bytes.len());
                bytes[at] = *byte;
            }
            let _ = (Shard::decode(&bytes), Root::decode(&bytes), Selector::decode(&bytes), Manifest::decode(&bytes));
        }
    }

    #[test]
    fn any_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = (Shard::decode(&bytes), Root::decode(&bytes), Selector::decode(&bytes), Manifest::decode(&bytes), Expert::decode(&bytes));
    }
}

#[test]
fn a_selector_is_read_back() {
    for gate in [false, true] {
        let selector = selector(gate);
        assert_eq!(Selector::decode(&selector.encode().unwrap()).unwrap(), selector);
    }
}

#[test]
fn a_selector_of_another_shape_is_not_written() {
    let wrong = Selector { mean: vec![0.0; 3], ..selector(false) };
    assert!(wrong.encode().unwrap_err().to_string().contains("mean"));
    let out = Dense { weights: vec![0.0; 3], bias: vec![0.0] };
    let wrong = Selector { network: MatchNetwork { out, ..MatchNetwork::default() }, ..selector(false) };
    assert!(wrong.encode().unwrap_err().to_string().contains("match network"));
}

#[test]
fn a_projection_is_kept_to_half_a_step() {
    let values: Vec<f32> = (0..60).map(|i| (i as f32 * 0.37).sin()).collect();
    let back = Projection::quantise(&values, 20).dequantise();
    assert!(values.iter().zip(back).all(|(a, b)| (a - b).abs() <= 0.5 / 127.0 + 1e-6));
}

#[test]
fn a_manifest_is_read_back() {
    assert_eq!(Manifest::decode(&manifest().encode().unwrap()).unwrap(), manifest());
}

#[test]
fn a_manifest_of_a_newer_format_says_so() {
    let newer = Manifest { format: FORMAT + 1, ..manifest() };
    let error = Manifest::decode(&newer.encode().unwrap()).unwrap_err();
    assert_eq!(error, PackError::Version { object: "manifest", version: FORMAT + 1 });
}

#[test]
fn a_manifest_holds_finite_numbers_alone() {
    let mut infinite = manifest();
    infinite.gate.as_mut().unwrap().gate.bias = f32::INFINITY;
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
    let mut shard = Shard::default().encode().unwrap();
    shard[8..12].copy_from_slice(&u32::MAX.to_le_bytes());
    assert!(matches!(Shard::decode(&shard), Err(PackError::Truncated { .. })));
}

/// The layout is fixed: these bytes must be readable for ever.
#[test]
fn layouts_do_not_change() {
    let expert = Expert {
        id: "fact-1".into(),
        question: "What?".into(),
        source: Some("book".into()),
        loss: 0.0078125,
        wordings: vec![WordingHash::of("What?")],
        keys: vec![QuestionKeys {
            routing: unit(1),
            tokens: vec![TokenKey { key: unit(2), salience: f16::from_f32(0.5), rarity: 40 }],
        }],
        slots: vec![Slot { key: unit(3), token: 17, strength: f16::from_f32(12.5) }],
    };
    let digests = [
        Digest::of(&Shard { experts: vec![expert] }.encode().unwrap()).to_string(),
        Digest::of(
            &Root { beam: 6, leaves: vec![Leaf { centroid: unit(1), shard: Link::to(b"x") }] }
                .encode()
                .unwrap(),
        )
        .to_string(),
        Digest::of(&selector(true).encode().unwrap()).to_string(),
        Digest::of(&manifest().encode().unwrap()).to_string(),
    ];
    let golden = include_str!("data/layouts.txt").lines().collect::<Vec<_>>();
    assert_eq!(digests.to_vec(), golden);
}
