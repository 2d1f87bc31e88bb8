//! Every check of the project, one after another.

use std::time::Instant;

use crate::toolchain::{WASM_TARGET, WasmToolchain};
use crate::{Failure, Workspace, demo, models, package, process, setup};

/// One check: its name, and what it does.
type Step<'a> = (&'static str, Box<dyn Fn() -> Result<(), Failure> + 'a>);

/// Runs every check and stops at the first that fails.
///
/// # Errors
/// The failure of that check, which names the command to run again.
pub fn run(workspace: &Workspace, full: bool) -> Result<(), Failure> {
    let toolchain = setup::for_package(workspace)?;
    let chromium = setup::chromium()?;
    setup::vulkan_driver()?;
    if full {
        models::fetch(workspace)?;
    }

    let mut steps: Vec<Step<'_>> = vec![
        ("format", Box::new(|| process::run(workspace.cargo().args(["fmt", "--all", "--check"])))),
        ("lints", Box::new(|| lints(workspace, &toolchain))),
        ("burn stays out of the page", Box::new(|| no_burn_in_the_page(workspace))),
        ("Rust tests", Box::new(|| rust_tests(workspace, full))),
        ("wasm build", Box::new(|| package::build_wasm(workspace, &toolchain))),
        ("wasm of the tests", Box::new(|| package::build_wasm_for_tests(workspace, &toolchain))),
        ("TypeScript", Box::new(|| package::compile_typescript(workspace))),
        // The Rust tests have built the `mome` command.
        ("demo site", Box::new(|| demo::assemble_site(workspace).map(|_| ()))),
        (
            "browser tests",
            Box::new(|| process::run(package::script(workspace, "test").env("CHROMIUM", &chromium))),
        ),
    ];
    if full {
        steps.push(("training on a GPU", Box::new(|| training_on_a_gpu(workspace))));
    }

    for (passed, (name, step)) in steps.iter().enumerate() {
        println!("\n== {name}");
        let begin = Instant::now();
        let outcome = step();
        println!("== {name}: {:.1} s", begin.elapsed().as_secs_f64());
        if let Err(failure) = outcome {
            eprintln!("error: {failure}");
            println!("{passed} passed, 1 failed");
            return Err(Failure::Check(format!("the check `{name}` failed; those after it did not run")));
        }
    }
    println!("{} passed, 0 failed", steps.len());
    Ok(())
}

/// Trains a little through burn-wgpu, on whatever adapter there is, and compares with the CPU. Apart from the other tests:
/// burn-wgpu takes long to build.
fn training_on_a_gpu(workspace: &Workspace) -> Result<(), Failure> {
    let test = ["test", "--locked", "--package", "mome-train", "--features", "wgpu", "--lib", "parity"];
    process::run(workspace.cargo().args(test))
}

/// Clippy on everything, and on the page's code for its own target where the toolchain has a clippy for that.
fn lints(workspace: &Workspace, toolchain: &WasmToolchain) -> Result<(), Failure> {
    let clippy = ["clippy", "--locked", "--workspace", "--all-targets", "--", "-D", "warnings"];
    process::run(workspace.cargo().args(clippy))?;
    if matches!(toolchain, WasmToolchain::Debian) {
        println!("Left out: lints for {WASM_TARGET}, which Debian's toolchain cannot run");
        return Ok(());
    }
    let page =
        ["clippy", "--locked", "--package", "mome-web", "--target", WASM_TARGET, "--", "-D", "warnings"];
    // What native threads share is in an `Arc`, also where the page has one thread only.
    process::run(workspace.cargo().args(page).args(["-A", "clippy::arc-with-non-send-sync"]))
}

/// burn would add minutes to the page's build and megabytes to its wasm.
fn no_burn_in_the_page(workspace: &Workspace) -> Result<(), Failure> {
    let tree = ["tree", "--locked", "--package", "mome-web", "--target", WASM_TARGET];
    let crates =
        process::output(workspace.cargo().args(tree).args(["--edges", "normal", "--prefix", "none"]))?;
    match crates.lines().find(|line| line.starts_with("burn")) {
        Some(line) => Err(Failure::Check(format!("mome-web depends on {line}: see `cargo tree`"))),
        None => Ok(()),
    }
}

/// The Rust tests, through nextest where it is installed; nextest leaves out the examples in the documentation.
fn rust_tests(workspace: &Workspace, full: bool) -> Result<(), Failure> {
    let mut tests = workspace.cargo();
    if process::find("cargo-nextest").is_none() {
        tests.args(["test", "--locked", "--workspace"]);
        return process::run(tests.args(full.then_some(["--", "--include-ignored"]).into_iter().flatten()));
    }
    tests.args(["nextest", "run", "--locked", "--workspace"]).args(full.then_some("--run-ignored=all"));
    process::run(&mut tests)?;
    process::run(workspace.cargo().args(["test", "--locked", "--workspace", "--doc", "--quiet"]))
}
