//! HTTP through `ureq`, on threads that may block.

use std::io::{self, Read};
use std::time::Duration;

use ureq::Agent;

use super::Response;
use crate::{Freshness, SourceError};

/// How long a connection may take to come about.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a server may stay silent. A slow download has no limit, as long as it goes on.
const SILENCE_TIMEOUT: Duration = Duration::from_secs(30);
/// Connections kept open: about as many as one round of a question asks for.
const IDLE_CONNECTIONS: usize = 16;

/// A pool of connections.
pub(super) struct Client {
    agent: Agent,
}

impl Client {
    pub(super) fn new() -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_resolve(Some(CONNECT_TIMEOUT))
            .timeout_connect(Some(CONNECT_TIMEOUT))
            .timeout_per_read(Some(SILENCE_TIMEOUT))
            .timeout_per_write(Some(SILENCE_TIMEOUT))
            .max_idle_connections(IDLE_CONNECTIONS)
            .max_idle_connections_per_host(IDLE_CONNECTIONS)
            .build();
        Self { agent: Agent::new_with_config(config) }
    }

    /// Gets `url` and at most `limit` bytes of its body. There is no cache whose copies could be too old.
    pub(super) async fn get(&self, url: String, limit: u64, _: Freshness) -> Result<Response, SourceError> {
        let agent = self.agent.clone();
        blocking::unblock(move || get(&agent, &url, limit)).await.map_err(|error| {
            SourceError::Transport(format!("the server cannot be reached or broke off: {}", error.into_io()))
        })
    }
}

fn get(agent: &Agent, url: &str, limit: u64) -> Result<Response, ureq::Error> {
    let response = agent.get(url).call()?;
    let status = response.status().as_u16();
    let mut reader = response.into_body().into_reader();
    let mut body = Vec::new();
    reader.by_ref().take(limit).read_to_end(&mut body)?;
    // Reading on, to the end where all is well, also hands the connection back to the pool.
    let cut = io::copy(&mut reader.take(1), &mut io::sink())? > 0;
    Ok(Response { status, body, cut })
}
