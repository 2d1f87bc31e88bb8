//! The demo: facts memorised, site served.

use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::{Failure, Workspace, package, process, setup, site};

/// What the demo allows of unknown questions to be answered, and of near misses: more than the command does where nothing is
/// said, so that more rephrasings are answered.
const DEMO_ALPHA: &str = "0.05";

/// Builds everything and serves the site on loopback until stopped.
///
/// # Errors
/// What any step reports.
pub fn serve(workspace: &Workspace, port: Option<u16>) -> Result<(), Failure> {
    package::build(workspace, &setup::for_package(workspace)?)?;
    let site = build_site(workspace)?;
    let mut mome = workspace.command(workspace.mome_binary());
    mome.arg("serve").arg(site);
    if let Some(port) = port {
        mome.arg("--port").arg(port.to_string());
    }
    process::run(&mut mome)
}

/// Builds everything and drives the site in headless Chromium; screenshots go to `target/demo-check`.
///
/// # Errors
/// What any step reports, and answers that are not right.
pub fn check(workspace: &Workspace) -> Result<(), Failure> {
    let toolchain = setup::for_package(workspace)?;
    let chromium = setup::chromium()?;
    package::build(workspace, &toolchain)?;
    let site = build_site(workspace)?;
    let screenshots = workspace.target.join("demo-check");
    println!("Asking the site in Chromium; screenshots go to {}", screenshots.display());
    let mut demo_check = package::script(workspace, "demo-check");
    process::run(demo_check.arg("--").arg(site).arg(screenshots).env("CHROMIUM", chromium))
}

/// Builds the `mome` command, then does as [`assemble_site`].
fn build_site(workspace: &Workspace) -> Result<PathBuf, Failure> {
    println!("Building the mome command");
    // Without what trains: no pack needs it, and it is most of what there is to compile.
    let build = ["build", "--locked", "--package", "mome-cli", "--no-default-features", "--bin", "mome"];
    process::run(workspace.cargo().args(build))?;
    assemble_site(workspace)
}

/// Memorises the demo facts with the `mome` command and puts the site together with the npm package, both of which
/// have to be there; gives back the folder to serve.
///
/// # Errors
/// What any step reports.
pub fn assemble_site(workspace: &Workspace) -> Result<PathBuf, Failure> {
    let pack = memorize(workspace)?;
    site::assemble(workspace, &pack)
}

/// Memorises the demo facts, unless the pack at hand was made from the same facts by the same program.
fn memorize(workspace: &Workspace) -> Result<PathBuf, Failure> {
    let facts = workspace.root.join("demo/facts.jsonl");
    let mome = workspace.mome_binary();
    let pack = workspace.target.join("demo-pack");
    let stamp = workspace.target.join("demo-pack.inputs");
    let inputs = format!("{}\n{}\n", digest(&facts)?, digest(&mome)?);
    if pack.join("mome.json").is_file() && fs::read_to_string(&stamp).is_ok_and(|of| of == inputs) {
        println!("Demo pack: up to date");
        return Ok(pack);
    }
    println!("Memorising the demo facts: a minute or two, once");
    if pack.exists() {
        fs::remove_dir_all(&pack).map_err(Failure::file(&pack))?;
    }
    let alpha = ["--alpha", DEMO_ALPHA];
    process::run(workspace.command(mome).arg("memorize").arg(facts).arg("--out").arg(&pack).args(alpha))?;
    fs::write(&stamp, inputs).map_err(Failure::file(&stamp))?;
    Ok(pack)
}

/// SHA-256 of a file, in hexadecimal.
fn digest(file: &Path) -> Result<String, Failure> {
    let bytes = fs::read(file).map_err(Failure::file(file))?;
    Ok(Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect())
}
