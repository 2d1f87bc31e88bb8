//! Tables of facts, named one by one or by their folder.

use std::fs;
use std::path::PathBuf;

use mome_build::{Fact, read_facts};

use crate::output::Failure;

/// The tables that were named, and those of folders in the order of their names.
pub(crate) fn tables(named: &[PathBuf]) -> Result<Vec<Vec<Fact>>, Failure> {
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
        let is_table = |file: &PathBuf| {
            file.extension().is_some_and(|extension| extension == "jsonl" || extension == "csv")
        };
        inside.retain(is_table);
        inside.sort();
        files.extend(inside);
    }
    Ok(files.iter().map(|file| read_facts(file)).collect::<Result<_, _>>()?)
}
