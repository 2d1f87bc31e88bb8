//! Starts the programs that measure or prepare.

use std::process::{Command, Stdio};

use serde::de::DeserializeOwned;

use crate::failure::Failure;

/// Runs a measuring program: the last line of its output that is a record, as JSON. Where there is none, what went
/// wrong, in words.
pub fn record<R: DeserializeOwned>(command: &mut Command) -> Result<R, String> {
    let output = command.stderr(Stdio::piped()).output();
    let output =
        output.map_err(|error| format!("{} cannot be started: {error}", command.get_program().display()))?;
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().rev().find_map(|line| serde_json::from_str(line).ok()).ok_or_else(|| {
        let errors = String::from_utf8_lossy(&output.stderr);
        errors.lines().last().unwrap_or("it printed no record").to_owned()
    })
}

/// Runs a program that prepares something; `name` is for people.
///
/// # Errors
/// Where it cannot be started or ends badly.
pub fn run(name: &str, command: &mut Command) -> Result<(), Failure> {
    let failed = |problem: String| Failure::Program { program: name.to_owned(), problem };
    let status = command.status().map_err(|error| failed(error.to_string()))?;
    if status.success() { Ok(()) } else { Err(failed(status.to_string())) }
}
