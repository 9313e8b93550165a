//! Sealed texts.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chacha20poly1305::XNonce;
use chacha20poly1305::aead::{Aead as _, Payload};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::keys::{FINGERPRINT, Key};
use crate::{Keys, SealError};

/// The beginning of a sealed text, with the version of its form. It is followed by the fingerprint of the key, a colon,
/// and the nonce with the sealed content in base64.
const PREFIX: &str = "sealed1:";

/// The word that takes the place of a sealed one where a word is needed: a role, the name of a tool, a key.
pub(crate) const SEALED: &str = "sealed";

/// Of bytes drawn at random, no two are ever the same at this length.
pub(crate) type Nonce = [u8; 24];

/// The length of a sealed text before its base64.
pub(crate) const HEADER: usize = PREFIX.len() + FINGERPRINT + 1;

/// The number of bytes in base64 beyond those that were sealed: the nonce and the authentication tag.
pub(crate) const OVERHEAD: usize = size_of::<Nonce>() + 16;

/// The place to which content belongs: its kind and its owner. Content that was sealed for one place does not open in
/// another.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'a>(pub(crate) &'a [&'a str]);

impl Place<'_> {
    /// The place in bytes, which no other place has.
    fn bytes(self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for part in self.0 {
            bytes.extend((part.len() as u64).to_le_bytes());
            bytes.extend(part.as_bytes());
        }
        bytes
    }
}

impl Keys {
    /// Seals a text, each time in another form.
    pub(crate) fn seal(&self, place: Place<'_>, text: &str) -> Result<String, SealError> {
        Ok(self.seal_under(random_nonce()?, place, text.as_bytes()))
    }

    /// Seals a text in the form that it always has in this place under the first key.
    pub(crate) fn seal_name(&self, place: Place<'_>, text: &str) -> String {
        seal_name(self.first(), place, text)
    }

    /// The forms that a text has in this place under the other keys.
    pub(crate) fn other_names(&self, place: Place<'_>, text: &str) -> impl Iterator<Item = String> {
        let others = self.all().iter().skip(1);
        others.map(move |key| seal_name(key, place, text))
    }

    /// Seals bytes under a nonce that never comes again.
    pub(crate) fn seal_under(&self, nonce: Nonce, place: Place<'_>, bytes: &[u8]) -> String {
        seal(self.first(), nonce, &place.bytes(), bytes)
    }

    /// Opens what was sealed for this place.
    pub(crate) fn open(&self, place: Place<'_>, sealed: &str) -> Result<String, SealError> {
        let (_, opened) = self.open_bytes(place, sealed)?;
        String::from_utf8(opened).map_err(|error| SealError::Unreadable(error.to_string()))
    }

    /// Opens what was sealed for this place, and says under which nonce it was.
    pub(crate) fn open_bytes(
        &self,
        place: Place<'_>,
        sealed: &str,
    ) -> Result<(Nonce, Vec<u8>), SealError> {
        let parts = sealed
            .strip_prefix(PREFIX)
            .and_then(|parts| parts.split_once(':'));
        let (fingerprint, body) = parts.ok_or(SealError::NotSealed)?;
        let mut keys = self.all().iter();
        let key = keys
            .find(|key| key.fingerprint() == fingerprint)
            .ok_or_else(|| SealError::UnknownKey {
                key: fingerprint.to_owned(),
                known: self.fingerprints().map(str::to_owned).collect(),
            })?;
        let damaged = || SealError::Damaged {
            key: fingerprint.to_owned(),
        };
        let body = URL_SAFE_NO_PAD.decode(body).map_err(|_| damaged())?;
        let (nonce, msg) = body.split_first_chunk().ok_or_else(damaged)?;
        let aad = &place.bytes();
        let opened = key
            .cipher
            .decrypt(&XNonce::from(*nonce), Payload { msg, aad });
        Ok((*nonce, opened.map_err(|_| damaged())?))
    }

    fn first(&self) -> &Key {
        // There is always one.
        &self.all()[0]
    }
}

fn seal_name(key: &Key, place: Place<'_>, text: &str) -> String {
    let aad = place.bytes();
    // As in the SIV constructions: the same nonce comes again only for the same text in the same place.
    let derived = key.derive(&[&aad, text.as_bytes()]);
    let mut nonce = Nonce::default();
    nonce.copy_from_slice(&derived[..size_of::<Nonce>()]);
    seal(key, nonce, &aad, text.as_bytes())
}

fn seal(key: &Key, nonce: Nonce, aad: &[u8], msg: &[u8]) -> String {
    // It fails above 256 GiB only, which no text in memory has.
    let sealed = key
        .cipher
        .encrypt(&XNonce::from(nonce), Payload { msg, aad });
    let mut body = nonce.to_vec();
    body.extend(sealed.unwrap_or_default());
    format!(
        "{PREFIX}{}:{}",
        key.fingerprint(),
        URL_SAFE_NO_PAD.encode(body)
    )
}

pub(crate) fn random_nonce() -> Result<Nonce, SealError> {
    let mut nonce = Nonce::default();
    getrandom::fill(&mut nonce).map_err(|error| SealError::Random(error.to_string()))?;
    Ok(nonce)
}

/// Returns the form of a value that is sealed.
pub(crate) fn to_json(value: &impl Serialize) -> String {
    // They have only fields and keys that JSON can hold, so this cannot fail.
    serde_json::to_string(value).unwrap_or_default()
}

/// The value of what was opened.
pub(crate) fn from_json<T: DeserializeOwned>(text: &str) -> Result<T, SealError> {
    serde_json::from_str(text).map_err(|error| SealError::Unreadable(error.to_string()))
}
