//! `mome serve`: static files on loopback, with the headers that a pack wants of its host.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};

use axum::Router;
use axum::extract::Request;
use axum::handler::HandlerWithoutStateExt;
use axum::http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode, Uri};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use thiserror::Error;
use tower_http::services::ServeDir;

/// The port where none is asked for; if it is taken, one of those after it.
const DEFAULT_PORT: u16 = 8080;
/// How many ports to try, the default one included.
const PORTS_TRIED: u16 = 20;

/// Why a directory is not served.
#[derive(Debug, Error)]
pub enum ServeError {
    /// There is no such directory.
    #[error("{0} is not a directory; give the one whose files are to be served")]
    Directory(PathBuf),
    /// The port asked for cannot be had.
    #[error("port {port} cannot be used: {error}; give another, or `--port 0` for any that is free")]
    Port {
        /// The port.
        port: u16,
        /// What the system says.
        #[source]
        error: io::Error,
    },
    /// The server could not be started.
    #[error("the server could not be started: {0}")]
    Start(#[from] io::Error),
}

/// Serves the files below `dir` on 127.0.0.1 until the process ends, and calls `announce` with the address once
/// connections are accepted. Port 0 stands for any free one; without a port it is 8080 or one a little above.
///
/// # Errors
/// [`ServeError`] where the directory is not there or no port can be had.
pub fn serve(dir: &Path, port: Option<u16>, announce: impl FnOnce(SocketAddr)) -> Result<(), ServeError> {
    if !dir.is_dir() {
        return Err(ServeError::Directory(dir.into()));
    }
    let listener = listen(port)?;
    listener.set_nonblocking(true)?;
    announce(listener.local_addr()?);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        axum::serve(listener, files(dir)).await
    })?;
    Ok(())
}

fn listen(port: Option<u16>) -> Result<TcpListener, ServeError> {
    let bind = |port| {
        TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(|error| ServeError::Port { port, error })
    };
    match port {
        Some(port) => bind(port),
        None => (DEFAULT_PORT..DEFAULT_PORT + PORTS_TRIED)
            .find_map(|port| bind(port).ok())
            .map_or_else(|| bind(DEFAULT_PORT), Ok),
    }
}

fn files(dir: &Path) -> Router {
    let files = ServeDir::new(dir).not_found_service(not_found.into_service());
    Router::new().fallback_service(files).layer(from_fn(with_headers))
}

async fn not_found(uri: Uri) -> String {
    format!("There is no file {}\n", uri.path())
}

/// Puts on every response what pages of other sites and the caches of browsers need.
async fn with_headers(request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    let mut response = next.run(request).await;
    // What is missing now may be there later, so only what was found is kept for good.
    let found = response.status().is_success() || response.status() == StatusCode::NOT_MODIFIED;
    let cache_control = match found && path.contains("/objects/") {
        true => "public, max-age=31536000, immutable",
        false => "no-cache",
    };
    let content_type = content_type(&path, response.headers().get(CONTENT_TYPE));
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(cache_control));
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    if let Some(content_type) = content_type {
        headers.insert(CONTENT_TYPE, content_type);
    }
    response
}

/// A better content type than the one guessed from the file's extension, where there is one.
fn content_type(path: &str, guessed: Option<&HeaderValue>) -> Option<HeaderValue> {
    let better = match guessed?.to_str().ok()? {
        "text/javascript" | "application/javascript" => "text/javascript; charset=utf-8",
        "text/html" => "text/html; charset=utf-8",
        "text/css" => "text/css; charset=utf-8",
        "text/plain" if path.ends_with(".map") => "application/json",
        "text/plain" => "text/plain; charset=utf-8",
        _ => return None,
    };
    Some(HeaderValue::from_static(better))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::{Read, Write};
    use std::net::TcpStream;
    use std::sync::mpsc;
    use std::thread;

    use tempfile::TempDir;

    use super::*;

    /// A site on a server that runs until the tests end. A secret lies beside its folder.
    struct Site {
        folder: TempDir,
        address: SocketAddr,
    }

    const SECRET: &str = "classified";

    impl Site {
        fn new(files: &[(&str, &str)]) -> Self {
            let folder = TempDir::new().unwrap();
            fs::write(folder.path().join("secret.txt"), SECRET).unwrap();
            let dir = folder.path().join("site");
            for (path, text) in files {
                let path = dir.join(path);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, text).unwrap();
            }
            let (announce, announced) = mpsc::channel();
            thread::spawn(move || serve(&dir, Some(0), |address| announce.send(address).unwrap()));
            Self { folder, address: announced.recv().unwrap() }
        }

        /// The response to `GET path`: status, headers in lower case, body.
        fn get(&self, path: &str) -> (u16, String, String) {
            let mut stream = TcpStream::connect(self.address).unwrap();
            write!(stream, "GET {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n").unwrap();
            let mut response = String::new();
            stream.read_to_string(&mut response).unwrap();
            let (head, body) = response.split_once("\r\n\r\n").unwrap();
            let status = head.split(' ').nth(1).unwrap().parse().unwrap();
            (status, head.to_lowercase(), body.into())
        }

        /// One header of the response to `GET path`.
        fn header(&self, path: &str, name: &str) -> Option<String> {
            let (_, head, _) = self.get(path);
            head.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")).map(Into::into))
        }
    }

    #[test]
    fn files_come_with_their_types() {
        let types = [
            ("page.html", "text/html; charset=utf-8"),
            ("style.css", "text/css; charset=utf-8"),
            ("a.js", "text/javascript; charset=utf-8"),
            ("a.mjs", "text/javascript; charset=utf-8"),
            ("a.js.map", "application/json"),
            ("a.wasm", "application/wasm"),
            ("mome.json", "application/json"),
            ("notes.txt", "text/plain; charset=utf-8"),
            ("model.gguf", "application/octet-stream"),
            ("objects/ab/abcd", "application/octet-stream"),
        ];
        let site = Site::new(&types.map(|(path, _)| (path, "text")));
        for (path, expected) in types {
            assert_eq!(site.header(&format!("/{path}"), "content-type").as_deref(), Some(expected), "{path}");
        }
    }

    #[test]
    fn objects_are_kept_for_good_and_all_else_is_asked_for_anew() {
        let site =
            Site::new(&[("pack/objects/ab/abcd", "object"), ("pack/mome.json", "{}"), ("objects.html", "")]);
        let kept = Some("public, max-age=31536000, immutable".to_owned());
        assert_eq!(site.header("/pack/objects/ab/abcd", "cache-control"), kept);
        for path in ["/pack/mome.json", "/objects.html", "/pack/objects/ab/missing"] {
            assert_eq!(site.header(path, "cache-control").as_deref(), Some("no-cache"), "{path}");
        }
    }

    #[test]
    fn other_sites_may_read_every_answer() {
        let site = Site::new(&[("mome.json", "{}")]);
        for path in ["/mome.json", "/missing"] {
            assert_eq!(site.header(path, "access-control-allow-origin").as_deref(), Some("*"), "{path}");
        }
    }

    #[test]
    fn what_is_missing_is_said_in_plain_text() {
        let site = Site::new(&[("folder/file", "text")]);
        for path in ["/missing", "/folder/", "/folder/missing.html", "/"] {
            let (status, head, body) = site.get(path);
            assert_eq!(status, 404, "{path}");
            assert!(head.contains("content-type: text/plain; charset=utf-8"), "{head}");
            assert_eq!(body, format!("There is no file {path}\n"));
        }
    }

    #[test]
    fn a_folder_shows_its_index() {
        let site = Site::new(&[("index.html", "<p>top"), ("sub/index.html", "<p>sub")]);
        assert_eq!(site.get("/").2, "<p>top");
        assert_eq!(site.get("/sub/").2, "<p>sub");
        assert_eq!(site.header("/sub", "location").as_deref(), Some("/sub/"));
        assert_eq!(site.header("/", "content-type").as_deref(), Some("text/html; charset=utf-8"));
    }

    #[test]
    fn nothing_outside_the_folder_is_served() {
        let site = Site::new(&[("index.html", "public")]);
        let absolute = format!("/{}/secret.txt", site.folder.path().display());
        for path in ["/../secret.txt", "/%2e%2e/secret.txt", "/..%2fsecret.txt", &absolute] {
            let (status, _, body) = site.get(path);
            assert!(status >= 400 && !body.contains(SECRET), "{path}: {status} {body}");
        }
    }

    #[test]
    fn a_taken_port_and_a_missing_folder_are_clear_errors() {
        let folder = TempDir::new().unwrap();
        let holder = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let taken = holder.local_addr().unwrap().port();
        let error = serve(folder.path(), Some(taken), |_| panic!("announced")).unwrap_err().to_string();
        assert!(error.contains(&taken.to_string()) && error.contains("--port 0"), "{error}");
        let missing = folder.path().join("missing");
        let error = serve(&missing, Some(0), |_| panic!("announced")).unwrap_err().to_string();
        assert!(error.contains("missing is not a directory"), "{error}");
    }

    #[test]
    fn without_a_port_the_next_free_one_is_taken() {
        let (first, second) = (listen(None).unwrap(), listen(None).unwrap());
        let ports = [first, second].map(|listener| listener.local_addr().unwrap().port());
        assert!(ports[0] < ports[1], "{ports:?}");
        assert!(
            ports.iter().all(|port| (DEFAULT_PORT..DEFAULT_PORT + PORTS_TRIED).contains(port)),
            "{ports:?}"
        );
    }
}
