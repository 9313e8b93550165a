//! The laws of session stores, against a real Redis.

use std::net::TcpListener;
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use acme_redis_sessions::RedisSessionStore;
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};
use victor_testkit::conformance;

/// A Redis server that runs until this is dropped.
struct Server {
    url: String,
    _child: Child,
    _folder: TempDir,
}

impl Server {
    /// Starts one, unless it is not installed. The test is passed over then, and says so; where `CI` is `true`, it fails.
    async fn start() -> Option<Self> {
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let folder = TempDir::new().unwrap();
        let child = Command::new("redis-server")
            .args([
                "--bind",
                "127.0.0.1",
                "--save",
                "",
                "--port",
                &port.to_string(),
                "--dir",
            ])
            .arg(folder.path())
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn();
        let Ok(child) = child else {
            let advice = "redis-server is not installed (apt-get install redis-server)";
            assert!(
                std::env::var_os("CI").is_none_or(|value| value != *"true"),
                "{advice}"
            );
            eprintln!("SKIPPED: {advice}");
            return None;
        };
        let url = format!("redis://127.0.0.1:{port}/");
        let server = Self {
            url,
            _child: child,
            _folder: folder,
        };
        let answers = async {
            while RedisSessionStore::connect(&server.url, "ping")
                .await
                .is_err()
            {
                sleep(Duration::from_millis(50)).await;
            }
        };
        timeout(Duration::from_secs(60), answers)
            .await
            .expect("Redis does not become ready");
        Some(server)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_keeps_the_laws() {
    let Some(server) = Server::start().await else {
        return;
    };
    let stores = AtomicU64::new(0);
    conformance::session_store(async || {
        let prefix = format!("test{}", stores.fetch_add(1, Ordering::Relaxed));
        RedisSessionStore::connect(&server.url, prefix)
            .await
            .unwrap()
    })
    .await;
    conformance::durable_session_store(async || {
        RedisSessionStore::connect(&server.url, "durable")
            .await
            .unwrap()
    })
    .await;
}
