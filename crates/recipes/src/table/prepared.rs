//! The rows in parts, as the network takes them, and what was fitted on the training part for it. It must never know how
//! the model is trained.

use std::path::Path;

use gradus_data::{
    Columns, Fitted, FittedPipeline, Pairs, Pipeline, Statistics, Table, leaks, random_split,
    stratified_split,
};
use gradus_module::State;
use gradus_tensor::{Rng, Tensor};

use super::settings::TableSettings;
use super::source::{Source, Target, columns_of, find};
use crate::error::Error;

/// Some of the rows.
pub(super) struct Part {
    /// Features `[N, F]`, and targets `[N]`: the classes' numbers, or numbers in standard deviations from the mean.
    pub(super) pairs: Pairs<f32, f32>,
    /// The targets as they stand in the file: the classes' numbers, or the numbers themselves.
    pub(super) truths: Vec<f64>,
    /// The lines of the file.
    pub(super) lines: Vec<u64>,
}

impl Part {
    pub(super) fn len(&self) -> usize {
        self.truths.len()
    }

    /// The targets as class numbers, `[N]`.
    pub(super) fn labels(&self) -> Tensor<i64> {
        self.pairs.targets().cast()
    }
}

/// What the model needs beside its weights: how columns become features, and outputs what they stand for.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Transforms {
    pub(super) pipeline: FittedPipeline,
    /// The columns' names, and of those of text all that may stand in them.
    pub(super) columns: Vec<(String, Option<Vec<String>>)>,
    pub(super) name: String,
    pub(super) target: Target,
}

/// The three parts.
pub(super) struct Data {
    pub(super) train: Part,
    pub(super) validation: Part,
    pub(super) test: Part,
    pub(super) transforms: Transforms,
    pub(super) notes: Vec<String>,
}

impl Data {
    /// Reads, parts and transforms the user's file. Everything is a function of the file and the settings.
    pub(super) fn prepare(settings: &TableSettings) -> Result<Self, Error> {
        let source = Source::read(settings)?;
        let rows = split(&source, settings)?;
        let columns = source.columns()?;
        let [train, validation, test] = &rows;
        let train_columns = columns.take(train);
        let pipeline = Pipeline::automatic(&train_columns).fit(&train_columns)?;
        let truths = match &source.classes {
            None => source.table.numbers(source.target)?.to_vec(),
            Some(classes) => {
                let codes = source.table.encode(source.target, classes)?.to_vec();
                codes.into_iter().map(|code| code as f64).collect()
            }
        };
        let target = match &source.classes {
            Some(classes) => Target::Classes(classes.clone()),
            None => number(&train.iter().map(|&row| truths[row]).collect::<Vec<f64>>()),
        };
        let known = |&column: &usize| {
            let categories = source.table.is_text(column).then(|| source.table.categories(column));
            (source.table.name(column), categories)
        };
        let transforms = Transforms {
            pipeline,
            columns: source.inputs.iter().map(known).collect(),
            name: settings.target.clone(),
            target,
        };
        let part = |rows: &[usize]| part(rows, &columns, &truths, &source.table, &transforms);
        let mut notes = source.notes.clone();
        notes.extend(unseen(&source, train));
        // Whole rows: others may look alike and be different.
        let places: Vec<usize> = source.inputs.iter().copied().chain([source.target]).collect();
        let whole = columns_of(&source.table, &places)?;
        notes.extend(twins(&whole, &source.table, train, validation, "validation"));
        notes.extend(twins(&whole, &source.table, train, test, "test"));
        Ok(Self { train: part(train)?, validation: part(validation)?, test: part(test)?, transforms, notes })
    }
}

/// The rows for training, validation and test; of classes each in proportion.
fn split(source: &Source, settings: &TableSettings) -> Result<[Vec<usize>; 3], Error> {
    let shares = [1.0 - settings.validation - settings.test, settings.validation, settings.test];
    let rng = &mut Rng::seed(settings.split_seed);
    let parts = match &source.classes {
        None => random_split(source.table.rows(), &shares, rng)?,
        Some(classes) => {
            stratified_split(&source.table.encode(source.target, classes)?.to_vec(), &shares, rng)?
        }
    };
    let mut parts = parts.into_iter();
    let mut next = || parts.next().unwrap_or_default();
    Ok([next(), next(), next()])
}

/// Mean and standard deviation of the target; 1 if it is constant.
fn number(values: &[f64]) -> Target {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let std = (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / n).sqrt();
    Target::Number { mean, std: if std > 0.0 { std } else { 1.0 } }
}

fn part(
    rows: &[usize],
    columns: &Columns,
    truths: &[f64],
    table: &Table,
    transforms: &Transforms,
) -> Result<Part, Error> {
    let features = transforms.pipeline.apply::<f32>(&columns.take(rows))?;
    let truths: Vec<f64> = rows.iter().map(|&row| truths[row]).collect();
    let targets: Vec<f32> = match &transforms.target {
        Target::Classes(_) => truths.iter().map(|&class| class as f32).collect(),
        Target::Number { mean, std } => truths.iter().map(|value| ((value - mean) / std) as f32).collect(),
    };
    let lines = rows.iter().map(|&row| table.line(row)).collect();
    Ok(Part { pairs: Pairs::new(features, Tensor::from(targets))?, truths, lines })
}

/// A note of classes that the training part lacks.
fn unseen(source: &Source, train: &[usize]) -> Option<String> {
    let classes = source.classes.as_ref()?;
    let seen = source.table.take(train).categories(source.target);
    let lacking: Vec<String> = classes.iter().filter(|class| !seen.contains(class)).cloned().collect();
    let told = lacking.join(", ");
    (!lacking.is_empty())
        .then(|| format!("too rare to be in the training part, and so never predicted: {told}"))
}

/// A note of rows that are in two parts.
fn twins(columns: &Columns, table: &Table, train: &[usize], other: &[usize], name: &str) -> Option<String> {
    let found = leaks(&columns.take(train), &columns.take(other));
    let first = found.first()?;
    let (here, there) = (table.line(other[first.test]), table.line(train[first.train]));
    let are = if found.len() == 1 { "row of the {name} part is" } else { "rows of the {name} part are" };
    let are = are.replace("{name}", name);
    Some(format!(
        "{} {are} also in the training part, as line {here} is line {there}; its results flatter",
        found.len()
    ))
}

impl Transforms {
    /// How many features a row has.
    pub(super) fn features(&self) -> usize {
        self.pipeline.names().len()
    }

    /// How many outputs the model has.
    pub(super) fn outputs(&self) -> usize {
        match &self.target {
            Target::Number { .. } => 1,
            Target::Classes(classes) => classes.len(),
        }
    }

    /// The features `[N, F]` of the rows of a table that need not have the target.
    pub(super) fn features_of(&self, table: &Table, path: &Path) -> Result<Tensor<f32>, Error> {
        let mut places = Vec::with_capacity(self.columns.len());
        for (name, categories) in &self.columns {
            let place = find(table, path, name)?;
            match categories {
                Some(categories) => _ = table.encode(place, categories)?,
                None => _ = table.numbers(place)?,
            }
            places.push(place);
        }
        Ok(self.pipeline.apply(&columns_of(table, &places)?)?)
    }

    /// The columns that are text.
    pub(super) fn text(&self) -> Vec<String> {
        self.columns.iter().filter(|(_, known)| known.is_some()).map(|(name, _)| name.clone()).collect()
    }

    /// All of it as tensors, to be saved with the weights.
    pub(super) fn to_state(&self) -> State {
        let mut own = Statistics::default();
        own.push_all("pipeline", &self.pipeline.statistics());
        own.push_texts("columns", self.columns.iter().map(|(name, _)| name.as_str()));
        for (place, (_, categories)) in self.columns.iter().enumerate() {
            if let Some(categories) = categories {
                own.push_texts(&format!("categories.{place}"), categories.iter().map(String::as_str));
            }
        }
        own.push_texts("target", [self.name.as_str()]);
        match &self.target {
            Target::Number { mean, std } => own.push("number", Tensor::from([*mean, *std])),
            Target::Classes(classes) => own.push_texts("classes", classes.iter().map(String::as_str)),
        }
        let mut state = State::default();
        own.into_iter().for_each(|(name, value)| state.push(name, value));
        state
    }

    /// What [`Transforms::to_state`] gave.
    pub(super) fn from_state(state: &State) -> Result<Self, Error> {
        let own: Statistics = state.iter().map(|(name, value)| (name.to_owned(), value.clone())).collect();
        let target = if let Ok(numbers) = own.tensor::<f64>("number") {
            Target::Number { mean: numbers.at(&[0]), std: numbers.at(&[1]) }
        } else {
            Target::Classes(own.texts("classes")?)
        };
        let mut columns = Vec::new();
        for (place, name) in own.texts("columns")?.into_iter().enumerate() {
            let entry = format!("categories.{place}");
            let is_text = own.tensor::<i64>(&format!("{entry}.ends")).is_ok();
            let categories = is_text.then(|| own.texts(&entry)).transpose()?;
            columns.push((name, categories));
        }
        Ok(Self {
            pipeline: FittedPipeline::from_statistics(&own.below("pipeline"))?,
            columns,
            name: own.texts("target")?.concat(),
            target,
        })
    }
}
