//! The parts of a content in the Responses API.

use std::borrow::Cow;

use serde::Serialize;
use victor_core::{Document, Image, MediaSource, Part};

use crate::content::ContentForm;
use crate::fields::DataUrl;

#[derive(Debug, Serialize)]
#[serde(tag = "type")]
pub(crate) enum ContentPart<'a> {
    #[serde(rename = "input_text")]
    Text { text: Cow<'a, str> },
    /// What the model said, in an item that has a name.
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

    fn media(part: &'a Part) -> Option<Self> {
        match part {
            Part::Image(image) => Some(picture(image)),
            Part::Document(document) => Some(file(document)),
            _ => None,
        }
    }
}

/// What has an unknown source is named, so that the model knows that it lacks it.
fn picture(image: &Image) -> ContentPart<'_> {
    ContentPart::Image(match &image.source {
        MediaSource::Base64 { media_type, data } => Source::ImageData {
            image_url: DataUrl { media_type, data },
        },
        MediaSource::Url(url) => Source::ImageUrl { image_url: url },
        MediaSource::File(file_id) => Source::Stored { file_id },
        _ => {
            return ContentPart::Text {
                text: "[a picture that cannot be shown here]".into(),
            };
        }
    })
}

fn file(document: &Document) -> ContentPart<'_> {
    let filename = document.title.as_deref().unwrap_or("document");
    ContentPart::File(match &document.source {
        MediaSource::Base64 { media_type, data } => Source::FileData {
            filename,
            file_data: DataUrl { media_type, data },
        },
        MediaSource::Url(url) => Source::FileUrl { file_url: url },
        MediaSource::File(file_id) => Source::Stored { file_id },
        _ => {
            return ContentPart::Text {
                text: "[a document that cannot be shown here]".into(),
            };
        }
    })
}
