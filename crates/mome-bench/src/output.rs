//! Results of a run: printed, as JSON in a file, and as tables in the page where that is wanted.

use std::fs;
use std::path::PathBuf;

use crate::failure::Failure;
use crate::page::{self, Section};

/// Where results go.
pub struct Output {
    /// The folder for results as JSON.
    pub work: PathBuf,
    /// The page for tables, where they are to go there.
    pub page: Option<PathBuf>,
}

impl Output {
    /// Writes `json` to the file `name`, prints the lines about the machine and the tables, and puts these into their
    /// section of the page.
    ///
    /// # Errors
    /// Where the file or the page cannot be written.
    pub fn write(
        &self,
        name: &str,
        json: &serde_json::Value,
        section: &Section,
        machine: &[String],
        tables: &str,
    ) -> Result<(), Failure> {
        fs::create_dir_all(&self.work).map_err(Failure::file(&self.work))?;
        let file = self.work.join(name);
        fs::write(&file, format!("{json:#}\n")).map_err(Failure::file(&file))?;
        let machine: String = machine.iter().map(|line| format!("- {line}\n")).collect();
        let results = format!("\n{machine}{tables}");
        println!("{results}\nWritten to {}", file.display());
        match &self.page {
            Some(page) => page::write_into(page, section, &results),
            None => Ok(()),
        }
    }
}
