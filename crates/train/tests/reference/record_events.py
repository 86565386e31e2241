"""Writes events.tfevents with TensorBoard's own messages and record writer (pip install tensorboard numpy).

The unit test `the_bytes_are_those_of_tensorboard_s_own_writer` of crates/train/src/tensorboard writes the same events and
compares bytes. Run it in this folder: python record_events.py
Written by tensorboard 2.x as printed; the bytes hold no version of it.
"""
import bisect
import struct
import sys
import zlib

import tensorboard
from tensorboard.compat.proto import event_pb2, summary_pb2, tensor_pb2, tensor_shape_pb2, types_pb2
from tensorboard.plugins.hparams import api_pb2, plugin_data_pb2
from tensorboard.summary.writer.record_writer import RecordWriter

TIME = 1_000_000_000.5


def plugin(name, content=b""):
    data = summary_pb2.SummaryMetadata.PluginData(plugin_name=name, content=content)
    return summary_pb2.SummaryMetadata(plugin_data=data)


def summary(step, *values):
    return event_pb2.Event(wall_time=TIME, step=step, summary=summary_pb2.Summary(value=values))


def value(tag, **what):
    return summary_pb2.Summary.Value(tag=tag, **what)


def hparams():
    settings = [("learning_rate", 0.1), ("optimizer", "adam"), ("nesterov", True), ("momentum", 0.0)]
    kinds = {float: api_pb2.DATA_TYPE_FLOAT64, str: api_pb2.DATA_TYPE_STRING, bool: api_pb2.DATA_TYPE_BOOL}
    experiment = api_pb2.Experiment(
        time_created_secs=TIME,
        hparam_infos=[api_pb2.HParamInfo(name=name, type=kinds[type(x)]) for name, x in settings],
        metric_infos=[api_pb2.MetricInfo(name=api_pb2.MetricName(tag="epoch/validation_loss"))],
    )
    # A map has no order of its own; serialised entry by entry, it has the one given.
    start = b""
    for name, x in settings:
        one = plugin_data_pb2.SessionStartInfo()
        field = {float: "number_value", str: "string_value", bool: "bool_value"}[type(x)]
        setattr(one.hparams[name], field, x)
        start += one.SerializeToString()
    start += plugin_data_pb2.SessionStartInfo(start_time_secs=TIME).SerializeToString()
    first = plugin_data_pb2.HParamsPluginData(experiment=experiment).SerializeToString()
    second = bytes([3 << 3 | 2]) + varint(len(start)) + start
    parsed = plugin_data_pb2.HParamsPluginData.FromString(second)
    assert {k: v for k, v in parsed.session_start_info.hparams.items()}.keys() == {s[0] for s in settings}
    return summary(
        0,
        value("_hparams_/experiment", metadata=plugin("hparams", first)),
        value("_hparams_/session_start_info", metadata=plugin("hparams", second)),
    )


def varint(n):
    out = b""
    while n >= 0x80:
        out += bytes([n & 0x7F | 0x80])
        n >>= 7
    return out + bytes([n])


def histogram(values):
    above, x = [], 1e-12
    while x < 1e20:
        above.append(x)
        x *= 1.1
    above.append(sys.float_info.max)
    limits = [-x for x in reversed(above)] + [0.0] + above
    counts = [0] * len(limits)
    for x in values:
        counts[bisect.bisect_right(limits, x)] += 1
    ends, kept = [], []
    i = 0
    while i < len(limits):  # as TensorFlow's EncodeToProto: a row of empty buckets becomes one
        end, count = limits[i], counts[i]
        i += 1
        if count == 0:
            while i < len(limits) and counts[i] == 0:
                end = limits[i]
                i += 1
        ends.append(end)
        kept.append(count)
    return summary_pb2.HistogramProto(
        min=min(values),
        max=max(values),
        num=len(values),
        sum=sum(values),
        sum_squares=sum(x * x for x in values),
        bucket_limit=ends,
        bucket=kept,
    )


def png():
    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    pixels = bytes([0, 0, 255, 0, 128, 64])
    head = struct.pack(">IIBBBBB", 2, 2, 8, 0, 0, 0, 0)
    image = zlib.compress(pixels, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", image) + chunk(b"IEND", b"")


def f32(x):
    return struct.unpack("<f", struct.pack("<f", x))[0]


def main():
    shape = tensor_shape_pb2.TensorShapeProto(dim=[tensor_shape_pb2.TensorShapeProto.Dim(size=1)])
    text = tensor_pb2.TensorProto(dtype=types_pb2.DT_STRING, string_val=["an *é*".encode()], tensor_shape=shape)
    weights = [0.5, -0.25, 0.0, 1024.0, 0.5, f32(7.5e-13)]
    image = summary_pb2.Summary.Image(height=2, width=2, colorspace=1, encoded_image_string=png())
    start = event_pb2.SessionLog(status=event_pb2.SessionLog.START)
    events = [
        event_pb2.Event(wall_time=TIME, file_version="brain.Event:2"),
        hparams(),
        summary(1, value("step/loss", simple_value=0.25)),
        summary(
            2,
            value("zero", simple_value=0.0),
            value("not", simple_value=float("nan")),
            value("large", simple_value=float("-inf")),
        ),
        summary(300, value("weights/layer.0", histo=histogram(weights))),
        summary(300, value("digit", image=image)),
        summary(300, value("note", tensor=text, metadata=plugin("text"))),
        event_pb2.Event(wall_time=TIME, step=301, session_log=start),
    ]
    with open("events.tfevents", "wb") as file:
        writer = RecordWriter(file)
        for event in events:
            writer.write(event.SerializeToString())
        writer.flush()
    print("tensorboard", tensorboard.__version__)


if __name__ == "__main__":
    main()
