//! A task of your own, from a file to predictions: `cargo run --example table [FILE.csv TARGET]`; all columns are numbers.
//! The recipe `table` does the same with gaps, texts and classes. Without a file it writes the diabetes data to one.
use gradus::data::{Batch, DIABETES_COLUMNS, DataError, Standardiser, TableOptions, diabetes, read_table};
use gradus::module::Buffer;
use gradus::prelude::*;
use gradus::train::{EarlyStopping, Goal, metrics::Regression, report::Report};

/// An MLP, and the statistics of the training part: means and deviations of inputs and target, saved with the weights.
type Model = (Sequential, [Buffer; 4]);

fn model(train: &Pairs, rng: &mut Rng) -> Result<Model, DataError> {
    let (x, y) = (Standardiser::fit(train.inputs())?, Standardiser::fit(train.targets())?);
    let (hidden, output) = (Linear::new(train.inputs().dim(1), 64, rng), Linear::new(64, 1, rng));
    let statistics = [x.mean(), x.std(), y.mean(), y.std()].map(|tensor| Buffer::new(tensor.clone()));
    Ok((Sequential::new().push(hidden).push(Relu).push(output), statistics))
}

fn predict((mlp, statistics): &Model, x: &Tensor, cx: &mut Context) -> Var {
    let [mean, std, target_mean, target_std] = statistics.each_ref().map(|buffer| Var::from(buffer.value()));
    mlp.forward(&((Var::from(x) - mean) / std), cx) * target_std + target_mean
}

/// The squared error in deviations of the target.
fn loss(model: &Model, batch: &Batch<Tensor, Tensor>, cx: &mut Context) -> Var {
    let error = predict(model, &batch.inputs, cx) - Var::from(&batch.targets);
    (error / Var::from(model.1[3].value())).square().mean()
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::temp_dir().join("gradus-table");
    std::fs::create_dir_all(&folder)?;
    let rows = Tensor::cat(&[diabetes().inputs(), diabetes().targets()], 1).to_vec();
    let text = rows.chunks(11).map(|row| format!("{row:?}\n")).collect::<String>().replace(['[', ']'], "");
    std::fs::write(folder.join("diabetes.csv"), DIABETES_COLUMNS.join(",") + ",progression\n" + &text)?;
    let file = std::env::args().nth(1).map_or(folder.join("diabetes.csv"), Into::into);
    let target = std::env::args().nth(2).unwrap_or("progression".into());

    let (table, rng) = (read_table(file, &TableOptions::default())?, &mut Rng::seed(7));
    let goal = table.column(&target)?;
    let columns: Vec<usize> = (0..table.columns()).filter(|&column| column != goal).collect();
    let all = Pairs::new(table.select(&columns)?, table.select(&[goal])?)?;
    let parts = all.random_split(&[0.6, 0.2, 0.2], rng)?; // training, validation, test
    let mut trainer = Trainer::new(model(&parts[0], rng)?, AdamW::new(1e-3))
        .epochs(300)
        .validate(Loader::new(&parts[1], 64, 0), loss)
        .callback(EarlyStopping::new("validation_loss", Goal::Min).patience(20));
    println!("{}", trainer.fit(&mut Loader::new(&parts[0], 32, 7), loss)?);
    save(trainer.model(), folder.join("model.safetensors"))?;

    let mut saved = model(&parts[0], rng)?; // any model of this shape: weights and statistics come from the file
    load(&mut saved, folder.join("model.safetensors"))?;
    let prediction = predict(&saved, parts[2].inputs(), &mut Context::eval()).into_value();
    let mut errors = Regression::default();
    errors.update(&prediction, parts[2].targets());
    let told = |value: Option<f64>| format!("{:.3}", value.unwrap_or(f64::NAN));
    let facts = [("R²", told(errors.r2())), ("mean absolute error", told(errors.mae()))];
    println!("test: {facts:?}; first predictions: {}", prediction.narrow(0, 0, 3));
    Report::new(target).facts("Test", facts).history(trainer.history()).write(folder.join("report.html"))?;
    Ok(())
}
