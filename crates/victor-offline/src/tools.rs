//! The choice of tools and arguments.

use serde_json::Value;
use victor_core::{Effect, JsonMap, ToolSpec};
use victor_provider_protocol::ToolChoice;

use crate::arguments::{Found, find};
use crate::lex::Kind;
use crate::lexicon::{Concept, weight};
use crate::request::Clause;
use crate::schema::{Parameter, parameters};
use crate::tokens::{each_word, stems};

/// A call to make.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Planned<'a> {
    pub(crate) tool: &'a ToolSpec,
    pub(crate) arguments: JsonMap,
    /// The number of the clause that asks for it.
    pub(crate) clause: usize,
}

/// Most calls of one answer, and of one turn.
const CALLS_PER_STEP: usize = 8;
const CALLS_PER_TURN: usize = 16;

/// Number of clauses at the beginning and at the end of a request that may be orders, and their length.
const CLAUSES_AT_ENDS: usize = 16;
const MOST_PIECES: usize = 200;

/// A tool as the model sees it.
struct Tool<'a> {
    spec: &'a ToolSpec,
    parameters: Vec<Parameter<'a>>,
    name: Vec<String>,
    /// The words of the description and of the parameters.
    about: Vec<String>,
}

/// All the calls that a request asks for, in order, whether they have been made or not.
pub(crate) fn plan<'a>(
    clauses: &[Clause<'_>],
    tools: &'a [ToolSpec],
    choice: &ToolChoice,
) -> Vec<Planned<'a>> {
    let forced = match choice {
        ToolChoice::None => return Vec::new(),
        ToolChoice::Required | ToolChoice::Named(_) => true,
        _ => false,
    };
    let tools: Vec<Tool<'a>> = tools
        .iter()
        .filter(|spec| !matches!(choice, ToolChoice::Named(name) if *name != spec.name))
        .map(Tool::new)
        .collect();
    let choose = |forced| {
        let mut chosen: Vec<Planned<'a>> = Vec::new();
        for (index, clause) in clauses.iter().enumerate() {
            // Orders stand before or after what is pasted, and are short.
            let is_inside = index >= CLAUSES_AT_ENDS && index + CLAUSES_AT_ENDS < clauses.len();
            if is_inside || clause.pieces.len() > MOST_PIECES {
                continue;
            }
            let Some((tool, sets)) = best(clause, &tools, forced) else {
                continue;
            };
            for arguments in sets {
                let known =
                    |call: &Planned<'_>| call.tool.name == tool.name && call.arguments == arguments;
                if chosen.len() < CALLS_PER_TURN && !chosen.iter().any(known) {
                    chosen.push(Planned {
                        tool,
                        arguments,
                        clause: index,
                    });
                }
            }
        }
        chosen
    };
    let mut planned = choose(false);
    if planned.is_empty() && forced {
        planned = choose(true);
        planned.truncate(1);
    }
    planned
}

/// The calls to make next: those that have not been made, readers side by side, everything else one at a time.
pub(crate) fn next_calls<'p, 'a>(
    planned: &'p [Planned<'a>],
    made: &[(&str, Option<JsonMap>)],
) -> Vec<&'p Planned<'a>> {
    if made.len() >= CALLS_PER_TURN {
        return Vec::new();
    }
    let is_new = |call: &&Planned<'_>| {
        !made.iter().any(|(name, arguments)| {
            *name == call.tool.name && arguments.as_ref() == Some(&call.arguments)
        })
    };
    let mut calls: Vec<&Planned<'a>> = Vec::new();
    for call in planned.iter().filter(is_new).take(CALLS_PER_STEP) {
        let reads = call.tool.effect == Effect::ReadOnly;
        if reads || calls.is_empty() {
            calls.push(call);
        }
        if !reads {
            break;
        }
    }
    calls
}

impl<'a> Tool<'a> {
    fn new(spec: &'a ToolSpec) -> Self {
        let mut about = Vec::new();
        // Tools explain themselves at the beginning; the rest is advice for larger models.
        let end = spec
            .description
            .char_indices()
            .nth(600)
            .map_or(spec.description.len(), |(index, _)| index);
        each_word(&spec.description[..end], |word| {
            if weight(word.lower) > 0.0 {
                about.push(word.stem.to_owned());
            }
        });
        let parameters = parameters(spec);
        about.extend(
            parameters
                .iter()
                .flat_map(|parameter| stems(parameter.name)),
        );
        Self {
            spec,
            parameters,
            name: stems(&spec.name),
            about,
        }
    }

    fn does(&self, action: Concept) -> bool {
        self.name
            .iter()
            .any(|stem| Concept::of(stem) == Some(action))
    }
}

/// The tool that fits a clause best, with the arguments of each call.
fn best<'a>(
    clause: &Clause<'_>,
    tools: &[Tool<'a>],
    forced: bool,
) -> Option<(&'a ToolSpec, Vec<JsonMap>)> {
    if clause.is_negated() && !forced {
        return None;
    }
    let mut best: Option<(f32, &Tool<'a>, Vec<JsonMap>)> = None;
    for tool in tools {
        let Some(found) = find(clause, &tool.parameters) else {
            continue;
        };
        if !(forced || is_evident(clause, tool, &found)) {
            continue;
        }
        let score = score(clause, tool, tools, &found);
        if best.as_ref().is_none_or(|(highest, ..)| score > *highest) {
            best = Some((score, tool, found.sets));
        }
    }
    best.map(|(_, tool, sets)| (tool.spec, sets))
}

/// Whether the user's words are reason enough to call a tool.
fn is_evident(clause: &Clause<'_>, tool: &Tool<'_>, found: &Found) -> bool {
    let action = clause.action();
    let does = action.is_some_and(|action| action != Concept::Tell && tool.does(action));
    if tool.spec.effect != Effect::ReadOnly {
        // Whoever asks how something is deleted does not want it deleted.
        return does && !clause.question;
    }
    if action.is_some_and(Concept::is_change) && !does {
        return false;
    }
    // `weather` in "What is the weather in Paris?": a word of the tool's name that is about its subject.
    let about = clause
        .words()
        .filter(|piece| piece.concept.is_none())
        .any(|piece| {
            weight(&piece.text.to_lowercase()) > 0.5
                && stems(piece.text)
                    .iter()
                    .any(|stem| tool.name.contains(stem))
        });
    // Reading is what one does with a folder or file that somebody asks about.
    let noun = found.folder
        && tool.does(Concept::Folder)
        && clause.words().any(|p| p.concept == Some(Concept::Folder));
    does || about || found.path || noun
}

/// Scores the fit of a tool for a clause by the words that both have; rare words count for more.
fn score(clause: &Clause<'_>, tool: &Tool<'_>, tools: &[Tool<'_>], found: &Found) -> f32 {
    let mut score = found.bonus;
    if clause.action().is_some_and(|action| tool.does(action)) {
        score += 3.0;
    }
    for piece in clause
        .pieces
        .iter()
        .filter(|piece| piece.kind == Kind::Word)
    {
        for stem in stems(piece.text) {
            let concept = piece.concept;
            let same = |other: &String| {
                *other == stem || (concept.is_some() && Concept::of(other) == concept)
            };
            if concept.is_none() && weight(&piece.text.to_lowercase()) == 0.0 {
                continue;
            }
            let frequency = tools
                .iter()
                .filter(|tool| tool.name.iter().chain(&tool.about).any(same))
                .count();
            let rarity = idf(tools.len(), frequency);
            if tool.name.iter().any(same) {
                score += 2.0 * rarity;
            } else if tool.about.iter().any(same) {
                score += rarity;
            }
        }
    }
    if tool.spec.effect == Effect::ReadOnly {
        score + 0.1
    } else {
        score
    }
}

/// Returns the weight of a word that `having` texts of `all` have.
pub(crate) fn idf(all: usize, having: usize) -> f32 {
    #[expect(
        clippy::cast_precision_loss,
        reason = "counts of texts are small beside 2^24, and scores are rough"
    )]
    let (all, having) = (all as f32, having as f32);
    (1.0 + (all - having + 0.5) / (having + 0.5)).ln()
}

/// The arguments of a call, as models write them.
pub(crate) fn to_text(arguments: &JsonMap) -> String {
    Value::Object(arguments.clone()).to_string()
}
