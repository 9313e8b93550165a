use std::net::IpAddr;

use victor_http::header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderValue};
use victor_http::{AddressPolicy, HttpClient, HttpError, HttpProxy};

use crate::server::{Server, ok, options};

fn client(max_redirects: usize, reach: AddressPolicy) -> HttpClient {
    let options = options()
        .with_max_redirects(max_redirects)
        .with_addresses(reach);
    HttpClient::new(&options).unwrap()
}

fn public(except: &[&str]) -> AddressPolicy {
    AddressPolicy::Public {
        except: except.iter().map(|host| (*host).to_owned()).collect(),
    }
}

/// The server by a name whose address is not public.
fn by_name(server: &Server) -> String {
    format!("http://localhost:{}/", server.address.port())
}

fn redirect(to: &str) -> String {
    format!("HTTP/1.1 302 Found\r\nlocation: {to}\r\ncontent-length: 0\r\n\r\n")
}

#[track_caller]
fn check_not_public(result: Result<victor_http::HttpResponse, HttpError>, expected: &str) {
    match result.unwrap_err() {
        HttpError::NotPublic { server, address } => {
            assert_eq!(server, expected);
            assert!(address.is_loopback());
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_is_not_public_is_not_connected_to() {
    let mut server = Server::answering(ok("secret")).await;
    let client = client(0, public(&[]));
    check_not_public(
        client.get(&server.url(), HeaderMap::new()).await,
        "127.0.0.1",
    );
    check_not_public(
        client
            .post_json(&server.url(), HeaderMap::new(), "{}")
            .await,
        "127.0.0.1",
    );
    let host = format!("localhost:{}", server.address.port());
    check_not_public(client.get(&by_name(&server), HeaderMap::new()).await, &host);
    assert!(server.untouched());
}

#[tokio::test]
async fn named_hosts_are_reached_all_the_same() {
    let server = Server::answering(ok("shared")).await;
    for (url, host) in [(server.url(), "127.0.0.1"), (by_name(&server), "LocalHost")] {
        let response = client(0, public(&[host])).get(&url, HeaderMap::new()).await;
        assert_eq!(response.unwrap().text().await.unwrap(), "shared");
    }
}

#[tokio::test]
async fn redirects_are_followed_without_keys() {
    let mut second = Server::answering(ok("found")).await;
    let to = format!("{}&more=1", second.url());
    let mut first = Server::answering(redirect(&to)).await;
    let headers = HeaderMap::from_iter([
        (AUTHORIZATION, HeaderValue::from_static("Bearer secret")),
        (ACCEPT, HeaderValue::from_static("text/html")),
    ]);
    let client = client(1, AddressPolicy::Anywhere);
    let response = client.get(&first.url(), headers).await.unwrap();
    assert_eq!(response.url(), to);
    assert_eq!(response.text().await.unwrap(), "found");
    assert!(
        first
            .request()
            .await
            .contains("authorization: Bearer secret")
    );
    let request = second.request().await;
    assert!(request.starts_with("GET /v1?key=secret&more=1 HTTP/1.1\r\n"));
    assert!(!request.contains("authorization") && request.contains("accept: text/html"));
}

#[tokio::test]
async fn redirects_are_limited() {
    let mut server = Server::answering(redirect("/v1")).await; // to itself, for ever
    let error = client(2, AddressPolicy::Anywhere)
        .get(&server.url(), HeaderMap::new())
        .await;
    assert!(matches!(
        error.unwrap_err(),
        HttpError::Redirect { status: 302, .. }
    ));
    for _ in 0..3 {
        server.request().await;
    }
    assert!(server.untouched());
}

#[tokio::test]
async fn redirects_lead_to_public_servers_only() {
    let mut hidden = Server::answering(ok("secret")).await;
    let client = client(5, public(&["127.0.0.1"]));
    let host = format!("localhost:{}", hidden.address.port());
    let first = Server::answering(redirect(&by_name(&hidden))).await;
    check_not_public(client.get(&first.url(), HeaderMap::new()).await, &host);
    let first = Server::answering(redirect("http://[::1]:1/")).await;
    check_not_public(client.get(&first.url(), HeaderMap::new()).await, "[::1]");
    for to in [
        "http://user:secret@example.org/",
        "file:///etc/passwd",
        "http://",
    ] {
        let first = Server::answering(redirect(to)).await;
        let error = client
            .get(&first.url(), HeaderMap::new())
            .await
            .unwrap_err();
        assert!(matches!(error, HttpError::InvalidUrl { .. }), "{error:?}");
        assert!(!error.to_string().contains("secret"), "{error}");
    }
    assert!(hidden.untouched());
}

#[test]
fn a_proxy_would_reach_anything() {
    let options = options()
        .with_proxy(HttpProxy::Url("http://127.0.0.1:1".to_owned()))
        .with_addresses(public(&[]));
    let error = HttpClient::new(&options).unwrap_err();
    assert!(
        matches!(error, HttpError::InvalidOptions { .. }),
        "{error:?}"
    );
}

#[test]
fn an_address_that_is_not_public_is_named() {
    let error = HttpError::NotPublic {
        server: "localhost:80".to_owned(),
        address: IpAddr::from([127, 0, 0, 1]),
    };
    let expected = "localhost:80 is reached at 127.0.0.1, which is not a public address";
    assert_eq!(error.to_string(), expected);
}
