//! The keys.

use std::fmt;
use std::process::Command;
use std::sync::Arc;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305};
use hmac_sha256::HMAC;
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret as _, SecretBox};

use crate::KeyError;

/// The variable of the environment in which programs look for keys, unless they have a name of their own.
pub const KEY_VARIABLE: &str = "VICTOR_ENCRYPTION_KEYS";

const KEY_BYTES: usize = 32;

/// The number of digits in a fingerprint.
pub(crate) const FINGERPRINT: usize = 16;

const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);

/// The keys with which things are sealed and opened: the first one seals, and all of them open.
///
/// Cloning shares them. They are in no `Debug`, and are wiped from memory when the last clone is dropped.
#[derive(Clone)]
pub struct Keys(Arc<[Key]>);

/// One key, and what follows from it.
pub(crate) struct Key {
    fingerprint: String,
    pub(crate) cipher: XChaCha20Poly1305,
    nonces: SecretBox<[u8; KEY_BYTES]>,
}

impl Keys {
    /// Reads keys of 32 bytes each, in base64 (of either alphabet, with or without padding) or hexadecimal digits,
    /// with white space or commas between them.
    ///
    /// # Errors
    ///
    /// [`KeyError::Empty`] or [`KeyError::Malformed`].
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let words = text
            .split(|at: char| at.is_whitespace() || at == ',')
            .filter(|word| !word.is_empty());
        let keys = (1..).zip(words).map(|(place, word)| {
            let key = decode(word).ok_or(KeyError::Malformed { place })?;
            Ok(Key::new(&key))
        });
        let keys: Arc<[Key]> = keys.collect::<Result<_, _>>()?;
        if keys.is_empty() {
            return Err(KeyError::Empty);
        }
        Ok(Self(keys))
    }

    /// Reads keys, as [`parse`](Self::parse) does, from a variable of the environment, such as [`KEY_VARIABLE`].
    ///
    /// # Errors
    ///
    /// [`KeyError::NotSet`], and those of [`parse`](Self::parse).
    pub fn from_env(variable: &str) -> Result<Self, KeyError> {
        let text = std::env::var(variable).map_err(|_| KeyError::NotSet(variable.to_owned()))?;
        Self::parse(&Zeroizing::new(text))
    }

    /// Runs a command, such as that of a password manager, and reads keys, as [`parse`](Self::parse) does, from what it
    /// prints. Waits for its end, so it is to be called when a program starts.
    ///
    /// # Errors
    ///
    /// [`KeyError::Command`], [`KeyError::CommandFailed`], and those of [`parse`](Self::parse).
    pub fn from_command(program: &str, arguments: &[&str]) -> Result<Self, KeyError> {
        let command = || program.to_owned();
        let output = Command::new(program)
            .args(arguments)
            .output()
            .map_err(|source| KeyError::Command {
                command: command(),
                source,
            })?;
        let printed = Zeroizing::new(output.stdout);
        if !output.status.success() {
            return Err(KeyError::CommandFailed {
                command: command(),
                status: output.status,
            });
        }
        let text = str::from_utf8(&printed).map_err(|_| KeyError::Malformed { place: 1 })?;
        Self::parse(text)
    }

    /// The fingerprints of the keys, in their order. They stand with everything that is sealed, and no key can be
    /// found by them.
    pub fn fingerprints(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(Key::fingerprint)
    }

    pub(crate) fn all(&self) -> &[Key] {
        &self.0
    }
}

impl Key {
    fn new(key: &[u8; KEY_BYTES]) -> Self {
        let derive = |what: &str| Zeroizing::new(HMAC::mac(what, key));
        let fingerprint = derive("victor-encryption 1 fingerprint");
        let fingerprint = &fingerprint[..FINGERPRINT / 2];
        Self {
            fingerprint: fingerprint
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect(),
            cipher: XChaCha20Poly1305::new(&(*derive("victor-encryption 1 seal")).into()),
            nonces: SecretBox::new(Box::new(*derive("victor-encryption 1 nonces"))),
        }
    }

    pub(crate) fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// Bytes that follow from some others, and that nobody can foretell without the key.
    pub(crate) fn derive(&self, from: &[&[u8]]) -> [u8; 32] {
        let mut mac = HMAC::new(self.nonces.expose_secret());
        for part in from {
            mac.update((part.len() as u64).to_le_bytes());
            mac.update(part);
        }
        mac.finalize()
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.fingerprints()).finish()
    }
}

/// A new key, in base64, to be printed and kept in a safe place.
///
/// # Errors
///
/// [`KeyError::Random`].
pub fn generate_key() -> Result<String, KeyError> {
    let mut key = Zeroizing::new([0; KEY_BYTES]);
    getrandom::fill(&mut *key).map_err(|error| KeyError::Random(error.into()))?;
    Ok(STANDARD.encode(*key))
}

fn decode(word: &str) -> Option<Zeroizing<[u8; KEY_BYTES]>> {
    let bytes = if word.len() == 2 * KEY_BYTES {
        let (pairs, _) = word.as_bytes().as_chunks::<2>();
        let digit = |byte: u8| char::from(byte).to_digit(16);
        let byte = |[high, low]: &[u8; 2]| u8::try_from(digit(*high)? * 16 + digit(*low)?).ok();
        pairs.iter().map(byte).collect::<Option<Vec<_>>>()?
    } else {
        let standard = STANDARD.decode(word);
        standard.or_else(|_| URL_SAFE.decode(word)).ok()?
    };
    let bytes = Zeroizing::new(bytes);
    let key: [u8; KEY_BYTES] = bytes.as_slice().try_into().ok()?;
    Some(Zeroizing::new(key))
}
