//! The demo site as any static host would serve it, in `www/public`.

use std::fs;
use std::path::{Path, PathBuf};

use crate::{Failure, Workspace};

/// Puts the page, the npm package and a pack together; gives back the folder.
///
/// # Errors
/// Where a file cannot be copied.
pub fn assemble(workspace: &Workspace, pack: &Path) -> Result<PathBuf, Failure> {
    let site = workspace.root.join("www/public");
    if site.exists() {
        fs::remove_dir_all(&site).map_err(Failure::file(&site))?;
    }
    for page_file in ["index.html", "style.css", "app.js", "favicon.svg"] {
        copy_file(&workspace.root.join("www").join(page_file), &site.join(page_file))?;
    }
    copy_folder(&workspace.web().join("dist"), &site.join("mome"))?;
    copy_folder(pack, &site.join("pack"))?;
    Ok(site)
}

fn copy_folder(from: &Path, to: &Path) -> Result<(), Failure> {
    for entry in fs::read_dir(from).map_err(Failure::file(from))? {
        let entry = entry.map_err(Failure::file(from))?.path();
        let Some(name) = entry.file_name() else { continue };
        if entry.is_dir() {
            copy_folder(&entry, &to.join(name))?;
        } else {
            copy_file(&entry, &to.join(name))?;
        }
    }
    Ok(())
}

fn copy_file(from: &Path, to: &Path) -> Result<(), Failure> {
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder).map_err(Failure::file(folder))?;
    }
    fs::copy(from, to).map(|_| ()).map_err(Failure::file(from))
}
