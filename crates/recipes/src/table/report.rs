//! The report of a run: results beside rules of thumb, curves, confusions or the worst rows. Made of what lies in the run
//! folder, of the model and of the user's file, so that it can be written again. It must never know how the model was
//! trained.

use gradus_train::metrics::significant;
use gradus_train::report::{LineChart, Report};

use super::prepared::{Part, Transforms};
use super::results::TableResults;
use super::scored::Scored;
use super::{Mlp, layers};
use crate::error::Error;
use crate::page;
use crate::run::Run;

/// Rows that are shown, the most wrong first.
const SHOWN: usize = 20;

pub(super) fn write(
    run: &Run,
    results: &TableResults,
    model: &Mlp,
    test: &Part,
    scored: &Scored,
    transforms: &Transforms,
) -> Result<(), Error> {
    let rows = results.rows();
    let (head, body) = rows.split_first().map_or((&[][..], &[][..]), |(head, body)| (&head[..], body));
    let head: Vec<&str> = head.iter().map(String::as_str).collect();
    let mut page = Report::new(format!("{}: {}", results.target, results.task))
        .subtitle(format!("Recipe {}, seed {}, Gradus {}", results.recipe, results.seed, results.version))
        .facts("Result", facts(results))
        .table("The network beside rules of thumb", &head, body);
    if !results.notes.is_empty() {
        page = page.paragraph("About the data", &results.notes.join(". "));
    }
    page = page::curves(page, run)?;
    page = match &scored.confusion {
        Some(confusion) => page
            .confusion("Confusions on the test rows", confusion)
            .calibration("Calibration on the test rows", &scored.calibration),
        None => page.chart(predicted_over_true(test, scored)),
    };
    let head = ["line", "true", "predicted", "loss"];
    page = page
        .table("The test rows it was most wrong about", &head, &worst(test, scored, transforms))
        .layers("Model", &layers(model, transforms));
    Ok(page::circumstances(page, run)?.write(run.file(Run::REPORT))?)
}

fn facts(results: &TableResults) -> Vec<(&'static str, String)> {
    let TableResults { train, validation, test, epochs, best_epoch, steps, seconds, .. } = results;
    let part =
        |measured: &super::results::Measured| format!("{} ({} rows)", measured.told(), measured.examples);
    vec![
        ("test", part(test)),
        ("validation", part(validation)),
        ("training data", part(train)),
        ("training", format!("{epochs} epochs, {steps} steps, {seconds:.1} s")),
        ("model", format!("that of epoch {best_epoch}, the best by validation loss")),
        ("features", results.features.to_string()),
        ("parameters", results.parameters.to_string()),
    ]
}

/// Predictions over truths, beside the line on which they should be.
fn predicted_over_true(test: &Part, scored: &Scored) -> LineChart {
    let points: Vec<(f64, f64)> =
        test.truths.iter().copied().zip(scored.predictions.iter().copied()).collect();
    let low = test.truths.iter().copied().fold(f64::INFINITY, f64::min);
    let high = test.truths.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    LineChart::new("Predicted over true, on the test rows", "true", "predicted")
        .points("rows", &points)
        .series("as it should be", &[(low, low), (high, high)])
}

fn worst(test: &Part, scored: &Scored, transforms: &Transforms) -> Vec<Vec<String>> {
    let shown = |value| transforms.target.show(value);
    let row = |row: usize| {
        let (truth, prediction) = (test.truths[row], scored.predictions[row]);
        vec![test.lines[row].to_string(), shown(truth), shown(prediction), significant(scored.losses[row])]
    };
    scored.hardest().into_iter().take(SHOWN).map(row).collect()
}
