//! The command line itself: help, lists, completions and what it answers to nonsense.

mod common;

use common::{folder, run};

#[test]
fn nonsense_is_answered_with_two() {
    let here = folder("nonsense");
    let cases: [&[&str]; 9] = [
        &["trian"],
        &["evaluate"],
        &["apply", "run"],
        &["train", "--seed", "minus one"],
        &["train", "--seed", "-1"],
        &["train", "--threads", "99999"],
        &["train", "--resume", "run", "--seed", "1"],
        &["completions", "basic"],
        &["--frobnicate"],
    ];
    for arguments in cases {
        let ran = run(&here, arguments);
        assert_eq!(ran.code, Some(2), "{arguments:?}: {ran:?}");
        assert!(ran.err.starts_with("error: ") && ran.out.is_empty(), "{ran:?}");
    }
    assert!(run(&here, &["trian"]).err.contains("'train'"));
}

#[test]
fn help_names_every_command_and_the_exit_codes() {
    let here = folder("help");
    let help = run(&here, &["--help"]).done().out;
    for word in ["train", "evaluate", "apply", "recipes", "summary", "report", "completions", "Exit codes"] {
        assert!(help.contains(word), "{word} is missing in:\n{help}");
    }
    let apply = run(&here, &["apply", "--help"]).done().out;
    assert!(apply.contains("8×8") && apply.contains("0 to 16"), "{apply}");
    assert!(run(&here, &["--version"]).done().out.contains(env!("CARGO_PKG_VERSION")));
}

#[test]
fn recipes_are_listed_with_data_model_and_time() {
    let list = run(&folder("list"), &["recipes"]).done().out;
    for word in ["digits", "table", "data ", "1,797", "model ", "time "] {
        assert!(list.contains(word), "{word} is missing in:\n{list}");
    }
}

#[test]
fn every_shell_has_completions() {
    let here = folder("completions");
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        assert!(run(&here, &["completions", shell]).done().out.contains("evaluate"), "{shell}");
    }
}
