//! The whole way: train, evaluate, apply, summary, report; and the same bits whenever the same is asked.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod common;

use std::fs;
use std::path::Path;

use common::{contents, folder, png, run, summary, train, trained};
use gradus_data::digits;

fn model() -> &'static Path {
    trained("cycle_model")
}

#[test]
fn a_training_shows_six_steps_and_leaves_a_run_folder() {
    let here = folder("six_steps");
    let said = train(&here, &["--out", "run", "--seed", "5"]).done();
    let mut rest = said.out.as_str();
    for step in ["1 prepare", "2 define", "3 initialise", "4 train", "5 evaluate", "6 apply"] {
        let (_, after) =
            rest.split_once(&format!("\n{step} ")).unwrap_or_else(|| panic!("no {step}: {said:?}"));
        rest = after;
    }
    for word in ["Conv2d", "parameters", "\n  1/2 ", "\n  2/2 ", "test accuracy", "true \\ predicted", "█"]
    {
        assert!(said.out.contains(word), "{word} is missing in:\n{}", said.out);
    }
    assert!(!said.out.contains('\u{1b}') && !said.out.contains('\r'), "control characters in a pipe");

    let run_folder = here.join("run");
    let names: Vec<String> = contents(&run_folder).into_iter().map(|(name, _)| name).collect();
    let want = [
        "config.toml",
        "environment.json",
        "metrics.jsonl",
        "model.safetensors",
        "norms.jsonl",
        "report.html",
        "summary.json",
    ];
    assert_eq!(names, want);

    let results = summary(&run_folder);
    assert_eq!(results["recipe"], "digits");
    assert_eq!(results["seed"], 5);
    assert_eq!(results["version"], env!("CARGO_PKG_VERSION"));
    for part in ["train", "validation", "test"] {
        let accuracy = results[part]["accuracy"].as_f64().expect(part);
        assert!((0.0..=1.0).contains(&accuracy) && results[part]["loss"].as_f64().is_some_and(|x| x > 0.0));
    }
    for count in ["steps", "parameters"] {
        assert!(results[count].as_u64().is_some_and(|n| n > 0), "{count}");
    }
    assert!(results["seconds"].as_f64().is_some_and(|x| x > 0.0));
    let metrics = fs::read_to_string(run_folder.join("metrics.jsonl")).unwrap();
    assert_eq!(metrics.lines().count(), 2);

    let report = fs::read_to_string(run_folder.join("report.html")).unwrap();
    assert!(report.contains("<svg") && report.contains("data:image/png"), "no curves or pictures");
    for word in ["Weight norms by layer", "Gradient norms by layer", "Calibration", "instruction set"] {
        assert!(report.contains(word), "{word} is missing in the report");
    }
    assert!(!report.contains("http") && !report.contains("<script"), "not self-contained");
}

#[test]
fn runs_without_a_name_are_named_after_recipe_and_time() {
    let here = folder("unnamed");
    train(&here, &[]).done();
    train(&here, &[]).done();
    let names: Vec<String> = fs::read_dir(here.join("runs"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(names.len(), 2, "{names:?}");
    for name in names {
        assert!(
            name.starts_with("digits-20") && here.join("runs").join(name).join("model.safetensors").is_file()
        );
    }
}

#[test]
fn the_same_settings_give_the_same_bits_at_any_thread_count() {
    let here = folder("same_bits");
    train(&here, &["--out", "one", "--threads", "1"]).done();
    train(&here, &["--out", "two", "--threads", "2"]).done();
    run(&here, &["train", "--config", "one/config.toml", "--out", "repeated"]).done();
    train(&here, &["--out", "other", "--seed", "1"]).done();
    let model = |run: &str| fs::read(here.join(run).join("model.safetensors")).unwrap();
    assert!(model("one") == model("two"), "1 and 2 threads differ");
    assert!(model("one") == model("repeated"), "config.toml does not repeat the run");
    assert!(model("one") != model("other"), "the seed changes nothing");
}

#[test]
fn evaluate_needs_only_the_folder_and_agrees_with_the_training() {
    let evaluated = run(Path::new("/"), &["evaluate", model().to_str().unwrap()]).done().out;
    let test = &summary(model())["test"];
    let accuracy = format!("test accuracy {:.2} %", 100.0 * test["accuracy"].as_f64().unwrap());
    assert!(evaluated.contains(&accuracy), "{accuracy} is missing in:\n{evaluated}");
    assert!(evaluated.contains("true \\ predicted"), "{evaluated}");
}

/// Predictions of all 1,797 digits, as CSV with labels, through the program.
fn applied(here: &Path) -> Vec<serde_json::Value> {
    let all = digits();
    let (pixels, labels) = (all.inputs().to_vec(), all.targets().to_vec());
    let rows = pixels.chunks(64).zip(&labels);
    let line = |(row, label): (&[f32], &i64)| {
        let cells: Vec<String> = row.iter().map(ToString::to_string).collect();
        format!("{},{label}\n", cells.join(","))
    };
    fs::write(here.join("all.csv"), rows.map(line).collect::<String>()).unwrap();
    let said = run(here, &["apply", model().to_str().unwrap(), "all.csv", "--json"]).done();
    serde_json::from_str(&said.out).expect("a JSON list")
}

#[test]
fn apply_predicts_what_the_training_did() {
    let answers = applied(&folder("apply_all"));
    assert_eq!(answers.len(), 1797);
    let right = answers.iter().filter(|answer| answer["digit"] == answer["label"]).count();
    let results = summary(model());
    let share = |part: &str| results[part]["accuracy"].as_f64().unwrap();
    let count = |part: &str| results[part]["examples"].as_u64().unwrap() as f64;
    let expected: f64 = ["train", "validation", "test"].iter().map(|part| share(part) * count(part)).sum();
    assert_eq!(right as f64, expected.round());
    let sum: f64 = answers[0]["probabilities"].as_array().unwrap().iter().map(|p| p.as_f64().unwrap()).sum();
    assert!((sum - 1.0).abs() < 1e-5, "{sum}");
}

/// Two answers give each class the same probability, but for `tolerance`.
fn assert_alike(one: &serde_json::Value, other: &serde_json::Value, tolerance: f64) {
    let [one, other] = [one, other].map(|answer| answer["probabilities"].as_array().unwrap());
    assert_eq!((one.len(), other.len()), (10, 10));
    for (class, (a, b)) in one.iter().zip(other).enumerate() {
        let (a, b) = (a.as_f64().unwrap(), b.as_f64().unwrap());
        assert!((a - b).abs() < tolerance, "{class}: {a} ≠ {b}");
    }
}

#[test]
fn a_picture_is_read_as_the_row_of_its_values() {
    let here = folder("apply_png");
    let row = digits().inputs().to_vec()[64 * 100..64 * 101].to_vec();
    // 0 and 16 are black and white; what lies between is rounded to 255 steps.
    let grey: Vec<u8> = row.iter().map(|value| (value * 255.0 / 16.0).round() as u8).collect();
    fs::write(here.join("digit.png"), png(8, 8, &grey)).unwrap();
    let cells: Vec<String> = row.iter().map(ToString::to_string).collect();
    fs::write(here.join("digit.csv"), cells.join(",")).unwrap();
    let model = model().to_str().unwrap();
    let said = run(&here, &["apply", model, "digit.png", "digit.csv", "--json"]).done().out;
    let answers: Vec<serde_json::Value> = serde_json::from_str(&said).unwrap();
    assert_eq!(
        (answers[0]["input"].as_str(), answers[1]["input"].as_str()),
        (Some("digit.png"), Some("digit.csv:1"))
    );
    assert_eq!(answers[0]["digit"], answers[1]["digit"]);
    assert_alike(&answers[0], &answers[1], 0.01);
    let text = run(&here, &["apply", model, "digit.png", "digit.csv"]).done().out;
    assert_eq!(text.lines().count(), 2, "{text}");
    assert!(text.starts_with("digit.png"), "{text}");
}

#[test]
fn dark_ink_on_paper_is_the_same_digit() {
    let here = folder("apply_paper");
    let digit = digits().inputs().to_vec()[..64].to_vec();
    let light: Vec<u8> = digit.iter().map(|value| (value * 255.0 / 16.0).round() as u8).collect();
    let dark: Vec<u8> = light.iter().map(|grey| 255 - grey).collect();
    fs::write(here.join("light.png"), png(8, 8, &light)).unwrap();
    fs::write(here.join("dark.png"), png(8, 8, &dark)).unwrap();
    let said =
        run(&here, &["apply", model().to_str().unwrap(), "light.png", "dark.png", "--json"]).done().out;
    let answers: Vec<serde_json::Value> = serde_json::from_str(&said).unwrap();
    assert_alike(&answers[0], &answers[1], 1e-5);
}

#[test]
fn runs_are_compared_finished_or_not() {
    let here = common::copy(model(), "compared/one");
    let here = here.parent().unwrap();
    let other = common::copy(model(), "compared/other");
    let config = fs::read_to_string(other.join("config.toml")).unwrap();
    fs::write(other.join("config.toml"), config.replace("hidden = 8", "hidden = 16")).unwrap();
    fs::remove_file(other.join("summary.json")).unwrap();
    let metrics = fs::read_to_string(other.join("metrics.jsonl")).unwrap();
    fs::write(other.join("metrics.jsonl"), metrics + "{\"epoch\":3,\"st").unwrap(); // as a power cut leaves it
    let said = run(here, &["compare", "one", "other", "--out", "both.html"]).done().out;
    for part in [
        "Not finished, with what was measured so far: other.",
        "hidden",
        "8",
        "16",
        "test.accuracy",
        "both.html",
    ] {
        assert!(said.contains(part), "{part} is missing in:\n{said}");
    }
    assert!(!said.contains("dropout"), "a setting that is the same is shown:\n{said}");
    let page = fs::read_to_string(here.join("both.html")).unwrap();
    assert!(page.contains("<svg") && page.contains(">one</span>") && !page.contains("http"));
}

#[test]
fn summary_and_report_are_written_from_the_folder() {
    let here = common::copy(model(), "report_again");
    let said = run(&here, &["summary", "."]).done().out;
    for word in ["digits", "epochs", "Conv2d", "test", "accuracy"] {
        assert!(said.contains(word), "{word} is missing in:\n{said}");
    }
    let report = fs::read(here.join("report.html")).unwrap();
    fs::remove_file(here.join("report.html")).unwrap();
    run(&here, &["report", "."]).done();
    assert!(fs::read(here.join("report.html")).unwrap() == report, "the report is another one");
}

#[test]
fn a_file_of_the_users_own_is_learnt_from_by_two_flags() {
    let here = folder("table");
    let rows =
        (0..50).map(|i| format!("{},{},{}\n", i % 10, ["red", "blue"][i % 2], 3 * (i % 10) + 20 * (i % 2)));
    fs::write(here.join("my.csv"), "size,colour,price\n".to_owned() + &rows.collect::<String>()).unwrap();
    run(&here, &["train", "table", "--data", "my.csv", "--target", "prize"]).refused(1, &["my.csv", "price"]);
    assert!(!here.join("runs").exists());
    run(&here, &["train", "table", "--target", "price"]).refused(2, &["table needs data", "--data FILE.csv"]);
    let small = ["--set", "epochs=3", "--set", "hidden=8", "--set", "task=regression"];
    let asked = ["train", "table", "--data", "my.csv", "--target", "price", "--out", "run"];
    let said = run(&here, &[&asked[..], &small].concat()).done().out;
    for word in
        ["1 prepare     my.csv: price from size, colour", "the mean, always", "6 apply", "gradus apply run"]
    {
        assert!(said.contains(word), "{word} is missing in:\n{said}");
    }
    fs::write(here.join("new.csv"), "colour,size\nred,3\n").unwrap();
    assert!(run(&here, &["apply", "run", "new.csv"]).done().out.starts_with("new.csv:2: "));
    assert!(run(&here, &["evaluate", "run"]).done().out.starts_with("test: R² "));
    assert!(run(&here, &["summary", "run"]).done().out.contains("target = \"price\""));
    // The run's own settings repeat it, to the byte.
    run(&here, &["train", "--config", "run/config.toml", "--out", "again"]).done();
    let model = |run: &str| fs::read(here.join(run).join("model.safetensors")).unwrap();
    assert!(model("run") == model("again"));
}
