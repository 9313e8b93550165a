//! The language of the user.

use async_trait::async_trait;
use victor_prompt_protocol::{
    Contribution, PromptContext, PromptContributor, PromptError, Stability,
};

use crate::priority;

/// Languages by their codes ([ISO 639-1](https://www.loc.gov/standards/iso639-2/php/code_list.php)), with the name in
/// English and in the language.
const LANGUAGES: [(&str, &str, &str); 34] = [
    ("ar", "Arabic", "العربية"),
    ("bg", "Bulgarian", "български"),
    ("bn", "Bengali", "বাংলা"),
    ("ca", "Catalan", "català"),
    ("cs", "Czech", "čeština"),
    ("da", "Danish", "dansk"),
    ("de", "German", "Deutsch"),
    ("el", "Greek", "ελληνικά"),
    ("en", "English", "English"),
    ("es", "Spanish", "español"),
    ("et", "Estonian", "eesti"),
    ("fa", "Persian", "فارسی"),
    ("fi", "Finnish", "suomi"),
    ("fr", "French", "français"),
    ("he", "Hebrew", "עברית"),
    ("hi", "Hindi", "हिन्दी"),
    ("hr", "Croatian", "hrvatski"),
    ("hu", "Hungarian", "magyar"),
    ("id", "Indonesian", "Bahasa Indonesia"),
    ("it", "Italian", "italiano"),
    ("ja", "Japanese", "日本語"),
    ("ko", "Korean", "한국어"),
    ("nl", "Dutch", "Nederlands"),
    ("no", "Norwegian", "norsk"),
    ("pl", "Polish", "polski"),
    ("pt", "Portuguese", "português"),
    ("ro", "Romanian", "română"),
    ("ru", "Russian", "русский"),
    ("sv", "Swedish", "svenska"),
    ("th", "Thai", "ไทย"),
    ("tr", "Turkish", "Türkçe"),
    ("uk", "Ukrainian", "українська"),
    ("vi", "Vietnamese", "Tiếng Việt"),
    ("zh", "Chinese", "中文"),
];

/// Tells the model in which language to answer: that of the fact `language`, or else the default one.
///
/// The language is a code such as `de` or `pt-BR`, or a name. Without a fact and a default there is no section, and a
/// model answers in the language in which it is asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UserLanguage {
    default: Option<String>,
}

impl UserLanguage {
    /// Returns a contributor that goes by the fact alone.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the language for sessions without the fact.
    #[must_use]
    pub fn with_default(mut self, language: impl Into<String>) -> Self {
        self.default = Some(language.into());
        self
    }
}

#[async_trait]
impl PromptContributor for UserLanguage {
    fn name(&self) -> &str {
        "language"
    }

    fn priority(&self) -> i32 {
        priority::LANGUAGE
    }

    async fn get_contribution(&self, cx: &PromptContext) -> Result<Contribution, PromptError> {
        let fact = cx.get_str("language").map(str::trim);
        let language = fact.filter(|language| !language.is_empty());
        let language = language.or(self.default.as_deref());
        let contribution = language.map_or_else(Contribution::nothing, |language| {
            format!(
                "Answer in {}, whatever language files and tools use. Code, names and quotations stay as they are.",
                described(language)
            )
            .into()
        });
        Ok(contribution.with_stability(Stability::Session))
    }
}

/// A language as it is told to a model.
fn described(language: &str) -> String {
    let mut parts = language.split(['-', '_', '.']);
    let code = parts.next().unwrap_or_default().to_ascii_lowercase();
    let known = LANGUAGES.iter().find(|(known, _, _)| *known == code);
    let region = parts.next().filter(|region| region.len() == 2);
    match (known, region) {
        (Some((_, english, own)), Some(region)) => {
            format!(
                "{english} ({own}), as in the region {}",
                region.to_ascii_uppercase()
            )
        }
        (Some((_, english, own)), None) if english == own => (*english).to_owned(),
        (Some((_, english, own)), None) => format!("{english} ({own})"),
        (None, _) => crate::untrusted::one_line(language, 40),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn languages_are_known_by_code_and_region() {
        let check = |language: &str, expected: &str| assert_eq!(described(language), expected);
        check("en", "English");
        check("de", "German (Deutsch)");
        check("DE", "German (Deutsch)");
        check("pt-BR", "Portuguese (português), as in the region BR");
        check("de_AT.UTF-8", "German (Deutsch), as in the region AT");
        check("zh-Hant", "Chinese (中文)");
        check("Klingon", "Klingon");
        check("Low\n\u{202e}German", "Low German");
        assert!(LANGUAGES.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }
}
