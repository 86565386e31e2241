"""Reads the run that examples/tensorboard.rs writes with TensorBoard's own reader, and finds every tag and value.

    pip install tensorboard
    cargo run -p gradus-train --example tensorboard -- target/board
    python crates/train/tests/reference/read_events.py target/board

The run was stopped and went on; what it measured stands beside the events, in metrics.jsonl and steps.jsonl.
"""
import json
import math
import pathlib
import struct
import sys
import zlib

import tensorboard
from tensorboard.backend.event_processing import event_accumulator
from tensorboard.plugins.hparams import plugin_data_pb2


def f32(x):
    return math.nan if x is None else struct.unpack("<f", struct.pack("<f", x))[0]


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def check(what, found, expected):
    if found != expected:
        sys.exit(f"{what}: found {found}, expected {expected}")


def pixels(png):
    """The bytes of a PNG's IDAT, inflated."""
    place = png.index(b"IDAT")
    (length,) = struct.unpack(">I", png[place - 4 : place])
    return zlib.decompress(png[place + 4 : place + 4 + length])


def main(folder):
    keep_all = {kind: 0 for kind in ["scalars", "histograms", "images", "tensors", "compressedHistograms"]}
    events = event_accumulator.EventAccumulator(str(folder / "events"), size_guidance=keep_all)
    events.Reload()
    files = sorted((folder / "events").glob("*tfevents*"))
    check("files of a run that was stopped once", len(files), 2)
    tags = events.Tags()

    expected = {}
    for line in lines(folder / "steps.jsonl"):
        for name in ["loss", "gradient_norm", "learning_rate"]:
            expected.setdefault(f"step/{name}", []).append((line["step"], f32(line[name])))
    for line in lines(folder / "metrics.jsonl"):
        step = line["step"]
        for name, x in line.items():
            if name not in ["epoch", "step"]:
                expected.setdefault(f"epoch/{name}", []).append((step, f32(x)))
    check("scalar tags", sorted(tags["scalars"]), sorted(expected))
    for tag, values in expected.items():
        check(tag, [(e.step, e.value) for e in events.Scalars(tag)], values)

    paths = ["hidden.weight", "hidden.bias", "output.weight", "output.bias"]
    wanted = sorted(f"{kind}/{path}" for kind in ["weights", "gradients"] for path in paths)
    check("histogram tags", sorted(tags["histograms"]), wanted)
    sizes = {"hidden.weight": 32, "hidden.bias": 8, "output.weight": 8, "output.bias": 1}
    steps = [line["step"] for line in lines(folder / "steps.jsonl") if line["step"] % 5 == 0]
    for tag in tags["histograms"]:
        all = events.Histograms(tag)
        check(f"steps of {tag}", [e.step for e in all], steps)
        for e in all:
            h = e.histogram_value
            check(f"{tag}: count", (h.num, sum(h.bucket)), (sizes[tag.split("/")[1]],) * 2)
            if not (h.min * h.num <= h.sum + 1e-12 and h.sum - 1e-12 <= h.max * h.num):
                sys.exit(f"{tag}: the sum {h.sum} is not between {h.min} and {h.max} times {h.num}")

    check("image tags", tags["images"], ["weights as a picture"])
    (image,) = events.Images("weights as a picture")
    check("image", (image.width, image.height), (8, 4))
    check("its pixels", len(pixels(image.encoded_image_string)), 4 * 9)

    check("tensor tags", tags["tensors"], ["note"])
    (note,) = events.Tensors("note")
    check("text", note.tensor_proto.string_val[0].decode(), "stopped once, **went on**")
    check("the text's plugin", events.PluginTagToContent("text"), {"note": b""})

    content = events.PluginTagToContent("hparams")["_hparams_/session_start_info"]
    start = plugin_data_pb2.HParamsPluginData.FromString(content).session_start_info
    check("learning rate", start.hparams["learning_rate"].number_value, 0.05)
    check("optimizer", start.hparams["optimizer"].string_value, "adam")

    count = sum(len(values) for values in expected.values())
    print(f"tensorboard {tensorboard.__version__}: {len(expected)} scalar tags with {count} values, ", end="")
    print(f"{len(wanted)} histogram tags, image, text and hyperparameters found")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
