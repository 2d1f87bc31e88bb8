//! Tables of facts and of questions.

use std::collections::HashMap;
use std::path::Path;

use mome_pack::{Digest, WordingHash};
use serde::Deserialize;

use super::rows::{Cells, Row, TableError, read_rows};

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
/// `paraphrases` and `source`. A file whose name ends in `.csv` is CSV with the same columns, in any order, which the
/// first line names; `paraphrases` may stand several times, and `|` separates wordings within a cell.
///
/// # Errors
/// [`TableError`], which names file and line: a line that is no such object, an empty question or answer, two
/// facts with one id, two answers to one question.
pub fn read_facts(file: &Path) -> Result<Vec<Fact>, TableError> {
    let lines: Vec<(usize, FactLine)> = read_rows(file)?;
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
        return Err(TableError::Line { file: file.into(), line: *line, problem: problem.into() });
    }
    check_ids(file, &lines, &facts)?;
    check_answers(file, &lines, &facts)?;
    Ok(facts)
}

/// Reads questions: a JSON object on each line, with `question`, `id` and `answer`, or CSV with these columns, where
/// an empty cell is none. A table of facts is taken too: its questions are asked as they stand there.
///
/// # Errors
/// [`TableError`], which names file and line.
pub fn read_questions(file: &Path) -> Result<Vec<Question>, TableError> {
    let lines: Vec<(usize, Question)> = read_rows(file)?;
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

fn check_ids(file: &Path, lines: &[(usize, FactLine)], facts: &[Fact]) -> Result<(), TableError> {
    let mut seen = HashMap::new();
    for ((line, _), fact) in lines.iter().zip(facts) {
        if let Some(first) = seen.insert(fact.id.as_str(), *line) {
            let problem = format!("have the same id, `{}`", fact.id);
            return Err(TableError::Lines { file: file.into(), first, second: *line, problem });
        }
    }
    Ok(())
}

fn check_answers(file: &Path, lines: &[(usize, FactLine)], facts: &[Fact]) -> Result<(), TableError> {
    let mut seen: HashMap<WordingHash, (usize, &str)> = HashMap::new();
    for ((line, _), fact) in lines.iter().zip(facts) {
        for wording in &fact.wordings {
            let (first, answer) = *seen.entry(WordingHash::of(wording)).or_insert((*line, &fact.answer));
            if answer != fact.answer {
                let problem =
                    format!("answer one question, `{wording}`, with `{answer}` and with `{}`", fact.answer);
                return Err(TableError::Lines { file: file.into(), first, second: *line, problem });
            }
        }
    }
    Ok(())
}

impl Row for FactLine {
    const COLUMNS: &'static [&'static str] = &["question", "answer"];

    fn from_cells(cells: &Cells<'_>) -> Self {
        Self {
            id: cells.one("id"),
            question: cells.one("question").unwrap_or_default(),
            paraphrases: cells.several("paraphrases"),
            answer: cells.one("answer").unwrap_or_default(),
            source: cells.one("source"),
        }
    }
}

impl Row for Question {
    const COLUMNS: &'static [&'static str] = &["question", "id", "answer"];

    fn from_cells(cells: &Cells<'_>) -> Self {
        Self {
            question: cells.one("question").unwrap_or_default(),
            id: cells.one("id"),
            answer: cells.one("answer"),
        }
    }
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
    fn csv_is_taken_as_well() {
        let mut table = tempfile::Builder::new().suffix(".csv").tempfile().unwrap();
        let text = "answer,question,paraphrases,paraphrases\n\
                    Paris,What is the capital of France?,France's capital | capital of France,\n\
                    two,How many moons has Mars?,,Mars: how many moons?\n\
                    ,Who?,,\n";
        table.write_all(text.as_bytes()).unwrap();
        let said = read_facts(table.path()).unwrap_err().to_string();
        assert!(said.ends_with(":4: the answer is empty"), "{said}");

        let text = text.replace("\n,Who?,,", "");
        std::fs::write(table.path(), &text).unwrap();
        let facts = read_facts(table.path()).unwrap();
        let expected = ["What is the capital of France?", "France's capital", "capital of France"];
        assert_eq!((facts[0].id.as_str(), facts[0].answer.as_str()), ("fact-2", "Paris"));
        assert_eq!(facts[0].wordings, expected);
        assert_eq!(facts[1].wordings, ["How many moons has Mars?", "Mars: how many moons?"]);
        std::fs::write(table.path(), "id,question,answer\n,Who?,\n").unwrap();
        let unknown = Question { question: "Who?".into(), id: None, answer: None };
        assert_eq!(read_questions(table.path()).unwrap(), [unknown]);
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
