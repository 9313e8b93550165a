//! The parts of a content in Chat Completions.

use std::borrow::Cow;

use serde::Serialize;
use victor_core::MediaSource;

use crate::content::ContentForm;
use crate::fields::DataUrl;

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum ContentPart<'a> {
    Text {
        text: Cow<'a, str>,
    },
    /// As Mistral writes it.
    Thinking {
        thinking: [Box<Self>; 1],
    },
    ImageUrl {
        image_url: Url<'a>,
    },
    File {
        file: File<'a>,
    },
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Url<'a> {
    Data { url: DataUrl<'a> },
    Address { url: &'a str },
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum File<'a> {
    Data {
        filename: &'a str,
        file_data: DataUrl<'a>,
    },
    Stored {
        file_id: &'a str,
    },
}

impl ContentPart<'_> {
    /// Thoughts that stand among the parts.
    pub(super) fn thinking(thoughts: String) -> Self {
        let text = Self::text(thoughts.into());
        Self::Thinking {
            thinking: [Box::new(text)],
        }
    }
}

impl<'a> ContentForm<'a> for ContentPart<'a> {
    fn text(text: Cow<'a, str>) -> Self {
        Self::Text { text }
    }

    fn picture(source: &'a MediaSource) -> Option<Self> {
        let image_url = match source {
            MediaSource::Base64 { media_type, data } => Url::Data {
                url: DataUrl { media_type, data },
            },
            MediaSource::Url(url) => Url::Address { url },
            _ => return None,
        };
        Some(Self::ImageUrl { image_url })
    }

    fn document(filename: &'a str, source: &'a MediaSource) -> Option<Self> {
        let file = match source {
            MediaSource::Base64 { media_type, data } => File::Data {
                filename,
                file_data: DataUrl { media_type, data },
            },
            MediaSource::File(file_id) => File::Stored { file_id },
            MediaSource::Url(url) => return Some(Self::text(url.as_str().into())),
            _ => return None,
        };
        Some(Self::File { file })
    }
}
