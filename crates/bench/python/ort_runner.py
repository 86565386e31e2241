"""The inference workloads in onnxruntime, with the models exported from PyTorch into the folder `--cache`.

A suffix `+` exports attention as the one operator of opset 23; otherwise it is a product, a softmax and a product. It exists
to be compared with; it must never export what is already in the cache, nor load PyTorch then: its memory would count.
"""

import subprocess
import sys
from pathlib import Path

import numpy
import onnxruntime

import protocol
from protocol import Job

NAMES = ["resnet18_infer", "gpt2_prefill", "minilm_b1", "minilm_b16"]
VARIANTS = [f"{name}+" for name in NAMES[1:]]
THREADS = protocol.threads_wanted()


def export(name, path):
    """Writes the model and its weights; runs in a process of its own."""
    import torch

    import torch_models

    torch.manual_seed(0)
    model, x = torch_models.inference(name.rstrip("+"))
    if name.startswith("gpt2"):
        model.forward = lambda tokens: torch_models.Gpt.forward(model, tokens, last=True)
    with torch.inference_mode():
        numpy.save(path.with_suffix(".out.npy"), model(x).numpy())
    numpy.save(path.with_suffix(".in.npy"), x.numpy())
    opset = 23 if name.endswith("+") else 20
    torch.onnx.export(model, (x,), path, opset_version=opset, dynamo=True, external_data=True, verbose=False)


def cached(name):
    arguments = sys.argv
    folder = Path(arguments[arguments.index("--cache") + 1] if "--cache" in arguments else "target/onnx")
    path = folder / f"{name}.onnx"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run([sys.executable, __file__, "--export", name, path], check=True, stdout=sys.stderr)
    return path


def make(name):
    if name not in NAMES + VARIANTS:
        raise ValueError("unknown workload")
    path = cached(name)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = THREADS
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    x = numpy.load(path.with_suffix(".in.npy"))
    feed = {session.get_inputs()[0].name: x}
    out, wanted = session.run(None, feed)[0], numpy.load(path.with_suffix(".out.npy"))
    numpy.testing.assert_allclose(out, wanted, rtol=1e-3, atol=1e-3)
    return Job(lambda: session.run(None, feed), {"out": "x".join(map(str, out.shape)), "equals": "torch"})


if __name__ == "__main__":
    if "--export" in sys.argv:
        export(sys.argv[-2], Path(sys.argv[-1]))
    else:
        protocol.main(f"onnxruntime {onnxruntime.__version__}", NAMES + VARIANTS, make)
