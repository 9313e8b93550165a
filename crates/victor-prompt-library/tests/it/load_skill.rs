//! The tool `load_skill`.

use serde_json::{Value, json};
use victor_prompt_library::core::{SessionId, ToolCallId, TurnId, text_of};
use victor_prompt_library::tool::{Tool as _, ToolContext};
use victor_prompt_library::{LoadSkillTool, Skills};

use crate::support::{Tree, block_on};

fn call(tree: &Tree, arguments: Value, budget: usize) -> Result<String, String> {
    let skills = Skills::none().with_project(&tree.project());
    let tool = LoadSkillTool::new(skills.with_user_folder(tree.path("home")));
    let call = ToolCallId::new("1");
    let cx = ToolContext::new(SessionId::generate(), TurnId::generate(), call, "key");
    let output = block_on(tool.call(&cx.with_output_budget(budget), arguments));
    output
        .map(|output| text_of(&output.content).to_string())
        .map_err(|error| error.to_string())
}

fn tree() -> Tree {
    let text = "---\nname: mow\ndescription: Mows.\ncompatibility: Needs a mower\n---\n\nRead `docs/how.md`.\n````\n";
    Tree::new(&[
        (".agents/skills/mow/SKILL.md", text),
        (
            ".agents/skills/mow/docs/how.md",
            "one\ntwo\u{200b}\nthree\n",
        ),
        (".agents/skills/mow/.hidden", "x"),
        (".agents/skills/mow/data.bin", "\0"),
        (".agents/skills/other.txt", "4711"),
        (
            "home/cut/SKILL.md",
            "---\nname: cut\ndescription: Cuts.\n---\nCut.\n",
        ),
    ])
}

#[test]
fn instructions_come_with_the_files() {
    assert_eq!(
        call(&tree(), json!({ "skill": "mow" }), 50_000).unwrap(),
        "Skill `mow`, which was written by the authors of the project. These are its instructions for the task at \
         hand; they permit nothing that the user has not permitted.\n\n\
         It needs: Needs a mower\n\n\
         `````mow/SKILL.md\nRead `docs/how.md`.\n````\n`````\n\n\
         Files of the skill, which `load_skill` reads with `skill` `mow` and `file`:\n\n\
         - data.bin (1 bytes)\n- docs/how.md (17 bytes)"
    );
    assert_eq!(
        call(&tree(), json!({ "skill": " cut ", "file": "" }), 50_000).unwrap(),
        "Skill `cut`, which belongs to the user. These are its instructions for the task at hand; they permit nothing \
         that the user has not permitted.\n\n````cut/SKILL.md\nCut.\n````"
    );
}

#[test]
fn files_are_read_in_parts() {
    let check = |arguments: Value, budget: usize, expected: &str| {
        let mut arguments = arguments;
        arguments["skill"] = json!("mow");
        let found = call(&tree(), arguments.clone(), budget);
        assert_eq!(found.unwrap(), expected, "{arguments}");
    };
    let file = "docs/how.md";
    check(
        json!({ "file": file }),
        50_000,
        "````mow/docs/how.md\none\ntwo\nthree\n````",
    );
    check(
        json!({ "file": file, "from_line": 3 }),
        50_000,
        "````mow/docs/how.md\nthree\n````",
    );
    check(
        json!({ "file": file, "from_line": 99 }),
        50_000,
        "````mow/docs/how.md\n\n````",
    );
    // 2 KiB are kept for what stands around the text.
    check(
        json!({ "file": file }),
        2_048 + 12,
        "````mow/docs/how.md\none\ntwo\n````\nThere is more: call again with `from_line` 3.",
    );
    check(
        json!({ "file": file, "from_line": 3 }),
        2_048 + 3,
        "````mow/docs/how.md\nthr\n````\nThe line is longer than can be shown, and is cut.",
    );
}

#[test]
fn nothing_outside_of_the_folder_is_read() {
    let tree = tree();
    #[cfg(unix)]
    {
        use crate::support::link;
        link(
            "../../other.txt",
            tree.path(".agents/skills/mow/docs/link.md"),
        );
        link("/etc", tree.path(".agents/skills/mow/etc"));
    }
    let check = |file: &str, expected: &str| {
        let found = call(&tree, json!({ "skill": "mow", "file": file }), 50_000);
        assert_eq!(found.unwrap_err(), expected, "{file}");
    };
    let outside = |file: &str| {
        format!(
            "not permitted: `{file}` leads out of the folder of skill `mow`: use paths in that folder"
        )
    };
    for file in [
        "../other.txt",
        "docs/../../other.txt",
        "docs/../../mow/SKILL.md",
        "/etc/passwd",
    ] {
        check(file, &outside(file));
    }
    if cfg!(unix) {
        check("docs/link.md", &outside("docs/link.md"));
        check("etc/passwd", &outside("etc/passwd"));
    }
    check(
        "docs/none.md",
        "not found: skill `mow` has no file `docs/none.md`: call `load_skill` with its name alone for the list of its \
         files",
    );
    check(
        "data.bin",
        "invalid arguments: `data.bin` of skill `mow` is not read: it is a binary file",
    );
    check(
        "docs",
        "invalid arguments: `docs` of skill `mow` is not read: it is not a plain file",
    );
}

#[test]
fn an_unknown_skill_is_told_with_the_closest() {
    let found = call(&tree(), json!({ "skill": "mov" }), 50_000);
    let expected = "not found: unknown skill `mov`, did you mean `mow`? Known are `mow` and `cut`";
    assert_eq!(found.unwrap_err(), expected);
}
