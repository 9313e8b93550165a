//! Lengths of time as people write them: `30s`, `5m`, `1h 30m`.

use std::borrow::Cow;
use std::time::Duration;

use jiff::SignedDuration;
use serde::{Deserialize, Deserializer, Serializer, de};

pub(super) fn serialize<S: Serializer>(
    time: &Option<Duration>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let Some(time) = time else {
        return serializer.serialize_none();
    };
    let time = SignedDuration::try_from(*time).unwrap_or(SignedDuration::MAX);
    serializer.collect_str(&format_args!("{time:#}"))
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Duration>, D::Error> {
    let Some(text) = Option::<Cow<'de, str>>::deserialize(deserializer)? else {
        return Ok(None);
    };
    let time = text.parse::<SignedDuration>().ok();
    let time = time.and_then(|time| Duration::try_from(time).ok());
    let error = || {
        de::Error::custom(format_args!(
            "`{text}` is no length of time; expected one such as 30s or 1h 30m"
        ))
    };
    time.map(Some).ok_or_else(error)
}
