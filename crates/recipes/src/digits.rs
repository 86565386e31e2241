//! `digits`: handwritten digits with a small convolutional network, in six steps that are six functions here: prepare,
//! define, initialise, train, evaluate, apply.
//!
//! The test part of the data is looked at once, after training; which epoch's model is kept, the validation part
//! decides. It must never know the command line.

mod input;
mod model;
mod part;
mod report;
mod settings;
mod show;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use gradus_data::Loader;
use gradus_layers::LayerError;
use gradus_losses::CrossEntropy;
use gradus_module::{Context, Layer, Module, Summary, summary};
use gradus_optimizers::{AdamW, GroupOptions, Schedule};
use gradus_regularizers::l2_where;
use gradus_tensor::{Rng, Tensor};
use gradus_train::{BestCheckpoint, EarlyStopping, Goal, MetricsFile, NormsFile, Progress, Step, Trainer};

use crate::console::Console;
use crate::error::Error;
use crate::page::note_environment;
use crate::recipe::{About, Answer, Outcome, Recipe, Request};
use crate::results::Results;
use crate::run::Run;
use crate::saved::{Saved, VERSION};

pub use model::Cnn;
use part::{Data, Part, Scored};
pub use settings::DigitsSettings;

/// Rows and columns of an image.
const SIDE: usize = 8;
/// Pixels of an image.
const PIXELS: usize = SIDE * SIDE;
/// Digits from 0 to 9.
const CLASSES: usize = 10;
/// The value of a pixel that is all ink.
const INK: f32 = 16.0;
/// The best model so far, while training.
const BEST: &str = "best.safetensors";

/// The recipe.
///
/// ```
/// use gradus_recipes::digits::Digits;
/// use gradus_recipes::{Console, Recipe, Request, Results, Run};
/// # let folder = tempfile::tempdir()?;
/// let pairs = ["epochs=1", "channels=[2, 2]", "hidden=4"].map(str::to_owned).to_vec(); // small, to be quick
/// let out = Some(folder.path().to_owned());
/// Digits.train(&Request { pairs, out, ..Request::default() }, &mut Console::silent())?;
/// let results = Results::read(&Run::open(folder.path(), Run::SUMMARY)?)?;
/// assert_eq!((results.epochs, results.test.examples), (1, 358));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Digits;

/// What the training hands on.
struct Trained {
    model: Cnn,
    epochs: usize,
    best_epoch: usize,
    steps: u64,
    seconds: f64,
}

impl Recipe for Digits {
    fn about(&self) -> About {
        About {
            name: "digits",
            description: "Tells handwritten digits apart, from 0 to 9.",
            data: "1,797 real digits of 8×8 pixels (UCI optdigits), part of the program; 20 % for the test",
            model: "two convolutions with batch norm, max pooling, two linear layers: 85,522 parameters",
            time: "about 10 seconds on 2 cores",
        }
    }

    fn train(&self, request: &Request, console: &mut Console) -> Result<Outcome, Error> {
        let settings: DigitsSettings = request.settings(self.about().name)?;
        let run = Run::create(request.out.as_deref(), self.about().name)?;
        let written = run.write_config(self.about().name, &settings);
        written.inspect_err(|_| run.take_back())?;
        six_steps(&run, &settings, false, &request.stop, console)
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
        let mut settings: DigitsSettings = run.read_config()?;
        settings.threads = threads.map_or(settings.threads, |threads| threads as usize);
        six_steps(&run, &settings, true, stop, console)
    }

    fn evaluate(&self, saved: &Saved, console: &mut Console) -> Result<(), Error> {
        let model = restore(saved)?;
        let scored = Scored::of(&model, &Data::prepare()?.test);
        console.line(scored.verdict("test"));
        console.line(format_args!("\n{}", scored.confusion));
        Ok(())
    }

    fn apply(&self, saved: &Saved, inputs: &[PathBuf]) -> Result<Vec<Answer>, Error> {
        let model = restore(saved)?;
        let mut digits = Vec::new();
        for path in inputs {
            digits.extend(input::read(path)?);
        }
        Ok(show::answers(&model, &digits))
    }

    fn summary(&self, saved: &Saved, console: &mut Console) -> Result<(), Error> {
        let model = restore(saved)?;
        console.line(saved.run().read(Run::CONFIG)?.trim_end());
        console.line(format_args!("\n{}\n", layers(&model)));
        let results = Results::read(saved.run())?;
        for (name, score) in
            [("train", results.train), ("validation", results.validation), ("test", results.test)]
        {
            console.line(format_args!("{name:<10}  {score}"));
        }
        let Results { steps, seconds, epochs, best_epoch, .. } = results;
        console.line(format_args!(
            "{epochs} epochs of training, {steps} steps, {seconds:.1} s; the model is that of epoch {best_epoch}"
        ));
        Ok(())
    }

    fn report(&self, saved: &Saved) -> Result<(), Error> {
        let model = restore(saved)?;
        let test = Data::prepare()?.test;
        let scored = Scored::of(&model, &test);
        report::write(saved.run(), &Results::read(saved.run())?, &model, &test, &scored)
    }
}

fn six_steps(
    run: &Run,
    settings: &DigitsSettings,
    resume: bool,
    stop: &Arc<AtomicBool>,
    console: &mut Console,
) -> Result<Outcome, Error> {
    if settings.threads > 0 {
        // Without effect when kernels ran before; then the result is the same, only the time differs.
        gradus_tensor::set_threads(settings.threads);
    }
    note_environment(run)?;
    let data = prepare(console)?;
    let design = define(settings, console);
    let model = initialise(&design, settings, &data, console)?;
    let Some(trained) = train(model, run, settings, &data, resume, stop, console)? else {
        return Ok(Outcome::Stopped(run.clone()));
    };
    let scored = evaluate(&trained, run, settings, &data, console)?;
    apply(run, &data.test, &scored, console)?;
    Ok(Outcome::Done(run.clone()))
}

/// Step 1: the data, scaled to 0 … 1 and split.
fn prepare(console: &mut Console) -> Result<Data, Error> {
    let data = Data::prepare()?;
    console.step(1, "prepare", "handwritten digits, 8×8 pixels, scaled from 0 … 16 to 0 … 1");
    console.line(format_args!(
        "{} for training, {} for validation, {} for the test, each with all classes in proportion",
        data.train.len(),
        data.validation.len(),
        data.test.len()
    ));
    Ok(data)
}

/// How a network is made from random numbers.
type Design<'s> = Box<dyn Fn(&mut Rng) -> Result<Cnn, LayerError> + 's>;

/// Step 2: what is trained, and towards what.
fn define<'s>(settings: &'s DigitsSettings, console: &mut Console) -> Design<'s> {
    let DigitsSettings { label_smoothing, l2, learning_rate, weight_decay, schedule, .. } = settings;
    console.step(2, "define", "a convolutional network");
    console.line(format_args!(
        "loss: cross-entropy, label smoothing {label_smoothing}, plus λ/2·‖W‖² with λ = {l2}\n\
         optimizer: AdamW, learning rate {learning_rate} ({schedule}), weight decay {weight_decay}"
    ));
    Box::new(move |rng| Cnn::new(settings, rng))
}

/// Step 3: the first weights, from the seed.
fn initialise(
    design: &Design<'_>,
    settings: &DigitsSettings,
    data: &Data,
    console: &mut Console,
) -> Result<Cnn, Error> {
    let model = design(&mut Rng::seed(settings.seed).fork(0))?;
    console.step(3, "initialise", format_args!("weights from seed {}", settings.seed));
    console.line(layers(&model));
    let loss = Scored::of(&model, &data.validation).score.loss;
    let chance = (CLASSES as f64).ln();
    console.line(format_args!("loss before training {loss:.3}; guessing would have ln 10 = {chance:.3}"));
    Ok(model)
}

/// Step 4: the loop. Nothing if it was asked to stop.
fn train(
    model: Cnn,
    run: &Run,
    settings: &DigitsSettings,
    data: &Data,
    resume: bool,
    stop: &Arc<AtomicBool>,
    console: &mut Console,
) -> Result<Option<Trained>, Error> {
    console.step(4, "train", format_args!("at most {} epochs", settings.epochs));
    let mut loader = Loader::new(data.train.pairs.clone(), settings.batch_size, settings.seed);
    let steps = (settings.epochs * loader.batches_per_epoch() as usize) as u64;
    let schedule = match settings.schedule.as_str() {
        "constant" => Schedule::constant(),
        "cosine" => Schedule::cosine(steps, 0.0),
        _ => Schedule::one_cycle(steps),
    };
    let mut optimizer = AdamW::new(settings.learning_rate)
        .schedule(schedule)
        .weight_decay(settings.weight_decay)
        .group(|path| !is_decayed(path), GroupOptions::new().weight_decay(0.0));
    if settings.clip_norm > 0.0 {
        optimizer = optimizer.clip_global_norm(settings.clip_norm);
    }
    let progress = if console.is_live() { Progress::new() } else { Progress::table(console.writer()) };
    let mut best = BestCheckpoint::new(run.file(BEST), "validation_loss", Goal::Min);
    let mut trainer = Trainer::new(model, optimizer)
        .epochs(settings.epochs)
        .rng(Rng::seed(settings.seed).fork(1))
        .evaluate_with(|model: &Cnn, _| Scored::of(model, &data.validation).metrics())
        .callback(&mut best)
        .callback(EarlyStopping::new("validation_loss", Goal::Min).patience(settings.patience))
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
    let loss = CrossEntropy::new().label_smoothing(settings.label_smoothing);
    let outcome = trainer.fit(&mut loader, |model, batch, cx| {
        let images = part::shifted(&batch.inputs, settings.shift, cx);
        let logits = model.forward(&images.into(), cx);
        let loss = loss.loss(&logits, &batch.targets) + l2_where(model, settings.l2, is_decayed);
        Step::new(loss).accuracy(&logits, &batch.targets)
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

/// Weights decay; biases and the scales of norms do not.
fn is_decayed(path: &str) -> bool {
    path.ends_with("weight") && !path.starts_with("norm")
}

/// Step 5: the result on data that nothing was chosen by, and all of the run folder.
fn evaluate(
    trained: &Trained,
    run: &Run,
    settings: &DigitsSettings,
    data: &Data,
    console: &mut Console,
) -> Result<Scored, Error> {
    let Trained { model, epochs, best_epoch, steps, seconds } = trained;
    let score = |part: &Part| Scored::of(model, part).score;
    let scored = Scored::of(model, &data.test);
    console.step(
        5,
        "evaluate",
        format_args!("the model of epoch {best_epoch}, the best on the validation part"),
    );
    console.line(format_args!("{}\n\n{}", scored.verdict("test"), scored.confusion));
    Saved::write(run, Digits.about().name, settings, model)?;
    let results = Results {
        recipe: Digits.about().name.to_owned(),
        version: VERSION.to_owned(),
        seed: settings.seed,
        epochs: *epochs,
        best_epoch: *best_epoch,
        steps: *steps,
        seconds: *seconds,
        parameters: model.parameter_count(),
        train: score(&data.train),
        validation: score(&data.validation),
        test: scored.score,
    };
    report::write(run, &results, model, &data.test, &scored)?;
    // Last, for it says that the run is complete.
    results.write(run)?;
    for name in [BEST, Run::CHECKPOINT, Run::PREVIOUS_CHECKPOINT] {
        run.remove(name)?;
    }
    Ok(scored)
}

/// Step 6: the model as it lies on disk, on digits of the test.
fn apply(run: &Run, test: &Part, trained: &Scored, console: &mut Console) -> Result<(), Error> {
    let model = restore(&Saved::read(run.clone())?)?;
    let scored = Scored::of(&model, test);
    if scored.logits.to_vec() != trained.logits.to_vec() {
        return Err(Error::Different { path: run.file(Run::MODEL) });
    }
    console.step(6, "apply", format_args!("the model loaded from {}", run.file(Run::MODEL).display()));
    console.line(format_args!("it predicts all {} digits of the test as it did in training", test.len()));
    for place in show::examples(&scored) {
        console.line(format_args!("\n{}", show::drawing(test, &scored, place)));
    }
    let folder = run.folder().display();
    console.line(format_args!(
        "\n{folder} holds the model, its metrics and report.html.\n\
         To use it: gradus apply {folder} IMAGE.png"
    ));
    Ok(())
}

/// The network of a saved model.
fn restore(saved: &Saved) -> Result<Cnn, Error> {
    let settings: DigitsSettings = saved.settings()?;
    let mut model = Cnn::new(&settings, &mut Rng::seed(0))?;
    saved.fill(&mut model)?;
    Ok(model)
}

/// The table of the layers, for one image.
fn layers(model: &Cnn) -> Summary {
    let image = Tensor::<f32>::zeros([1, 1, SIDE, SIDE]);
    summary(model, |cx: &mut Context<'_>| drop(model.forward(&image.into(), cx)))
}
