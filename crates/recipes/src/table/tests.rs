//! The recipe on files of the test's own: what it makes of them, and what it says of bad ones.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use gradus_data::{DIABETES_COLUMNS, diabetes};
use serde_json::Value;

use super::prepared::{Data, Transforms};
use super::source::Target;
use super::{Table, TableSettings};
use crate::settings::{check_rules, resolve};
use crate::{Console, Error, Outcome, Recipe, Request, Run, Saved};

/// 60 homes: a number, a town and a gap here and there; the price follows from both.
fn homes(prices: impl Fn(usize) -> String) -> String {
    let row = |i: usize| {
        let size = if i % 7 == 3 { String::new() } else { (40 + (i * 37) % 90).to_string() };
        format!("{},{size},{},,EUR,{}\n", 100 + i, ["Ulm", "Bonn", "Köln"][i % 3], prices(i))
    };
    "number,size,town,garden,currency,price\n".to_owned() + &(0..60).map(row).collect::<String>()
}

fn price(i: usize) -> String {
    format!("{}.5", 10 * (40 + (i * 37) % 90) + 200 * (i % 3))
}

/// Settings for a file in a new folder.
fn with(folder: &Path, text: &str, more: &[&str]) -> Vec<String> {
    let path = folder.join("homes.csv");
    std::fs::write(&path, text).unwrap();
    let own = [format!("data={}", path.display()), "target=price".to_owned()];
    own.into_iter().chain(more.iter().map(|&pair| pair.to_owned())).collect()
}

fn prepare(text: &str, more: &[&str]) -> Result<Data, Error> {
    let folder = tempfile::tempdir().unwrap();
    let settings: TableSettings = resolve(None, &with(folder.path(), text, more))?;
    Data::prepare(&settings)
}

#[track_caller]
fn refused(text: &str, more: &[&str], parts: &[&str]) {
    let told = prepare(text, more).err().expect("it is refused").to_string();
    assert!(!told.contains('\n'), "{told}");
    parts.iter().for_each(|part| assert!(told.contains(part), "{part:?} is missing in: {told}"));
}

#[track_caller]
fn noted(data: &Data, part: &str) {
    assert!(data.notes.iter().any(|note| note.contains(part)), "{part:?} is missing in {:?}", data.notes);
}

#[test]
fn every_setting_has_a_rule() {
    check_rules::<TableSettings>().unwrap();
}

#[test]
fn columns_that_cannot_help_are_left_out_with_the_reason() {
    let data = prepare(&homes(price), &[]).unwrap();
    let columns: Vec<&str> = data.transforms.columns.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(columns, ["size", "town"]);
    for part in ["\"number\" left out: it is another in each row", "\"garden\" left out: it is empty"] {
        noted(&data, part);
    }
    noted(&data, "\"currency\" left out: it is the same in all rows");
    assert_eq!((data.train.len(), data.validation.len(), data.test.len()), (38, 10, 12));
    // Gaps in the size are told of in a feature of their own.
    assert_eq!(
        data.transforms.pipeline.names(),
        ["size", "size missing", "town=Bonn", "town=Köln", "town=Ulm"]
    );
    let remarks = homes(price).replace(",EUR,", ",sold in week #,");
    let remarks: String = remarks
        .lines()
        .enumerate()
        .map(|(i, line)| line.replace('#', &(i / 3 * 3 + i % 2).to_string()) + "\n")
        .collect();
    noted(&prepare(&remarks, &[]).unwrap(), "\"currency\" left out: it has a text of its own in most rows");
    assert!(
        prepare(&remarks, &["keep=currency"]).unwrap().transforms.columns.iter().any(|c| c.0 == "currency")
    );
    let kept = prepare(&homes(price), &["keep=number", "ignore=town, size"]).unwrap();
    assert_eq!(kept.transforms.columns, [("number".to_owned(), None)]);
}

#[test]
fn what_is_fitted_is_fitted_to_the_training_part() {
    let data = prepare(&homes(price), &[]).unwrap();
    let mean = data.train.truths.iter().sum::<f64>() / data.train.len() as f64;
    assert!(matches!(data.transforms.target, Target::Number { mean: own, .. } if (own - mean).abs() < 1e-9));
    let first = data.train.pairs.inputs().mean_axes(&[0], false).to_vec();
    assert!(first[0].abs() < 1e-5, "{first:?}"); // the size is standardised by its own mean
    let again = Transforms::from_state(&data.transforms.to_state()).unwrap();
    assert_eq!(again, data.transforms);
}

#[test]
fn the_target_says_what_the_task_is() {
    let classes = |text: &str, more: &[&str]| match prepare(text, more).unwrap().transforms.target {
        Target::Classes(classes) => Some(classes),
        Target::Number { .. } => None,
    };
    assert_eq!(classes(&homes(price), &[]), None);
    assert_eq!(
        classes(&homes(|i| ["low", "high"][i % 2].to_owned()), &[]),
        Some(vec!["high".into(), "low".into()])
    );
    let few = homes(|i| (i % 4).to_string());
    assert_eq!(classes(&few, &[]).map(|classes| classes.len()), Some(4));
    assert_eq!(classes(&few, &["task=regression"]), None);
    assert_eq!(classes(&homes(|i| (i % 30).to_string()), &[]), None);
    assert_eq!(
        classes(&homes(|i| (i % 30).to_string()), &["task=classification"]).map(|c| c.len()),
        Some(30)
    );
}

#[test]
fn classes_are_in_proportion_and_rare_ones_are_told_of() {
    let data =
        prepare(&homes(|i| if i == 5 { "rare" } else { ["no", "yes"][i % 2] }.to_owned()), &[]).unwrap();
    for part in [&data.train, &data.validation, &data.test] {
        let yes = part.truths.iter().filter(|&&class| class == 2.0).count();
        assert!(yes.abs_diff(part.len() / 2) <= 1, "{yes} of {}", part.len());
    }
    let seen = data.train.truths.contains(&1.0);
    assert_eq!(data.notes.iter().any(|note| note.contains("too rare") && note.contains(": rare")), !seen);
}

#[test]
fn rows_in_two_parts_and_without_target_are_told_of() {
    let text = homes(price);
    let rows: Vec<&str> = text.lines().skip(1).collect();
    let twice = format!("{text}{}\n", rows.join("\n"));
    noted(
        &prepare(&twice, &["ignore=number"]).unwrap(),
        "of the test part are also in the training part, as line",
    );
    let gaps = homes(|i| if i == 8 || i == 20 { String::new() } else { price(i) });
    let data = prepare(&gaps, &[]).unwrap();
    noted(&data, "2 rows without \"price\" left out, the first on line 10");
    assert_eq!(data.train.len() + data.validation.len() + data.test.len(), 58);
}

#[test]
fn bad_files_are_refused_by_line_and_column() {
    let slip = homes(price).replacen("101,77,", "101,77 m,", 1);
    refused(
        &slip,
        &[],
        &["homes.csv: line 3, column 2 (\"size\"): \"77 m\" is not a finite number", "text="],
    );
    assert!(prepare(&slip, &["text=size"]).is_ok());
    let slip = homes(|i| if i == 30 { "cheap".to_owned() } else { price(i) });
    refused(&slip, &[], &["line 32, column 6 (\"price\"): \"cheap\""]);
    refused(&homes(|_| "yes".to_owned()), &[], &["all 60 rows have \"yes\"", "price"]);
    refused(&homes(|i| format!("{i} €")), &[], &["has 60 different texts in 60 rows, as \"0 €\"", "no unit"]);
    refused(&homes(|_| String::new()), &[], &["0 rows with a target"]);
    refused("", &[], &["is empty"]);
    refused("size,price\n", &[], &["has a header but no rows"]);
    refused("size,price\n1,2\n", &[], &["1 row with a target; at least 10 are needed"]);
    refused(&homes(price), &["target=prize"], &["has no column \"prize\" (did you mean \"price\"?)"]);
    refused(&homes(price), &["ignore=x"], &["has no column \"x\"; it has number, size, town"]);
    refused(&homes(price), &["ignore=size,town,number"], &["no column is left to predict \"price\" from"]);
    refused(&homes(price), &["task=regression", "target=town"], &["\"Ulm\" is not a finite number"]);
    refused(&homes(price), &["data=none.csv"], &["none.csv", "No such file"]);
    refused(&homes(price), &["data="], &["table needs data: give --data FILE.csv"]);
    refused(&homes(price), &["target="], &["table needs target: give --target COLUMN"]);
    refused("a,price\n1,2\n3\n", &[], &["line 3: 1 cells instead of 2"]);
}

/// Trains on `text` with small settings, and the run with its folder.
fn trained(text: &str, more: &[&str]) -> (tempfile::TempDir, Run) {
    let folder = tempfile::tempdir().unwrap();
    let small = ["epochs=4", "hidden=8", "layers=1"];
    let pairs = with(folder.path(), text, &[&small, more].concat());
    let request = Request { pairs, out: Some(folder.path().join("run")), ..Request::default() };
    match Table.train(&request, &mut Console::silent()) {
        Ok(Outcome::Done(run)) => (folder, run),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_saved_model_answers_rows_without_the_target() {
    let (folder, run) = trained(&homes(price), &["delimiter=comma"]);
    let saved = Saved::read(run).unwrap();
    let file = folder.path().join("new.csv");
    let apply = |text: &str| {
        std::fs::write(&file, text).unwrap();
        Table.apply(&saved, std::slice::from_ref(&file))
    };
    // Columns in another order, one more, a gap.
    let answers = apply("town,more,size\nUlm,1,50\nBonn,2,\n").unwrap();
    assert_eq!(answers.len(), 2);
    assert!(answers.iter().all(|answer| answer.json["prediction"].as_f64().is_some_and(f64::is_finite)));
    assert!(answers[1].text.contains("new.csv:3: "), "{}", answers[1].text);
    let labelled = apply("town,size,price\nUlm,50,9\n").unwrap();
    assert_eq!(
        (&labelled[0].json["label"], labelled[0].text.ends_with("in the file 9")),
        (&"9".into(), true)
    );
    let told = |text: &str| apply(text).unwrap_err().to_string();
    assert!(told("town\nUlm\n").contains("new.csv: has no column \"size\""));
    let unknown = told("town,size\nUlm,3\nParis,4\n");
    assert!(
        unknown.contains("line 3, column 1 (\"town\"): \"Paris\" is none of Bonn, Köln, Ulm"),
        "{unknown}"
    );
    assert!(
        told("town,size\nUlm,big\n").contains("line 2, column 2 (\"size\"): \"big\" is not a finite number")
    );
    // A column of text may look like numbers in one file.
    assert!(told("town,size\n7,3\n").contains("\"7\" is none of Bonn"));
}

#[test]
fn evaluation_asks_for_the_file_of_the_training() {
    let (folder, run) = trained(&homes(price), &[]);
    let saved = Saved::read(run).unwrap();
    for ask in [Table.evaluate(&saved, &mut Console::silent()), Table.report(&saved)] {
        ask.unwrap();
    }
    std::fs::write(folder.path().join("homes.csv"), homes(|i| (i * i).to_string())).unwrap();
    let error = Table.evaluate(&saved, &mut Console::silent()).unwrap_err().to_string();
    assert!(error.contains("homes.csv: is not the file that") && error.ends_with("train anew"), "{error}");
}

#[test]
fn a_stopped_run_goes_on_to_the_same_bytes() {
    let text = homes(|i| ["low", "high"][i / 3 % 2].to_owned());
    let (_folder, whole) = trained(&text, &[]);
    let folder = tempfile::tempdir().unwrap();
    let pairs = with(folder.path(), &text, &["epochs=4", "hidden=8", "layers=1"]);
    let stop = Arc::new(AtomicBool::new(true));
    let out = Some(folder.path().join("run"));
    let request = Request { pairs, out, stop: Arc::clone(&stop), ..Request::default() };
    let Ok(Outcome::Stopped(run)) = Table.train(&request, &mut Console::silent()) else {
        panic!("it was stopped")
    };
    stop.store(false, Relaxed);
    let resumed = Table.resume(run.folder(), None, &stop, &mut Console::silent()).unwrap();
    assert!(matches!(resumed, Outcome::Done(_)));
    // The path of the data is among the settings beside the weights, so weights are compared.
    let weights = |run: &Run| {
        let (state, _) = gradus_io::load_state(run.file(Run::MODEL)).unwrap();
        state.iter().map(|(name, value)| format!("{name} {value:?}")).collect::<Vec<_>>()
    };
    assert_eq!(weights(&run), weights(&whole));
}

#[test]
fn the_network_and_the_rules_of_thumb_learn_the_diabetes_data() {
    let (x, y) = diabetes().into_parts();
    let row = |(x, y): (&[f32], &f32)| {
        let cells: Vec<String> = x.iter().chain([y]).map(f32::to_string).collect();
        cells.join(",") + "\n"
    };
    let (x, y) = (x.to_vec(), y.to_vec());
    let text = DIABETES_COLUMNS.join(",") + ",price\n" + &x.chunks(10).zip(&y).map(row).collect::<String>();
    let (_folder, run) = trained(&text, &["epochs=30", "hidden=32", "learning_rate=0.003"]);
    let results: Value = serde_json::from_str(&run.read(Run::SUMMARY).unwrap()).unwrap();
    assert_eq!((&results["task"], &results["features"]), (&"regression".into(), &10.into()));
    let r2 = |measured: &Value| measured["r2"].as_f64().unwrap();
    // Least squares reaches about 0.5 on this data whatever the split; a network that did not learn has 0.
    assert!(r2(&results["test"]) > 0.35, "{results}");
    let rule = |i: usize| r2(&results["baselines"][i][1]);
    assert!(rule(0).abs() < 0.1 && rule(1) > 0.35 && rule(2) > 0.2, "{results}");
    let report = run.read(Run::REPORT).unwrap();
    for word in ["rules of thumb", "a straight line", "Predicted over true", "most wrong about"] {
        assert!(report.contains(word), "{word}");
    }
}
