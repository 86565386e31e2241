//! `table`: any CSV file of the user's own, in six steps that are six functions here: prepare, define, initialise, train,
//! evaluate, apply. Whether the target is a number or a class, which columns help, what gaps are filled with: the file
//! says it, and the settings can say otherwise.
//!
//! All that is fitted to data is fitted to the training part, and stored with the model. It must never know the command
//! line.

mod apply;
mod baselines;
mod model;
mod prepared;
mod report;
mod results;
mod scored;
mod settings;
mod source;
#[cfg(test)]
mod tests;
mod unchanged;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use gradus_autodiff::Var;
use gradus_data::Loader;
use gradus_losses::{CrossEntropy, Reduction, mse};
use gradus_module::{Context, Layer, Module, Summary, summary};
use gradus_optimizers::{AdamW, GroupOptions};
use gradus_tensor::{Rng, Tensor};
use gradus_train::metrics::significant;
use gradus_train::{BestCheckpoint, EarlyStopping, Goal, MetricsFile, NormsFile, Progress, Step, Trainer};

use crate::console::Console;
use crate::error::Error;
use crate::page::note_environment;
use crate::recipe::{About, Answer, Outcome, Recipe, Request};
use crate::run::Run;
use crate::saved::{Saved, VERSION};

pub use model::Mlp;
use prepared::{Data, Part, Transforms};
use results::{Measured, TableResults, aligned};
use scored::Scored;
pub use settings::TableSettings;
use source::{Target, few};

/// The best model so far, while training.
const BEST: &str = "best.safetensors";

/// The recipe.
///
/// ```
/// use gradus_recipes::table::Table;
/// use gradus_recipes::{Console, Outcome, Recipe, Request, Run, Saved};
/// # let folder = tempfile::tempdir()?;
/// let file = folder.path().join("homes.csv");
/// let rows = (1..=40).map(|i| format!("{i},{},{}\n", ["Ulm", "Bonn"][i % 2], 50 * i + 300 * (i % 2)));
/// std::fs::write(&file, "rooms,town,price\n".to_owned() + &rows.collect::<String>())?;
/// let data = format!("data={}", file.display());
/// let pairs = [&data, "target=price", "keep=rooms", "epochs=3"].map(str::to_owned).to_vec();
/// let out = Some(folder.path().join("run"));
/// let Outcome::Done(run) = Table.train(&Request { pairs, out, ..Request::default() }, &mut Console::silent())? else {
///     panic!("nobody stopped it")
/// };
/// std::fs::write(&file, "town,rooms\nUlm,3\n")?;
/// let answers = Table.apply(&Saved::read(run)?, &[file])?;
/// assert!(answers[0].json["prediction"].is_number());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Table;

/// What the training hands on.
struct Trained {
    model: Mlp,
    epochs: usize,
    best_epoch: usize,
    steps: u64,
    seconds: f64,
}

impl Recipe for Table {
    fn about(&self) -> About {
        About {
            name: "table",
            description: "Predicts a column of a CSV file of your own from the others: numbers or classes.",
            data: "your file: --data FILE.csv --target COLUMN; 20 % of its rows for the test",
            model: "a multilayer perceptron, two hidden layers of 64",
            time: "about a second for a thousand rows on 2 cores",
        }
    }

    fn train(&self, request: &Request, console: &mut Console) -> Result<Outcome, Error> {
        let settings: TableSettings = request.settings(self.about().name)?;
        // Before a folder is made: most mistakes are in the file.
        let data = Data::prepare(&settings)?;
        let run = Run::create(request.out.as_deref(), self.about().name)?;
        let written = run.write_config(self.about().name, &settings);
        written.and_then(|()| unchanged::note(&run, &settings)).inspect_err(|_| run.take_back())?;
        six_steps(&run, &settings, &data, false, &request.stop, console)
    }

    fn resume(
        &self,
        folder: &Path,
        threads: Option<u64>,
        stop: &Arc<AtomicBool>,
        console: &mut Console,
    ) -> Result<Outcome, Error> {
        let run = Run::open(folder, Run::CONFIG)?;
        if run.has(Run::SUMMARY) {
            console.line(format_args!("{} is complete.", folder.display()));
            return Ok(Outcome::Done(run));
        }
        let mut settings: TableSettings = run.read_config()?;
        settings.threads = threads.map_or(settings.threads, |threads| threads as usize);
        unchanged::check(&run, &settings)?;
        six_steps(&run, &settings, &Data::prepare(&settings)?, true, stop, console)
    }

    fn evaluate(&self, saved: &Saved, console: &mut Console) -> Result<(), Error> {
        let (model, data) = (restore(saved)?.0, reread(saved)?);
        let scored = Scored::of(&model, &data.test, &data.transforms)?;
        let measured = Measured::new(data.test.len(), &scored.metrics);
        console.line(format_args!("test: {} ({} rows)", measured.told(), measured.examples));
        scored.confusion.iter().for_each(|confusion| console.line(format_args!("\n{confusion}")));
        Ok(())
    }

    fn apply(&self, saved: &Saved, inputs: &[PathBuf]) -> Result<Vec<Answer>, Error> {
        let (model, transforms) = restore(saved)?;
        let settings: TableSettings = saved.settings()?;
        let mut answers = Vec::new();
        for path in inputs {
            answers.extend(apply::answers(&model, &transforms, &settings.delimiter, path)?);
        }
        Ok(answers)
    }

    fn summary(&self, saved: &Saved, console: &mut Console) -> Result<(), Error> {
        let (model, transforms) = restore(saved)?;
        console.line(saved.run().read(Run::CONFIG)?.trim_end());
        console.line(format_args!("\n{}\n", layers(&model, &transforms)));
        let results = TableResults::read(saved.run())?;
        for (name, part) in
            [("train", &results.train), ("validation", &results.validation), ("test", &results.test)]
        {
            console.line(format_args!("{name:<10}  {} ({} rows)", part.told(), part.examples));
        }
        let TableResults { steps, seconds, epochs, best_epoch, .. } = results;
        console.line(format_args!(
            "{epochs} epochs of training, {steps} steps, {seconds:.1} s; the model is that of epoch {best_epoch}"
        ));
        console.line(format_args!("\n{}", aligned(&results.rows())));
        Ok(())
    }

    fn report(&self, saved: &Saved) -> Result<(), Error> {
        let (model, transforms) = restore(saved)?;
        let test = reread(saved)?.test;
        let scored = Scored::of(&model, &test, &transforms)?;
        report::write(saved.run(), &TableResults::read(saved.run())?, &model, &test, &scored, &transforms)
    }
}

fn six_steps(
    run: &Run,
    settings: &TableSettings,
    data: &Data,
    resume: bool,
    stop: &Arc<AtomicBool>,
    console: &mut Console,
) -> Result<Outcome, Error> {
    if settings.threads > 0 {
        // Without effect when kernels ran before; then the result is the same, only the time differs.
        gradus_tensor::set_threads(settings.threads);
    }
    note_environment(run)?;
    prepare(settings, data, console);
    define(settings, data, console);
    let model = initialise(settings, data, console)?;
    let Some(trained) = train(model, run, settings, data, resume, stop, console)? else {
        return Ok(Outcome::Stopped(run.clone()));
    };
    let scored = evaluate(&trained, run, settings, data, console)?;
    apply(run, data, &scored, console)?;
    Ok(Outcome::Done(run.clone()))
}

/// Step 1: the file's rows in parts, their columns as features.
fn prepare(settings: &TableSettings, data: &Data, console: &mut Console) {
    let transforms = &data.transforms;
    let columns: Vec<String> = transforms.columns.iter().map(|(name, _)| name.clone()).collect();
    let kind = match &transforms.target {
        Target::Classes(classes) => format!("one of {} classes: {}", classes.len(), few(classes)),
        Target::Number { mean, std } => {
            format!("a number, {} ± {} in the training part", significant(*mean), significant(*std))
        }
    };
    console.step(1, "prepare", format_args!("{}: {} from {}", settings.data, settings.target, few(&columns)));
    console.line(format_args!(
        "{} is {kind}\n{} rows for training, {} for validation, {} for the test; {} features, fitted on the training part",
        settings.target,
        data.train.len(),
        data.validation.len(),
        data.test.len(),
        transforms.features()
    ));
    data.notes.iter().for_each(|note| console.line(format_args!("note: {note}")));
}

/// Step 2: what is trained, and towards what.
fn define(settings: &TableSettings, data: &Data, console: &mut Console) {
    let TableSettings { layers, hidden, learning_rate, weight_decay, .. } = settings;
    let loss = match data.transforms.target {
        Target::Classes(_) => "cross-entropy",
        Target::Number { .. } => "squared error, in standard deviations",
    };
    console.step(2, "define", format_args!("a multilayer perceptron, {layers} hidden layers of {hidden}"));
    console.line(format_args!(
        "loss: {loss}\noptimizer: AdamW, learning rate {learning_rate}, weight decay {weight_decay}"
    ));
}

/// Step 3: the first weights, from the seed.
fn initialise(settings: &TableSettings, data: &Data, console: &mut Console) -> Result<Mlp, Error> {
    let transforms = &data.transforms;
    let rng = &mut Rng::seed(settings.seed).fork(0);
    let model = Mlp::new(transforms.features(), transforms.outputs(), settings, rng)?;
    console.step(3, "initialise", format_args!("weights from seed {}", settings.seed));
    console.line(layers(&model, transforms));
    Ok(model)
}

/// The loss of a batch, as a training step.
fn step(outputs: &Var, targets: &Tensor<f32>, target: &Target) -> Step {
    match target {
        Target::Classes(_) => {
            let labels = targets.cast::<i64>();
            Step::new(CrossEntropy::new().loss(outputs, &labels)).accuracy(outputs, &labels)
        }
        Target::Number { .. } => Step::new(mse(&outputs.reshape([targets.len()]), targets, Reduction::Mean)),
    }
}

/// Step 4: the loop. Nothing if it was asked to stop.
fn train(
    model: Mlp,
    run: &Run,
    settings: &TableSettings,
    data: &Data,
    resume: bool,
    stop: &Arc<AtomicBool>,
    console: &mut Console,
) -> Result<Option<Trained>, Error> {
    let TableSettings { epochs, patience, .. } = *settings;
    console.step(4, "train", format_args!("at most {epochs} epochs, {patience} without improvement"));
    let target = &data.transforms.target;
    let mut loader = Loader::new(data.train.pairs.clone(), settings.batch_size, settings.seed);
    let mut optimizer = AdamW::new(settings.learning_rate)
        .weight_decay(settings.weight_decay)
        .group(|path| !path.ends_with("weight"), GroupOptions::new().weight_decay(0.0));
    if settings.clip_norm > 0.0 {
        optimizer = optimizer.clip_global_norm(settings.clip_norm);
    }
    // What validation can fail with, the preparation would have failed with.
    let validate = |model: &Mlp| {
        Scored::of(model, &data.validation, &data.transforms).map(|scored| scored.metrics).unwrap_or_default()
    };
    let progress = if console.is_live() { Progress::new() } else { Progress::table(console.writer()) };
    let mut best = BestCheckpoint::new(run.file(BEST), "validation_loss", Goal::Min);
    let mut trainer = Trainer::new(model, optimizer)
        .epochs(epochs)
        .rng(Rng::seed(settings.seed).fork(1))
        .evaluate_with(|model: &Mlp, _| validate(model))
        .callback(&mut best)
        .callback(EarlyStopping::new("validation_loss", Goal::Min).patience(patience))
        .callback(MetricsFile::new(run.file(Run::METRICS)))
        .callback(NormsFile::new(run.file(Run::NORMS)))
        .callback(progress)
        .stop_flag(Arc::clone(stop))
        .checkpoint(run.file(Run::CHECKPOINT));
    if resume {
        let resumed = trainer.resume(run.file(Run::CHECKPOINT))?;
        resumed.warning.iter().for_each(|warning| console.line(warning));
        console.line(format_args!("going on after step {}", resumed.step));
    }
    let outcome = trainer.fit(&mut loader, |model, batch, cx| {
        let outputs = model.forward(&(&batch.inputs).into(), cx);
        step(&outputs, &batch.targets, target)
    })?;
    if let gradus_train::Outcome::Stopped { .. } = outcome {
        return Ok(None);
    }
    let (epochs, steps) = (trainer.history().epochs().len(), trainer.step());
    let seconds = trainer.history().last().map_or(0.0, |record| record.seconds);
    let (mut model, _) = trainer.into_parts();
    gradus_io::load(&mut model, run.file(BEST))?;
    let best_epoch = best.best().map_or(epochs, |(_, epoch)| epoch);
    Ok(Some(Trained { model, epochs, best_epoch, steps, seconds }))
}

/// Step 5: the result on rows that nothing was chosen by, beside rules of thumb, and all of the run folder.
fn evaluate(
    trained: &Trained,
    run: &Run,
    settings: &TableSettings,
    data: &Data,
    console: &mut Console,
) -> Result<Scored, Error> {
    let Trained { model, epochs, best_epoch, steps, seconds } = trained;
    let transforms = &data.transforms;
    let score = |part: &Part| -> Result<Measured, Error> {
        Ok(Measured::new(part.len(), &Scored::of(model, part, transforms)?.metrics))
    };
    let scored = Scored::of(model, &data.test, transforms)?;
    let rules = baselines::all(data, &data.test).into_iter();
    let results = TableResults {
        recipe: Table.about().name.to_owned(),
        version: VERSION.to_owned(),
        seed: settings.seed,
        task: match transforms.target {
            Target::Classes(_) => "classification".to_owned(),
            Target::Number { .. } => "regression".to_owned(),
        },
        target: settings.target.clone(),
        features: transforms.features(),
        epochs: *epochs,
        best_epoch: *best_epoch,
        steps: *steps,
        seconds: *seconds,
        parameters: model.parameter_count(),
        train: score(&data.train)?,
        validation: score(&data.validation)?,
        test: Measured::new(data.test.len(), &scored.metrics),
        baselines: rules.map(|(name, metrics)| (name, Measured::new(data.test.len(), &metrics))).collect(),
        notes: data.notes.clone(),
    };
    let what = format_args!("the model of epoch {best_epoch}, the best on the validation part").to_string();
    console.step(5, "evaluate", what);
    console.line(aligned(&results.rows()));
    scored.confusion.iter().for_each(|confusion| console.line(format_args!("\n{confusion}")));
    Saved::write_fitted(run, Table.about().name, settings, model, &transforms.to_state())?;
    report::write(run, &results, model, &data.test, &scored, transforms)?;
    // Last, for it says that the run is complete.
    results.write(run)?;
    for name in [BEST, Run::CHECKPOINT, Run::PREVIOUS_CHECKPOINT] {
        run.remove(name)?;
    }
    Ok(scored)
}

/// Step 6: the model as it lies on disk, on rows of the test.
fn apply(run: &Run, data: &Data, trained: &Scored, console: &mut Console) -> Result<(), Error> {
    const SHOWN: usize = 5;
    let (model, transforms) = restore(&Saved::read(run.clone())?)?;
    let scored = Scored::of(&model, &data.test, &transforms)?;
    if scored.outputs.to_vec() != trained.outputs.to_vec() || transforms != data.transforms {
        return Err(Error::Different { path: run.file(Run::MODEL) });
    }
    console.step(6, "apply", format_args!("the model loaded from {}", run.file(Run::MODEL).display()));
    console.line(format_args!("it predicts all {} rows of the test as it did in training", data.test.len()));
    let shown = |value| transforms.target.show(value);
    let head = ["line", "true", "predicted"].map(str::to_owned).to_vec();
    let rows = (0..data.test.len().min(SHOWN)).map(|row| {
        let (truth, prediction) = (data.test.truths[row], scored.predictions[row]);
        vec![data.test.lines[row].to_string(), shown(truth), shown(prediction)]
    });
    console.line(aligned(&std::iter::once(head).chain(rows).collect::<Vec<_>>()));
    let folder = run.folder().display();
    console.line(format_args!(
        "\n{folder} holds the model, its metrics and report.html.\nTo use it: gradus apply {folder} FILE.csv"
    ));
    Ok(())
}

/// The network of a saved model, and what was fitted with it.
fn restore(saved: &Saved) -> Result<(Mlp, Transforms), Error> {
    let settings: TableSettings = saved.settings()?;
    let transforms = Transforms::from_state(&saved.fitted())?;
    let mut model = Mlp::new(transforms.features(), transforms.outputs(), &settings, &mut Rng::seed(0))?;
    saved.fill(&mut model)?;
    Ok((model, transforms))
}

/// The user's file again, as long as it is the one that the run was trained on.
fn reread(saved: &Saved) -> Result<Data, Error> {
    let settings: TableSettings = saved.settings()?;
    unchanged::check(saved.run(), &settings)?;
    Data::prepare(&settings)
}

/// The table of the layers, for one row.
fn layers(model: &Mlp, transforms: &Transforms) -> Summary {
    let row = Tensor::<f32>::zeros([1, transforms.features()]);
    summary(model, |cx: &mut Context<'_>| drop(model.forward(&row.into(), cx)))
}
