//! Questions written by hand, each with what asks the same and what is near and asks something else: for the edits
//! that no rule makes, and the rephrasings that no table has.
//!
//! A file is text: blocks parted by empty lines, of each the question first, then lines that begin with `= ` (the same)
//! and `! ` (something else).

use std::fs;
use std::path::Path;

use crate::TableError;

/// A question with what asks the same and what does not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contrast {
    /// The question and all that asks the same, at least one.
    pub same: Vec<String>,
    /// What is near and asks something else, at least one.
    pub changed: Vec<String>,
}

impl Contrast {
    /// Reads a file.
    ///
    /// # Errors
    /// [`TableError`] where it cannot be read, there is nothing in it, or a line is none of a block's.
    pub fn read(file: &Path) -> Result<Vec<Self>, TableError> {
        let text =
            fs::read_to_string(file).map_err(|error| TableError::File { file: file.to_owned(), error })?;
        let wrong = |(line, problem)| TableError::Line { file: file.to_owned(), line, problem };
        let contrasts = parse(&text).map_err(wrong)?;
        if contrasts.is_empty() { Err(TableError::Empty(file.to_owned())) } else { Ok(contrasts) }
    }
}

/// What is wrong, and in which line.
type Wrong = (usize, String);

fn parse(text: &str) -> Result<Vec<Contrast>, Wrong> {
    let lines: Vec<(usize, &str)> = (1..).zip(text.lines().map(str::trim)).collect();
    lines.split(|(_, line)| line.is_empty()).filter_map(contrast).collect()
}

/// The contrast of a block; `None` of an empty one.
fn contrast(block: &[(usize, &str)]) -> Option<Result<Contrast, Wrong>> {
    let ((number, question), rest) = block.split_first()?;
    let wrong = |line: usize, problem: &str| Some(Err((line, problem.to_owned())));
    if question.starts_with(['=', '!']) {
        return wrong(*number, "a block begins with its question");
    }
    let mut contrast = Contrast { same: vec![(*question).to_owned()], changed: Vec::new() };
    for (number, line) in rest {
        match (line.strip_prefix("= "), line.strip_prefix("! ")) {
            (Some(same), _) => contrast.same.push(same.to_owned()),
            (_, Some(changed)) => contrast.changed.push(changed.to_owned()),
            _ => return wrong(*number, "this begins with neither \"= \" nor \"! \""),
        }
    }
    if contrast.same.len() < 2 || contrast.changed.is_empty() {
        return wrong(*number, "the question needs lines that begin with \"= \" and with \"! \"");
    }
    Some(Ok(contrast))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn blocks_are_read() {
        let text = "When do you open?\n= opening hours\n! When do you close?\n! Where do you open?\n\n\n\
            Who pays?\n= who has to pay\n! Who is paid?\n";
        let contrasts = parse(text).unwrap();
        assert_eq!(contrasts.len(), 2);
        assert_eq!(contrasts[0].same, ["When do you open?", "opening hours"]);
        assert_eq!(contrasts[1].changed, ["Who is paid?"]);
    }

    #[test]
    fn a_wrong_line_is_named() {
        for (text, line) in [("A?\n= B\n! C\nD?\n", 4), ("= A\n! B\n", 1), ("A?\n= B\n\nC?\n= D\n! E\n", 1)] {
            assert_eq!(parse(text).unwrap_err().0, line, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_can_be_read(text in "(\\PC{0,20}\n|= a\n|! b\n|\n){0,12}") {
            for contrast in parse(&text).into_iter().flatten() {
                prop_assert!(contrast.same.len() > 1 && !contrast.changed.is_empty());
            }
        }
    }
}
