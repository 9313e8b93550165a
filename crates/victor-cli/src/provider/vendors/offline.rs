//! The offline model.

use std::sync::Arc;

use victor_offline::OfflineModel;

use crate::provider::vendor::{OpenRequest, Opened, Source, Vendor};

pub(super) const VENDOR: Vendor = Vendor {
    id: "offline",
    about: "An extractive model that needs no key and no network",
    caveat: Some("it quotes what it reads, and is no language model"),
    only_model: Some(OfflineModel::MODEL),
    has_address: false,
    takes_server: false,
    key_variables: Vec::new,
    remedy: None,
    detect: None,
    open: |request| Box::pin(async move { Ok(open(&request)) }),
    hint: |_, _| None,
};

fn open(request: &OpenRequest) -> Opened {
    let advice = format!(
        "For real answers, {}, or choose another model with --provider.",
        request.remedies.join(", ")
    );
    Opened {
        provider: Arc::new(OfflineModel::new().with_advice(advice)),
        source: Source::new(&VENDOR),
        reason: None,
    }
}
