//! Serves a fake system over HTTP.

use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::header::DATE;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::in_process::parameters;
use super::{Request, Shape, SystemState};

/// A fake system that is served on 127.0.0.1 until this handle is dropped.
#[derive(Debug)]
pub struct Served {
    url: String,
    state: Arc<Mutex<SystemState>>,
    task: JoinHandle<()>,
}

#[derive(Debug, Clone)]
struct Shared {
    shape: Shape,
    secret: String,
    state: Arc<Mutex<SystemState>>,
}

impl Served {
    /// Starts a system whose clients must present `secret`.
    ///
    /// # Errors
    /// No port is free.
    pub async fn start(shape: Shape, secret: &str, state: SystemState) -> std::io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let state = Arc::new(Mutex::new(state));
        let shared = Shared { shape, secret: secret.to_owned(), state: Arc::clone(&state) };
        let served = axum::serve(listener, Router::new().fallback(answer).with_state(shared));
        let task = tokio::spawn(async move {
            if let Err(error) = served.await {
                tracing::error!(%error, "a fake system stopped serving");
            }
        });
        Ok(Self { url, state, task })
    }

    /// Returns the address of the system, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns the host of the system with its port, as a secret names it.
    #[must_use]
    pub fn host(&self) -> &str {
        self.url.trim_start_matches("http://")
    }

    /// Reads or changes the state of the system.
    pub fn with<T>(&self, work: impl FnOnce(&mut SystemState) -> T) -> T {
        work(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(State(shared): State<Shared>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let text = |value: &axum::http::HeaderValue| value.to_str().map(str::to_owned).unwrap_or_default();
    let request = Request {
        path: uri.path().to_owned(),
        query: parameters(uri.query().unwrap_or_default()),
        headers: headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect(),
        body: serde_json::from_slice(&body).unwrap_or_default(),
    };
    let (answer, now) = {
        let mut state = shared.state.lock().unwrap_or_else(PoisonError::into_inner);
        (state.answer(shared.shape, Some(&shared.secret), &request), state.now)
    };
    match answer {
        Some((status, text)) => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            (status, [(DATE, now.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string())], text).into_response()
        }
        None => std::future::pending().await,
    }
}
