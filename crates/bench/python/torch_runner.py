"""The workloads of KERNELS.md in PyTorch.

A suffix changes a workload to what a user who wants speed writes: `+` fuses the optimizer in training, uses channels-last
with images and folds batch norm for inference; `c` compiles as well. It exists to be compared with; it must never know Gradus.
"""

import os

import protocol

THREADS = protocol.threads_wanted()
os.environ.setdefault("OMP_NUM_THREADS", str(THREADS))

import torch  # noqa: E402 (the environment first)
from torch.nn import functional as F  # noqa: E402

import torch_models as models  # noqa: E402
from protocol import SGEMM, Job  # noqa: E402

TRAINING = ["mlp_train", "tiny_train", "cnn_train", "lstm_train", "gpt_train", "gpt_train_bf16"]
INFERENCE = ["resnet18_infer", "gpt2_prefill", "minilm_b1", "minilm_b16"]
OPERATIONS = ["softmax", "layer_norm", "gelu", "gelu_tanh", "sum", "add_bcast", "transpose"]
NAMES = [*SGEMM, *TRAINING, *INFERENCE[:2], "gpt2_decode", *INFERENCE[2:], *OPERATIONS, "adam"]
VARIANTS = [f"{name}{suffix}" for name in TRAINING for suffix in "+c"]
VARIANTS += ["resnet18_infer+", *(f"{name}c" for name in INFERENCE), "adam+"]


def parameters(model):
    return sum(p.numel() for p in model.parameters())


def sgemm(name):
    m, k, n, layout = SGEMM[name]
    a = torch.randn(k, m).t() if layout == "tn" else torch.randn(m, k)
    b = torch.randn(n, k).t() if layout == "nt" else torch.randn(k, n)
    out = torch.empty(m, n)

    @torch.inference_mode()
    def step():
        torch.mm(a, b, out=out)

    return Job(step)


def task(name):
    """Model, input, target and loss of a training workload."""
    match name:
        case "mlp_train":
            return models.mlp(), torch.randn(64, 784), torch.randint(10, (64,)), F.cross_entropy
        case "tiny_train":
            return models.tiny(), torch.randn(32, 10), torch.randn(32, 1), F.mse_loss
        case "cnn_train":
            return models.cnn(), torch.randn(64, 1, 28, 28), torch.randint(10, (64,)), F.cross_entropy
        case "lstm_train":
            model, shape = models.Lstm(), (32, 64)
        case "gpt_train" | "gpt_train_bf16":
            model, shape = models.Gpt(), (8, 256)
    rows = lambda logits, target: F.cross_entropy(logits.flatten(0, 1), target.flatten())  # noqa: E731
    return model, torch.randint(96, shape), torch.randint(96, shape), rows


def train(name, suffix):
    model, x, y, criterion = task(name)
    if suffix and name == "cnn_train":
        model, x = model.to(memory_format=torch.channels_last), x.to(memory_format=torch.channels_last)
    adam = torch.optim.AdamW if name.startswith("gpt") else torch.optim.Adam
    optimizer = adam(model.parameters(), lr=1e-3, fused=bool(suffix))
    bf16 = name.endswith("bf16")

    def loss_of(x, y):
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            return criterion(model(x), y)

    if suffix == "c":
        loss_of = torch.compile(loss_of)

    def step():
        optimizer.zero_grad()
        loss = loss_of(x, y)
        loss.backward()
        optimizer.step()
        return loss

    return Job(step, {"params": parameters(model), "loss": f"{step().item():.4f}"})


def fold_batch_norm(module):
    """Replaces each convolution followed by a batch norm by the one convolution that computes both."""
    children = list(module.named_children())
    for (name, child), (after, norm) in zip(children, children[1:]):
        if isinstance(child, torch.nn.Conv2d) and isinstance(norm, torch.nn.BatchNorm2d):
            setattr(module, name, torch.nn.utils.fusion.fuse_conv_bn_eval(child, norm))
            setattr(module, after, torch.nn.Identity())
    for _, child in module.named_children():
        fold_batch_norm(child)


def infer(name, suffix):
    model, x = models.inference(name)
    count = parameters(model)
    if suffix == "+":
        fold_batch_norm(model)
        model, x = model.to(memory_format=torch.channels_last), x.to(memory_format=torch.channels_last)
    run = (lambda x: model(x, last=True)) if name == "gpt2_prefill" else model
    if suffix == "c":
        import torch._inductor.config as inductor

        inductor.freezing = True
        run = torch.compile(run)

    @torch.inference_mode()
    def step():
        return run(x)

    return Job(step, {"params": count, "out": "x".join(map(str, step().shape))})


def decode():
    """Prefills 128 positions, then each step is one token; after 128 tokens it starts again behind the prefill."""
    model = models.gpt2().eval()
    caches = [[torch.zeros(1, 12, 256, 64) for _ in "kv"] for _ in range(12)]
    token, position = torch.randint(50257, (1, 1)), 128
    with torch.inference_mode():
        model(torch.randint(50257, (1, 128)), caches, last=True)

    @torch.inference_mode()
    def step():
        nonlocal position
        logits = model(token, caches, position, last=True)
        position = 128 + (position - 127) % 128
        return logits

    return Job(step, {"params": parameters(model), "out": "x".join(map(str, step().shape))})


def operation(name):
    rows, square = torch.randn(4096, 1024), torch.randn(4096, 4096) if name in ("sum", "transpose") else None
    scale, shift = torch.randn(1024), torch.randn(1024)
    run = {
        "softmax": lambda: torch.softmax(rows, -1),
        "layer_norm": lambda: F.layer_norm(rows, (1024,), scale, shift),
        "gelu": lambda: F.gelu(rows),
        "gelu_tanh": lambda: F.gelu(rows, approximate="tanh"),
        "sum": lambda: square.sum(),
        "add_bcast": lambda: rows + shift,
        "transpose": lambda: square.t().contiguous(),
    }[name]
    return Job(torch.inference_mode()(run))


def adam(suffix):
    """Ten tensors of a million numbers each, as a model would have them."""
    tensors = [torch.randn(1000, 1000, requires_grad=True) for _ in range(10)]
    for tensor in tensors:
        tensor.grad = torch.randn(1000, 1000)
    return Job(torch.optim.Adam(tensors, lr=1e-3, fused=bool(suffix)).step, {"params": 10_000_000})


def make(name):
    if name not in NAMES and name not in VARIANTS:
        raise ValueError("unknown workload")
    base, suffix = (name, "") if name in NAMES else (name[:-1], name[-1])
    torch.manual_seed(0)
    if base in SGEMM:
        return sgemm(base)
    if base in TRAINING:
        return train(base, suffix)
    if base in INFERENCE:
        return infer(base, suffix)
    if base in OPERATIONS:
        return operation(base)
    return decode() if base == "gpt2_decode" else adam(suffix)


def first_loss():
    return float(train("tiny_train", "").facts["loss"])


if __name__ == "__main__":
    torch.set_num_threads(THREADS)
    protocol.main(f"PyTorch {torch.__version__}", NAMES + VARIANTS, make, first_loss)
