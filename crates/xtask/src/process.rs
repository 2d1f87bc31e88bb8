//! Running other programs.

use std::env;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::Failure;

/// Runs a command, its output going where this program's goes.
///
/// # Errors
/// Where it cannot be started or does not exit with 0.
pub fn run(command: &mut Command) -> Result<(), Failure> {
    let status = command.status().map_err(|source| Failure::Start { command: as_typed(command), source })?;
    if status.success() {
        Ok(())
    } else {
        Err(Failure::Command { command: as_typed(command), status: status.to_string() })
    }
}

/// Runs a command and gives back what it wrote to standard output; standard error goes where this program's goes.
///
/// # Errors
/// Where it cannot be started or does not exit with 0.
pub fn output(command: &mut Command) -> Result<String, Failure> {
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .map_err(|source| Failure::Start { command: as_typed(command), source })?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(Failure::Command { command: as_typed(command), status: output.status.to_string() })
    }
}

/// A program's place in the PATH.
pub fn find(program: &str) -> Option<PathBuf> {
    let name = format!("{program}{}", env::consts::EXE_SUFFIX);
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|folder| folder.join(&name)).find(|file| file.is_file())
}

/// The command as one would type it in a shell, folder and variables included.
pub fn as_typed(command: &Command) -> String {
    let folder = command.get_current_dir().map(|folder| format!("cd {} &&", folder.display()));
    let variables = command.get_envs().filter_map(|(name, value)| {
        value.map(|value| format!("{}={}", name.display(), quoted(&value.to_string_lossy())))
    });
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let words = words.map(|word| quoted(&word.to_string_lossy()));
    folder.into_iter().chain(variables).chain(words).collect::<Vec<_>>().join(" ")
}

fn quoted(word: &str) -> String {
    if word.chars().any(|c| c.is_whitespace() || "*?$&;|<>()\"'".contains(c)) {
        format!("'{}'", word.replace('\'', r"'\''"))
    } else {
        word.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_shown_so_that_a_shell_takes_it() {
        let mut command = Command::new("npm");
        command.current_dir("web").env("FLAGS", "-C a").args(["run", "it's"]);
        assert_eq!(as_typed(&command), r"cd web && FLAGS='-C a' npm run 'it'\''s'");
    }

    #[test]
    fn a_failing_command_is_named() {
        let failure = run(Command::new("cargo").arg("no-such-subcommand")).unwrap_err();
        assert!(failure.to_string().contains("cargo no-such-subcommand"), "{failure}");
    }
}
