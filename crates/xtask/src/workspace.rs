//! Where things lie.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::failure::Failure;

/// The folders of the project.
pub struct Workspace {
    /// The root, with the workspace's `Cargo.toml`.
    pub root: PathBuf,
    /// Cargo's target directory.
    pub target: PathBuf,
}

impl Workspace {
    /// Finds the workspace from what cargo tells the programs that it runs.
    ///
    /// # Errors
    /// Where this was not started by cargo.
    pub fn locate() -> Result<Self, Failure> {
        let manifest_dir = env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
        let root = manifest_dir
            .as_deref()
            .and_then(|xtask| xtask.ancestors().nth(2))
            .map(Path::to_path_buf)
            .ok_or_else(|| Failure::Check("start this as `cargo xtask`".to_owned()))?;
        let target = match env::var_os("CARGO_TARGET_DIR") {
            Some(folder) => std::path::absolute(&folder).map_err(Failure::file(folder))?,
            None => root.join("target"),
        };
        Ok(Self { root, target })
    }

    /// A cargo command of the toolchain that runs this, in the root.
    pub fn cargo(&self) -> Command {
        self.command(env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")))
    }

    /// Any command, in the root.
    pub fn command(&self, program: impl Into<OsString>) -> Command {
        let mut command = Command::new(program.into());
        command.current_dir(&self.root);
        command
    }

    /// The npm package.
    pub fn web(&self) -> PathBuf {
        self.root.join("web")
    }

    /// The `mome` command of the everyday build.
    pub fn mome_binary(&self) -> PathBuf {
        self.target.join("debug").join(format!("mome{}", env::consts::EXE_SUFFIX))
    }
}
