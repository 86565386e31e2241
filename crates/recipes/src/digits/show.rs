//! Digits and predictions as text. It must never know where a digit came from.

use gradus_tensor::Tensor;
use serde_json::json;

use super::input::Input;
use super::part::{Part, Scored, predict};
use super::{CLASSES, Cnn, SIDE};
use crate::picture::{bar, beside, shaded};
use crate::recipe::Answer;

/// Width of the bars.
const BAR: usize = 30;

/// `99.8 %`.
fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

/// A model's answer to each digit.
pub(super) fn answers(model: &Cnn, digits: &[Input]) -> Vec<Answer> {
    let pixels: Vec<f32> = digits.iter().flat_map(|digit| digit.pixels.iter().copied()).collect();
    let images = Tensor::new([digits.len(), 1, SIDE, SIDE], &pixels);
    let logits = predict(model, &images);
    let (classes, probabilities) = (logits.argmax(-1).to_vec(), logits.softmax(-1).to_vec());
    let rows = classes.iter().zip(probabilities.chunks(CLASSES));
    digits.iter().zip(rows).map(|(digit, (&class, row))| answer(digit, class as usize, row)).collect()
}

fn answer(digit: &Input, class: usize, probabilities: &[f32]) -> Answer {
    let Input { name, label, .. } = digit;
    let share = f64::from(probabilities[class]);
    let labelled = label.map_or_else(String::new, |label| format!(", labelled {label}"));
    let mut json = json!({ "input": name, "digit": class, "probabilities": probabilities });
    if let Some(label) = label {
        json["label"] = json!(label);
    }
    Answer { text: format!("{name}: {class} ({}){labelled}", percent(share)), json }
}

/// A digit of the test: the image, and beside it the probabilities as bars.
pub(super) fn drawing(test: &Part, scored: &Scored, index: usize) -> String {
    let (label, prediction) = (test.label(index), scored.prediction(index));
    let row = scored.row(index);
    let image = shaded(&test.pixels(index), SIDE);
    let bars: Vec<String> = row
        .iter()
        .enumerate()
        .map(|(class, &share)| format!("{class} {} {:>7}", bar(share.into(), BAR), percent(share.into())))
        .collect();
    let verdict = if label == prediction { "right" } else { "wrong" };
    let head = format!(
        "digit {}: a {label}, taken for a {prediction} ({}): {verdict}",
        test.places[index],
        percent(row[prediction].into())
    );
    format!("{head}\n{}", beside(&image, &bars).join("\n"))
}

/// Which digits of the test to show: two from the middle of it, and the one that was hardest.
pub(super) fn examples(scored: &Scored) -> Vec<usize> {
    let count = scored.losses.len();
    let mut places = vec![count / 3, 2 * count / 3];
    places.extend(hardest(scored).first());
    places
}

/// All digits of the test, the largest loss first.
pub(super) fn hardest(scored: &Scored) -> Vec<usize> {
    let mut places: Vec<usize> = (0..scored.losses.len()).collect();
    places.sort_by(|&a, &b| scored.losses[b].total_cmp(&scored.losses[a]));
    places
}
