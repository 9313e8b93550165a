//! The renderer.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use minijinja::syntax::SyntaxConfig;
use minijinja::{AutoEscape, Environment, Error, UndefinedBehavior, Value};
use victor_core::Lock;
use victor_prompt_protocol::{PromptError, PromptRenderer, PromptTemplate, Rendering};

use crate::RenderOptions;
use crate::error::explain;
use crate::variables::Variables;

/// Depth of includes and calls of macros; an include counts ten.
const DEEPEST: usize = 250;

/// Renders prompts from Jinja templates.
#[derive(Debug, Clone, Default)]
pub struct MinijinjaRenderer {
    options: RenderOptions,
}

impl MinijinjaRenderer {
    /// Returns a renderer with these limits.
    #[must_use]
    pub fn new(options: RenderOptions) -> Self {
        Self { options }
    }
}

impl PromptRenderer for MinijinjaRenderer {
    fn render(&self, template: &PromptTemplate<'_>) -> Result<Rendering, PromptError> {
        let variables = Arc::new(Variables::new(template.variables.clone()));
        let needed = Arc::new(Lock::new(None));
        let mut environment = environment(&self.options);
        environment.set_loader(loader(template, Arc::clone(&needed)));
        let mut text = Limited {
            text: Vec::new(),
            most: self.options.text_bytes,
        };
        let context = Value::from_dyn_object(Arc::clone(&variables));
        let outcome = environment
            .get_template(template.name)
            .and_then(|template| template.render_captured_to(context, &mut text).map(drop));
        // Asked for first: what is wrong without it may be right with it.
        if let Some(name) = needed.lock().take() {
            return Ok(Rendering::Needs(name));
        }
        outcome.map_err(|error| explain(&error, template.name, &variables, &self.options))?;
        let text = String::from_utf8(text.text)
            .map_err(|error| PromptError::new("the text is not UTF-8").with_source(error))?;
        let globals: Vec<&str> = environment.globals().map(|(name, _)| name).collect();
        let is_variable = |name: &String| {
            template.variables.contains_key(name) || !globals.contains(&name.as_str())
        };
        let variables = variables.asked().into_iter().filter(is_variable).collect();
        Ok(Rendering::Complete { text, variables })
    }
}

fn environment(options: &RenderOptions) -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_debug(true);
    environment.set_fuel(Some(options.fuel));
    environment.set_recursion_limit(DEEPEST);
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    let syntax = SyntaxConfig::builder()
        .trim_blocks(true)
        .lstrip_blocks(true)
        .build();
    if let Ok(syntax) = syntax {
        environment.set_syntax(syntax);
    }
    environment
}

/// Returns what finds templates by name, and notes in `needed` the first one that nobody has asked for yet.
fn loader(
    template: &PromptTemplate<'_>,
    needed: Arc<Lock<Option<String>>>,
) -> impl Fn(&str) -> Result<Option<String>, Error> + Send + Sync + 'static {
    let mut texts: BTreeMap<String, Option<String>> = (template.others.iter())
        .map(|(name, text)| (name.clone(), text.as_deref().map(str::to_owned)))
        .collect();
    texts.insert(template.name.to_owned(), Some(template.text.to_owned()));
    move |name| match texts.get(name) {
        Some(text) => Ok(text.clone()),
        None => {
            needed.lock().get_or_insert_with(|| name.to_owned());
            Ok(None)
        }
    }
}

/// A text that may not exceed a size.
struct Limited {
    text: Vec<u8>,
    most: usize,
}

impl io::Write for Limited {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.text.len() + bytes.len() > self.most {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.text.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
