//! The store over a real server on loopback.

#![allow(clippy::unwrap_used, reason = "what should not fail in a test is to fail it")]

mod server;

use std::net::TcpListener;
use std::sync::{Arc, Barrier, Mutex};

use mome_pack::Link;
use mome_store::{Fetched, FileProblem, SourceError, Store, StoreError};
use pollster::block_on;
use server::{Reply, Server};

const OBJECT: &[u8] = b"an expert shard";
const PAGE: &[u8] = b"<!DOCTYPE html><title>Not here</title>";

/// What is wrong, from an error that must name the object and the server.
fn problem(error: StoreError, link: &Link, server: &Server) -> FileProblem {
    let text = error.to_string();
    assert!(text.contains(&link.digest.path()) && text.contains(&server.url()), "{text}");
    match error {
        StoreError::File { problem, .. } => problem,
        other => panic!("{other}"),
    }
}

/// Asks for `OBJECT` of a server that answers as given, and expects it to fail.
fn failure(server: &Server) -> FileProblem {
    let link = Link::to(OBJECT);
    let store = Store::open(&server.url()).unwrap();
    let error = block_on(store.object(&link)).unwrap_err();
    assert_eq!(store.fetched().objects, 0);
    problem(error, &link, server)
}

#[test]
fn an_object_is_fetched_once_and_then_at_hand() {
    let server = Server::start(|_, _| Reply::new(200, OBJECT));
    let link = Link::to(OBJECT);
    let fetches = Arc::new(Mutex::new(Vec::new()));
    let log = fetches.clone();
    let store = Store::open(&server.url()).unwrap().on_fetch(move |fetch| log.lock().unwrap().push(fetch));
    for _ in 0..3 {
        assert_eq!(&*block_on(store.object(&link)).unwrap().bytes, OBJECT);
    }
    let requests = server.requests();
    assert_eq!(requests.len(), 1);
    assert!(requests[0].starts_with(&format!("GET /pack/{} HTTP/1.1", link.digest.path())), "{requests:?}");
    assert!(!requests[0].to_lowercase().contains("range"), "{requests:?}");
    let fetched = store.fetched();
    assert_eq!((fetched.objects, fetched.bytes), (1, OBJECT.len() as u64));
    let fetches = fetches.lock().unwrap();
    assert_eq!(fetches.len(), 1);
    assert_eq!((fetches[0].path.as_str(), fetches[0].bytes), (link.digest.path().as_str(), link.length));
}

#[test]
fn a_flipped_byte_is_an_error_after_three_tries() {
    let server = Server::start(|_, _| {
        let mut bytes = OBJECT.to_vec();
        bytes[3] ^= 1;
        Reply::new(200, &bytes)
    });
    let problem = failure(&server);
    assert!(matches!(problem, FileProblem::Digest { .. }), "{problem}");
    assert!(problem.to_string().contains("does not match its digest: the file is damaged or was changed"));
    assert_eq!(server.requests().len(), 3);
}

#[test]
fn a_body_that_breaks_off_is_an_error() {
    let server = Server::start(|_, _| Reply::promising(200, OBJECT.len(), &OBJECT[..5]));
    let problem = failure(&server);
    assert!(matches!(problem, FileProblem::Source(SourceError::Transport(_))), "{problem}");
}

#[test]
fn a_shorter_file_is_an_error() {
    let server = Server::start(|_, _| Reply::new(200, &OBJECT[..5]));
    assert_eq!(failure(&server), FileProblem::Length { expected: OBJECT.len() as u64, found: 5 });
}

#[test]
fn a_longer_body_is_cut_off() {
    let chunk = vec![7; 1 << 20];
    let server = Server::start(move |_, _| Reply::repeating(&chunk, 256));
    let limit = OBJECT.len() as u64;
    assert_eq!(failure(&server), SourceError::TooLong { limit, html: false }.into());
    // What the sockets' buffers took, not what was there to send.
    assert!(server.bytes_sent() < 96 << 20, "{} bytes went out", server.bytes_sent());
}

#[test]
fn a_missing_object_is_not_asked_for_twice() {
    let server = Server::start(|_, _| Reply::new(404, PAGE));
    let problem = failure(&server);
    assert_eq!(problem, SourceError::Status { status: 404, html: true }.into());
    assert!(problem.to_string().contains("answered 404 with an HTML page"), "{problem}");
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn a_page_in_place_of_an_object_is_called_one() {
    // As long as the object, shorter, and longer.
    for length in [OBJECT.len(), OBJECT.len() - 1, PAGE.len()] {
        let server = Server::start(move |_, _| Reply::new(200, &PAGE[..length]));
        let problem = failure(&server).to_string();
        assert!(problem.contains("the server sent an HTML page"), "{problem}");
    }
}

#[test]
fn passing_faults_are_got_over() {
    let server = Server::start(|_, before| match before {
        0 => Reply::new(503, b"busy"),
        1 => Reply::new(200, b"an expert sharp"),
        _ => Reply::new(200, OBJECT),
    });
    let store = Store::open(&server.url()).unwrap();
    assert_eq!(&*block_on(store.object(&Link::to(OBJECT))).unwrap().bytes, OBJECT);
    assert_eq!(server.requests().len(), 3);
    assert_eq!(store.fetched().objects, 1);
}

#[test]
fn a_server_that_is_not_there_is_an_error() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let store = Store::open(&format!("http://127.0.0.1:{port}/pack/")).unwrap();
    let error = block_on(store.manifest()).unwrap_err().to_string();
    assert!(error.contains("mome.json") && error.contains("cannot be reached"), "{error}");
}

#[test]
fn redirects_are_followed_but_not_for_ever() {
    let server = Server::start(|path, _| match path {
        "/pack/mome.json" => Reply::redirect("/moved/mome.json"),
        "/moved/mome.json" => Reply::new(200, b"{}"),
        around => Reply::redirect(around),
    });
    let store = Store::open(&server.url()).unwrap();
    assert_eq!(block_on(store.manifest()).unwrap(), b"{}");
    let problem = failure(&server);
    assert!(matches!(problem, FileProblem::Source(SourceError::Transport(_))), "{problem}");
}

#[test]
fn the_manifest_is_asked_for_anew_and_counts_as_no_object() {
    let server = Server::start(|_, before| Reply::new(200, before.to_string().as_bytes()));
    let store = Store::open(&format!("{}/mome.json", server.url())).unwrap();
    assert_eq!(block_on(store.manifest()).unwrap(), b"0");
    assert_eq!(block_on(store.manifest()).unwrap(), b"1");
    assert_eq!(store.fetched().objects, 0);
}

#[test]
fn a_page_or_too_much_is_no_manifest() {
    for (body, expected) in [
        (PAGE.to_vec(), FileProblem::HtmlPage),
        (vec![b' '; (4 << 20) + 1], SourceError::TooLong { limit: 4 << 20, html: false }.into()),
    ] {
        let server = Server::start(move |_, _| Reply::new(200, &body));
        let error = block_on(Store::open(&server.url()).unwrap().manifest()).unwrap_err();
        assert!(matches!(error, StoreError::File { problem, .. } if problem == expected));
    }
}

#[test]
fn objects_of_one_round_are_under_way_together() {
    let bodies: Vec<Vec<u8>> = (0..6).map(|i| vec![i; 100 + usize::from(i)]).collect();
    let links: Vec<Link> = bodies.iter().map(|body| Link::to(body)).collect();
    // No request is answered before all have arrived.
    let (together, served) = (Barrier::new(bodies.len()), bodies.clone());
    let server = Server::start(move |path, _| {
        together.wait();
        let body = served.iter().find(|body| path.ends_with(&Link::to(body).digest.path())).unwrap();
        Reply::new(200, body)
    });
    let store = Store::open(&server.url()).unwrap();
    let objects = block_on(store.objects(&links)).unwrap();
    assert!(objects.iter().zip(&bodies).all(|(object, body)| *object.bytes == **body));
    assert_eq!(Fetched::of(&objects), store.fetched());
    assert_eq!(store.fetched().objects, 6);
}

#[test]
fn many_who_want_one_object_share_one_fetch() {
    // Too large to be kept, so that only sharing saves requests.
    let body = vec![1; (16 << 20) + 1];
    let link = Link::to(&body);
    let server = Server::start(move |_, _| Reply::new(200, &body));
    let store = Store::open(&server.url()).unwrap();
    let objects = block_on(store.objects(&[link; 8])).unwrap();
    assert_eq!(objects.len(), 8);
    assert_eq!(Fetched::of(&objects), Fetched { objects: 1, bytes: link.length }, "one of them brought it");
    assert_eq!(server.requests().len(), 1);
    block_on(store.object(&link)).unwrap();
    assert_eq!(server.requests().len(), 2);
}

#[test]
fn an_address_with_a_query_is_refused_before_anything_is_fetched() {
    let server = Server::start(|_, _| Reply::new(200, b"{}"));
    let error = Store::open(&format!("{}?v=2", server.url())).err().unwrap();
    assert!(matches!(error, StoreError::Location { .. }));
    assert!(server.requests().is_empty());
}
