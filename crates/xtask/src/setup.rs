//! What the chores need on the machine. Every function looks at the files themselves, says in a line what it
//! found or did, and is quick where nothing is missing.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::toolchain::WasmToolchain;
use crate::{Failure, Workspace, debian, process};

/// Names under which Chromium is known.
const CHROMIUM_NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/// Installs everything that any chore needs.
///
/// # Errors
/// The first thing that is missing and cannot be installed from here.
pub fn everything(workspace: &Workspace) -> Result<(), Failure> {
    for_package(workspace)?;
    chromium()?;
    vulkan_driver()
}

/// Installs what building the npm package needs; gives back the toolchain to build it with.
///
/// # Errors
/// The first thing that is missing and cannot be installed from here.
pub fn for_package(workspace: &Workspace) -> Result<WasmToolchain, Failure> {
    npm_packages(workspace)?;
    WasmToolchain::set_up(workspace)
}

/// The npm packages of `web/`, as its lock file has them.
///
/// # Errors
/// Where Node is missing or npm fails.
fn npm_packages(workspace: &Workspace) -> Result<(), Failure> {
    let npm = process::find("npm").filter(|_| process::find("node").is_some()).ok_or(Failure::Missing {
        what: "Node.js",
        how: "Install version 20 or later: https://nodejs.org/en/download".to_owned(),
    })?;
    let lock = modified(&workspace.web().join("package-lock.json"))?;
    // npm writes this file last, so that it also tells of an installation that was stopped half-way.
    let installed = modified(&workspace.web().join("node_modules/.package-lock.json"));
    if installed.is_ok_and(|installed| installed >= lock) {
        println!("npm packages: up to date");
        return Ok(());
    }
    println!("npm packages: installing them in web/ with npm ci");
    process::run(workspace.command(npm).args(["ci", "--no-audit", "--no-fund"]).current_dir(workspace.web()))
}

/// A Chromium that tests can drive; its path.
///
/// # Errors
/// Where there is none and it cannot be installed from here.
pub fn chromium() -> Result<PathBuf, Failure> {
    if let Some(path) = installed_chromium() {
        println!("Chromium: {}", path.display());
        return Ok(path);
    }
    let by_hand = "Install Chromium or Chrome, and name its program in the variable CHROMIUM.";
    debian::install("Chromium", &["chromium"], by_hand)?;
    installed_chromium().ok_or(Failure::Missing { what: "Chromium", how: by_hand.to_owned() })
}

fn installed_chromium() -> Option<PathBuf> {
    match env::var_os("CHROMIUM") {
        Some(path) => Some(PathBuf::from(path)).filter(|path| path.is_file()),
        None => CHROMIUM_NAMES.into_iter().find_map(process::find),
    }
}

/// A Vulkan driver for the tests of the GPU kernels; software will do. Other systems bring their own GPU interface.
///
/// # Errors
/// On Linux, where there is none and it cannot be installed from here.
pub fn vulkan_driver() -> Result<(), Failure> {
    if !cfg!(target_os = "linux") {
        return Ok(());
    }
    let libraries = ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib"];
    let loader = libraries.iter().any(|folder| Path::new(folder).join("libvulkan.so.1").exists());
    let drivers = ["/usr/share/vulkan/icd.d", "/etc/vulkan/icd.d"];
    let driver =
        drivers.iter().any(|folder| fs::read_dir(folder).is_ok_and(|mut files| files.next().is_some()));
    if loader && driver {
        println!("Vulkan driver: there");
        return Ok(());
    }
    let by_hand = "Install the Vulkan loader and a driver, for example Mesa's lavapipe.";
    debian::install("A Vulkan driver", &["libvulkan1", "mesa-vulkan-drivers"], by_hand)
}

fn modified(file: &Path) -> Result<SystemTime, Failure> {
    fs::metadata(file).and_then(|metadata| metadata.modified()).map_err(Failure::file(file))
}
