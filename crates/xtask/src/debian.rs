//! System packages on Debian and what derives from it.

use std::process::Command;

use crate::{Failure, process};

/// Installs packages with apt-get, which takes root.
///
/// # Errors
/// [`Failure::Missing`] with the command to run by hand where this is not Debian or not root, and what apt-get
/// reports. `otherwise` tells people on other systems what to do.
pub fn install(what: &'static str, packages: &[&str], otherwise: &str) -> Result<(), Failure> {
    if process::find("apt-get").is_none() {
        return Err(Failure::Missing { what, how: otherwise.to_owned() });
    }
    let packages = packages.join(" ");
    if !is_root() {
        let how = format!("On Debian: sudo apt-get install {packages}\nElsewhere: {otherwise}");
        return Err(Failure::Missing { what, how });
    }
    println!("{what}: installing {packages} with apt-get");
    process::run(apt_get().args(["update", "-qq"]))?;
    process::run(
        apt_get().args(["install", "-y", "-qq", "--no-install-recommends"]).args(packages.split(' ')),
    )
}

fn apt_get() -> Command {
    let mut command = Command::new("apt-get");
    command.env("DEBIAN_FRONTEND", "noninteractive");
    command
}

fn is_root() -> bool {
    process::output(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0")
}
