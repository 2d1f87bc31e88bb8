//! Tables of facts and contrasts, named one by one or by their folder.

use std::fs;
use std::path::PathBuf;

use mome_build::{Contrast, Fact, read_facts};

use crate::output::Failure;

/// The tables that were named, and those of folders in the order of their names.
pub(crate) fn tables(named: &[PathBuf]) -> Result<Vec<Vec<Fact>>, Failure> {
    Ok(files(named, &["jsonl", "csv"])?.iter().map(|file| read_facts(file)).collect::<Result<_, _>>()?)
}

/// The contrasts of the files that were named, and of folders.
pub(crate) fn contrasts(named: &[PathBuf]) -> Result<Vec<Vec<Contrast>>, Failure> {
    Ok(files(named, &["txt"])?.iter().map(|file| Contrast::read(file)).collect::<Result<_, _>>()?)
}

/// Files as they are named; of folders those with one of these endings.
fn files(named: &[PathBuf], endings: &[&str]) -> Result<Vec<PathBuf>, Failure> {
    let mut files = Vec::new();
    for path in named {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let failed = |error| Failure::File { file: path.clone(), error };
        let mut inside = fs::read_dir(path)
            .map_err(failed)?
            .map(|entry| Ok(entry?.path()))
            .collect::<Result<Vec<_>, _>>()
            .map_err(failed)?;
        inside.retain(|file| file.extension().is_some_and(|own| endings.iter().any(|ending| own == *ending)));
        inside.sort();
        files.extend(inside);
    }
    Ok(files)
}
