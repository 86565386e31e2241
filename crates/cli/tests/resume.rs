//! A training that is stopped and resumed ends with the very bytes of one that was not.
#![cfg(unix)]
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod common;

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use common::{contents, folder, gradus, run, summary};

/// Long enough to be stopped, short enough to be waited for.
const SETTINGS: [&str; 8] =
    ["--set", "epochs=20", "--set", "channels=[4,8]", "--set", "hidden=16", "--set", "batch_size=16"];

/// Starts a training, sends it SIGINT once it has said `after`, and waits for it to end.
fn interrupt(here: &Path, arguments: &[&str], after: &str) -> common::Ran {
    let mut child = gradus(here)
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
    let mut heard = String::new();
    for line in lines.by_ref() {
        let line = line.expect("UTF-8");
        heard.push_str(&line);
        heard.push('\n');
        if line.contains(after) {
            break;
        }
    }
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill");
    assert!(killed.success(), "it had ended already:\n{heard}");
    for line in lines {
        heard.push_str(&line.expect("UTF-8"));
        heard.push('\n');
    }
    let mut ran = common::Ran::from(child.wait_with_output().expect("it ends"));
    ran.out = heard;
    ran
}

/// `text` without the values of every key that holds a time.
fn without_seconds(text: &str) -> Vec<serde_json::Value> {
    let strip = |line: &str| {
        let mut value: serde_json::Value = serde_json::from_str(line).expect("JSON");
        let object = value.as_object_mut().expect("an object");
        object.retain(|key, _| !key.contains("seconds") && !key.contains("per_second"));
        value
    };
    text.lines().map(strip).collect()
}

/// A checkpoint whose settings were changed behind its back is refused with all that differs, and stays as it is.
fn another_model_is_refused(stopped: &Path) {
    let spoiled = common::copy(stopped, "resume_another");
    let config = fs::read_to_string(spoiled.join("config.toml")).expect("config.toml");
    fs::write(spoiled.join("config.toml"), config.replace("hidden = 16", "hidden = 17")).expect("written");
    let before = contents(&spoiled);
    let ran = run(&spoiled, &["train", "--resume", "."]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    for name in ["checkpoint.safetensors", "hidden.weight", "hidden.bias", "output.weight"] {
        assert!(ran.err.contains(name), "{name} is missing in: {ran:?}");
    }
    assert!(contents(&spoiled) == before, "files were changed");
}

#[test]
fn stopped_and_resumed_is_the_same_as_not_stopped() {
    let here = folder("resume");
    let whole: Vec<&str> = ["train", "--out", "whole"].iter().chain(&SETTINGS).copied().collect();
    run(&here, &whole).done();

    let parts: Vec<&str> = ["train", "--out", "parts"].iter().chain(&SETTINGS).copied().collect();
    let stopped = interrupt(&here, &parts, " 1/20 ");
    assert_eq!(stopped.code, Some(1), "{stopped:?}");
    assert!(stopped.out.contains("gradus train --resume parts"), "{stopped:?}");
    let parts = here.join("parts");
    assert!(!parts.join("model.safetensors").exists() && !parts.join("summary.json").exists());
    assert!(contents(&parts).iter().any(|(name, _)| name.starts_with("checkpoint")), "{stopped:?}");

    for command in ["evaluate", "summary", "report"] {
        let said = ["parts: the training was stopped before its end", "--resume parts"];
        run(&here, &[command, "parts"]).refused(1, &said);
    }
    another_model_is_refused(&parts);
    let again = interrupt(&here, &["train", "--resume", "parts", "--threads", "1"], " 3/20 ");
    assert_eq!(again.code, Some(1), "{again:?}");
    run(&here, &["train", "--resume", "parts", "--threads", "2"]).done();

    let whole = here.join("whole");
    let read = |run: &Path, name: &str| fs::read(run.join(name)).expect(name);
    assert!(read(&whole, "model.safetensors") == read(&parts, "model.safetensors"), "the models differ");
    let metrics =
        |run: &Path| without_seconds(&String::from_utf8(read(run, "metrics.jsonl")).expect("UTF-8"));
    assert_eq!(metrics(&whole), metrics(&parts));
    assert!(read(&whole, "norms.jsonl") == read(&parts, "norms.jsonl"), "the norms differ");
    let results = |run: &Path| {
        let mut value = summary(run);
        value["seconds"].take();
        value
    };
    assert_eq!(results(&whole), results(&parts));
    assert!(!contents(&parts).iter().any(|(name, _)| name.starts_with("checkpoint")), "a checkpoint is left");

    let complete = run(&here, &["train", "--resume", "parts"]).done();
    assert!(complete.out.contains("complete"), "{complete:?}");
}
