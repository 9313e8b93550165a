//! Secure connections: which certificates are trusted, and what a client says of those that are not.

use std::process::Command;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use victor_http::header::HeaderMap;
use victor_http::{HttpClient, HttpError};

use crate::server::{Server, client, ok, options, send};

// openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 36500 -subj /CN=victor-http-test
//   -addext subjectAltName=IP:127.0.0.1 -addext basicConstraints=critical,CA:FALSE -keyout key.pem -out certificate.pem
const CERTIFICATE: &str = include_str!("tls/certificate.pem");
const KEY: &str = include_str!("tls/key.pem");

/// Accepts connections with a certificate that nobody has signed but itself.
pub(crate) fn acceptor(protocol: &str) -> TlsAcceptor {
    let certificate = CertificateDer::from_pem_slice(CERTIFICATE.as_bytes()).unwrap();
    let key = PrivateKeyDer::from_pem_slice(KEY.as_bytes()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    config.alpn_protocols = vec![protocol.into()];
    TlsAcceptor::from(Arc::new(config))
}

/// A client that trusts that certificate.
pub(crate) fn trusting_client() -> HttpClient {
    HttpClient::new(&options().with_extra_root_certificates(vec![CERTIFICATE.to_owned()])).unwrap()
}

async fn self_signed() -> (Server, String) {
    let server = Server::tls([send(ok("hello"))], acceptor("http/1.1")).await;
    let url = server.url().replace("http:", "https:");
    (server, url)
}

#[tokio::test]
async fn a_certificate_of_unknown_origin_is_refused() {
    let (server, url) = self_signed().await;
    let error = client().get(&url, HeaderMap::new()).await.unwrap_err();
    let HttpError::Tls { reason, .. } = &error else {
        panic!("{error}");
    };
    assert!(reason.contains("UnknownIssuer"), "{reason}");
    assert!(!error.to_string().contains("secret"), "{error}");
    assert!(
        error.to_string().contains(&server.address.to_string()),
        "{error}"
    );
}

#[tokio::test]
async fn an_extra_root_certificate_is_trusted() {
    let (_server, url) = self_signed().await;
    let response = trusting_client().get(&url, HeaderMap::new()).await.unwrap();
    assert_eq!(response.text().await.unwrap(), "hello");
}

#[test]
fn an_extra_root_certificate_must_be_one() {
    for pem in [
        "-----BEGIN CERTIFICATE-----\n%%%\n-----END CERTIFICATE-----\n",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        "nonsense",
    ] {
        let options = options().with_extra_root_certificates(vec![pem.to_owned()]);
        let error = HttpClient::new(&options).unwrap_err();
        assert!(matches!(error, HttpError::InvalidOptions { .. }), "{error}");
    }
}

#[tokio::test]
async fn a_server_without_tls_is_named_as_such() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = listener.local_addr().unwrap();
    let answer = async {
        let (mut connection, _) = listener.accept().await.unwrap();
        connection
            .write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            .await
            .unwrap();
        connection
    };
    let (client, url) = (client(), format!("https://{server}"));
    let (result, _connection) = tokio::join!(client.get(&url, HeaderMap::new()), answer);
    let message = format!("cannot make a secure connection to {server}: it does not speak TLS");
    assert_eq!(result.unwrap_err().to_string(), message);
}

/// The environment belongs to the process, so this runs itself in another, without root certificates.
#[tokio::test]
async fn a_system_without_root_certificates_still_speaks_plain_http() {
    const NOWHERE: &str = "/nonexistent";
    if std::env::var_os("SSL_CERT_FILE").is_none_or(|file| file != NOWHERE) {
        let name = "tls::a_system_without_root_certificates_still_speaks_plain_http";
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", name])
            .envs([("SSL_CERT_FILE", NOWHERE), ("SSL_CERT_DIR", NOWHERE)])
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(
            output.status.success() && text.contains("1 passed"),
            "{text}"
        );
        return;
    }
    let server = Server::answering(ok("hello")).await;
    let response = client().get(&server.url(), HeaderMap::new()).await.unwrap();
    assert_eq!(response.text().await.unwrap(), "hello");
    let (_server, url) = self_signed().await;
    let error = client().get(&url, HeaderMap::new()).await.unwrap_err();
    assert!(matches!(error, HttpError::Tls { .. }), "{error}");
}
