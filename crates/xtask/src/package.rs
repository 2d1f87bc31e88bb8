//! The npm package: wasm, its JavaScript glue, and the compiled TypeScript, all in `web/dist`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use wasm_bindgen_cli_support::Bindgen;

use crate::toolchain::{WASM_TARGET, WasmToolchain};
use crate::{Failure, Workspace, process};

/// Builds the whole package.
///
/// # Errors
/// What the steps report.
pub fn build(workspace: &Workspace, toolchain: &WasmToolchain) -> Result<(), Failure> {
    build_wasm(workspace, toolchain)?;
    compile_typescript(workspace)
}

/// Builds `mome-web` for wasm32 and writes wasm and glue to `web/dist/wasm`.
///
/// # Errors
/// What cargo or wasm-bindgen report.
pub fn build_wasm(workspace: &Workspace, toolchain: &WasmToolchain) -> Result<(), Failure> {
    println!("Building the page's wasm");
    let wasm = cargo_wasm(workspace, toolchain, &[])?.join("mome_web.wasm");
    bind(&wasm, &workspace.web().join("dist/wasm"))
}

/// Builds what the browser tests run beside the package, into `web/test/wasm`.
///
/// # Errors
/// As [`build_wasm`].
pub fn build_wasm_for_tests(workspace: &Workspace, toolchain: &WasmToolchain) -> Result<(), Failure> {
    println!("Building the tests' wasm");
    let example = ["--example", "five_facts"];
    let wasm = cargo_wasm(workspace, toolchain, &example)?.join("examples/five_facts.wasm");
    bind(&wasm, &workspace.web().join("test/wasm"))
}

/// Builds `mome-web` for wasm32; gives the folder that holds what comes of it.
fn cargo_wasm(
    workspace: &Workspace,
    toolchain: &WasmToolchain,
    arguments: &[&str],
) -> Result<PathBuf, Failure> {
    // A folder of its own, since this may be another compiler than the one of the everyday build.
    let target = workspace.target.join("wasm");
    process::run(
        toolchain
            .cargo_build(workspace)
            .args(["--locked", "--package", "mome-web", "--profile", "web"])
            .args(arguments)
            .env("CARGO_TARGET_DIR", &target)
            .env("RUSTFLAGS", "-C target-feature=+simd128"),
    )?;
    Ok(target.join(WASM_TARGET).join("web"))
}

/// Writes wasm and its JavaScript glue to `out`.
fn bind(wasm: &Path, out: &Path) -> Result<(), Failure> {
    fs::create_dir_all(out).map_err(Failure::file(out))?;
    Bindgen::new()
        .input_path(wasm)
        .omit_default_module_path(false)
        .remove_name_section(true)
        .typescript(true)
        .web(true)
        .and_then(|bindgen| bindgen.generate(out))
        .map_err(|problem| Failure::Bindgen { path: wasm.into(), problem: format!("{problem:#}") })
}

/// Compiles the TypeScript of `web/src` to `web/dist`.
///
/// # Errors
/// What the compiler reports.
pub fn compile_typescript(workspace: &Workspace) -> Result<(), Failure> {
    process::run(&mut script(workspace, "build"))
}

/// A script of the package, told where the build is; those that drive a browser want `CHROMIUM` too.
pub fn script(workspace: &Workspace, name: &str) -> Command {
    let mut npm = workspace.command("npm");
    npm.args(["run", "--silent", name]).current_dir(workspace.web());
    npm.env("CARGO_TARGET_DIR", &workspace.target).env("MOME", workspace.mome_binary());
    npm
}
