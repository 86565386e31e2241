"""Records 50 steps of PyTorch's optimizers and the factors of its schedules (CPU, f64).

    python crates/suite/golden/make_optimizers.py crates/optimizers/tests/golden

`trajectories.csv`: name, step, w0, w1, b after that step. `schedules.csv`: name, learning rates of steps 0, 1, ….
"""

import sys
import warnings
from pathlib import Path

import torch
from torch.optim import SGD, Adam, AdamW
from torch.optim.lr_scheduler import (
    CosineAnnealingLR,
    ExponentialLR,
    LinearLR,
    MultiStepLR,
    OneCycleLR,
    PolynomialLR,
    SequentialLR,
    StepLR,
)

warnings.simplefilter("ignore")
torch.set_default_dtype(torch.float64)
folder = Path(sys.argv[1])


def trajectory(make, clip=None):
    w = torch.tensor([-0.5, 1.25], requires_grad=True)
    b = torch.tensor([2.0], requires_grad=True)
    optimizer = make(w, b)
    for step in range(1, 51):
        loss = (1 - w[0]) ** 2 + 3 * (w[1] - w[0] ** 2) ** 2 + 0.5 * (b[0] * w[0] - 0.3) ** 2
        optimizer.zero_grad()
        loss.backward()
        if clip is not None:
            clip(w, b)
        optimizer.step()
        yield step, *w.tolist(), *b.tolist()


def simple(kind, **options):
    return lambda w, b: kind([w, b], **options)


def grouped(w, b):
    return AdamW([{"params": [w]}, {"params": [b], "lr": 0.005, "weight_decay": 0.0}], lr=0.05, weight_decay=0.2)


clip_norm = lambda w, b: torch.nn.utils.clip_grad_norm_([w, b], 1.5)
clip_value = lambda w, b: torch.nn.utils.clip_grad_value_([w, b], 0.75)
runs = {
    "sgd": (simple(SGD, lr=0.03), None),
    "sgd_momentum": (simple(SGD, lr=0.01, momentum=0.9), None),
    "sgd_nesterov": (simple(SGD, lr=0.01, momentum=0.9, nesterov=True), None),
    "sgd_dampening": (simple(SGD, lr=0.02, momentum=0.9, dampening=0.4), None),
    "sgd_decay": (simple(SGD, lr=0.01, momentum=0.8, weight_decay=0.1), None),
    "adam": (simple(Adam, lr=0.05), None),
    "adam_betas": (simple(Adam, lr=0.05, betas=(0.7, 0.95), eps=1e-3, weight_decay=0.1), None),
    "adam_amsgrad": (simple(Adam, lr=0.2, betas=(0.9, 0.9), amsgrad=True), None),
    "adamw": (simple(AdamW, lr=0.05), None),
    "adamw_decay": (simple(AdamW, lr=0.05, weight_decay=0.5, amsgrad=True), None),
    "adamw_groups": (grouped, None),
    "clip_norm": (simple(SGD, lr=0.05, momentum=0.5), clip_norm),
    "clip_value": (simple(SGD, lr=0.05, momentum=0.5), clip_value),
}
with open(folder / "trajectories.csv", "w") as out:
    print(f"# torch {torch.__version__}", file=out)
    for name, (make, clip) in runs.items():
        for row in trajectory(make, clip):
            print(",".join([name, *map(repr, row)]), file=out)


def warmup_cosine(o):
    return SequentialLR(o, [LinearLR(o, 1 / 5, total_iters=4), CosineAnnealingLR(o, 20)], milestones=[5])


schedules = {
    "linear": lambda o: LinearLR(o, 0.25, 0.75, 10),
    "step": lambda o: StepLR(o, 7, 0.5),
    "multi_step": lambda o: MultiStepLR(o, [3, 9, 20], 0.1),
    "exponential": lambda o: ExponentialLR(o, 0.9),
    "cosine": lambda o: CosineAnnealingLR(o, 24, 0.1),
    "polynomial": lambda o: PolynomialLR(o, 20, 2.0),
    "one_cycle": lambda o: OneCycleLR(o, 1.0, 25),
    "one_cycle_late": lambda o: OneCycleLR(o, 1.0, 25, pct_start=0.6, div_factor=10.0, final_div_factor=100.0),
    "warmup_cosine": warmup_cosine,
}
with open(folder / "schedules.csv", "w") as out:
    print(f"# torch {torch.__version__}", file=out)
    for name, make in schedules.items():
        optimizer = SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
        schedule = make(optimizer)
        factors = []
        for _ in range(25):
            factors.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            if len(factors) < 25:
                schedule.step()
        print(",".join([name, *map(repr, factors)]), file=out)
