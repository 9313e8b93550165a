//! Ways to a server besides the network: proxies of SOCKS, and sockets of the system.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UnixListener};
use victor_http::header::HeaderMap;
use victor_http::{AddressPolicy, BaseUrl, HttpClient, HttpError, HttpProxy};

use crate::server::{ok, options};

/// A proxy of SOCKS 5 that answers itself, after it was asked for this host and port.
async fn socks(listener: TcpListener) -> (String, u16) {
    let (mut client, _) = listener.accept().await.unwrap();
    let mut head = [0; 2];
    client.read_exact(&mut head).await.unwrap();
    assert_eq!(head[0], 5);
    let mut methods = vec![0; head[1].into()];
    client.read_exact(&mut methods).await.unwrap();
    client.write_all(&[5, 0]).await.unwrap();
    let mut request = [0; 5];
    client.read_exact(&mut request).await.unwrap();
    assert_eq!(request[..4], [5, 1, 0, 3], "it connects to a name");
    let mut name = vec![0; request[4].into()];
    client.read_exact(&mut name).await.unwrap();
    let port = client.read_u16().await.unwrap();
    client
        .write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0])
        .await
        .unwrap();
    let mut begun = [0; 1];
    client.read_exact(&mut begun).await.unwrap();
    client.write_all(&ok("through SOCKS")).await.unwrap();
    (String::from_utf8(name).unwrap(), port)
}

#[tokio::test]
async fn a_proxy_of_socks_resolves_the_name_itself() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let client =
        HttpClient::new(&options().with_proxy(HttpProxy::Url(format!("socks5h://{address}"))))
            .unwrap();
    let asked = tokio::spawn(socks(listener));
    let response = client
        .get("http://example.invalid:81/", HeaderMap::new())
        .await
        .unwrap();
    assert_eq!(response.text().await.unwrap(), "through SOCKS");
    assert_eq!(asked.await.unwrap(), ("example.invalid".to_owned(), 81));
}

#[tokio::test]
async fn a_server_behind_a_socket_of_the_system() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("server.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let encoded = path.to_str().unwrap().replace('/', "%2F");
    let url = BaseUrl::parse(&format!("http+unix://{encoded}/v1/")).unwrap();
    assert_eq!(url.socket(), Some(&*path));
    let through = options()
        .with_unix_socket(url.socket().map(Into::into))
        // It is not asked.
        .with_proxy(HttpProxy::Url("http://127.0.0.1:1".into()));
    let server = tokio::spawn(async move {
        let (mut client, _) = listener.accept().await.unwrap();
        let mut request = [0; 15];
        client.read_exact(&mut request).await.unwrap();
        client.write_all(&ok("through the socket")).await.unwrap();
        request
    });
    let client = HttpClient::new(&through).unwrap();
    let response = client
        .get(&url.join("/models"), HeaderMap::new())
        .await
        .unwrap();
    assert_eq!(response.text().await.unwrap(), "through the socket");
    assert_eq!(server.await.unwrap(), *b"GET /v1/models ");

    let reach = AddressPolicy::Public { except: Vec::new() };
    let public = through.with_addresses(reach);
    assert!(matches!(
        HttpClient::new(&public),
        Err(HttpError::InvalidOptions { .. })
    ));
}
