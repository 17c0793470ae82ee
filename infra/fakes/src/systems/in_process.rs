//! The fakes without a socket, as the second implementation of the source port. They do not check secrets.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use promissory::ports::Source;
use promissory::source::pull::{PullAnswer, PullRequest, SourceError};

use super::{Request, Shape, SystemState};

/// The systems in this process, by the start of their address. A request to any other address fails.
#[derive(Debug, Clone, Default)]
pub struct InProcess(BTreeMap<String, (Shape, Arc<Mutex<SystemState>>)>);

impl InProcess {
    /// Adds a system at an address of the form `https://host`.
    pub fn add(&mut self, url: &str, shape: Shape, state: Arc<Mutex<SystemState>>) {
        self.0.insert(url.to_owned(), (shape, state));
    }
}

impl Source for InProcess {
    async fn fetch(&self, request: &PullRequest) -> Result<PullAnswer, SourceError> {
        let unknown = || SourceError::Unavailable { detail: "no system has this address".to_owned(), source: None };
        let home = self.0.iter().find_map(|(url, system)| Some((request.url.strip_prefix(url.as_str())?, system)));
        let (rest, (shape, state)) = home.ok_or_else(unknown)?;
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let sent = Request {
            path: path.to_owned(),
            query: parameters(query),
            headers: request.headers.iter().map(|(name, value)| (name.to_lowercase(), value.clone())).collect(),
            body: request.body.clone().unwrap_or_default(),
        };
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        let answered_at = Some(state.now);
        match state.answer(*shape, None, &sent) {
            Some((200, text)) => Ok(PullAnswer { bytes: text.into_bytes(), answered_at }),
            Some((status, _)) => Err(SourceError::Unavailable { detail: format!("HTTP {status}"), source: None }),
            None => Err(SourceError::Unavailable { detail: "no answer in time".to_owned(), source: None }),
        }
    }
}

/// Decodes the parameters of a query string.
pub(super) fn parameters(query: &str) -> BTreeMap<String, String> {
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (decoded(name), decoded(value))).collect()
}

fn decoded(text: &str) -> String {
    let (mut bytes, mut rest) = (Vec::new(), text.as_bytes());
    while let Some((first, after)) = rest.split_first() {
        let byte = after.get(..2).and_then(|hex| std::str::from_utf8(hex).ok()).and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match (first, byte) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            (b'+', _) => {
                bytes.push(b' ');
                rest = after;
            }
            (byte, _) => {
                bytes.push(*byte);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
