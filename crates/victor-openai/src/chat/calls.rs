//! Tool calls, put together from fragments.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use victor_core::ToolCall;
use victor_model_api::Pieces;

use crate::own::{self, Read};

/// A fragment of a tool call, or a whole one.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Fragment<'a> {
    index: Option<i64>,
    id: Option<String>,
    #[serde(borrow)]
    function: Option<Read<'a, Function<'a>>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Function<'a> {
    name: Option<String>,
    /// JSON in a string; some servers send the object itself.
    #[serde(borrow)]
    arguments: Option<&'a RawValue>,
}

/// The tool calls of one answer.
///
/// Servers tell which call a fragment belongs to by its index, and get it wrong: it is missing, always 0, or repeated
/// for another call. A fragment that names a call begins one, unless it only repeats what is known of the call that it
/// would continue; a fragment that names none continues one. So two calls are never merged where names tell them apart.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    calls: Vec<Call>,
    /// The call that was continued last.
    current: usize,
}

#[derive(Debug)]
struct Call {
    index: Option<i64>,
    id: String,
    name: String,
    arguments: String,
    /// What else the server said of it and of its function, to be sent back.
    others: Pieces,
    function: Pieces,
}

/// The fields of a call and of its function that are read.
const KNOWN: [&str; 4] = ["index", "id", "type", "function"];
const KNOWN_OF_FUNCTION: [&str; 2] = ["name", "arguments"];

impl Calls {
    pub(crate) fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }

    /// Takes a fragment. An argument that is neither text nor an object is an error.
    pub(crate) fn add(
        &mut self,
        fragment: Read<'_, Fragment<'_>>,
    ) -> Result<(), serde_json::Error> {
        let Read {
            value: fragment,
            raw,
        } = fragment;
        let (function, raw_function) = match fragment.function {
            Some(function) => (function.value, Some(function.raw)),
            None => (Function::default(), None),
        };
        let id = fragment.id.unwrap_or_default();
        let name = function.name.unwrap_or_default();
        let target = match self.target(fragment.index, &id, &name) {
            Some(target) => target,
            None => {
                self.calls.push(Call {
                    index: fragment.index,
                    id: String::new(),
                    name: String::new(),
                    arguments: String::new(),
                    others: Pieces::default(),
                    function: Pieces::default(),
                });
                self.calls.len() - 1
            }
        };
        self.current = target;
        let call = &mut self.calls[target];
        own::take_unknown(raw, &KNOWN, &mut call.others);
        if let Some(raw) = raw_function {
            own::take_unknown(raw, &KNOWN_OF_FUNCTION, &mut call.function);
        }
        if call.id.is_empty() {
            call.id = id;
        }
        if call.name.is_empty() {
            call.name = name;
        }
        if let Some(arguments) = function.arguments {
            let text = arguments.get();
            if text.starts_with('{') {
                call.arguments.push_str(text);
            } else {
                call.arguments
                    .push_str(&serde_json::from_str::<String>(text)?);
            }
        }
        Ok(())
    }

    /// The call that a fragment continues; none if it begins one.
    fn target(&self, index: Option<i64>, id: &str, name: &str) -> Option<usize> {
        let by_id = |id: &str| self.calls.iter().rposition(|call| call.id == id);
        if !id.is_empty()
            && let Some(known) = by_id(id)
        {
            return Some(known);
        }
        let here = self.continued(index)?;
        let call = &self.calls[here];
        let names_another = !name.is_empty() && !call.name.is_empty();
        let continues = if id.is_empty() {
            // The name again, before the arguments are whole, is a repetition.
            !names_another || name == call.name && !call.is_whole()
        } else {
            // An identifier that comes late, or that a server makes anew for each fragment.
            !names_another && (call.id.is_empty() || name.is_empty())
        };
        continues.then_some(here)
    }

    /// The call that a fragment without a name continues: the last of its index, unless that one is whole and
    /// another was continued since, so that the index must be wrong.
    fn continued(&self, index: Option<i64>) -> Option<usize> {
        let current = (!self.calls.is_empty()).then_some(self.current)?;
        let of_index = self.calls.iter().rposition(|call| call.index == index);
        Some(match of_index {
            Some(found)
                if index.is_some() && (found == current || !self.calls[found].is_whole()) =>
            {
                found
            }
            _ => current,
        })
    }

    /// The calls that may be run, in their order. Of an answer that was cut, those that are whole. Of a whole answer
    /// all that have a name: a call whose arguments are no JSON cannot run, and the model is told.
    pub(crate) fn release(self, cut: bool, provider: &str) -> impl Iterator<Item = ToolCall> {
        let released = move |call: &Call| !call.name.is_empty() && (!cut || call.is_whole());
        let calls = self.calls.into_iter().filter(released);
        calls.enumerate().map(move |(number, call)| {
            // Who sends no identifier is sent one back that it has not seen, and only needs to find it twice.
            let id = if call.id.is_empty() {
                format!("call_{number}")
            } else {
                call.id
            };
            let (others, function) = (call.others.to_json(), call.function.to_json());
            let mut call = ToolCall::new(id, call.name, call.arguments);
            own::keep(&mut call.extra, provider, own::FIELDS, others);
            own::keep(&mut call.extra, provider, own::FUNCTION, function);
            call
        })
    }
}

impl Call {
    fn is_whole(&self) -> bool {
        self.arguments.trim_end().ends_with('}')
            && serde_json::from_str::<IgnoredAny>(&self.arguments).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn assemble(fragments: &[Value], cut: bool) -> Vec<(String, String, String)> {
        let mut calls = Calls::default();
        for fragment in fragments {
            let text = fragment.to_string();
            calls.add(serde_json::from_str(&text).unwrap()).unwrap();
        }
        calls
            .release(cut, "test")
            .map(|call| (call.id.as_str().to_owned(), call.name, call.arguments))
            .collect()
    }

    #[track_caller]
    fn check(fragments: &[Value], expected: &[(&str, &str, &str)]) {
        let found = assemble(fragments, false);
        let found: Vec<_> = found.iter().map(|(i, n, a)| (&**i, &**n, &**a)).collect();
        assert_eq!(found, expected);
    }

    fn begin(index: impl Into<Value>, id: &str, name: &str, arguments: &str) -> Value {
        json!({"index": index.into(), "id": id, "function": {"name": name, "arguments": arguments}})
    }

    fn more(index: impl Into<Value>, arguments: &str) -> Value {
        json!({"index": index.into(), "function": {"arguments": arguments}})
    }

    const TWO: &[(&str, &str, &str)] = &[("a", "f", r#"{"x":1}"#), ("b", "g", r#"{"y":2}"#)];

    #[test]
    fn fragments_find_their_call_by_index() {
        check(
            &[
                begin(0, "a", "f", ""),
                begin(1, "b", "g", ""),
                more(0, r#"{"x""#),
                more(1, r#"{"y""#),
                more(0, ":1}"),
                more(1, ":2}"),
            ],
            TWO,
        );
    }

    #[test]
    fn an_index_that_is_always_0_or_missing_merges_nothing() {
        for index in [json!(0), Value::Null] {
            let i = || index.clone();
            check(
                &[
                    begin(i(), "a", "f", ""),
                    more(i(), r#"{"x":1}"#),
                    begin(i(), "b", "g", r#"{"y""#),
                    more(i(), ":2}"),
                ],
                TWO,
            );
        }
    }

    #[test]
    fn a_whole_call_in_one_fragment() {
        check(
            &[
                begin(0, "a", "f", r#"{"x":1}"#),
                begin(0, "b", "g", r#"{"y":2}"#),
            ],
            TWO,
        );
        let object = json!({"id": "a", "function": {"name": "f", "arguments": {"x": 1}}});
        check(&[object], &TWO[..1]);
        check(
            &[json!({"id": "a", "function": {"name": "f", "arguments": null}})],
            &[("a", "f", "")],
        );
    }

    #[test]
    fn the_same_tool_called_twice() {
        let twice = [begin(0, "a", "f", "{}"), begin(0, "b", "f", "{}")];
        check(&twice, &[("a", "f", "{}"), ("b", "f", "{}")]);
        let nameless = [begin(0, "", "f", "{}"), begin(0, "", "f", "{}")];
        check(&nameless, &[("call_0", "f", "{}"), ("call_1", "f", "{}")]);
    }

    #[test]
    fn what_is_repeated_on_every_fragment_is_taken_once() {
        check(
            &[
                begin(0, "a", "f", r#"{"x""#),
                begin(0, "a", "f", ":1}"),
                begin(0, "b", "g", r#"{"y":2}"#),
            ],
            TWO,
        );
        check(
            &[begin(0, "a", "f", r#"{"x""#), begin(0, "", "f", ":1}")],
            &TWO[..1],
        );
    }

    #[test]
    fn identifiers_that_change_with_every_fragment() {
        let anew = json!({"index": 0, "id": "other", "function": {"arguments": ":1}"}});
        check(&[begin(0, "a", "f", r#"{"x""#), anew], &TWO[..1]);
    }

    #[test]
    fn an_identifier_that_comes_before_the_name_or_after_it() {
        check(
            &[
                json!({"index": 0, "id": "a"}),
                json!({"index": 0, "function": {"name": "f", "arguments": r#"{"x":1}"#}}),
            ],
            &TWO[..1],
        );
        check(
            &[
                json!({"index": 0, "function": {"name": "f"}}),
                json!({"index": 0, "id": "a", "function": {"arguments": r#"{"x":1}"#}}),
            ],
            &TWO[..1],
        );
    }

    #[test]
    fn of_a_cut_answer_only_whole_calls_are_released() {
        let cut = [
            begin(0, "a", "f", r#"{"x":1}"#),
            begin(1, "b", "g", r#"{"y":"#),
        ];
        assert_eq!(assemble(&cut, true).len(), 1);
        assert_eq!(assemble(&cut, false).len(), 2);
        // Arguments of which nothing has come yet are no empty arguments.
        assert_eq!(assemble(&[begin(0, "a", "f", "")], true).len(), 0);
    }

    #[test]
    fn arguments_that_are_a_number_are_an_error() {
        let text = json!({"function": {"name": "f", "arguments": 1}}).to_string();
        assert!(
            Calls::default()
                .add(serde_json::from_str(&text).unwrap())
                .is_err()
        );
    }

    proptest! {
        /// Calls one after the other, cut into fragments at will, each fragment with an index that means nothing.
        #[test]
        fn no_two_calls_are_merged_whatever_the_index(
            calls in prop::collection::vec((0..3_u8, "[a-c{}\" ]{0,12}", any::<bool>()), 1..6),
            cuts in prop::collection::vec(0..8_usize, 0..40),
            indexes in prop::collection::vec(prop::option::of(-1..4_i64), 60),
        ) {
            let mut cuts = cuts.into_iter();
            let mut indexes = indexes.into_iter().cycle();
            let (mut fragments, mut expected) = (Vec::new(), Vec::new());
            for (number, (tool, text, repeats)) in calls.iter().enumerate() {
                let arguments = json!({"text": text}).to_string();
                let (id, name) = (format!("id{number}"), format!("tool{tool}"));
                let mut fragment = begin(indexes.next().unwrap(), &id, &name, "");
                let mut rest = &*arguments;
                while !rest.is_empty() {
                    let (piece, others) = rest.split_at(cuts.next().unwrap_or(usize::MAX).min(rest.len()));
                    fragment["function"]["arguments"] = piece.into();
                    fragments.push(fragment);
                    fragment = more(indexes.next().unwrap(), "");
                    if *repeats {
                        fragment["id"] = id.clone().into();
                    }
                    rest = others;
                }
                expected.push((id, name, arguments));
            }
            prop_assert_eq!(assemble(&fragments, false), expected);
        }

        /// Servers that send no identifiers, but a name where a call begins.
        #[test]
        fn names_alone_tell_calls_apart(tools in prop::collection::vec(0..2_u8, 1..6), index in prop::option::of(0..2_i64)) {
            let fragments: Vec<_> = tools
                .iter()
                .flat_map(|tool| [begin(index, "", &format!("tool{tool}"), r#"{"a""#), more(index, ":1}")])
                .collect();
            prop_assert_eq!(assemble(&fragments, false).len(), tools.len());
        }
    }
}
