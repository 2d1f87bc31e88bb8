//! The page that shows results: `docs/performance.md`, whose tables lie between pairs of lines.

use std::fs;
use std::path::Path;

use crate::failure::Failure;

/// A part of the page that a run writes, all of it.
pub struct Section {
    begin: &'static str,
    end: &'static str,
}

/// The results of backbones.
pub const BACKBONES: Section = Section {
    begin: "<!-- results: written by `cargo xtask bench --write-docs` -->",
    end: "<!-- end of results -->",
};

/// The results of readers.
pub const READERS: Section = Section {
    begin: "<!-- readers: written by `cargo xtask bench --write-docs` -->",
    end: "<!-- end of readers -->",
};

/// Puts results into a section of a page.
///
/// # Errors
/// Where the page cannot be read or written, or lacks the section.
pub fn write_into(page: &Path, section: &Section, results: &str) -> Result<(), Failure> {
    let Section { begin, end } = *section;
    let text = fs::read_to_string(page).map_err(Failure::file(page))?;
    let missing = || Failure::Markers { path: page.to_owned(), begin, end };
    let (before, rest) = text.split_once(begin).ok_or_else(missing)?;
    let (_, after) = rest.split_once(end).ok_or_else(missing)?;
    fs::write(page, format!("{before}{begin}\n{results}\n{end}{after}")).map_err(Failure::file(page))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_replace_those_of_their_section_alone() {
        let folder = tempfile::tempdir().unwrap();
        let page = folder.path().join("page.md");
        let with = |backbones: &str, readers: &str| {
            let part = |Section { begin, end }: Section, text: &str| format!("{begin}\n{text}\n{end}\n");
            format!("before\n{}between\n{}after\n", part(BACKBONES, backbones), part(READERS, readers))
        };
        fs::write(&page, with("old", "old")).unwrap();
        write_into(&page, &READERS, "new").unwrap();
        assert_eq!(fs::read_to_string(&page).unwrap(), with("old", "new"));
        write_into(&page, &BACKBONES, "newer").unwrap();
        assert_eq!(fs::read_to_string(&page).unwrap(), with("newer", "new"));
        fs::write(&page, "no markers").unwrap();
        assert!(matches!(write_into(&page, &READERS, "new"), Err(Failure::Markers { .. })));
    }

    #[test]
    fn the_projects_page_has_all_sections() {
        let page = include_str!("../../../docs/performance.md");
        for Section { begin, end } in [BACKBONES, READERS] {
            assert!(page.find(begin).unwrap() < page.find(end).unwrap());
        }
    }
}
