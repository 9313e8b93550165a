//! HTTP servers that do what they should not.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use victor_mcp::{McpClient, McpError, McpServerConfig};

/// A server that answers every request with this, and then says nothing more.
async fn answering(answer: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/mcp?key=secret", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut request = vec![0; 64 * 1024];
                while let Ok(1..) = stream.read(&mut request).await {
                    stream.write_all(answer.as_bytes()).await.unwrap();
                }
            });
        }
    });
    url
}

async fn error(answer: &'static str) -> McpError {
    let config =
        McpServerConfig::http("s", answering(answer).await).startup_timeout(Duration::from_secs(2));
    let error = McpClient::connect(config).await.unwrap_err();
    assert!(
        !format!("{error} {error:?}").contains("secret"),
        "{error:?}"
    );
    error
}

#[tokio::test]
async fn what_cannot_be_spoken_to_says_why() {
    let unauthorized = error("HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n").await;
    assert!(
        matches!(unauthorized, McpError::Refused { .. }),
        "{unauthorized:?}"
    );
    let redirect = error(
        "HTTP/1.1 307 Moved\r\nlocation: http://elsewhere/?secret\r\ncontent-length: 0\r\n\r\n",
    )
    .await;
    assert!(
        redirect
            .to_string()
            .contains("redirects to http://elsewhere"),
        "{redirect}"
    );
    let broken = error("HTTP/1.1 500 Oops\r\ncontent-length: 0\r\n\r\n").await;
    assert!(broken.to_string().contains("500"), "{broken}");
    let page =
        error("HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 2\r\n\r\nhi").await;
    assert!(page.to_string().contains("text/html"), "{page}");
    let silent = error("").await;
    assert!(matches!(silent, McpError::Timeout { .. }), "{silent:?}");
    let silent =
        error("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n: wait\n\n").await;
    assert!(matches!(silent, McpError::Timeout { .. }), "{silent:?}");
}

#[tokio::test]
async fn where_nobody_listens_nobody_is_reached() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/mcp", listener.local_addr().unwrap());
    drop(listener);
    let error = McpClient::connect(McpServerConfig::http("s", url))
        .await
        .unwrap_err();
    assert!(matches!(error, McpError::Unreachable { .. }), "{error:?}");
    let error = McpClient::connect(McpServerConfig::http("s", "mailto:a"))
        .await
        .unwrap_err();
    assert!(matches!(error, McpError::Unreachable { .. }), "{error:?}");
}
