//! The listener.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream, ToSocketAddrs};
use tokio::sync::{Semaphore, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{sleep, timeout};
use victor_core::Lock;
use victor_metrics_protocol::MetricsRecorder;

use crate::answer::{Answer, Served};

/// A listener that answers Prometheus. Made by [`builder`](Self::builder).
///
/// It serves until it is [shut down](Self::shutdown) or dropped. A client that is slow or says nothing is let go of
/// after a time, and so many are served at once; neither harms the program or another client for longer.
pub struct PrometheusListener {
    address: SocketAddr,
    path: String,
    stop: watch::Sender<bool>,
    task: Lock<Option<JoinHandle<()>>>,
}

/// Builds a [`PrometheusListener`] piece by piece.
#[must_use = "nothing is served until `bind` is called"]
pub struct PrometheusListenerBuilder {
    served: Served,
    limits: Limits,
}

#[derive(Debug, Clone, Copy)]
struct Limits {
    request_timeout: Duration,
    connections: usize,
    grace: Duration,
}

impl PrometheusListener {
    /// Builds a listener that serves the measurements of this recorder.
    pub fn builder(recorder: Arc<dyn MetricsRecorder>) -> PrometheusListenerBuilder {
        PrometheusListenerBuilder {
            served: Served {
                recorder,
                path: "/metrics".to_owned(),
                token: None,
            },
            limits: Limits {
                request_timeout: Duration::from_secs(10),
                connections: 64,
                grace: Duration::from_secs(5),
            },
        }
    }

    /// Returns the address at which it listens, with the port that the system has chosen if it was asked to.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Returns the path at which the measurements are.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Stops listening. Answers that have begun have some time to end; then they are broken off. Called again, it does
    /// nothing.
    ///
    /// # Cancel safety
    ///
    /// A dropped call breaks off the answers that have begun.
    pub async fn shutdown(&self) {
        self.stop.send_replace(true);
        let task = self.task.lock().take();
        if let Some(task) = task {
            // It can fail only by a panic, and then nothing is served any more either.
            let _ = AbortOnDrop(task).await;
        }
    }
}

impl PrometheusListenerBuilder {
    /// Sets the path at which the measurements are. Defaults to `/metrics`.
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.served.path = path.into();
        if !self.served.path.starts_with('/') {
            self.served.path.insert(0, '/');
        }
        self
    }

    /// Requires this token in every request, as `Authorization: Bearer ...`. Defaults to none: whoever reaches the
    /// address reads the measurements, among them the names of tools and models.
    pub fn token(mut self, token: impl Into<String>) -> Self {
        self.served.token = Some(token.into());
        self
    }

    /// Sets the time limit of a client for the head of a request, and for taking the answer. Defaults to 10 seconds.
    pub fn request_timeout(mut self, timeout: Duration) -> Self {
        self.limits.request_timeout = timeout;
        self
    }

    /// Sets how many clients are served at the same time; others wait. Defaults to 64.
    pub fn connections(mut self, connections: usize) -> Self {
        self.limits.connections = connections.max(1);
        self
    }

    /// Sets the time that answers which have begun have at a shutdown. Defaults to 5 seconds.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.limits.grace = grace;
        self
    }

    /// Listens at an address, such as `127.0.0.1:9464`; port 0 has the system choose one. To be called within a tokio
    /// runtime, which serves in the background.
    ///
    /// # Errors
    ///
    /// The address is not one of this machine, or is taken.
    pub async fn bind(self, address: impl ToSocketAddrs) -> io::Result<PrometheusListener> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let (stop, stopped) = watch::channel(false);
        let path = self.served.path.clone();
        let task = tokio::spawn(serve(listener, Arc::new(self.served), self.limits, stopped));
        Ok(PrometheusListener {
            address,
            path,
            stop,
            task: Lock::new(Some(task)),
        })
    }
}

async fn serve(
    listener: TcpListener,
    served: Arc<Served>,
    limits: Limits,
    mut stopped: watch::Receiver<bool>,
) {
    let permits = Arc::new(Semaphore::new(limits.connections));
    let mut connections = JoinSet::new();
    let of_connections = stopped.clone();
    let accept = async {
        loop {
            let permit = Arc::clone(&permits).acquire_owned().await;
            while connections.try_join_next().is_some() {}
            match listener.accept().await {
                Ok((stream, _)) => {
                    let (served, stopped) = (Arc::clone(&served), of_connections.clone());
                    connections.spawn(async move {
                        converse(stream, served, limits, stopped).await;
                        drop(permit);
                    });
                }
                Err(error) => {
                    // Too many open files, for example: there will be others again.
                    tracing::warn!(%error, "cannot accept a connection");
                    sleep(Duration::from_millis(100)).await;
                }
            }
        }
    };
    tokio::select! {
        () = accept => {}
        () = until(&mut stopped) => {}
    }
    drop(listener);
    let ended = async { while connections.join_next().await.is_some() {} };
    // Dropping the set breaks off those that are left.
    let _ = timeout(limits.grace, ended).await;
}

async fn converse(
    stream: TcpStream,
    served: Arc<Served>,
    limits: Limits,
    mut stopped: watch::Receiver<bool>,
) {
    let answer = service_fn(
        async |request: Request<Incoming>| -> Result<Answer, Infallible> {
            Ok(served.answer(&request))
        },
    );
    let _ = stream.set_nodelay(true);
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.request_timeout)
        // One comes every some seconds, and who is silent in between takes no place.
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), answer);
    let mut connection = std::pin::pin!(connection);
    let conversation = async {
        tokio::select! {
            ended = &mut connection => ended,
            () = until(&mut stopped) => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        }
    };
    // Once to say what it wants, and once to take it.
    match timeout(2 * limits.request_timeout, conversation).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "a connection has ended"),
        Err(_) => tracing::debug!("a client took too long"),
    }
}

/// Waits for the shutdown, or for the end of the listener.
async fn until(stopped: &mut watch::Receiver<bool>) {
    drop(stopped.wait_for(|stopped| *stopped).await);
}

/// A task that ends when nobody waits for it any more.
struct AbortOnDrop(JoinHandle<()>);

impl Future for AbortOnDrop {
    type Output = Result<(), tokio::task::JoinError>;

    fn poll(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Self::Output> {
        std::pin::Pin::new(&mut self.0).poll(cx)
    }
}

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Drop for PrometheusListener {
    fn drop(&mut self) {
        if let Some(task) = self.task.get_mut().take() {
            task.abort();
        }
    }
}

impl fmt::Debug for PrometheusListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrometheusListener")
            .field("address", &self.address)
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for PrometheusListenerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrometheusListenerBuilder")
            .field("path", &self.served.path)
            .field("token", &self.served.token.is_some())
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}
