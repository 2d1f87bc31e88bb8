//! Tables of facts and of questions, as JSON Lines.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use mome_pack::{Digest, WordingHash};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use thiserror::Error;

/// A fact to memorise.
#[derive(Clone, Debug, PartialEq)]
pub struct Fact {
    /// Its id; `fact-` and the line number where the table gives none.
    pub id: String,
    /// The question, and then the other ways to ask it.
    pub wordings: Vec<String>,
    /// The answer.
    pub answer: String,
    /// Where it was taken from.
    pub source: Option<String>,
}

impl Fact {
    /// A digest of all of it.
    pub(crate) fn digest(&self) -> Digest {
        let mut bytes = (self.wordings.len() as u64).to_le_bytes().to_vec();
        let texts = self.wordings.iter().chain([&self.id, &self.answer]).chain(&self.source);
        for text in texts {
            bytes.extend_from_slice(&(text.len() as u64).to_le_bytes());
            bytes.extend_from_slice(text.as_bytes());
        }
        Digest::of(&bytes)
    }
}

/// A question whose right reply is known.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Question {
    /// The question.
    pub question: String,
    /// Id of the fact that answers it; `None` where the right reply is "I don't know".
    pub id: Option<String>,
    /// The right answer; `None` where the right reply is "I don't know".
    pub answer: Option<String>,
}

/// Why a table cannot be used.
#[derive(Debug, Error)]
pub enum FactsError {
    /// The file cannot be read.
    #[error("{file}: {error}")]
    File {
        /// The file.
        file: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
    /// A line that is not what it should be.
    #[error("{file}:{line}: {problem}")]
    Line {
        /// The file.
        file: PathBuf,
        /// The line's number, from 1.
        line: usize,
        /// What is wrong with it.
        problem: String,
    },
    /// Two lines that cannot both stand.
    #[error("{file}: lines {first} and {second} {problem}")]
    Lines {
        /// The file.
        file: PathBuf,
        /// Number of the first line.
        first: usize,
        /// Number of the second line.
        second: usize,
        /// Why they cannot both stand.
        problem: String,
    },
    /// A file without a fact or a question.
    #[error("{0}: there is nothing in this file")]
    Empty(PathBuf),
}

#[derive(Deserialize)]
struct FactLine {
    id: Option<String>,
    question: String,
    #[serde(default)]
    paraphrases: Vec<String>,
    answer: String,
    source: Option<String>,
}

/// Reads a table of facts: a JSON object on each line, with `question` and `answer`, and where wanted `id`,
/// `paraphrases` and `source`.
///
/// # Errors
/// [`FactsError`], which names file and line: a line that is no such object, an empty question or answer, two
/// facts with one id, two answers to one question.
pub fn read_facts(file: &Path) -> Result<Vec<Fact>, FactsError> {
    let lines: Vec<(usize, FactLine)> = read_lines(file)?;
    let mut facts = Vec::with_capacity(lines.len());
    for (line, fact) in &lines {
        let problem = if fact.question.trim().is_empty() {
            "the question is empty"
        } else if fact.answer.is_empty() {
            "the answer is empty"
        } else if fact.paraphrases.iter().any(|wording| wording.trim().is_empty()) {
            "a paraphrase is empty"
        } else {
            facts.push(fact_of(*line, fact));
            continue;
        };
        return Err(FactsError::Line { file: file.into(), line: *line, problem: problem.into() });
    }
    check_ids(file, &lines, &facts)?;
    check_answers(file, &lines, &facts)?;
    Ok(facts)
}

/// Reads questions: a JSON object on each line, with `question`, `id` and `answer`. A table of facts is taken too:
/// its questions are asked as they stand there.
///
/// # Errors
/// [`FactsError`], which names file and line.
pub fn read_questions(file: &Path) -> Result<Vec<Question>, FactsError> {
    let lines: Vec<(usize, Question)> = read_lines(file)?;
    Ok(lines.into_iter().map(|(_, question)| question).collect())
}

fn fact_of(line: usize, fact: &FactLine) -> Fact {
    let mut wordings = vec![fact.question.clone()];
    for paraphrase in &fact.paraphrases {
        if !wordings.contains(paraphrase) {
            wordings.push(paraphrase.clone());
        }
    }
    Fact {
        id: fact.id.clone().unwrap_or_else(|| format!("fact-{line}")),
        wordings,
        answer: fact.answer.clone(),
        source: fact.source.clone(),
    }
}

fn check_ids(file: &Path, lines: &[(usize, FactLine)], facts: &[Fact]) -> Result<(), FactsError> {
    let mut seen = HashMap::new();
    for ((line, _), fact) in lines.iter().zip(facts) {
        if let Some(first) = seen.insert(fact.id.as_str(), *line) {
            let problem = format!("have the same id, `{}`", fact.id);
            return Err(FactsError::Lines { file: file.into(), first, second: *line, problem });
        }
    }
    Ok(())
}

fn check_answers(file: &Path, lines: &[(usize, FactLine)], facts: &[Fact]) -> Result<(), FactsError> {
    let mut seen: HashMap<WordingHash, (usize, &str)> = HashMap::new();
    for ((line, _), fact) in lines.iter().zip(facts) {
        for wording in &fact.wordings {
            let (first, answer) = *seen.entry(WordingHash::of(wording)).or_insert((*line, &fact.answer));
            if answer != fact.answer {
                let problem =
                    format!("answer one question, `{wording}`, with `{answer}` and with `{}`", fact.answer);
                return Err(FactsError::Lines { file: file.into(), first, second: *line, problem });
            }
        }
    }
    Ok(())
}

/// The objects of a file of JSON Lines with their line numbers; blank lines are passed over.
fn read_lines<T: DeserializeOwned>(file: &Path) -> Result<Vec<(usize, T)>, FactsError> {
    let bytes = fs::read(file).map_err(|error| FactsError::File { file: file.into(), error })?;
    let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&bytes);
    let mut objects = Vec::new();
    for (number, line) in bytes.split(|&byte| byte == b'\n').enumerate() {
        if line.trim_ascii().is_empty() {
            continue;
        }
        let object = serde_json::from_slice(line).map_err(|error| FactsError::Line {
            file: file.into(),
            line: number + 1,
            problem: format!("not a JSON object of the kind expected: {error}"),
        })?;
        objects.push((number + 1, object));
    }
    if objects.is_empty() {
        return Err(FactsError::Empty(file.into()));
    }
    Ok(objects)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn file(text: &str) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        file
    }

    fn problem(text: &str) -> String {
        read_facts(file(text).path()).unwrap_err().to_string()
    }

    #[test]
    fn a_fact_without_an_id_is_called_after_its_line() {
        let table = file(
            "\n{\"question\": \"Q?\", \"answer\": \"A\"}\n{\"id\": \"x\", \"question\": \"R?\", \"answer\": \"A\"}\n",
        );
        let facts = read_facts(table.path()).unwrap();
        assert_eq!(facts.iter().map(|fact| fact.id.as_str()).collect::<Vec<_>>(), ["fact-2", "x"]);
    }

    #[test]
    fn a_broken_line_is_named() {
        let text = "{\"question\": \"Q?\", \"answer\": \"A\"}\n{\"question\": \"R?\", \"answer\n";
        assert!(problem(text).contains(":2: not a JSON object"), "{}", problem(text));
        assert!(problem("{\"question\": \" \", \"answer\": \"A\"}").ends_with(":1: the question is empty"));
        assert!(problem("{\"question\": \"Q\", \"answer\": \"\"}").ends_with(":1: the answer is empty"));
        assert!(problem("{\"question\": \"Q\"}").contains("missing field `answer`"));
        assert!(problem("\n\n").ends_with("there is nothing in this file"));
    }

    #[test]
    fn two_answers_to_one_question_are_named_with_both_lines() {
        let text = "{\"question\": \"Q?\", \"answer\": \"A\"}\n{\"question\": \"Z\", \"paraphrases\": [\"q\"], \"answer\": \"B\"}";
        let problem = problem(text);
        assert!(problem.contains("lines 1 and 2 answer one question"), "{problem}");
    }

    #[test]
    fn two_facts_with_one_id_are_named_with_both_lines() {
        let text = "{\"id\": \"x\", \"question\": \"Q?\", \"answer\": \"A\"}\n\n{\"id\": \"x\", \"question\": \"Z\", \"answer\": \"B\"}";
        assert!(problem(text).contains("lines 1 and 3 have the same id"), "{}", problem(text));
    }

    #[test]
    fn a_table_of_facts_is_taken_for_questions() {
        let table = file(
            "{\"question\": \"Q?\", \"paraphrases\": [\"Z\"], \"answer\": \"A\"}\n{\"question\": \"U?\", \"id\": null, \"answer\": null}",
        );
        let questions = read_questions(table.path()).unwrap();
        assert_eq!(questions[0], Question { question: "Q?".into(), id: None, answer: Some("A".into()) });
        assert_eq!(questions[1].answer, None);
    }
}
