//! 10,000 facts, memorised and changed.
#![allow(clippy::unwrap_used, reason = "test code, outside of test functions")]

mod common;

use std::fs;
use std::path::Path;
use std::time::Instant;

use common::{data, models_on, opened};
use mome::{AnswerOptions, Mome};
use mome_build::{
    Directory, Fact, MemorizeOptions, ReviseOptions, forget, memorize, memorize_into, read_facts,
};
use mome_engine::DeviceChoice;
use pollster::block_on;
use rayon::prelude::*;
use tempfile::TempDir;

/// What 10,000 facts may take at most, in bytes.
const MEMORY: u64 = 4 << 30;

/// Facts about made-up people, `from` being the first one's number: 12 characters that nobody could guess, asked for in
/// four ways.
fn made(from: u64, count: u64) -> Vec<Fact> {
    const SYLLABLES: [&str; 16] = [
        "ba", "ke", "lo", "mi", "nu", "ra", "sti", "vor", "zan", "del", "qui", "pho", "tre", "gal", "hen",
        "osk",
    ];
    let digits = |mut number: u64, base: u64| {
        std::iter::from_fn(move || {
            let digit = number % base;
            number /= base;
            Some(digit as usize)
        })
    };
    let one = |number: u64| {
        let mixed = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let name: String = digits(mixed >> 20, 16).take(5).map(|digit| SYLLABLES[digit]).collect();
        let answer: String =
            digits(mixed, 36).take(12).filter_map(|digit| char::from_digit(digit as u32, 36)).collect();
        let wordings = [
            format!("What is the access code of {name}?"),
            format!("access code for {name}"),
            format!("Tell me the code that {name} uses"),
            format!("{name} opens the door with which code?"),
        ];
        Fact { id: format!("made-{number}"), wordings: wordings.into(), answer, source: None }
    };
    (from..from + count).map(one).collect()
}

/// The most memory that this process has had, where the system tells.
fn most_memory() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()? * 1024)
}

fn wrong_replies<'a>(mome: &Mome, facts: &'a [Fact]) -> Vec<&'a str> {
    let wordings =
        facts.par_iter().flat_map_iter(|fact| fact.wordings.iter().map(move |wording| (wording, fact)));
    let wrong = wordings.filter(|(wording, fact)| {
        let reply = block_on(mome.answer(wording, &AnswerOptions::default())).unwrap();
        reply.confidence != 1.0 || reply.text != fact.answer
    });
    wrong.map(|(wording, _)| wording.as_str()).collect()
}

#[test]
#[ignore = "it takes minutes"]
fn ten_thousand_facts_are_memorized_and_change_in_bounded_memory() {
    let models = models_on(DeviceChoice::Cpu);
    let mut facts = read_facts(Path::new(&data("relations.jsonl"))).unwrap();
    facts.extend(made(0, 8000));
    let directory = TempDir::new().unwrap();
    let out = directory.path().join("pack");
    let options = MemorizeOptions { pack: "ten-thousand".into(), alpha: 0.01, seed: 0 };
    let report = memorize(&facts, &models, &Directory::new(&out), &options, &|_, _, _| ()).unwrap();
    println!("memorised in {:.0} s, {:?} bytes of memory: {report:?}", report.seconds, most_memory());
    assert_eq!((report.memorized, report.verified), (10_000, 10_000), "{:?}", report.failed);
    assert!(most_memory().is_none_or(|bytes| bytes < MEMORY));

    let before = opened(&out, &models);
    let coming = made(8000, 100);
    let started = Instant::now();
    let report =
        memorize_into(&coming, &before, &Directory::new(&out), ReviseOptions::default(), &|_, _, _| ())
            .unwrap();
    println!("100 more in {:?}: {report:?}", started.elapsed());
    assert_eq!((report.added, report.verified), (100, 100), "{:?}", report.failed);
    let after = opened(&out, &models);
    assert_eq!(wrong_replies(&after, &facts), [""; 0]);
    assert_eq!(wrong_replies(&after, &coming), [""; 0]);

    let ids: Vec<String> = coming.iter().map(|fact| fact.id.clone()).collect();
    let report =
        forget(&ids, &after, &Directory::new(&out), ReviseOptions::default(), &|_, _, _| ()).unwrap();
    println!("forgotten: {report:?}");
    assert_eq!(wrong_replies(&opened(&out, &models), &facts), [""; 0]);
}
