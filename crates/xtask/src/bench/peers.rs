//! Other runtimes, for the bench alone: nothing of the product ever sees them.

use std::path::Path;

use crate::{Failure, Workspace, process};

/// From PyPI: llama.cpp, built from source for this machine's processor, and what writes ONNX files.
const PYTHON_PACKAGES: [&str; 4] = ["llama-cpp-python==0.3.36", "onnx==1.23.2", "gguf==0.19.0", "numpy"];

/// From npm.
const NPM_PACKAGES: [&str; 2] = ["@wllama/wllama@3.8.1", "@huggingface/transformers@4.3.1"];

/// Installs the peers into a folder of their own.
///
/// # Errors
/// Where Python or npm is missing or fails.
pub fn install(workspace: &Workspace, folder: &Path) -> Result<(), Failure> {
    println!(
        "Peers: installing into {}\n  Python: {} (300 MB; builds llama.cpp, which takes a C++ compiler and minutes)\n  npm: {} (500 MB)",
        folder.display(),
        PYTHON_PACKAGES.join(", "),
        NPM_PACKAGES.join(", ")
    );
    let environment = folder.join("python");
    process::run(workspace.command("python3").args(["-m", "venv"]).arg(&environment))?;
    let programs = environment.join(if cfg!(windows) { "Scripts" } else { "bin" });
    let mut pip = workspace.command(programs.join("python"));
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
    pip.args(["--no-binary", "llama-cpp-python"]).args(PYTHON_PACKAGES);
    process::run(pip.env("CMAKE_ARGS", "-DGGML_NATIVE=ON"))?;

    let mut npm = workspace.command("npm");
    // Install scripts would fetch programs for Node, which the bench has no use for.
    npm.args(["install", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix"]);
    process::run(npm.arg(folder.join("web")).args(NPM_PACKAGES))
}
