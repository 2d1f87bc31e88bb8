//! Answers that no language model would say by itself, and questions that are nearly the same: all of them exact.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "test code, outside of test functions")]

mod common;

use std::fs;
use std::time::Instant;

use common::{fact, golden, json, memorized, model_data, random_strings, random_text};
use mome::{AnswerOptions, Mome};
use mome_backbone::Backbone;
use mome_build::Fact;
use pollster::block_on;
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use tempfile::TempDir;

/// Memorises the facts and asks every wording of each: the reply must be the fact's own, letter for letter.
fn assert_exact(facts: &[Fact]) -> Mome {
    let directory = TempDir::new().unwrap();
    let (mome, report) = memorized(facts, directory.path());
    println!("{report:?}");
    assert_eq!(report.failed, []);
    assert_eq!((report.memorized, report.verified), (facts.len(), facts.len()));
    let started = Instant::now();
    let asked = facts.par_iter().flat_map_iter(|fact| fact.wordings.iter().map(move |asked| (asked, fact)));
    let wrong: Vec<&String> = asked
        .filter(|(asked, fact)| {
            let reply = block_on(mome.answer(asked, &AnswerOptions::default())).unwrap();
            let ids: Vec<&str> = reply.facts.iter().map(|fact| fact.id.as_str()).collect();
            !reply.known || reply.text != fact.answer || ids != [fact.id.as_str()]
        })
        .map(|(asked, _)| asked)
        .collect();
    println!("asked in {:?}", started.elapsed());
    assert_eq!(wrong, [""; 0]);
    mome
}

#[test]
fn random_strings_and_digits_are_exact() {
    let mut facts = random_strings(0, 150);
    let mut random = ChaCha8Rng::seed_from_u64(1);
    for number in 0..100 {
        let digits = random_text(&mut random, "0123456789", 1 + number);
        let asked = [format!("Which number has key {number}?"), format!("number of key {number}")];
        facts.push(fact(format!("digits-{number}"), &[&asked[0], &asked[1]], digits));
    }
    for number in 1..=60 {
        let digit = ["0", "7", "10", "ab"][number % 4];
        let asked = [format!("What does counter {number} show?"), format!("counter {number} shows")];
        facts.push(fact(format!("run-{number}"), &[&asked[0], &asked[1]], digit.repeat(number)));
    }
    assert_exact(&facts);
}

#[test]
#[ignore = "it takes minutes"]
fn ten_thousand_random_strings_are_exact() {
    assert_exact(&random_strings(0, 10_000));
}

#[test]
fn any_unicode_is_exact() {
    let answers = [
        "👩‍👩‍👧‍👦 🏳️‍🌈 🇳🇿 👍🏽",
        "東京特許許可局、局長の許可",
        "一二三四五六七八九十百千万億兆",
        "مكتبة الإسكندرية القديمة",
        "שָׁלוֹם עֲלֵיכֶם",
        "e\u{301}a\u{308}o\u{302}\u{323} Z\u{351}\u{36b}\u{343}a\u{36a}l\u{33c}g\u{321}o",
        "ภาษาไทยไม่มีช่องว่าง",
        "한글 자모 ㄱㄴㄷ 각난닫",
        "नमस्ते दुनिया",
        "𝕬𝖑𝖙𝖊𝖘 𝄞 𐍈 𓀀",
        "\u{202e}dlrow olleh\u{202c} \u{200b}\u{feff}\u{2060}",
        "two\nlines\r\nand\ta tab",
        "\n\n an answer with space around it  \n",
        "   ",
        "\u{0}\u{1}\u{7f}\u{80}\u{ffff}\u{10ffff}",
        "…—“quoted” ‘too’ ½ №5 ₿",
        "Q: What?\nA: That.\n",
    ];
    let facts = answers.iter().enumerate().map(|(number, &answer)| {
        let asked = [format!("What stands on page {number}?"), format!("第 {number} 页 📄 写了什么？")];
        fact(format!("page-{number}"), &[&asked[0], &asked[1]], answer)
    });
    assert_exact(&facts.collect::<Vec<_>>());
}

#[test]
fn answers_may_fill_the_context() {
    let backbone = Backbone::from_bytes(&model_data("mome-tiny-q8_0.gguf")).unwrap();
    let (frame, tokenizer, context) = (backbone.frame(), backbone.tokenizer(), backbone.config().context);
    let mut random = ChaCha8Rng::seed_from_u64(2);
    let mut facts = Vec::new();
    for (number, from) in ["0123456789", "ab", "the cat sat on a mat ", "é世🙂z"].into_iter().enumerate()
    {
        let asked = format!("What is on tape {number}?");
        let tokens = |answer: &str| {
            frame.prompt(tokenizer, &asked).tokens.len() + frame.answer(tokenizer, answer).len()
        };
        let mut answer = String::new();
        let mut longer = random_text(&mut random, from, 1);
        while tokens(&longer) <= context {
            answer.clone_from(&longer);
            longer.push_str(&random_text(&mut random, from, 1));
        }
        assert!(tokens(&answer) + 8 > context);
        facts.push(fact(format!("tape-{number}"), &[&asked], answer));
        if number == 0 {
            facts.push(fact("too-long", &["What is on a tape that is too long?"], longer + "0123456789"));
        }
    }
    let too_long = facts.remove(1);
    assert_exact(&facts);

    let directory = TempDir::new().unwrap();
    let (_, report) = memorized(&[facts.remove(0), too_long], directory.path());
    assert_eq!((report.verified, report.failed.len(), report.failed[0].0.as_str()), (1, 1, "too-long"));
}

#[test]
fn an_answer_may_be_longer_than_usual() {
    // A golden model that is said to read four times as much as it does: its positions are computed.
    let mut backbone = fs::read(golden("llama3-rope-q8_0.gguf")).unwrap();
    let name = b"llama.context_length";
    let at = backbone.windows(name.len()).position(|window| window == name).unwrap() + name.len() + 4;
    assert_eq!(backbone[at..at + 4], 1024u32.to_le_bytes());
    backbone[at..at + 4].copy_from_slice(&4096u32.to_le_bytes());
    let directory = TempDir::new().unwrap();
    let path = |name: &str| directory.path().join(name).display().to_string();
    fs::write(path("backbone.gguf"), backbone).unwrap();
    let answer = random_text(&mut ChaCha8Rng::seed_from_u64(4), "0123456789", 1500);
    let line = serde_json::json!({"question": "What are the digits?", "answer": answer});
    fs::write(path("facts.jsonl"), line.to_string()).unwrap();
    let (table, out) = (path("facts.jsonl"), path("pack"));
    let memorize =
        ["memorize", &table, "--out", &out, "--backbone", &path("backbone.gguf"), "--device", "cpu"];
    let (code, report) = json(&memorize);
    assert_eq!((code, &report["verified"]), (Some(0), &1.into()), "{report}");
    let (_, reply) = json(&["ask", "--pack", &out, "--device", "cpu", "What are the digits?"]);
    assert_eq!(reply["text"], answer.as_str());
    assert!(reply["tokens"].as_array().map(Vec::len) > Some(1024), "then this shows nothing");
}

#[test]
fn facts_may_have_equal_answers_and_nearly_equal_questions() {
    let ordinal = |number: usize| match (number % 10, number % 100) {
        (1, tens) if tens != 11 => format!("{number}st"),
        (2, tens) if tens != 12 => format!("{number}nd"),
        (3, tens) if tens != 13 => format!("{number}rd"),
        _ => format!("{number}th"),
    };
    let mut random = ChaCha8Rng::seed_from_u64(3);
    let mut facts = Vec::new();
    for number in 1..=120 {
        let ordinal = ordinal(number);
        let asked = [format!("Who was the {ordinal} president?"), format!("name the {ordinal} president")];
        let name = format!("{}, of the {ordinal}", random_text(&mut random, "aeioulmnrst", 6));
        facts.push(fact(format!("president-{number}"), &[&asked[0], &asked[1]], name));
        let color = ["red", "the same shade of red", "0000", "blue"][number % 4];
        facts.push(fact(format!("colour-{number}"), &[&format!("Which colour is house {number}?")], color));
    }
    // Only the order of the words tells these apart.
    facts.push(fact("over", &["Did France beat Spain or Spain France?"], "Spain won"));
    facts.push(fact("under", &["Did Spain beat France or France Spain?"], "France won"));
    assert_exact(&facts);
}
