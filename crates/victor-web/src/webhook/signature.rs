//! The signature of a request.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac_sha256::HMAC;
use victor_http::Secret;

/// The prefix of a secret that is written in base64.
const PREFIX: &str = "whsec_";

/// A key that requests are signed with, as Standard Webhooks describes
/// ([source](https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md)).
pub(super) struct SigningKey(Vec<u8>);

impl SigningKey {
    /// Reads a secret: base64 behind `whsec_`, or any other text as it is.
    pub(super) fn read(secret: &Secret) -> Result<Self, &'static str> {
        let text = secret.expose().trim();
        let key = match text.strip_prefix(PREFIX) {
            Some(encoded) => STANDARD
                .decode(encoded)
                .map_err(|_| "the secret behind `whsec_` is not base64")?,
            None => text.as_bytes().to_vec(),
        };
        match key.is_empty() {
            true => Err("the secret is empty"),
            false => Ok(Self(key)),
        }
    }

    pub(super) fn sign(&self, id: &str, seconds: &str, body: &[u8]) -> String {
        let mut signed = format!("{id}.{seconds}.").into_bytes();
        signed.extend_from_slice(body);
        format!("v1,{}", STANDARD.encode(HMAC::mac(signed, &self.0)))
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_specification() {
        let key = SigningKey::read(&"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".into()).unwrap();
        let signature = key.sign(
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            "1614265330",
            br#"{"test": 2432232314}"#,
        );
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn a_secret_that_is_none_is_refused() {
        for secret in ["", "whsec_", "whsec_!"] {
            assert!(SigningKey::read(&secret.into()).is_err(), "{secret}");
        }
    }
}
