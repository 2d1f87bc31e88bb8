//! Other runtimes, in a folder of the bench's own: `python`, a virtual environment, and `web`, with npm packages.

use std::path::PathBuf;
use std::process::{Command, Stdio};

/// The peers' folder, and which of them are there.
pub struct Peers {
    folder: PathBuf,
    /// llama.cpp, through llama-cpp-python.
    pub llama_cpp: bool,
    /// llama.cpp as wasm.
    pub wllama: bool,
    /// transformers.js, and what writes models for it.
    pub transformers: bool,
}

impl Peers {
    /// Looks for the peers in a folder, which need not exist.
    pub fn find(folder: PathBuf) -> Self {
        let mut peers = Self { folder, llama_cpp: false, wllama: false, transformers: false };
        let package = |name: &str| peers.node_modules().join(name).join("package.json").is_file();
        let (wllama, transformers) = (package("@wllama/wllama"), package("@huggingface/transformers"));
        peers.llama_cpp = peers.imports("llama_cpp");
        peers.wllama = wllama;
        peers.transformers = transformers && peers.imports("onnx") && peers.imports("gguf");
        peers
    }

    /// The Python that has the peers' packages.
    pub fn python(&self) -> PathBuf {
        let (folder, program) = if cfg!(windows) { ("Scripts", "python.exe") } else { ("bin", "python") };
        self.folder.join("python").join(folder).join(program)
    }

    /// The peers' npm packages.
    pub fn node_modules(&self) -> PathBuf {
        self.folder.join("web/node_modules")
    }

    /// The names of those that are not there.
    pub fn missing(&self) -> Vec<&'static str> {
        let all =
            [("llama.cpp", self.llama_cpp), ("wllama", self.wllama), ("transformers.js", self.transformers)];
        all.into_iter().filter(|(_, there)| !there).map(|(name, _)| name).collect()
    }

    fn imports(&self, module: &str) -> bool {
        let mut python = Command::new(self.python());
        python.args(["-c", &format!("import {module}")]).stdout(Stdio::null()).stderr(Stdio::null());
        python.status().is_ok_and(|status| status.success())
    }
}
