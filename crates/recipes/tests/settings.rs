//! Settings through the public door: what is taken over what, and the sentence for whatever does not fit.

#![allow(clippy::expect_used, reason = "a test that cannot go on stops")]

use gradus_recipes::settings::{Allowed, Settings, Source, check_rules, parse, resolve, table_of};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Example {
    epochs: u32,
    learning_rate: f64,
    schedule: String,
    shuffle: bool,
    channels: [usize; 2],
    model: Model,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Model {
    dropout: f64,
}

impl Default for Example {
    fn default() -> Self {
        Self {
            epochs: 10,
            learning_rate: 0.5,
            schedule: "cosine".to_owned(),
            shuffle: true,
            channels: [8, 16],
            model: Model { dropout: 0.25 },
        }
    }
}

impl Settings for Example {
    const RULES: &'static [(&'static str, Allowed)] = &[
        ("epochs", Allowed::Whole(1, 1_000_000)),
        ("learning_rate", Allowed::Above(0.0, 10.0)),
        ("schedule", Allowed::Words(&["constant", "cosine"])),
        ("channels", Allowed::Whole(1, 1024)),
        ("model.dropout", Allowed::HalfOpen(0.0, 1.0)),
    ];
}

fn with(file: &str, pairs: &[&str]) -> Result<Example, String> {
    let source = Source::File("mine.toml".into());
    let (_, table) = parse(file, source.clone()).map_err(|error| error.to_string())?;
    let pairs: Vec<String> = pairs.iter().map(|&pair| pair.to_owned()).collect();
    resolve(Some((source, &table)), &pairs).map_err(|error| error.to_string())
}

fn refused(file: &str, pairs: &[&str]) -> String {
    with(file, pairs).expect_err("refused")
}

#[test]
fn arguments_go_over_the_file_and_the_file_over_the_defaults() {
    assert_eq!(with("", &[]).unwrap(), Example::default());
    let file = "recipe = 'x'\nepochs = 3\nlearning_rate = 1\nchannels = [1, 2]\n[model]\ndropout = 0.0";
    let pairs = ["epochs = 4", "schedule=constant", "shuffle=false", "model.dropout=0.5", "channels=[3,4]"];
    let want = Example {
        epochs: 4,
        learning_rate: 1.0,
        schedule: "constant".to_owned(),
        shuffle: false,
        channels: [3, 4],
        model: Model { dropout: 0.5 },
    };
    assert_eq!(with(file, &pairs).unwrap(), want);
}

#[test]
fn what_is_written_reads_back() {
    let settings = Example { learning_rate: 0.1 + 0.2, ..Example::default() };
    let text = table_of(&settings).to_string();
    assert_eq!(with(&text, &[]).unwrap(), settings);
}

#[test]
fn unknown_keys_name_the_nearest_and_all() {
    let all = "the settings are channels, epochs, learning_rate, model.dropout, schedule, shuffle";
    assert_eq!(
        refused("", &["learning_rat=1"]),
        format!(
            "--set learning_rat=1: no setting is called \"learning_rat\" (did you mean \"learning_rate\"?); {all}"
        )
    );
    assert_eq!(
        refused("[model]\ndropoud = 1", &[]),
        format!("mine.toml: no setting is called \"model.dropoud\" (did you mean \"model.dropout\"?); {all}")
    );
    assert!(refused("", &["dropout=0.5"]).contains("did you mean \"model.dropout\"?"));
    assert!(refused("", &["model=1"]).contains("no setting is called \"model\""));
    assert!(refused("", &["epochs"]).contains("expected key=value"));
}

#[test]
fn wrong_types_name_the_key_the_value_and_what_is_wanted() {
    let cases = [
        ("epochs=many", "--set epochs=many: epochs is \"many\", and must be a whole number"),
        ("epochs=1.5", "--set epochs=1.5: epochs is 1.5, and must be a whole number"),
        ("epochs=", "--set epochs=: epochs is \"\", and must be a whole number"),
        ("learning_rate=nan", "--set learning_rate=nan: learning_rate is nan, and must be a number"),
        ("learning_rate=fast", "--set learning_rate=fast: learning_rate is \"fast\", and must be a number"),
        ("shuffle=1", "--set shuffle=1: shuffle is 1, and must be true or false"),
        (
            "channels=8",
            "--set channels=8: channels is 8, and must be a list of 2 whole numbers, as in [8, 16]",
        ),
    ];
    for (pair, want) in cases {
        assert_eq!(refused("", &[pair]), want);
    }
    let list = "a list of 2 whole numbers, as in [8, 16]";
    assert!(refused("", &["channels=[1,2,3]"]).ends_with(list));
    assert!(refused("", &["channels=[1,0.5]"]).ends_with(list));
    assert_eq!(refused("epochs = '3'", &[]), "mine.toml: epochs is \"3\", and must be a whole number");
    assert_eq!(refused("model = 3", &[]), "mine.toml: model is 3, and must be a table");
    assert_eq!(refused("recipe = 3", &[]), "mine.toml: recipe is 3, and must be a text");
}

#[test]
fn values_out_of_range_name_the_range() {
    let cases = [
        ("epochs=0", "epochs is 0, and must be from 1 to 1000000"),
        ("epochs=-3", "epochs is -3, and must be from 1 to 1000000"),
        ("learning_rate=-0.1", "learning_rate is -0.1, and must be more than 0 and at most 10"),
        ("learning_rate=inf", "learning_rate is inf, and must be more than 0 and at most 10"),
        ("model.dropout=1.2", "model.dropout is 1.2, and must be at least 0 and less than 1"),
        ("channels=[8,0]", "channels is [8, 0], and must be from 1 to 1024"),
    ];
    for (pair, want) in cases {
        assert_eq!(refused("", &[pair]), format!("--set {pair}: {want}"));
    }
    assert_eq!(
        refused("", &["schedule=cosin"]),
        "--set schedule=cosin: schedule is \"cosin\" (did you mean \"cosine\"?), and must be one of constant, cosine"
    );
}

#[derive(Default, Serialize, Deserialize)]
struct Careless {
    epochs: u8,
}

impl Settings for Careless {
    const RULES: &'static [(&'static str, Allowed)] = &[("epochs", Allowed::Whole(0, 256))];
}

#[test]
fn a_rule_that_allows_more_than_the_field_holds_is_found() {
    assert!(check_rules::<Careless>().is_err_and(|error| error.contains("256")));
}

#[test]
fn what_is_no_toml_names_the_line() {
    let error = refused("epochs = 3\nlearning_rate 3\n", &[]);
    assert!(error.starts_with("mine.toml: line 2 is no TOML: "), "{error}");
    assert!(!error.contains('\n'), "{error}");
}

#[test]
fn rules_and_settings_belong_together() {
    check_rules::<Example>().unwrap();
}
