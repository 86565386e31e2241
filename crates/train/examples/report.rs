//! Writes a report about made-up numbers, to see what one looks like: `cargo run -p gradus-train --example report`.

use gradus_module::{Module, Param, summary};
use gradus_tensor::{Rng, Tensor};
use gradus_train::metrics::{ConfusionMatrix, Metrics};
use gradus_train::report::{CalibrationBin, Picture, Report, environment};
use gradus_train::{EpochRecord, History, Norms, TrainError};

#[derive(Module)]
struct Linear {
    weight: Param,
}

#[derive(Module)]
struct Model {
    hidden: Linear,
    output: Linear,
}

fn history(epochs: usize) -> History {
    let mut history = History::default();
    for epoch in 1..=epochs {
        let t = epoch as f64 / epochs as f64;
        let wobble = 0.01 * (7.0 * epoch as f64).sin();
        let metrics = Metrics::new()
            .with("train_loss", 2.3 * (-5.0 * t).exp() + 0.01)
            .with("train_accuracy", 1.0 - 0.9 * (-6.0 * t).exp())
            .with("validation_loss", 2.3 * (-4.5 * t).exp() + 0.06 + wobble)
            .with("validation_accuracy", 0.985 - 0.85 * (-5.5 * t).exp() + 0.3 * wobble)
            .with("learning_rate", 0.001 * (1.0 + (std::f64::consts::PI * t).cos()) / 2.0)
            .with("gradient_norm", 3.0 * (-3.0 * t).exp() + 0.1 + wobble);
        history.push(EpochRecord { epoch, step: 45 * epoch as u64, metrics, seconds: 0.4 * epoch as f64 });
    }
    history
}

fn confusion(rng: &mut Rng) -> ConfusionMatrix {
    let mut matrix = ConfusionMatrix::of_classes(10);
    let truth: Vec<i64> = (0..360).map(|i| i % 10).collect();
    let guess: Vec<i64> =
        truth.iter().map(|&t| if rng.below(40) == 0 { rng.below(10) as i64 } else { t }).collect();
    matrix.update_classes(&Tensor::from(guess), &Tensor::from(truth));
    matrix
}

/// As a network with a few layers would write it, or with many.
fn norms(layers: usize, epochs: usize) -> Result<Norms, TrainError> {
    let path =
        std::env::temp_dir().join(format!("gradus-example-norms-{}-{layers}.jsonl", std::process::id()));
    let names: Vec<String> = (0..layers).map(|i| format!("encoder.layers.{i}.attention")).collect();
    let list = |value: &dyn Fn(f64) -> f64| {
        let values = (0..layers).map(|i| value(i as f64 / layers as f64).to_string());
        values.collect::<Vec<_>>().join(",")
    };
    let mut text = String::new();
    for epoch in 1..=epochs {
        let t = epoch as f64 / epochs as f64;
        let weights = list(&|depth| 3.0 + 4.0 * t * depth);
        let gradients = list(&|depth| (-6.0 * (1.0 - depth) - 2.0 * t).exp());
        text += &format!(
            "{{\"epoch\":{epoch},\"layers\":{names:?},\"weights\":[{weights}],\"gradients\":[{gradients}]}}\n"
        );
    }
    gradus_io::write_bytes_atomically(&path, text.as_bytes())?;
    let norms = Norms::read_jsonl(&path)?;
    _ = std::fs::remove_file(&path);
    Ok(norms)
}

/// A network that is too sure of itself.
fn calibration() -> Vec<CalibrationBin> {
    let bin = |i: u64| {
        let low = i as f64 / 10.0;
        let certainty = low + 0.06;
        let accuracy = certainty * (0.75 + 0.02 * i as f64);
        CalibrationBin { low, high: low + 0.1, count: if i < 2 { 0 } else { i.pow(3) }, certainty, accuracy }
    };
    (0..10).map(bin).collect()
}

fn pictures(rng: &mut Rng) -> Vec<Picture> {
    let blob = |rng: &mut Rng| {
        let (cx, cy) = (2.0 + 4.0 * rng.uniform01::<f32>(), 2.0 + 4.0 * rng.uniform01::<f32>());
        let pixel = |x: usize, y: usize| (-((x as f32 - cx).powi(2) + (y as f32 - cy).powi(2)) / 5.0).exp();
        (0..8).map(|y| (0..8).map(|x| pixel(x, y)).collect()).collect()
    };
    (0..8).map(|i| Picture::new(blob(rng), format!("#{i}: is 3, taken for 8 (97.2 %)"))).collect()
}

fn main() -> Result<(), TrainError> {
    let mut rng = Rng::seed(7);
    let linear = |inputs, outputs| Linear { weight: Param::new(Tensor::zeros([inputs, outputs])) };
    let model = Model { hidden: linear(64, 128), output: linear(128, 10) };
    let layers = summary(&model, |cx| {
        for layer in [&model.hidden, &model.output] {
            cx.record("Linear", Some(&*layer.weight), &layer.weight, layer.weight.len() as u64);
        }
    });
    let path = std::env::args().nth(1).unwrap_or_else(|| "report.html".to_owned());
    Report::new("Digits: a small convolutional network")
        .subtitle("gradus 0.1.0, seed 7, 30 epochs in 12.3 s")
        .facts(
            "Result",
            [("test accuracy", "98.9 % (356 of 360)"), ("test loss", "0.0412"), ("parameters", "9,472")],
        )
        .history(&history(30))
        .norms(&norms(4, 30)?)
        .norms(&norms(24, 30)?)
        .confusion("Confusion matrix of the test set", &confusion(&mut rng))
        .calibration("Calibration", &calibration())
        .pictures("The worst mistakes", &pictures(&mut rng))
        .table(
            "Hard to read",
            &["text", "label", "taken for", "loss"],
            &[
                vec![
                    "a film that never decides what it wants to be, and is the better for it, mostly".into(),
                    "good".into(),
                    "bad".into(),
                    "3.21".into(),
                ],
                vec!["not bad".into(), "good".into(), "bad".into(), "2.87".into()],
            ],
        )
        .layers("Model", &layers)
        .text(
            "Configuration",
            "recipe = \"digits\"\nseed = 7\n\n[optimizer]\nkind = \"adam\"\nlearning_rate = 0.001",
        )
        .facts("Environment", environment())
        .write(&path)?;
    println!("{path}");
    Ok(())
}
