//! Whatever comes from outside and is wrong: one sentence on standard error, an exit code, and every file as it was.

mod common;

use std::fs;
use std::path::Path;

use common::{contents, copy, folder, gradus, run, train, trained};

fn model() -> &'static Path {
    trained("bad_input_model")
}

#[test]
fn an_unknown_recipe_names_the_nearest() {
    let here = folder("unknown_recipe");
    let said = "no recipe is called \"digit\" (did you mean \"digits\"?); the recipes are digits, table";
    run(&here, &["train", "digit", "--out", "run"]).refused(2, &[said]);
    fs::write(here.join("mine.toml"), "recipe = \"dogits\"").unwrap();
    run(&here, &["train", "--config", "mine.toml"]).refused(1, &["mine.toml", "\"dogits\"", "\"digits\""]);
    fs::write(here.join("mine.toml"), "recipe = \"cats\"").unwrap();
    run(&here, &["train", "digits", "--config", "mine.toml"]).refused(1, &["mine.toml", "cats", "digits"]);
    assert!(!here.join("run").exists());
}

#[test]
fn settings_that_do_not_fit_are_refused_before_anything_is_written() {
    let here = folder("settings");
    let cases: [(&str, &[&str]); 9] = [
        ("epoch=3", &["--set epoch=3", "\"epoch\"", "did you mean \"epochs\"?", "batch_size", "dropout"]),
        ("epochs=many", &["epochs is \"many\"", "a whole number"]),
        ("epochs=2.5", &["epochs is 2.5", "a whole number"]),
        ("learning_rate=-0.1", &["learning_rate is -0.1", "more than 0"]),
        ("dropout=1.2", &["dropout is 1.2", "at least 0 and less than 1"]),
        ("batch_size=0", &["batch_size is 0", "from 1 to"]),
        ("schedule=cosin", &["\"cosin\"", "did you mean \"cosine\"?", "one of"]),
        ("channels=8", &["channels is 8", "a list of 2 whole numbers"]),
        ("epochs", &["key=value"]),
    ];
    for (pair, parts) in cases {
        run(&here, &["train", "--out", "run", "--set", pair]).refused(2, parts);
    }
    assert!(contents(&here).is_empty() && !here.join("run").exists());
}

#[test]
fn a_file_of_settings_is_named_with_what_is_wrong_in_it() {
    let here = folder("settings_file");
    let cases = [
        ("epochs = 2\nlearning_rte = 0.1", "mine.toml: no setting is called \"learning_rte\""),
        ("epochs = \"two\"", "mine.toml: epochs is \"two\", and must be a whole number"),
        ("epochs = 2\nseed 3", "mine.toml: line 2 is no TOML"),
        ("epochs = -1", "mine.toml: epochs is -1"),
    ];
    for (text, said) in cases {
        fs::write(here.join("mine.toml"), text).unwrap();
        run(&here, &["train", "--config", "mine.toml", "--out", "run"]).refused(1, &[said]);
    }
    run(&here, &["train", "--config", "none.toml"]).refused(1, &["none.toml", "No such file"]);
    fs::write(here.join("mine.toml"), [0xff, 0xfe]).unwrap();
    run(&here, &["train", "--config", "mine.toml"]).refused(1, &["mine.toml", "UTF-8"]);
    assert!(!here.join("run").exists());
}

#[test]
fn an_output_folder_that_holds_something_is_left_alone() {
    let here = folder("existing_folder");
    fs::create_dir(here.join("run")).unwrap();
    fs::write(here.join("run/thesis.txt"), "years of work").unwrap();
    train(&here, &["--out", "run"]).refused(1, &["run: exists and is not empty"]);
    assert_eq!(contents(&here.join("run")), [("thesis.txt".to_owned(), b"years of work".to_vec())]);
    train(&here, &["--out", "run/thesis.txt"]).refused(1, &["run/thesis.txt", "cannot"]);
    train(&here, &["--out", "run/thesis.txt/below"]).refused(1, &["run/thesis.txt/below", "cannot"]);
}

#[test]
fn runs_that_cannot_be_compared_are_named() {
    let here = folder("compared_badly");
    let good = copy(model(), "compared_badly_good");
    let good = good.to_str().unwrap();
    let bad = |what: &str| copy(model(), &format!("compared_badly_{what}"));
    run(&here, &["compare", good, "none"]).refused(1, &["none", "does not exist", "metrics.jsonl"]);
    let without = bad("metrics");
    fs::remove_file(without.join("metrics.jsonl")).unwrap();
    run(&here, &["compare", good, without.to_str().unwrap()])
        .refused(1, &["is no run folder", "metrics.jsonl"]);
    let torn = bad("torn");
    fs::write(torn.join("metrics.jsonl"), "{\"epoch\":1,\"st\n{\"epoch\":2,\"step\":4}\n").unwrap();
    run(&here, &["compare", good, torn.to_str().unwrap()])
        .refused(1, &["metrics.jsonl:1: ", "remove the line"]);
    let summary = bad("summary");
    fs::write(summary.join("summary.json"), "{").unwrap();
    run(&here, &["compare", good, summary.to_str().unwrap()]).refused(1, &["summary.json"]);
    run(&here, &["compare", good, good, "--out", "none/page.html"]).refused(1, &["none/page.html"]);
    assert!(contents(&here).is_empty());
    let one = run(&here, &["compare", good]);
    assert_eq!(one.code, Some(2), "{one:?}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_folder_that_cannot_be_written_is_named() {
    let here = folder("unwritable");
    // Not even root can make a folder there.
    train(&here, &["--out", "/proc/gradus"]).refused(1, &["/proc/gradus", "cannot make the output folder"]);
}

#[cfg(unix)]
#[test]
fn a_disk_that_is_full_leaves_nothing_half_written() {
    let here = folder("full_disk");
    let program = env!("CARGO_BIN_EXE_gradus");
    // No file may grow beyond some blocks; the signal that comes with it is ignored, so that writing fails as on a
    // full disk.
    for blocks in [0, 2] {
        let script = format!(
            "trap '' XFSZ; ulimit -f {blocks}; exec '{program}' train --set epochs=2 --set 'channels=[8,16]' --out run"
        );
        let output =
            std::process::Command::new("sh").args(["-c", &script]).current_dir(&here).output().unwrap();
        let ran = common::Ran::from(output);
        assert_eq!(ran.code, Some(1), "{ran:?}");
        let sentence = ran.err.trim_end().lines().last().unwrap();
        assert!(sentence.starts_with("error: run/") && sentence.contains("large"), "{ran:?}");
        if blocks == 0 {
            assert!(!here.join("run").exists(), "an empty folder is left");
        } else {
            let left: Vec<String> = contents(&here.join("run")).into_iter().map(|(name, _)| name).collect();
            assert!(!left.iter().any(|name| name.ends_with(".tmp") || name.starts_with('.')), "{left:?}");
            assert!(!left.iter().any(|name| name == "model.safetensors"), "{left:?}");
        }
    }
}

#[test]
fn what_is_no_run_is_said_to_be_none() {
    let here = folder("no_run");
    for command in ["evaluate", "summary", "report"] {
        run(&here, &[command, "nowhere"]).refused(1, &["nowhere: does not exist", "model.safetensors"]);
        run(&here, &[command, "."]).refused(1, &[".: is no run folder", "model.safetensors"]);
    }
    run(&here, &["apply", "nowhere", "x.png"]).refused(1, &["nowhere: does not exist"]);
    run(&here, &["train", "--resume", "nowhere"]).refused(1, &["nowhere: does not exist", "config.toml"]);
}

#[test]
fn damaged_and_hostile_models_are_refused() {
    let spoiled = copy(model(), "damaged");
    let good = fs::read(spoiled.join("model.safetensors")).unwrap();
    let header_length = u64::from_le_bytes(good[..8].try_into().unwrap());
    let with_header = |header: &str| {
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend(header.as_bytes());
        bytes
    };
    let cases = [
        Vec::new(),
        good[..7].to_vec(),
        good[..40].to_vec(),
        good[..good.len() - 1].to_vec(),
        [good.as_slice(), &[0]].concat(),
        [&u64::MAX.to_le_bytes(), &good[8..]].concat(),
        [&(header_length + 1).to_le_bytes(), &good[8..]].concat(),
        with_header(
            "{\"a\":{\"dtype\":\"F32\",\"shape\":[1099511627776],\"data_offsets\":[0,4398046511104]}}",
        ),
        with_header("{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,-4]}}"),
        with_header("{\"a\":{\"dtype\":\"Q7\",\"shape\":[0],\"data_offsets\":[0,0]}}"),
        b"PK\x03\x04 this is a zip file, or says so, and long enough".to_vec(),
    ];
    for (number, bytes) in cases.iter().enumerate() {
        fs::write(spoiled.join("model.safetensors"), bytes).unwrap();
        for arguments in [["evaluate", "."].as_slice(), &["apply", ".", "x.csv"]] {
            let ran = run(&spoiled, arguments);
            assert!(ran.err.contains("model.safetensors"), "case {number}: {ran:?}");
            ran.refused(1, &[]);
        }
    }
}

#[test]
fn a_model_of_another_shape_lists_all_that_differs() {
    let spoiled = copy(model(), "another_model");
    let path = spoiled.join("model.safetensors");
    let (state, mut metadata) = gradus_io::load_state(&path).unwrap();
    let settings = metadata["settings"].replace("hidden = 8", "hidden = 9");
    assert_ne!(settings, metadata["settings"]);
    metadata.insert("settings".to_owned(), settings);
    gradus_io::save_state(&state, &metadata, &path).unwrap();
    let said =
        ["model.safetensors", "hidden.weight is [9, ", "hidden.bias is [9]", "output.weight is [10, 9]"];
    run(&spoiled, &["evaluate", "."]).refused(1, &said);

    metadata.insert("recipe".to_owned(), "cats".to_owned());
    gradus_io::save_state(&state, &metadata, &path).unwrap();
    run(&spoiled, &["evaluate", "."]).refused(1, &["model.safetensors: no recipe is called \"cats\""]);

    metadata.clear();
    gradus_io::save_state(&state, &metadata, &path).unwrap();
    run(&spoiled, &["evaluate", "."]).refused(1, &["without \"recipe\" beside them"]);
}

#[test]
fn inputs_that_are_no_digits_are_named_with_the_place() {
    let here = folder("inputs");
    let run_folder = model().to_str().unwrap();
    let row = |values: usize| vec!["1"; values].join(",");
    let write = |name: &str, bytes: &[u8]| fs::write(here.join(name), bytes).unwrap();
    write("good.csv", format!("{}\n", row(64)).as_bytes());
    write("short.csv", format!("{}\n{}\n", row(64), row(63)).as_bytes());
    write("word.csv", format!("{}\n{},x\n", row(64), row(63)).as_bytes());
    write("large.csv", format!("{},17\n", row(63)).as_bytes());
    write("label.csv", format!("{},12\n", row(64)).as_bytes());
    write("empty.csv", b"");
    write("bytes.csv", &[0xff, 0xfe, b'\n']);
    write("text.png", b"just a text");
    write("wide.png", &png(9, 8));
    write("cut.png", &png(8, 8)[..50]);
    write("digit.jpg", b"?");
    write("one_short.csv", format!("{}\n", row(63)).as_bytes());
    let cases: [(&str, &[&str]); 12] = [
        ("one_short.csv", &["one_short.csv: line 1 has 63 values", "64 pixels from 0 to 16"]),
        ("short.csv", &["short.csv: line 2: 63 cells instead of 64"]),
        ("word.csv", &["word.csv: line 2, column 64: \"x\" is not a finite number"]),
        ("large.csv", &["large.csv: line 1, column 64: 17 is no pixel from 0 to 16"]),
        ("label.csv", &["label.csv: line 1, column 65: 12 is no label from 0 to 9"]),
        ("empty.csv", &["empty.csv: is empty"]),
        ("bytes.csv", &["bytes.csv: "]),
        ("text.png", &["text.png"]),
        ("wide.png", &["wide.png", "9×8", "8×8"]),
        ("cut.png", &["cut.png"]),
        ("digit.jpg", &["digit.jpg: is neither .png nor .csv"]),
        ("none.png", &["none.png", "No such file"]),
    ];
    for (file, parts) in cases {
        // All inputs are read before the first answer, so the good one is not answered either.
        run(&here, &["apply", run_folder, "good.csv", file]).refused(1, parts);
    }
    run(&here, &["apply", run_folder, "good.csv"]).done();
}

#[test]
fn a_file_that_is_no_checkpoint_is_refused() {
    let spoiled = copy(model(), "another_checkpoint");
    let (state, metadata) = gradus_io::load_state(spoiled.join("model.safetensors")).unwrap();
    fs::remove_file(spoiled.join("model.safetensors")).unwrap();
    fs::remove_file(spoiled.join("summary.json")).unwrap();
    gradus_io::save_state(&state, &metadata, spoiled.join("checkpoint.safetensors")).unwrap();
    let before = contents(&spoiled);
    let ran = run(&spoiled, &["train", "--resume", "."]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.err.contains("checkpoint.safetensors: is no checkpoint"), "{ran:?}");
    assert!(contents(&spoiled) == before, "files were changed");
}

#[test]
fn a_reader_that_leaves_is_no_failure() {
    let here = folder("broken_pipe");
    let mut child = gradus(&here)
        .args(["train", "--out", "run"])
        .args(common::TINY)
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let ran = common::Ran::from(child.wait_with_output().unwrap());
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(!ran.err.contains("panicked"), "{ran:?}");
    assert!(here.join("run/report.html").is_file());
}

/// A grey PNG, black.
fn png(width: u32, height: u32) -> Vec<u8> {
    common::png(width, height, &vec![0; (width * height) as usize])
}
