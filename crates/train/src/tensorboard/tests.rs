//! Event files against the bytes that TensorBoard's own classes wrote, and what is left of a run that was stopped, by the
//! rules of its reader.

use std::collections::BTreeMap;
use std::path::Path;

use gradus_module::Param;
use gradus_tensor::Tensor;

use super::record::framed;
use super::{EventWriter, HParam, TensorBoard};
use crate::callbacks::{Callback, Run, StepRecord};
use crate::history::{EpochRecord, History};
use crate::metrics::Metrics;
use crate::report::Picture;

/// Written by `tests/reference/record_events.py`.
const RECORDED: &[u8] = include_bytes!("../../tests/reference/events.tfevents");

fn noon() -> f64 {
    1_000_000_000.5
}

#[test]
fn the_bytes_are_those_of_tensorboard_s_own_writer() {
    let folder = tempfile::tempdir().unwrap();
    let events = EventWriter::with_clock(folder.path().join("new/run"), noon);
    let settings = [
        ("learning_rate", HParam::from(0.1)),
        ("optimizer", "adam".into()),
        ("nesterov", true.into()),
        ("momentum", 0.0.into()),
    ];
    events.hparams(&settings, &["epoch/validation_loss"]).unwrap();
    events.scalar("step/loss", 0.25, 1).unwrap();
    events.scalars(&[("zero", 0.0), ("not", f64::NAN), ("large", -1e300)], 2).unwrap();
    let weights = [0.5_f32, -0.25, 0.0, 1024.0, f32::NAN, 0.5, 7.5e-13];
    events.histogram("weights/layer.0", Tensor::from(weights), 300).unwrap();
    events.histogram("weights/nothing", Tensor::from([f32::NAN]), 300).unwrap();
    events.image("digit", &Picture::new(vec![vec![0.0, 1.0], vec![0.5, 0.25]], ""), 300).unwrap();
    events.text("note", "an *é*", 300).unwrap();
    events.restart(301).unwrap();
    let path = events.path().unwrap();
    assert_eq!(path.file_name().unwrap(), "events.out.tfevents.1000000000.gradus");
    let written = std::fs::read(path).unwrap();
    let first = written.iter().zip(RECORDED).position(|(a, b)| a != b);
    assert!(written == RECORDED, "{} and {} bytes, first at {first:?}", written.len(), RECORDED.len());
}

#[test]
fn each_file_sorts_after_the_ones_before_also_when_the_clock_goes_back() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("events.out.tfevents.2000000000.host.1.0"), "").unwrap();
    let names: Vec<String> = (0..3)
        .map(|_| {
            let events = EventWriter::with_clock(folder.path(), noon);
            events.scalar("x", 1.0, 1).unwrap();
            events.path().unwrap().file_name().unwrap().to_string_lossy().into_owned()
        })
        .collect();
    assert_eq!(names, [1, 2, 3].map(|i| format!("events.out.tfevents.200000000{i}.gradus")));
}

#[test]
fn a_folder_that_cannot_be_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("thesis.txt");
    std::fs::write(&file, "years").unwrap();
    let error = EventWriter::new(file.join("board")).scalar("x", 1.0, 1).unwrap_err().to_string();
    assert!(error.contains("thesis.txt") && error.contains("write events into"), "{error}");
}

/// Number and payload of each field of a message; whole numbers as eight bytes.
fn fields(mut bytes: &[u8]) -> Vec<(u64, Vec<u8>)> {
    fn varint(bytes: &mut &[u8]) -> u64 {
        let (mut value, mut shift) = (0, 0);
        loop {
            let (byte, rest) = bytes.split_first().unwrap();
            *bytes = rest;
            value |= u64::from(byte & 0x7F) << shift;
            shift += 7;
            if byte & 0x80 == 0 {
                return value;
            }
        }
    }
    let mut out = Vec::new();
    while !bytes.is_empty() {
        let key = varint(&mut bytes);
        let length = match key & 7 {
            0 => {
                out.push((key >> 3, varint(&mut bytes).to_le_bytes().to_vec()));
                continue;
            }
            1 => 8,
            5 => 4,
            _ => varint(&mut bytes) as usize,
        };
        let (value, rest) = bytes.split_at(length);
        out.push((key >> 3, value.to_vec()));
        bytes = rest;
    }
    out
}

fn find(fields: &[(u64, Vec<u8>)], number: u64) -> Option<&[u8]> {
    fields.iter().find(|(own, _)| *own == number).map(|(_, value)| value.as_slice())
}

/// Tag and scalar (0 for other values) by step, in the order of writing, of all that TensorBoard's reader keeps: a
/// restart voids what is of its step and later.
fn visible(folder: &Path) -> Vec<(u64, String, f32)> {
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let mut kept: Vec<(u64, String, f32)> = Vec::new();
    for path in paths {
        let bytes = std::fs::read(path).unwrap();
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            let length = u64::from_le_bytes(rest[..8].try_into().unwrap()) as usize;
            let body = &rest[12..12 + length];
            assert_eq!(framed(body), rest[..length + 16]);
            rest = &rest[length + 16..];
            let event = fields(body);
            let step = find(&event, 2).map_or(0, |bytes| u64::from_le_bytes(bytes.try_into().unwrap()));
            if find(&event, 7).is_some() {
                kept.retain(|(own, ..)| *own < step);
            }
            for (_, value) in find(&event, 5).map(fields).unwrap_or_default() {
                let value = fields(&value);
                let tag = String::from_utf8(find(&value, 1).unwrap().to_vec()).unwrap();
                let x = find(&value, 2).map_or(0.0, |x| f32::from_le_bytes(x.try_into().unwrap()));
                kept.push((step, tag, x));
            }
        }
    }
    kept
}

/// Plays a run of 3 batches per epoch from after `from` steps up to `to`, as the trainer calls: an epoch's end at `from` is
/// made up for if `pending`.
fn play(board: &mut TensorBoard, from: u64, to: u64, pending: bool) {
    let model: Vec<Param> = vec![Param::new([1.0_f32, 2.0])];
    let history = History::default();
    let run = |step: u64, batch: usize| Run {
        model: &model,
        epoch: 1 + (step.max(1) as usize - 1) / 3,
        epochs: 9,
        batch,
        batches: 3,
        step,
        history: &history,
        gradients: None,
    };
    let end = |board: &mut TensorBoard, step: u64| {
        let metrics = Metrics::new().with("validation_loss", step as f64);
        let record = EpochRecord { epoch: step as usize / 3, step, metrics, seconds: 1.0 };
        board.on_epoch(&run(step, 3), &record).unwrap();
    };
    board.on_start(&run(from, if pending { 3 } else { from as usize % 3 })).unwrap();
    if pending {
        end(board, from);
    }
    for step in from + 1..=to {
        let batch = (step as usize - 1) % 3 + 1;
        let record = StepRecord {
            loss: step as f64,
            gradient_norm: 0.5,
            learning_rate: 0.1,
            examples: 8,
            running: Metrics::new(),
            without_gradient: Vec::new(),
        };
        board.on_step(&run(step, batch), &record).unwrap();
        if batch == 3 {
            end(board, step);
        }
    }
}

#[test]
fn a_run_that_goes_on_shows_each_step_once() {
    // Killed after step 8; the checkpoint is of step 5 (within an epoch), or of step 6 before or after the epoch's end.
    for (from, pending) in [(5, false), (6, true), (6, false)] {
        let folder = tempfile::tempdir().unwrap();
        let mut first =
            TensorBoard::with_events(EventWriter::with_clock(folder.path(), noon)).histograms_every(4);
        play(&mut first, 0, from, false);
        let state = first.state();
        play(&mut first, from, 8, false);
        let mut second =
            TensorBoard::with_events(EventWriter::with_clock(folder.path(), noon)).histograms_every(4);
        second.load_state(&state);
        play(&mut second, from, 9, pending);

        let mut seen: BTreeMap<(String, u64), Vec<f32>> = BTreeMap::new();
        for (step, tag, x) in visible(folder.path()) {
            seen.entry((tag, step)).or_default().push(x);
        }
        for step in 1..=9 {
            assert_eq!(seen.remove(&("step/loss".into(), step)), Some(vec![step as f32]), "{step}, {from}");
            for tag in ["step/gradient_norm", "step/learning_rate"] {
                assert_eq!(seen.remove(&(tag.into(), step)).map(|all| all.len()), Some(1), "{tag} {step}");
            }
        }
        for step in [3, 6, 9] {
            let loss = seen.remove(&("epoch/validation_loss".into(), step));
            assert_eq!(loss, Some(vec![step as f32]), "{from} {pending}");
            assert!(seen.remove(&("epoch/seconds".into(), step)).is_some());
        }
        for step in [4, 8] {
            assert_eq!(seen.remove(&("weights/0".into(), step)), Some(vec![0.0]), "{from}");
        }
        assert!(seen.is_empty(), "{seen:?}");
    }
}

#[test]
fn only_the_steps_asked_for_are_written() {
    let folder = tempfile::tempdir().unwrap();
    let events = EventWriter::with_clock(folder.path(), noon);
    let mut board = TensorBoard::with_events(events).every(2);
    play(&mut board, 0, 5, false);
    let losses: Vec<u64> = visible(folder.path())
        .into_iter()
        .filter(|(_, tag, _)| tag == "step/loss")
        .map(|(step, ..)| step)
        .collect();
    assert_eq!(losses, [2, 4]);
}
