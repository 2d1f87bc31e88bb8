//! A Rust toolchain that builds for wasm32.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{Failure, Workspace, debian, process};

/// The target of the page's build.
pub const WASM_TARGET: &str = "wasm32-unknown-unknown";

/// Debian's backported toolchain: a compiler of its own, with the sources of `std`, and the linker.
const DEBIAN_PACKAGES: [&str; 5] = ["rustc-web", "cargo-web", "rust-web-src", "rust-web-llvm", "lld-22"];

/// How this machine builds for wasm32.
pub enum WasmToolchain {
    /// The toolchain in use has the target.
    Installed,
    /// Debian's toolchain, which has no compiled `std` for the target and builds it from source.
    Debian,
}

impl WasmToolchain {
    /// Finds a toolchain, or installs one: the target through rustup, else Debian's packages. What is there already
    /// is taken first, since a rustup that cannot reach its server takes its time to say so.
    ///
    /// # Errors
    /// [`Failure::Missing`] with the commands to run by hand where neither is possible.
    pub fn set_up(workspace: &Workspace) -> Result<Self, Failure> {
        if has_target(workspace)? {
            println!("wasm32 target: there, in the toolchain in use");
            return Ok(Self::Installed);
        }
        if debian_has_sources() {
            println!("wasm32 target: Debian's toolchain, which builds std from source");
            return Ok(Self::Debian);
        }
        if process::find("rustup").is_some() {
            println!("wasm32 target: adding it with rustup");
            match process::run(workspace.command("rustup").args(["target", "add", WASM_TARGET])) {
                Ok(()) => return Ok(Self::Installed),
                Err(failure) => println!("wasm32 target: {failure}\nTrying Debian's toolchain."),
            }
        }
        let by_hand = format!("Run: rustup target add {WASM_TARGET}");
        debian::install("The wasm32 target of Rust", &DEBIAN_PACKAGES, &by_hand)?;
        Ok(Self::Debian)
    }

    /// `cargo build` for the target.
    pub fn cargo_build(&self, workspace: &Workspace) -> Command {
        let mut cargo = match self {
            Self::Installed => workspace.cargo(),
            Self::Debian => {
                let mut cargo = workspace.command("/usr/bin/cargo");
                cargo.env("RUSTC", "/usr/bin/rustc").env("RUSTC_BOOTSTRAP", "1");
                cargo
            }
        };
        cargo.args(["build", "--target", WASM_TARGET]);
        if matches!(self, Self::Debian) {
            cargo.args(["-Z", "build-std=std,panic_abort"]);
        }
        cargo
    }
}

/// Whether the toolchain in use has a compiled `std` for the target.
fn has_target(workspace: &Workspace) -> Result<bool, Failure> {
    Ok(sysroot(workspace.command("rustc"))?.join("lib/rustlib").join(WASM_TARGET).join("lib").is_dir())
}

/// Whether Debian's compiler is there with the sources of `std` and a linker. Debian's ordinary `rustc` package
/// has the same program names but is too old and comes without them.
fn debian_has_sources() -> bool {
    let compiler = Path::new("/usr/bin/rustc");
    let tools = compiler.is_file()
        && Path::new("/usr/bin/cargo").is_file()
        && Path::new("/usr/bin/rust-lld").exists();
    tools
        && sysroot(Command::new(compiler))
            .is_ok_and(|root| root.join("lib/rustlib/src/rust/library/std/Cargo.toml").is_file())
}

fn sysroot(mut rustc: Command) -> Result<PathBuf, Failure> {
    let path = process::output(rustc.args(["--print", "sysroot"]))?;
    Ok(PathBuf::from(path.trim()))
}
