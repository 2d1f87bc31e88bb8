//! Making of the selector that comes with the default backbone.

use crate::{Failure, Workspace, process};

/// Gradient steps: more bring little.
const STEPS: &str = "12000";

/// Trains the selector on the tables in `crates/mome-train/data` and writes it beside the backbone, from where the
/// `mome` command is built with it.
///
/// # Errors
/// What the build or the training reports.
pub fn make(workspace: &Workspace) -> Result<(), Failure> {
    process::run(workspace.cargo().args(["build", "--locked", "--workspace", "--bin", "mome"]))?;
    let data = workspace.root.join("crates/mome-train/data");
    let out = workspace.root.join("crates/mome-backbone/data/mome-tiny-q8_0.selector");
    let mut mome = workspace.command(workspace.mome_binary());
    mome.arg("selector").arg(data.join("faq")).arg(data).arg("--out").arg(out);
    // On the CPU: the same bytes on every machine.
    process::run(mome.args(["--device", "cpu", "--steps", STEPS]))
}
