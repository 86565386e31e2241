//! The report of a run: its curves, its confusions, its worst mistakes as pictures. Made of what lies in the run folder
//! and of the model, so that it can be written again at any time. It must never know how the model was trained.

use gradus_train::metrics::Calibration;
use gradus_train::report::{Picture, Report};

use super::part::{Part, Scored};
use super::{Cnn, SIDE, layers, show};
use crate::error::Error;
use crate::page;
use crate::results::Results;
use crate::run::Run;

/// Digits that are shown, the hardest first.
const SHOWN: usize = 24;
/// Bins of the calibration diagram.
const BINS: usize = 10;
/// Rows and columns on the page of one pixel of a digit.
const ZOOM: usize = 8;

pub(super) fn write(
    run: &Run,
    results: &Results,
    model: &Cnn,
    test: &Part,
    scored: &Scored,
) -> Result<(), Error> {
    let mistakes = scored.score.examples - scored.score.right();
    let hardest: Vec<Picture> =
        show::hardest(scored).into_iter().take(SHOWN).map(|index| picture(test, scored, index)).collect();
    let head = Report::new("Handwritten digits")
        .subtitle(format!("Recipe {}, seed {}, Gradus {}", results.recipe, results.seed, results.version))
        .facts("Result", facts(results));
    let mut calibration = Calibration::new(BINS)?;
    calibration.update(&scored.probabilities, test.pairs.targets());
    let page = page::curves(head, run)?
        .confusion("Confusions on the test digits", &scored.confusion)
        .calibration("Calibration on the test digits", &calibration.bins())
        .pictures(
            format!("The hardest test digits: {mistakes} mistakes, then what it was least sure of"),
            &hardest,
        )
        .layers("Model", &layers(model));
    Ok(page::circumstances(page, run)?.write(run.file(Run::REPORT))?)
}

fn facts(results: &Results) -> Vec<(&'static str, String)> {
    let Results { train, validation, test, epochs, best_epoch, steps, seconds, .. } = results;
    vec![
        ("test", test.to_string()),
        ("validation", validation.to_string()),
        ("training data", train.to_string()),
        ("training", format!("{epochs} epochs, {steps} steps, {seconds:.1} s")),
        (
            "curve of the training loss",
            "with label smoothing and penalty, which the others leave out".to_owned(),
        ),
        ("model", format!("that of epoch {best_epoch}, the best by validation loss")),
        ("parameters", results.parameters.to_string()),
    ]
}

fn picture(test: &Part, scored: &Scored, index: usize) -> Picture {
    let pixels = test.pixels(index);
    let wide = |row: &[f32]| row.iter().flat_map(|&pixel| [pixel; ZOOM]).collect::<Vec<f32>>();
    let rows = pixels.chunks(SIDE).flat_map(|row| vec![wide(row); ZOOM]).collect();
    let (label, prediction) = (test.label(index), scored.prediction(index));
    let share = 100.0 * scored.row(index)[prediction];
    let caption = if label == prediction {
        format!("{label}, {share:.0} % sure")
    } else {
        format!("{label} taken for {prediction}, {share:.0} % sure")
    };
    Picture::new(rows, caption)
}
