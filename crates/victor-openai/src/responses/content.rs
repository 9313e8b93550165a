//! The parts of a content in the Responses API.

use std::borrow::Cow;

use serde::Serialize;
use victor_core::MediaSource;

use crate::content::ContentForm;
use crate::fields::DataUrl;

#[derive(Debug, Serialize)]
#[serde(tag = "type")]
pub(crate) enum ContentPart<'a> {
    #[serde(rename = "input_text")]
    Text { text: Cow<'a, str> },
    /// Text of the model, in an item that has a name.
    #[serde(rename = "output_text")]
    OutputText { text: &'a str, annotations: [(); 0] },
    #[serde(rename = "input_image")]
    Image(Source<'a>),
    #[serde(rename = "input_file")]
    File(Source<'a>),
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Source<'a> {
    ImageData {
        image_url: DataUrl<'a>,
    },
    ImageUrl {
        image_url: &'a str,
    },
    FileData {
        filename: &'a str,
        file_data: DataUrl<'a>,
    },
    FileUrl {
        file_url: &'a str,
    },
    Stored {
        file_id: &'a str,
    },
}

impl<'a> ContentForm<'a> for ContentPart<'a> {
    fn text(text: Cow<'a, str>) -> Self {
        Self::Text { text }
    }

    fn picture(source: &'a MediaSource) -> Option<Self> {
        Some(Self::Image(match source {
            MediaSource::Base64 { media_type, data } => Source::ImageData {
                image_url: DataUrl { media_type, data },
            },
            MediaSource::Url(url) => Source::ImageUrl { image_url: url },
            MediaSource::File(file_id) => Source::Stored { file_id },
            _ => return None,
        }))
    }

    fn document(filename: &'a str, source: &'a MediaSource) -> Option<Self> {
        Some(Self::File(match source {
            MediaSource::Base64 { media_type, data } => Source::FileData {
                filename,
                file_data: DataUrl { media_type, data },
            },
            MediaSource::Url(url) => Source::FileUrl { file_url: url },
            MediaSource::File(file_id) => Source::Stored { file_id },
            _ => return None,
        }))
    }
}
