//! Tables in files: JSON Lines, or CSV where the name of the file ends in `.csv`.

use std::fs;
use std::path::{Path, PathBuf};

use csv::{Position, ReaderBuilder, StringRecord};
use serde::de::DeserializeOwned;
use thiserror::Error;

/// What separates the wordings in one cell of CSV.
const SEPARATOR: char = '|';

/// Why a table cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TableError {
    /// The file cannot be read.
    #[error("{file}: {error}")]
    File {
        /// The file.
        file: PathBuf,
        /// What the system says.
        #[source]
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

/// What a row of a table becomes: an object of JSON, or cells of CSV.
pub(crate) trait Row: DeserializeOwned {
    /// Columns that a table must have.
    const COLUMNS: &'static [&'static str];

    /// The row of these cells.
    fn from_cells(cells: &Cells<'_>) -> Self;
}

/// A row of CSV.
pub(crate) struct Cells<'a> {
    header: &'a StringRecord,
    record: &'a StringRecord,
}

impl<'a> Cells<'a> {
    /// The cells of a column, which may stand several times; empty ones are left out.
    pub(crate) fn all(&self, column: &'a str) -> impl Iterator<Item = &'a str> {
        let cells = self.header.iter().zip(self.record);
        cells.filter(move |(name, cell)| *name == column && !cell.is_empty()).map(|(_, cell)| cell)
    }

    /// The first cell of a column that is not empty.
    pub(crate) fn one(&self, column: &'a str) -> Option<String> {
        self.all(column).next().map(str::to_owned)
    }

    /// The texts in the cells of a column, which [`SEPARATOR`] separates within a cell.
    pub(crate) fn several(&self, column: &'a str) -> Vec<String> {
        let texts = self.all(column).flat_map(|cell| cell.split(SEPARATOR)).map(str::trim);
        texts.filter(|text| !text.is_empty()).map(str::to_owned).collect()
    }
}

/// The rows of a table with the numbers of their lines; blank lines are passed over.
///
/// # Errors
/// [`TableError`], which names file and line.
pub(crate) fn read_rows<T: Row>(file: &Path) -> Result<Vec<(usize, T)>, TableError> {
    let bytes = fs::read(file).map_err(|error| TableError::File { file: file.into(), error })?;
    let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&bytes);
    let is_csv = file.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("csv"));
    let rows = if is_csv { csv_rows(bytes) } else { json_rows(bytes) };
    let rows = rows.map_err(|(line, problem)| TableError::Line { file: file.into(), line, problem })?;
    if rows.is_empty() { Err(TableError::Empty(file.into())) } else { Ok(rows) }
}

/// A line's number, and what is wrong with it.
type Problem = (usize, String);

fn json_rows<T: Row>(bytes: &[u8]) -> Result<Vec<(usize, T)>, Problem> {
    let lines = bytes.split(|&byte| byte == b'\n').zip(1..);
    let object = |(text, line): (&[u8], usize)| match serde_json::from_slice(text) {
        Ok(object) => Ok((line, object)),
        Err(error) => Err((line, format!("not a JSON object of the kind expected: {error}"))),
    };
    lines.filter(|(text, _)| !text.trim_ascii().is_empty()).map(object).collect()
}

fn csv_rows<T: Row>(bytes: &[u8]) -> Result<Vec<(usize, T)>, Problem> {
    let mut reader = ReaderBuilder::new().from_reader(bytes);
    let mut lines = Lines { bytes, seen: 0, line: 1 };
    let mut header = reader.headers().map_err(|error| lines.problem(&error))?.clone();
    header.trim();
    if let Some(column) = T::COLUMNS.iter().find(|column| !header.iter().any(|name| name == **column)) {
        return Err((1, format!("there is no column `{column}`")));
    }
    let row = |record: Result<StringRecord, csv::Error>| {
        let record = record.map_err(|error| lines.problem(&error))?;
        Ok((lines.line(record.position()), T::from_cells(&Cells { header: &header, record: &record })))
    };
    reader.records().map(row).collect()
}

/// Counts lines. The reader's own count is behind by one where lines end in `\r\n` or blank ones come between.
struct Lines<'a> {
    bytes: &'a [u8],
    seen: usize,
    line: usize,
}

impl Lines<'_> {
    /// The line of the first text from this position on; positions must be asked for in ascending order.
    fn line(&mut self, position: Option<&Position>) -> usize {
        let byte = position.map_or(0, |position| position.byte() as usize);
        let from = byte.clamp(self.seen, self.bytes.len());
        let blank = self.bytes[from..].iter().take_while(|&&byte| byte == b'\r' || byte == b'\n').count();
        self.line += self.bytes[self.seen..from + blank].iter().filter(|&&byte| byte == b'\n').count();
        self.seen = from + blank;
        self.line
    }

    fn problem(&mut self, error: &csv::Error) -> Problem {
        let problem = match error.kind() {
            csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
                format!("{len} cells, but the first line has {expected_len}")
            }
            csv::ErrorKind::Utf8 { .. } => "this is not UTF-8".to_owned(),
            _ => error.to_string(),
        };
        (self.line(error.position()), problem)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    struct Pair {
        name: String,
        ways: Vec<String>,
    }

    impl Row for Pair {
        const COLUMNS: &'static [&'static str] = &["name", "ways"];

        fn from_cells(cells: &Cells<'_>) -> Self {
            Self { name: cells.one("name").unwrap_or_default(), ways: cells.several("ways") }
        }
    }

    fn read(bytes: &[u8]) -> Result<Vec<(usize, Pair)>, String> {
        let mut file = tempfile::Builder::new().suffix(".CSV").tempfile().unwrap();
        file.write_all(bytes).unwrap();
        let name = file.path().display().to_string();
        read_rows(file.path()).map_err(|error| error.to_string().replace(&name, "file"))
    }

    fn pair(name: &str, ways: &[&str]) -> Pair {
        Pair { name: name.into(), ways: ways.iter().map(|&way| way.to_owned()).collect() }
    }

    #[test]
    fn cells_are_found_by_their_columns() {
        let text = "\u{feff}ways, name,other,ways\r\n\
                    a | b,\"x, \"\"y\"\"\",-,\r\n\
                    \r\n\
                    ,\"two\nlines\",-,c|| d\r\n\
                    ,z,,\r\n";
        let rows = read(text.as_bytes()).unwrap();
        assert_eq!(rows[0], (2, pair("x, \"y\"", &["a", "b"])));
        assert_eq!(rows[1].1, pair("two\nlines", &["c", "d"]));
        assert_eq!(rows[2], (6, pair("z", &[])));
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        assert_eq!(read(b"name,way\nx,y\n").unwrap_err(), "file:1: there is no column `ways`");
        let said = read(b"name,ways\r\nx,y\r\n\r\nx,y,z\r\n").unwrap_err();
        assert_eq!(said, "file:4: 3 cells, but the first line has 2");
        assert_eq!(read(b"name,ways\nx,\xff\n").unwrap_err(), "file:2: this is not UTF-8");
        assert_eq!(read(b"name,ways\n\n").unwrap_err(), "file: there is nothing in this file");
        assert_eq!(read(b"").unwrap_err(), "file:1: there is no column `name`");
    }
}
