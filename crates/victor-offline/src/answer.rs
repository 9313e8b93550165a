//! The texts of the model.

use std::borrow::Cow;
use std::fmt::Write;

use victor_core::{ToolOutcome, ToolResult, ToolSpec};

use crate::extract::{Sentence, clean, sentences};
use crate::history::{History, Made, Said, Speaker, label};
use crate::lexicon::{Concept, is_courtesy};
use crate::rank::{Question, Ranked};
use crate::request::Clause;
use crate::tokens::each_word;

/// Everything that an answer is made of.
#[derive(Debug)]
pub(crate) struct Material<'a> {
    pub(crate) history: &'a History<'a>,
    pub(crate) clauses: &'a [Clause<'a>],
    /// The clauses that asked for tool calls.
    pub(crate) called: &'a [usize],
    pub(crate) tools: &'a [ToolSpec],
    /// Advice on getting a better model.
    pub(crate) advice: &'a str,
}

/// Number of sentences that an answer quotes.
const MOST_SENTENCES: usize = 3;
/// Number of characters of a result that the question only asks to show.
const SHOWN_LINES: usize = 20;
const SHOWN_BYTES: usize = 1500;

impl Material<'_> {
    /// The answer.
    pub(crate) fn answer(&self) -> String {
        if self.history.made.is_empty() {
            self.conversation_answer()
        } else {
            self.results_answer()
        }
    }

    /// The best sentences of the results, or the results themselves where nothing in particular is asked for.
    fn results_answer(&self) -> String {
        let mut paragraphs = Vec::new();
        let mut sources = Vec::new();
        for made in &self.history.made {
            match made.result {
                Some(result) if result.is_error() => paragraphs.push(failure(made, result)),
                Some(result) => {
                    sources.push((label(made.name, made.arguments.as_ref()), result.text()));
                }
                None => paragraphs.push(format!("The call of `{}` has no result.", made.name)),
            }
        }
        if sources.is_empty() {
            return paragraphs.join("\n");
        }
        let question = self.question();
        let found = if question.is_empty() {
            None
        } else {
            quote(&question, &sources, 0.3)
        };
        match found {
            Some(quotes) => {
                for (source, quotes) in quotes {
                    paragraphs.push(format!("{} (from {})", joined(&quotes), sources[source].0));
                }
            }
            None => {
                if !question.is_empty() {
                    paragraphs
                        .push("I found no sentence about that. This is what I have:".to_owned());
                }
                paragraphs.extend(sources.iter().map(|(label, text)| shown(label, text)));
            }
        }
        paragraphs.join("\n")
    }

    /// Returns the question beyond the tool calls. The folder that was listed is no part of the question what is in it.
    fn question(&self) -> Question {
        let arguments = self
            .history
            .made
            .iter()
            .flat_map(|made| made.arguments.iter().flatten());
        let values: Vec<&str> = arguments.filter_map(|(_, value)| value.as_str()).collect();
        let places: Vec<&str> = self
            .clauses
            .iter()
            .filter_map(Clause::bare_folder)
            .filter(|name| values.contains(name))
            .collect();
        Question::new(self.asking(), &places)
    }

    /// The clauses that ask something; where none is a question, all that no call has answered.
    fn asking(&self) -> impl Iterator<Item = &Clause<'_>> {
        let asks = |clause: &Clause<'_>| clause.question || clause.action() == Some(Concept::Tell);
        let questions = self.has_question();
        let clauses = self.clauses.iter().enumerate();
        clauses
            .filter(move |(index, clause)| {
                if questions {
                    asks(clause)
                } else {
                    !self.called.contains(index)
                }
            })
            .map(|(_, clause)| clause)
    }

    fn has_question(&self) -> bool {
        self.clauses.iter().any(|clause| clause.question)
    }

    fn conversation_answer(&self) -> String {
        let request = self.history.request.as_ref();
        if is_about_the_model(request) {
            return self.introduction();
        }
        let question = Question::new(self.asking(), &[]);
        if question.is_empty() {
            let hello = if has_courtesy(request) { "Hello. " } else { "" };
            return format!("{hello}{}", self.introduction());
        }
        // Who asks something may have said beside it what the answer is in.
        let request = Said {
            by: Speaker::User,
            text: Cow::Borrowed(request),
        };
        let request = self.has_question().then_some(&request);
        // Questions answer nothing, and neither does what this model said of itself.
        let said: Vec<(Speaker, Vec<Sentence<'_>>)> = self
            .history
            .earlier
            .iter()
            .chain(request)
            .filter(|said| !(said.by == Speaker::Model && said.text.contains(SELF)))
            .map(|said| {
                let mut sentences = sentences(&said.text);
                sentences.retain(|sentence| !sentence.text.trim_end().ends_with(['?', '？']));
                for sentence in &mut sentences {
                    // What stood above may be gone, and the model quotes what others said first.
                    sentence.above = None;
                    sentence.weight *= if said.by == Speaker::Model { 0.8 } else { 1.0 };
                }
                (said.by.clone(), sentences)
            })
            .collect();
        let owner: Vec<&Speaker> = said
            .iter()
            .flat_map(|(by, sentences)| sentences.iter().map(move |_| by))
            .collect();
        let all: Vec<Sentence<'_>> = said
            .iter()
            .flat_map(|(_, sentences)| sentences.iter().cloned())
            .collect();
        let mut ranked = question.rank(&all);
        // Of equals the later one counts: people correct themselves.
        ranked.sort_by(|a, b| {
            b.score
                .total_cmp(&a.score)
                .then(b.sentence.cmp(&a.sentence))
        });
        match ranked.first().filter(|best| best.coverage >= 0.5) {
            Some(best) => {
                let sentence = clean(&all[best.sentence].text);
                match owner[best.sentence] {
                    Speaker::User => format!("You said: \"{sentence}\""),
                    Speaker::Model => format!("I said before: \"{sentence}\""),
                    Speaker::Tool(label) => format!("{sentence} (from {label})"),
                }
            }
            None => format!(
                "I have nothing to answer this from. {}",
                self.introduction()
            ),
        }
    }

    /// Introduces the model: its nature, its abilities, and the way to a better one.
    fn introduction(&self) -> String {
        let mut text = format!("{SELF} ");
        let names: Vec<String> = self
            .tools
            .iter()
            .take(6)
            .map(|tool| format!("`{}`", tool.name))
            .collect();
        if names.is_empty() {
            text.push_str("No tools are offered to me now. ");
        } else {
            let more = if self.tools.len() > names.len() {
                " and others"
            } else {
                ""
            };
            let _ = write!(
                text,
                "Name a file or another thing that one of these tools can work with: {}{more}. ",
                names.join(", ")
            );
        }
        text.push_str(self.advice);
        text
    }
}

const SELF: &str = "I am `offline-extractive`, an extractive offline model and not a language model: I call tools with \
arguments from your words, and quote the sentences of their results and of this conversation that match your question \
best.";

/// The sentences that answer a question best, by source and in their order; none if none has `least` of the question.
fn quote(
    question: &Question,
    sources: &[(String, Cow<'_, str>)],
    least: f32,
) -> Option<Vec<(usize, Vec<String>)>> {
    let mut all = Vec::new();
    let mut owner = Vec::new();
    for (index, (_, text)) in sources.iter().enumerate() {
        let first = all.len();
        let mut sentences = sentences(text);
        for sentence in &mut sentences {
            sentence.above = sentence.above.map(|above| above + first);
        }
        all.append(&mut sentences);
        owner.resize(all.len(), index);
    }
    let ranked = question.rank(&all);
    let best = *ranked.first().filter(|best| best.coverage >= least)?;
    let share = if best.coverage > 0.8 { 0.85 } else { 0.7 };
    let mut chosen: Vec<&Ranked> = ranked
        .iter()
        .take_while(|ranked| ranked.score >= share * best.score)
        .filter(|ranked| ranked.names || !best.names)
        .take(MOST_SENTENCES)
        .collect();
    chosen.sort_by_key(|ranked| ranked.sentence);
    let mut quotes: Vec<(usize, Vec<String>)> = Vec::new();
    for ranked in chosen {
        let text = clean(&all[ranked.sentence].text);
        let source = owner[ranked.sentence];
        match quotes.last_mut() {
            Some((last, texts)) if *last == source => {
                if !texts.contains(&text) {
                    texts.push(text);
                }
            }
            _ => quotes.push((source, vec![text])),
        }
    }
    Some(quotes)
}

/// Sentences one after the other; lines that are none stay lines.
fn joined(quotes: &[String]) -> String {
    let whole = quotes
        .iter()
        .all(|quote| quote.ends_with(['.', '!', '?', '。', '！', '？']));
    quotes.join(if whole { " " } else { "\n" })
}

fn failure(made: &Made<'_>, result: &ToolResult) -> String {
    let label = label(made.name, made.arguments.as_ref());
    let what = match &result.outcome {
        ToolOutcome::Denied => "was not permitted",
        ToolOutcome::TimedOut => "took too long",
        ToolOutcome::Cancelled => "was cancelled",
        ToolOutcome::Rejected => "was rejected",
        _ => "failed",
    };
    let of = if label.starts_with(made.name) {
        String::new()
    } else {
        format!(" for {label}")
    };
    format!(
        "`{}`{of} {what}: {}",
        made.name,
        shortened(result.text().trim()).0
    )
}

/// A result as it is, up to a length.
fn shown(label: &str, text: &str) -> String {
    let text = text.trim();
    if text.is_empty() {
        return format!("{label}: nothing.");
    }
    let (head, left) = shortened(text);
    let more = if left > 0 {
        format!("\n... and {left} more bytes")
    } else {
        String::new()
    };
    if head.contains('\n') {
        format!("{label}:\n{head}{more}")
    } else {
        format!("{label}: {head}{more}")
    }
}

/// The first lines of a text, and how many bytes were left out.
fn shortened(text: &str) -> (&str, usize) {
    let lines = text
        .match_indices('\n')
        .nth(SHOWN_LINES - 1)
        .map_or(text.len(), |(index, _)| index);
    let end = text.floor_char_boundary(lines.min(SHOWN_BYTES));
    (&text[..end], text.len() - end)
}

/// Whether the question is who or what the model is, or what it can do.
fn is_about_the_model(request: &str) -> bool {
    let mut words = Vec::new();
    each_word(request, |word| words.push(word.lower.to_owned()));
    let text = format!(" {} ", words.join(" "));
    let asks = [
        " who are you ",
        " what are you ",
        " what can you do ",
        " are you a ",
        " are you an ",
        " are you real ",
        " your name ",
        " which model are you ",
        " what model are you ",
        " introduce yourself ",
        " who is this ",
    ];
    words.len() <= 12 && asks.iter().any(|phrase| text.contains(phrase))
}

fn has_courtesy(request: &str) -> bool {
    let mut found = false;
    each_word(request, |word| found |= is_courtesy(word.lower));
    found
}
