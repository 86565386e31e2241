//! Runs beside each other: what they ended with, which settings differ, their curves over each other. It reads what every
//! run folder holds, and must never know a recipe.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use gradus_train::metrics::significant;
use gradus_train::report::{LineChart, Report};
use gradus_train::{Goal, History, metric_words};
use serde_json::Value;

use crate::error::Error;
use crate::nearest::list;
use crate::page::environment_of;
use crate::run::Run;
use crate::settings::read_file;

/// What stands where a run has nothing to say.
const NOTHING: &str = "–";

/// Some runs, read from their folders, finished or not.
///
/// ```
/// use gradus_recipes::{Comparison, Run};
/// # let folder = tempfile::tempdir()?;
/// # let paths: Vec<_> = ["one", "two"].map(|name| folder.path().join(name)).to_vec();
/// for (path, loss) in paths.iter().zip([0.5, 0.25]) {
///     let run = Run::create(Some(path), "digits")?; // usually `gradus train` made them
///     run.write(Run::CONFIG, &format!("recipe = \"digits\"\nlearning_rate = {loss}\n"))?;
///     run.write(Run::METRICS, &format!("{{\"epoch\":1,\"step\":20,\"validation_loss\":{loss},\"seconds\":1.5}}\n"))?;
/// }
/// let comparison = Comparison::read(&paths)?;
/// let text = comparison.to_string();
/// assert!(text.contains("learning_rate") && text.contains("0.25 *"), "{text}");
/// assert!(comparison.report().to_html().contains("Settings that differ"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Comparison {
    runs: Vec<Member>,
}

/// A run as it is compared.
#[derive(Clone, Debug)]
struct Member {
    name: String,
    recipe: Option<String>,
    settings: BTreeMap<String, String>,
    environment: BTreeMap<String, String>,
    history: History,
    /// The numbers of its summary by dotted names; empty while it trains.
    results: BTreeMap<String, f64>,
}

/// What each run has of one thing, and which of them are the best.
struct Row {
    name: String,
    cells: Vec<Option<String>>,
    best: Vec<bool>,
}

/// The values of a table by dotted keys.
fn flat(prefix: &str, table: &toml::Table, out: &mut BTreeMap<String, String>) {
    for (key, value) in table {
        let key = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
        match value {
            toml::Value::Table(inner) => flat(&key, inner, out),
            other => _ = out.insert(key, other.to_string()),
        }
    }
}

/// The numbers of a JSON value by dotted names.
fn numbers(name: &str, value: &Value, out: &mut BTreeMap<String, f64>) {
    match value {
        Value::Number(number) => out.extend(number.as_f64().map(|x| (name.to_owned(), x))),
        Value::Object(object) => object.iter().for_each(|(key, value)| {
            let name = if name.is_empty() { key.clone() } else { format!("{name}.{key}") };
            numbers(&name, value, out);
        }),
        _ => {}
    }
}

impl Member {
    fn read(path: &Path, name: String) -> Result<Self, Error> {
        let run = Run::open(path, Run::METRICS)?;
        let (mut recipe, mut settings) = (None, BTreeMap::new());
        if run.has(Run::CONFIG) {
            let (of, table) = read_file(&run.file(Run::CONFIG))?;
            flat("", &table, &mut settings);
            recipe = of;
        }
        let mut results = BTreeMap::new();
        if run.has(Run::SUMMARY) {
            let summary = serde_json::from_str(&run.read(Run::SUMMARY)?);
            let summary: Value = summary.map_err(|cause| Error::Unreadable {
                path: run.file(Run::SUMMARY),
                problem: cause.to_string(),
            })?;
            numbers("", &summary, &mut results);
            // A setting, and shown as one.
            results.remove("seed");
        }
        let history = History::read_jsonl(run.file(Run::METRICS))?;
        Ok(Self { name, recipe, settings, environment: environment_of(&run)?, history, results })
    }

    /// What it ended with: its results, and what its last epoch measured.
    fn ended(&self) -> BTreeMap<String, f64> {
        let last = self.history.last().into_iter().flat_map(|record| record.metrics.iter());
        let last = last.map(|(name, value)| (format!("last epoch: {name}"), value));
        self.results.iter().map(|(name, value)| (name.clone(), *value)).chain(last).collect()
    }
}

/// The folders' names; where two are alike, the paths as they were given, and numbers where these are alike too.
fn names(paths: &[PathBuf]) -> Vec<String> {
    let short = |path: &PathBuf| {
        let whole = path.canonicalize().unwrap_or_else(|_| path.clone());
        whole
            .file_name()
            .map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned())
    };
    let count = |names: &[String], name: &str| names.iter().filter(|own| *own == name).count();
    let all: Vec<String> = paths.iter().map(short).collect();
    let all: Vec<String> = all
        .iter()
        .zip(paths)
        .map(|(name, path)| if count(&all, name) > 1 { path.display().to_string() } else { name.clone() })
        .collect();
    let numbered = |(i, name): (usize, &String)| match count(&all, name) {
        1 => name.clone(),
        _ => format!("{name} ({})", count(&all[..=i], name)),
    };
    all.iter().enumerate().map(numbered).collect()
}

/// Which of the values are the best; none where there is nothing to choose.
fn best(metric: &str, values: &[Option<f64>]) -> Vec<bool> {
    let known = || values.iter().flatten().copied().filter(|value| !value.is_nan());
    let choose = |goal| match goal {
        Goal::Min => known().fold(f64::INFINITY, f64::min),
        Goal::Max => known().fold(f64::NEG_INFINITY, f64::max),
    };
    let target = Goal::of_metric(metric).map(choose);
    let differ = known().any(|value| Some(value) != known().next());
    values.iter().map(|value| differ && value.is_some() && *value == target).collect()
}

/// All names of some maps in order, each once.
fn union<'m, V: 'm>(maps: impl Iterator<Item = &'m BTreeMap<String, V>>) -> Vec<String> {
    maps.flat_map(BTreeMap::keys).cloned().collect::<std::collections::BTreeSet<_>>().into_iter().collect()
}

impl Comparison {
    /// Reads the runs in these folders.
    ///
    /// # Errors
    /// If one is no run folder, or a file in it can't be read.
    pub fn read(folders: &[PathBuf]) -> Result<Self, Error> {
        let runs = folders.iter().zip(names(folders)).map(|(path, name)| Member::read(path, name));
        Ok(Self { runs: runs.collect::<Result<_, _>>()? })
    }

    fn texts<'m>(&'m self, of: impl Fn(&'m Member) -> &'m BTreeMap<String, String>) -> Vec<Row> {
        let row = |name: String| {
            let cells: Vec<Option<String>> =
                self.runs.iter().map(|run| of(run).get(&name).cloned()).collect();
            let best = vec![false; cells.len()];
            Row { name, cells, best }
        };
        let rows = union(self.runs.iter().map(&of)).into_iter().map(row);
        rows.filter(|row| row.cells.iter().any(|cell| *cell != row.cells[0])).collect()
    }

    /// The results, those that all have first; what is the same everywhere and neither good nor bad is left out.
    fn results(&self) -> Vec<Row> {
        let ended: Vec<BTreeMap<String, f64>> = self.runs.iter().map(Member::ended).collect();
        let mut rows = Vec::new();
        for name in union(ended.iter()) {
            let values: Vec<Option<f64>> = ended.iter().map(|own| own.get(&name).copied()).collect();
            let same = values.iter().all(|value| *value == values[0]);
            if same && Goal::of_metric(&name).is_none() {
                continue;
            }
            let cells = values.iter().map(|value| value.map(significant)).collect();
            rows.push(Row { best: best(&name, &values), cells, name });
        }
        rows.sort_by_key(|row| (row.name.starts_with("last epoch"), row.cells.iter().any(Option::is_none)));
        rows
    }

    /// What a reader must know before comparing, a sentence each.
    fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        let mut recipes: Vec<&str> = self.runs.iter().filter_map(|run| run.recipe.as_deref()).collect();
        recipes.sort_unstable();
        recipes.dedup();
        if recipes.len() > 1 {
            notes.push(format!(
                "The runs are of different recipes ({}): equal names may measure different things.",
                list(recipes)
            ));
        }
        let named = |test: &dyn Fn(&Member) -> bool| {
            self.runs.iter().filter(|run| test(run)).map(|run| run.name.as_str()).collect::<Vec<_>>()
        };
        let unfinished = named(&|run| run.results.is_empty());
        if !unfinished.is_empty() {
            notes.push(format!("Not finished, with what was measured so far: {}.", list(unfinished)));
        }
        let all = self.metrics();
        let lacks = |run: &Member, metric: &String| run.history.curve(metric).is_empty();
        let partly: Vec<&str> = all
            .iter()
            .filter(|metric| self.runs.iter().any(|run| lacks(run, metric)))
            .map(String::as_str)
            .collect();
        if !partly.is_empty() {
            let without = named(&|run| partly.iter().any(|metric| lacks(run, &(*metric).to_owned())));
            notes.push(format!("Not measured in every run ({} lack some): {}.", list(without), list(partly)));
        }
        notes
    }

    /// The names of all curves, losses and accuracies first.
    fn metrics(&self) -> Vec<String> {
        let all = self.runs.iter().flat_map(|run| run.history.epochs());
        let names = all.flat_map(|record| record.metrics.iter()).map(|(name, _)| name.to_owned());
        let mut names: Vec<String> = names.collect::<std::collections::BTreeSet<_>>().into_iter().collect();
        names.sort_by_key(|name| (Goal::of_metric(name).is_none(), !name.ends_with("loss")));
        names
    }

    fn chart(&self, metric: &str) -> Option<LineChart> {
        let curves: Vec<_> = self.runs.iter().map(|run| (&run.name, run.history.curve(metric))).collect();
        let mut values = curves.iter().flat_map(|(_, curve)| curve).map(|(_, value)| *value);
        let first = values.next()?;
        // A learning rate that never changes, the same in all runs, is a fact and no curve.
        if Goal::of_metric(metric).is_none() && values.all(|value| value == first) {
            return None;
        }
        let words = metric_words(metric);
        let drawn = curves.iter().filter(|(_, curve)| !curve.is_empty());
        Some(drawn.fold(LineChart::new(words.as_str(), "epoch", words.as_str()), |chart, (name, curve)| {
            chart.series(*name, curve)
        }))
    }

    /// The page: what must be known, results with the best marked, settings that differ, curves over each other.
    #[must_use]
    pub fn report(&self) -> Report {
        let names: Vec<&str> = self.runs.iter().map(|run| run.name.as_str()).collect();
        let head = |first: &'static str| [&[first], names.as_slice()].concat();
        let table =
            |rows: &[Row]| rows.iter().map(|row| row.texts(|best| format!("★ {best}"))).collect::<Vec<_>>();
        let page = Report::new("Runs compared").subtitle(names.join(", "));
        let page = self.notes().into_iter().fold(page, |page, note| page.note(&note));
        let page = self.metrics().iter().filter_map(|metric| self.chart(metric)).fold(page, Report::chart);
        let mut page = page.table("Results, the best marked ★", &head("result"), &table(&self.results()));
        let settings = self.texts(|run| &run.settings);
        page = if settings.is_empty() {
            page.paragraph("Settings that differ", "None.")
        } else {
            page.table("Settings that differ", &head("setting"), &table(&settings))
        };
        let environment = self.texts(|run| &run.environment);
        if environment.is_empty() {
            page
        } else {
            page.table("Environments that differ", &head("fact"), &table(&environment))
        }
    }
}

impl Row {
    fn texts(&self, mark: fn(String) -> String) -> Vec<String> {
        let cell = |(cell, best): (&Option<String>, &bool)| {
            let text = cell.clone().unwrap_or_else(|| NOTHING.to_owned());
            if *best { mark(text) } else { text }
        };
        std::iter::once(self.name.clone()).chain(self.cells.iter().zip(&self.best).map(cell)).collect()
    }
}

/// Rows under each other, the first column flush left, the others flush right.
fn aligned(f: &mut fmt::Formatter<'_>, rows: &[Vec<String>]) -> fmt::Result {
    let count = rows.first().map_or(0, Vec::len);
    let bare = |cell: &str| cell.strip_suffix(" *").unwrap_or(cell).chars().count();
    let width = |column: usize| rows.iter().map(|row| bare(&row[column])).max().unwrap_or(0);
    let widths: Vec<usize> = (0..count).map(width).collect();
    for row in rows {
        let mut line = String::new();
        for (i, (cell, width)) in row.iter().zip(&widths).enumerate() {
            // The mark of the best stands beside the column, so that the numbers stay under each other.
            let (text, mark) = cell.strip_suffix(" *").map_or((cell.as_str(), "  "), |text| (text, " *"));
            line += &if i == 0 { format!("{text:<width$}") } else { format!("  {text:>width$}{mark}") };
        }
        writeln!(f, "{}", line.trim_end())?;
    }
    Ok(())
}

/// The same as aligned text, without the curves.
impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<String> = self.runs.iter().map(|run| run.name.clone()).collect();
        let table = |first: &str, rows: Vec<Row>| {
            let head = std::iter::once(first.to_owned()).chain(names.clone()).collect();
            std::iter::once(head)
                .chain(rows.iter().map(|row| row.texts(|best| best + " *")))
                .collect::<Vec<_>>()
        };
        self.notes().iter().try_for_each(|note| writeln!(f, "{note}\n"))?;
        aligned(f, &table("result (* best)", self.results()))?;
        let settings = self.texts(|run| &run.settings);
        if settings.is_empty() {
            write!(f, "\nAll settings are the same.")
        } else {
            writeln!(f)?;
            aligned(f, &table("setting that differs", settings))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(name: &str, recipe: &str, line: &str, results: &[(&str, f64)]) -> Member {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.jsonl");
        std::fs::write(&path, line).unwrap();
        Member {
            name: name.to_owned(),
            recipe: Some(recipe.to_owned()),
            settings: BTreeMap::from([("seed".to_owned(), name.len().to_string())]),
            environment: BTreeMap::new(),
            history: History::read_jsonl(&path).unwrap(),
            results: results.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect(),
        }
    }

    #[test]
    fn the_best_is_marked_where_there_is_one() {
        let values = [Some(0.5), None, Some(0.25), Some(0.25), Some(f64::NAN)];
        assert_eq!(best("test.loss", &values), [false, false, true, true, false]);
        assert_eq!(best("test.accuracy", &values), [true, false, false, false, false]);
        assert_eq!(best("gradient_norm", &values), [false; 5]);
        assert_eq!(best("loss", &[Some(1.0), Some(1.0)]), [false; 2]); // nothing to choose
        assert_eq!(best("loss", &[Some(1.0), None]), [false; 2]);
    }

    #[test]
    fn names_are_the_shortest_that_differ() {
        let paths = |all: &[&str]| names(&all.iter().map(PathBuf::from).collect::<Vec<_>>());
        assert_eq!(paths(&["none/a", "none/b"]), ["a", "b"]);
        assert_eq!(paths(&["none/x/a", "none/y/a", "none/b"]), ["none/x/a", "none/y/a", "b"]);
        assert_eq!(paths(&["none/a", "none/a"]), ["none/a (1)", "none/a (2)"]);
    }

    #[test]
    fn what_cannot_be_compared_is_said_in_a_sentence() {
        let first = r#"{"epoch":1,"step":2,"train_loss":0.5,"train_accuracy":0.5}"#;
        let runs = vec![
            member("one", "digits", first, &[("test.loss", 0.5)]),
            member("three", "table", r#"{"epoch":1,"step":2,"train_loss":0.25}"#, &[]),
            member("empty", "table", "", &[("test.mae", 2.0)]),
        ];
        let both = Comparison { runs };
        let text = both.to_string();
        for part in [
            "different recipes (digits, table)",
            "Not finished, with what was measured so far: three.",
            "(three, empty lack some): train_loss, train_accuracy.",
            "last epoch: train_loss",
        ] {
            assert!(text.contains(part), "{part} is missing in:\n{text}");
        }
        let line = text.lines().find(|line| line.starts_with("last epoch: train_loss")).unwrap();
        assert_eq!(line.split_whitespace().collect::<Vec<_>>()[3..], ["0.5", "0.25", "*", "–"]);
        let page = both.report().to_html();
        assert!(page.contains("class=\"note\"") && page.contains("★ 0.25") && !page.contains("NaN"));
    }
}
