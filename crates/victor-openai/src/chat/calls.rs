//! Tool calls, put together from fragments.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::json;
use serde_json::value::RawValue;
use victor_core::ToolCall;
use victor_model_api::Pieces;
use victor_model_api::lenient::{self, HalfPairs, decoded_arguments, unquoted};

use crate::own::{self, Read};

/// A fragment of a tool call, or a whole one.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Fragment<'a> {
    #[serde(deserialize_with = "lenient::integer")]
    index: Option<i64>,
    #[serde(deserialize_with = "lenient::text")]
    id: Option<String>,
    #[serde(borrow)]
    function: Option<Read<'a, Function<'a>>>,
    /// The call of a tool that takes a text and no object.
    custom: Option<Custom>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Function<'a> {
    #[serde(deserialize_with = "lenient::text")]
    name: Option<String>,
    /// JSON in a string; some servers send the object itself.
    #[serde(borrow)]
    arguments: Option<&'a RawValue>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Custom {
    #[serde(deserialize_with = "lenient::text")]
    name: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    input: Option<String>,
}

/// The tool calls of one answer.
///
/// Servers tell which call a fragment belongs to by its index, and get it wrong: it is missing, always 0, or repeated
/// for another call. So do they with identifiers. A fragment that names a call begins one, unless it only repeats what
/// is known of the call that it would continue; a fragment that names none continues one. So two calls are never merged
/// where names tell them apart, and a whole call that is sent again is no second one.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    calls: Vec<Call>,
    /// The call that was continued last.
    current: usize,
    halves: HalfPairs,
}

#[derive(Debug, Default)]
struct Call {
    index: Option<i64>,
    id: String,
    name: String,
    arguments: String,
    is_custom: bool,
    /// Other fields of the call and of its function, to be sent back.
    others: Pieces,
    function: Pieces,
}

/// The fields of a call and of its function that are read.
const KNOWN: [&str; 5] = ["index", "id", "type", "function", "custom"];
const KNOWN_OF_FUNCTION: [&str; 2] = ["name", "arguments"];

/// The content of a fragment.
struct Said {
    index: Option<i64>,
    id: String,
    name: String,
    arguments: String,
}

/// Number of bytes of arguments in a fragment, and in its call so far.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Grown {
    pub(crate) more: usize,
    pub(crate) all: usize,
}

impl Calls {
    pub(crate) fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.calls.len()
    }

    /// Takes a fragment. Arguments that are no JSON are an error.
    pub(crate) fn add(
        &mut self,
        fragment: Read<'_, Fragment<'_>>,
    ) -> Result<Grown, serde_json::Error> {
        let Read {
            value: fragment,
            raw,
        } = fragment;
        let is_custom = fragment.custom.is_some();
        let custom = fragment.custom.unwrap_or_default();
        let (function, raw_function) = match fragment.function {
            Some(function) => (function.value, Some(function.raw)),
            None => (Function::default(), None),
        };
        let arguments = match function.arguments {
            Some(arguments) => self.text(arguments)?,
            None => custom.input.unwrap_or_default(),
        };
        let said = Said {
            index: fragment.index,
            id: fragment.id.unwrap_or_default(),
            name: function.name.or(custom.name).unwrap_or_default(),
            arguments,
        };
        let target = match self.target(&said) {
            Some(target) => target,
            None => {
                self.calls.push(Call {
                    index: said.index,
                    ..Call::default()
                });
                self.calls.len() - 1
            }
        };
        self.current = target;
        let call = &mut self.calls[target];
        call.is_custom |= is_custom;
        if said.repeats(call) {
            return Ok(Grown {
                more: 0,
                all: call.arguments.len(),
            });
        }
        own::take_unknown(raw, &KNOWN, &mut call.others);
        if let Some(raw) = raw_function {
            own::take_unknown(raw, &KNOWN_OF_FUNCTION, &mut call.function);
        }
        if call.id.is_empty() {
            call.id = said.id;
        }
        if call.name.is_empty() {
            call.name = said.name;
        }
        call.arguments.push_str(&said.arguments);
        Ok(Grown {
            more: said.arguments.len(),
            all: call.arguments.len(),
        })
    }

    /// The arguments of a fragment, in which a pair of escapes may be cut in two.
    fn text(&mut self, arguments: &RawValue) -> serde_json::Result<String> {
        self.lose_half(arguments.get());
        unquoted(arguments).or_else(|error| match self.halves.repair(arguments.get()) {
            Some(whole) => serde_json::from_str(&whole),
            None => Err(error),
        })
    }

    /// Lets a replacement stand for half of a pair whose other half does not follow.
    fn lose_half(&mut self, next: &str) {
        if self.halves.is_lost(next)
            && let Some(call) = self.calls.get_mut(self.current)
        {
            call.arguments.push(char::REPLACEMENT_CHARACTER);
        }
    }

    /// The call that a fragment continues or repeats; none if it begins one.
    fn target(&self, said: &Said) -> Option<usize> {
        if !said.id.is_empty() {
            let mut of_id = self.calls.iter().enumerate().rev();
            let known = of_id.find(|(_, call)| call.id == said.id && !said.is_another(call));
            if let Some((known, _)) = known {
                return Some(known);
            }
        }
        let here = self.continued(said.index)?;
        let call = &self.calls[here];
        let names_another = !said.name.is_empty() && !call.name.is_empty();
        let continues = if said.id.is_empty() {
            // The name again, before the arguments are whole, is a repetition.
            !names_another || said.name == call.name && !call.is_whole()
        } else {
            // An identifier that comes late, or that a server makes anew for each fragment.
            !names_another && (call.id.is_empty() || said.name.is_empty())
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
    pub(crate) fn release(mut self, cut: bool, provider: &str) -> impl Iterator<Item = ToolCall> {
        self.lose_half("");
        let released = move |call: &Call| !call.name.is_empty() && (!cut || call.is_whole());
        let calls = self.calls.into_iter().filter(released);
        calls.enumerate().map(move |(number, call)| {
            // Who sends no identifier is sent one back that it has not seen, and only needs to find it twice.
            let id = if call.id.is_empty() {
                format!("call_{number}")
            } else {
                call.id
            };
            let arguments = if call.is_custom {
                json!({ "input": call.arguments }).to_string()
            } else {
                decoded_arguments(call.arguments)
            };
            let mut released = ToolCall::new(id, call.name, arguments);
            if call.is_custom {
                let custom = json!({ "type": "custom" });
                released.extra.insert(crate::EXTRA, custom);
            }
            let (others, function) = (call.others.to_json(), call.function.to_json());
            own::keep(&mut released.extra, provider, own::FIELDS, others);
            own::keep(&mut released.extra, provider, own::FUNCTION, function);
            released
        })
    }
}

impl Said {
    /// Whether it begins another call than the one whose identifier it has: it names another tool, or one at another
    /// place, or the same one with other arguments once that is whole.
    fn is_another(&self, call: &Call) -> bool {
        if self.name.is_empty() || call.name.is_empty() {
            return false;
        }
        let is_elsewhere = self.index.is_some() && call.index.is_some() && self.index != call.index;
        let has_others = is_whole(&self.arguments) && call.is_whole() && !self.repeats(call);
        self.name != call.name || is_elsewhere || has_others
    }

    /// Whether it says once more what is known of a whole call.
    fn repeats(&self, call: &Call) -> bool {
        let is_same = self.name == call.name && self.id == call.id && !self.id.is_empty();
        is_same && self.arguments == call.arguments && call.is_whole()
    }
}

impl Call {
    /// Whether nothing can be missing of it. Of a free text nobody knows.
    fn is_whole(&self) -> bool {
        !self.is_custom && is_whole(&self.arguments)
    }
}

/// Whether arguments are a whole object, or the text of one. No text at all may be the beginning of any.
fn is_whole(arguments: &str) -> bool {
    let end = arguments.trim_end();
    (end.ends_with(['}', '"']) || end == "null")
        && serde_json::from_str::<IgnoredAny>(arguments).is_ok()
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
    fn one_identifier_for_two_calls_merges_nothing() {
        let one = ("same", "f", r#"{"x":1}"#);
        let other = ("same", "g", r#"{"y":2}"#);
        for [i, j] in [
            [json!(0), json!(1)],
            [json!(0), json!(0)],
            [json!(null), json!(null)],
        ] {
            let begun = [
                begin(i.clone(), "same", "f", one.2),
                begin(j.clone(), "same", "g", other.2),
            ];
            check(&begun, &[one, other]);
            // In pieces, whose place only the index tells.
            let mut pieces = vec![
                begin(i, "same", "f", r#"{"x":1}"#),
                begin(j.clone(), "same", "g", r#"{"y""#),
            ];
            pieces.push(more(j, ":2}"));
            check(&pieces, &[one, other]);
        }
        // The same tool, told apart by the index or by other arguments.
        let twice = [begin(0, "same", "f", one.2), begin(1, "same", "f", one.2)];
        check(&twice, &[one, one]);
        let null = Value::Null;
        let others = [
            begin(null.clone(), "same", "f", one.2),
            begin(null, "same", "f", other.2),
        ];
        check(&others, &[one, ("same", "f", other.2)]);
    }

    #[test]
    fn a_whole_call_that_comes_again_is_no_second_one() {
        let whole = || begin(0, "a", "f", r#"{"x":1}"#);
        check(&[whole(), whole()], &TWO[..1]);
        check(
            &[begin(0, "a", "f", r#"{"x""#), more(0, ":1}"), whole()],
            &TWO[..1],
        );
        let empty = begin(0, "a", "f", "");
        check(&[whole(), empty], &TWO[..1]);
        let other = begin(1, "b", "g", r#"{"y":2}"#);
        check(&[whole(), other.clone(), whole(), other], TWO);
    }

    #[test]
    fn numbers_and_texts_may_stand_for_each_other() {
        let call =
            json!({"index": "0", "id": 7, "function": {"name": "f", "arguments": r#"{"x""#}});
        let rest = json!({"index": 0.0, "id": "", "function": {"arguments": ":1}"}});
        check(&[call, rest], &[("7", "f", r#"{"x":1}"#)]);
    }

    #[test]
    fn arguments_become_the_object_that_is_meant() {
        for (arguments, expected) in [
            (json!(r#""{\"x\":1}""#), r#"{"x":1}"#),
            (json!("null"), "{}"),
            (
                json!(r#"{"n":12345678901234567890123}"#),
                r#"{"n":12345678901234567890123}"#,
            ),
            // What is no object is told to the model.
            (json!(1), "1"),
            (json!([1]), "[1]"),
        ] {
            let call = json!({"id": "a", "function": {"name": "f", "arguments": arguments}});
            check(&[call], &[("a", "f", expected)]);
        }
    }

    #[test]
    fn a_pair_of_escapes_that_is_cut_in_two() {
        let fragment = |arguments: &str| {
            let text = format!(
                r#"{{"index":0,"id":"a","function":{{"name":"f","arguments":{arguments}}}}}"#
            );
            serde_json::from_str::<Box<RawValue>>(&text).unwrap()
        };
        let check = |fragments: &[&str], expected: &str| {
            let mut calls = Calls::default();
            for arguments in fragments {
                let fragment = fragment(arguments);
                calls
                    .add(serde_json::from_str(fragment.get()).unwrap())
                    .unwrap();
            }
            let arguments: Vec<_> = calls
                .release(false, "test")
                .map(|call| call.arguments)
                .collect();
            assert_eq!(arguments, [expected]);
        };
        check(
            &[r#""{\"x\":\"\ud83d""#, r#""\ude00\"}""#],
            "{\"x\":\"\u{1f600}\"}",
        );
        check(
            &[r#""{\"x\":\"\ud83d""#, r#""\"}""#],
            "{\"x\":\"\u{fffd}\"}",
        );
        check(&[r#""{\"x\":\"\ud83d y\"}""#], "{\"x\":\"\u{fffd} y\"}");
        check(&[r#""{\"x\":1}\ud83d""#], "{\"x\":1}\u{fffd}");
        // Escaped twice, it is half of a pair in the arguments.
        check(&[r#""{\"x\":\"\\ud83d\"}""#], r#"{"x":"\ufffd"}"#);
    }

    #[test]
    fn calls_of_tools_that_take_a_text() {
        let pieces = [
            json!({"index": 0, "id": "a", "type": "custom", "custom": {"name": "f", "input": "print("}}),
            json!({"index": 0, "custom": {"input": "1)"}}),
        ];
        check(&pieces, &[("a", "f", r#"{"input":"print(1)"}"#)]);
        assert!(assemble(&pieces, true).is_empty());
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
        fn names_alone_tell_calls_apart(
            tools in prop::collection::vec(0..2_u8, 1..6),
            index in prop::option::of(0..2_i64),
        ) {
            let fragments: Vec<_> = tools
                .iter()
                .flat_map(|tool| [begin(index, "", &format!("tool{tool}"), r#"{"a""#), more(index, ":1}")])
                .collect();
            prop_assert_eq!(assemble(&fragments, false).len(), tools.len());
        }
    }
}
