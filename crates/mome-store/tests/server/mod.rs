//! A small HTTP server on loopback that answers as a test says, well or badly.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

/// One answer of the server. The connection is closed after it.
pub struct Reply {
    head: String,
    body: Vec<u8>,
    /// How often the body is sent, one after the other.
    times: usize,
}

impl Reply {
    /// The body, whole, with its length.
    pub fn new(status: u16, body: &[u8]) -> Self {
        Self::promising(status, body.len(), body)
    }

    /// The body, and a `Content-Length` that may be another.
    pub fn promising(status: u16, length: usize, body: &[u8]) -> Self {
        let head = format!("HTTP/1.1 {status} Test\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n");
        Self { head, body: body.to_vec(), times: 1 }
    }

    /// The body again and again, without its length, until the client leaves.
    pub fn repeating(body: &[u8], times: usize) -> Self {
        let head = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n".into();
        Self { head, body: body.to_vec(), times }
    }

    /// Elsewhere.
    pub fn redirect(to: &str) -> Self {
        let head =
            format!("HTTP/1.1 302 Found\r\nConnection: close\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n");
        Self { head, body: Vec::new(), times: 1 }
    }
}

/// The server, until it is dropped.
pub struct Server {
    address: SocketAddr,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    /// Heads of the requests so far.
    requests: Mutex<Vec<String>>,
    bytes_sent: AtomicU64,
    stopped: AtomicBool,
}

impl Server {
    /// Answers each request with `answer(path, how many requests for this path came before)`.
    pub fn start(answer: impl Fn(&str, usize) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State::default());
        let (answer, shared) = (Arc::new(answer), state.clone());
        thread::spawn(move || {
            for stream in listener.incoming() {
                if shared.stopped.load(Ordering::SeqCst) {
                    return;
                }
                let (stream, answer, state) = (stream.unwrap(), answer.clone(), shared.clone());
                thread::spawn(move || serve(stream, &*answer, &state));
            }
        });
        Self { address, state }
    }

    /// The address of the pack that it serves.
    pub fn url(&self) -> String {
        format!("http://{}/pack", self.address)
    }

    /// Heads of the requests so far.
    pub fn requests(&self) -> Vec<String> {
        self.state.requests.lock().unwrap().clone()
    }

    /// Bytes of bodies that the operating system took so far.
    pub fn bytes_sent(&self) -> u64 {
        self.state.bytes_sent.load(Ordering::SeqCst)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.state.stopped.store(true, Ordering::SeqCst);
        // Wakes the listener, which then sees that it is to stop.
        let _ = TcpStream::connect(self.address);
    }
}

fn serve(mut stream: TcpStream, answer: &dyn Fn(&str, usize) -> Reply, state: &State) {
    let head: Vec<String> =
        BufReader::new(&stream).lines().map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
    let Some(path) = head.first().and_then(|line| line.split(' ').nth(1)) else { return };
    let before = {
        let mut requests = state.requests.lock().unwrap();
        let before = requests.iter().filter(|request| request.split(' ').nth(1) == Some(path)).count();
        requests.push(head.join("\n"));
        before
    };
    let reply = answer(path, before);
    // A client that has seen enough closes the connection: that is no fault of the test.
    if stream.write_all(reply.head.as_bytes()).is_err() {
        return;
    }
    for _ in 0..reply.times {
        if stream.write_all(&reply.body).is_err() {
            return;
        }
        state.bytes_sent.fetch_add(reply.body.len() as u64, Ordering::SeqCst);
    }
}
