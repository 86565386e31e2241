//! The messages of event files (TensorFlow: `event.proto`, `summary.proto`; TensorBoard: the plugins' own). Field numbers
//! are theirs. It must never know a file.

use super::histogram::Histogram;
use super::message::Message;
use crate::report::Picture;

/// What the first event of a file says; from version 2 on, readers understand restarts.
pub(super) const VERSION: &str = "brain.Event:2";
/// `SessionLog.START`: whatever stands in the folder at this step and later is void.
const START: u64 = 1;
/// `DataType.DT_STRING`.
const STRINGS: u64 = 7;
/// `DataType` of the plugin for hyperparameters, which has its own.
const FLOAT64: u64 = 3;
const STRING: u64 = 1;
const BOOL: u64 = 2;

/// A hyperparameter of a run, as TensorBoard's table of runs shows it.
///
/// ```
/// use gradus_train::tensorboard::HParam;
/// assert_eq!(HParam::from(3), HParam::Number(3.0));
/// assert_eq!(HParam::from("adam"), HParam::Text("adam".into()));
/// assert_eq!(HParam::from(true), HParam::Truth(true));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub enum HParam {
    /// A number.
    Number(f64),
    /// A text.
    Text(String),
    /// A truth value.
    Truth(bool),
}

impl From<f64> for HParam {
    fn from(value: f64) -> Self {
        Self::Number(value)
    }
}

impl From<i32> for HParam {
    fn from(value: i32) -> Self {
        Self::Number(value.into())
    }
}

impl From<&str> for HParam {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<bool> for HParam {
    fn from(value: bool) -> Self {
        Self::Truth(value)
    }
}

impl HParam {
    fn kind(&self) -> u64 {
        match self {
            Self::Number(_) => FLOAT64,
            Self::Text(_) => STRING,
            Self::Truth(_) => BOOL,
        }
    }

    /// As a `google.protobuf.Value`.
    fn to_message(&self) -> Message {
        match self {
            Self::Number(x) => Message::new().chosen_double(2, *x),
            Self::Text(text) => Message::new().text(3, text),
            Self::Truth(truth) => Message::new().chosen_truth(4, *truth),
        }
    }
}

fn event(time: f64, step: u64) -> Message {
    Message::new().double(1, time).whole(2, step)
}

pub(super) fn version(time: f64) -> Message {
    event(time, 0).text(3, VERSION)
}

pub(super) fn start(time: f64, step: u64) -> Message {
    event(time, step).message(7, &Message::new().whole(1, START))
}

/// An event with these values.
pub(super) fn summary(time: f64, step: u64, values: &[Message]) -> Message {
    let summary = values.iter().fold(Message::new(), |summary, value| summary.message(1, value));
    event(time, step).message(5, &summary)
}

fn value(tag: &str) -> Message {
    Message::new().text(1, tag)
}

pub(super) fn scalar(tag: &str, x: f64) -> Message {
    value(tag).chosen_float(2, x as f32)
}

pub(super) fn histogram(tag: &str, histogram: &Histogram) -> Message {
    value(tag).message(5, &histogram.to_message())
}

pub(super) fn image(tag: &str, picture: &Picture) -> Message {
    let image = Message::new()
        .whole(1, picture.height() as u64)
        .whole(2, picture.width() as u64)
        .whole(3, picture.channels() as u64)
        .bytes(4, &picture.to_png());
    value(tag).message(4, &image)
}

/// `SummaryMetadata` that names a plugin.
fn plugin(name: &str, content: &Message) -> Message {
    let content = content.clone().into_bytes();
    let data = Message::new().text(1, name);
    let data = if content.is_empty() { data } else { data.bytes(2, &content) };
    Message::new().message(1, &data)
}

/// A text is a tensor of one string, `[1]`.
pub(super) fn text(tag: &str, text: &str) -> Message {
    let axis = Message::new().whole(1, 1);
    let shape = Message::new().message(2, &axis);
    let tensor = Message::new().whole(1, STRINGS).message(2, &shape).text(8, text);
    value(tag).message(8, &tensor).message(9, &plugin("text", &Message::new()))
}

/// The table of runs: which hyperparameters and which scalars it shows, then this run's values.
pub(super) fn hparams(time: f64, settings: &[(&str, HParam)], metrics: &[&str]) -> [Message; 2] {
    let experiment = Message::new().double(3, time);
    let experiment = settings.iter().fold(experiment, |experiment, (name, setting)| {
        experiment.message(4, &Message::new().text(1, name).whole(4, setting.kind()))
    });
    let experiment = metrics.iter().fold(experiment, |experiment, tag| {
        let name = Message::new().text(2, tag);
        experiment.message(5, &Message::new().message(1, &name))
    });
    let session = settings.iter().fold(Message::new(), |session, (name, setting)| {
        session.message(1, &Message::new().text(1, name).message(2, &setting.to_message()))
    });
    let session = session.double(5, time);
    let about = |field, data| Message::new().message(field, data);
    [("_hparams_/experiment", about(2, &experiment)), ("_hparams_/session_start_info", about(3, &session))]
        .map(|(tag, content)| value(tag).message(9, &plugin("hparams", &content)))
}
