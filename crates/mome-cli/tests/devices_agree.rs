//! The CPU and a GPU (any that there is, an emulated one too) decide alike, and what they accept verifies.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "test code, outside of test functions")]

mod common;

use std::path::Path;

use common::{data, memorized, models_on, opened};
use mome::{Answer, AnswerOptions, Mome, Reason};
use mome_build::{Fact, Question, read_facts, read_questions};
use mome_engine::DeviceChoice;
use mome_pack::Expert;
use pollster::block_on;
use rayon::prelude::*;
use tempfile::TempDir;

/// Wordings that are stored of each fact; the others are asked as wordings that nobody stored.
const STORED: usize = 2;

/// The share of unknown questions that may be answered: enough for many to be near the threshold.
const ALPHA: f64 = 0.05;

/// The first facts of the relations, and their questions: stored wordings, others, and unknown ones.
fn relations(count: usize) -> (Vec<Fact>, Vec<Question>) {
    let mut facts = some_facts("relations.jsonl", count);
    let mut questions = Vec::new();
    for fact in &facts {
        for wording in [&fact.wordings[0], &fact.wordings[fact.wordings.len() - 1]] {
            questions.push(Question {
                question: wording.clone(),
                id: Some(fact.id.clone()),
                answer: Some(fact.answer.clone()),
            });
        }
    }
    let others = read_questions(Path::new(&data("relations.questions.jsonl"))).unwrap();
    questions.extend(others.into_iter().filter(|other| other.id.is_none()).take(count));
    facts.iter_mut().for_each(|fact| fact.wordings.truncate(STORED));
    (facts, questions)
}

fn asked(mome: &Mome, questions: &[Question]) -> Vec<Answer> {
    let options = AnswerOptions { alpha: Some(ALPHA) };
    questions.par_iter().map(|asked| block_on(mome.answer(&asked.question, &options)).unwrap()).collect()
}

fn devices_agree(count: usize) {
    let (facts, questions) = relations(count);
    let directory = TempDir::new().unwrap();
    let (cpu, report) = memorized(&facts, directory.path());
    assert_eq!(report.verified, facts.len(), "{:?}", report.failed);
    let gpu = opened(directory.path(), &models_on(DeviceChoice::Gpu));
    let (on_cpu, on_gpu) = (asked(&cpu, &questions), asked(&gpu, &questions));
    let decided = |answer: &Answer| (answer.known, answer.reason, answer.text.clone());
    let differing: Vec<&str> = questions
        .iter()
        .zip(on_cpu.iter().zip(&on_gpu))
        .filter(|(_, (cpu, gpu))| decided(cpu) != decided(gpu))
        .map(|(asked, _)| asked.question.as_str())
        .collect();
    let (known, unknown): (Vec<_>, Vec<_>) =
        questions.iter().zip(&on_cpu).partition(|(asked, _)| asked.id.is_some());
    let right =
        known.iter().filter(|(asked, answer)| asked.answer.as_deref() == Some(answer.text.as_str())).count();
    let unverified = known.iter().filter(|(_, answer)| answer.reason == Some(Reason::Unverified)).count();
    println!(
        "{} and cpu agree on {} of {} questions: {differing:?}; {right} of {} known right, {unverified} unverified, \
         {} of {} unknown answered",
        gpu.device(),
        questions.len() - differing.len(),
        questions.len(),
        known.len(),
        unknown.iter().filter(|(_, answer)| answer.known).count(),
        unknown.len(),
    );
    assert!(differing.len() * 1000 <= questions.len(), "{differing:?}");
    assert!(unverified * 100 <= known.len(), "{unverified} of {}", known.len());
}

#[test]
fn cpu_and_gpu_decide_alike() {
    devices_agree(60);
}

#[test]
#[ignore = "an emulated GPU takes minutes"]
fn cpu_and_gpu_decide_alike_on_many_questions() {
    devices_agree(400);
}

/// Whether a question verifies for an expert that the gate only just accepted.
fn verifies(mome: &Mome, question: &str, expert: &Expert) -> bool {
    let prefilled = block_on(mome.prefill(question)).unwrap();
    let least = mome.pack().query().attention.accepted;
    block_on(mome.draft_and_verify(prefilled, &expert.slots, least)).unwrap().is_some()
}

/// Strengths are set by stored wordings: what is accepted in other words has to verify with them too, also where one
/// wording is all that is stored.
fn other_wordings_verify(facts: &[Fact]) {
    let mut stored = facts.to_vec();
    stored.iter_mut().for_each(|fact| fact.wordings.truncate(1));
    let directory = TempDir::new().unwrap();
    let (mome, report) = memorized(&stored, directory.path());
    assert_eq!(report.verified, facts.len(), "{:?}", report.failed);
    let experts = block_on(mome.pack().all_experts()).unwrap();
    let others: Vec<(&Expert, &String)> = facts
        .iter()
        .flat_map(|fact| {
            let expert = experts.iter().find(|expert| expert.id == fact.id).unwrap();
            fact.wordings[1..].iter().map(move |wording| (expert, wording))
        })
        .collect();
    let refused: Vec<&String> = others
        .par_iter()
        .filter(|(expert, wording)| !verifies(&mome, wording, expert))
        .map(|(_, wording)| *wording)
        .collect();
    println!("{} of {} wordings that nobody stored do not verify: {refused:?}", refused.len(), others.len());
    assert!(refused.len() * 100 <= others.len());
}

/// The first facts of a table of the training crate.
fn some_facts(file: &str, count: usize) -> Vec<Fact> {
    let mut facts = read_facts(Path::new(&data(file))).unwrap();
    facts.truncate(count);
    facts
}

#[test]
fn wordings_that_nobody_stored_verify() {
    let mut facts = some_facts("relations.jsonl", 80);
    facts.extend(some_facts("../../../mome-train/data/trivia.jsonl", 120));
    other_wordings_verify(&facts);
}

#[test]
#[ignore = "it takes minutes"]
fn wordings_that_nobody_stored_verify_among_thousands() {
    other_wordings_verify(&some_facts("relations.jsonl", usize::MAX));
    other_wordings_verify(&some_facts("../../../mome-train/data/trivia.jsonl", usize::MAX));
}
