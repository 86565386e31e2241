"""Records 50 steps of PyTorch's optimizers and the factors of its schedules (CPU, f64).

    python crates/suite/golden/make_optimizers.py crates/optimizers/tests/golden

`trajectories.csv`: name, step, w0, w1, b after that step. `matrices.csv`: the same for a matrix [3, 2] and a vector [2].
`schedules.csv`: name, learning rates of steps 0, 1, …; `plateau.csv`: name, learning rates after each measure.

Muon iterates in bf16; it is recorded with that type replaced by f64, so that equations are compared and not roundings.
"""

import math
import sys
import warnings
from pathlib import Path

import torch
from torch.optim import (
    ASGD,
    LBFGS,
    SGD,
    Adadelta,
    Adafactor,
    Adagrad,
    Adam,
    Adamax,
    AdamW,
    Muon,
    NAdam,
    RAdam,
    RMSprop,
    Rprop,
)
from torch.optim.lr_scheduler import (
    ChainedScheduler,
    ConstantLR,
    CosineAnnealingLR,
    CosineAnnealingWarmRestarts,
    CyclicLR,
    ExponentialLR,
    LambdaLR,
    LinearLR,
    MultiStepLR,
    OneCycleLR,
    PolynomialLR,
    ReduceLROnPlateau,
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
        if isinstance(optimizer, LBFGS):

            def closure():
                optimizer.zero_grad()
                value = (1 - w[0]) ** 2 + 3 * (w[1] - w[0] ** 2) ** 2 + 0.5 * (b[0] * w[0] - 0.3) ** 2
                value = -value if optimizer.param_groups[0]["maximize"] else value
                value.backward()
                return value

            optimizer.step(closure)
            yield step, *w.tolist(), *b.tolist()
            continue
        loss = (1 - w[0]) ** 2 + 3 * (w[1] - w[0] ** 2) ** 2 + 0.5 * (b[0] * w[0] - 0.3) ** 2
        loss = -loss if optimizer.param_groups[0].get("maximize") else loss
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
    "sgd_maximize": (simple(SGD, lr=0.01, momentum=0.9, weight_decay=0.1, maximize=True), None),
    "adam_maximize": (simple(Adam, lr=0.05, weight_decay=0.1, maximize=True), None),
    "adam_decoupled": (simple(Adam, lr=0.05, weight_decay=0.5, decoupled_weight_decay=True), None),
    "adamax": (simple(Adamax, lr=0.05), None),
    "adamax_all": (simple(Adamax, lr=0.1, betas=(0.7, 0.9), eps=1e-3, weight_decay=0.1, maximize=True), None),
    "nadam": (simple(NAdam, lr=0.05), None),
    "nadam_coupled": (simple(NAdam, lr=0.05, betas=(0.8, 0.9), eps=1e-3, weight_decay=0.1, momentum_decay=0.1), None),
    "nadam_decoupled": (
        simple(NAdam, lr=0.05, weight_decay=0.2, decoupled_weight_decay=True, maximize=True),
        None,
    ),
    "radam": (simple(RAdam, lr=0.05), None),
    "radam_coupled": (simple(RAdam, lr=0.1, betas=(0.8, 0.9), eps=1e-3, weight_decay=0.1), None),
    "radam_decoupled": (
        simple(RAdam, lr=0.05, weight_decay=0.2, decoupled_weight_decay=True, maximize=True),
        None,
    ),
    "adagrad": (simple(Adagrad, lr=0.2), None),
    "adagrad_all": (
        simple(
            Adagrad,
            lr=0.3,
            lr_decay=0.05,
            weight_decay=0.1,
            initial_accumulator_value=0.5,
            eps=1e-3,
            maximize=True,
        ),
        None,
    ),
    "adadelta": (simple(Adadelta), None),
    "adadelta_all": (simple(Adadelta, lr=0.5, rho=0.7, eps=1e-2, weight_decay=0.1, maximize=True), None),
    "rmsprop": (simple(RMSprop, lr=0.02), None),
    "rmsprop_momentum": (simple(RMSprop, lr=0.01, alpha=0.9, momentum=0.5, weight_decay=0.1), None),
    "rmsprop_centered": (simple(RMSprop, lr=0.01, alpha=0.9, eps=1e-3, centered=True), None),
    "rmsprop_all": (
        simple(RMSprop, lr=0.01, alpha=0.8, momentum=0.6, eps=1e-2, centered=True, weight_decay=0.1, maximize=True),
        None,
    ),
    "rprop": (simple(Rprop, lr=0.02), None),
    "rprop_all": (simple(Rprop, lr=0.03, etas=(0.6, 1.1), step_sizes=(1e-3, 0.05), maximize=True), None),
    "asgd": (simple(ASGD, lr=0.03), None),
    "asgd_all": (simple(ASGD, lr=0.02, lambd=0.05, alpha=0.5, t0=10, weight_decay=0.1, maximize=True), None),
    "lbfgs": (simple(LBFGS, lr=0.1, max_iter=2), None),
    "lbfgs_wolfe": (simple(LBFGS, lr=1.0, max_iter=1, max_eval=10, line_search_fn="strong_wolfe"), None),
    "lbfgs_history": (
        simple(LBFGS, lr=0.5, max_iter=2, max_eval=9, history_size=2, line_search_fn="strong_wolfe", maximize=True),
        None,
    ),
    "clip_norm": (simple(SGD, lr=0.05, momentum=0.5), clip_norm),
    "clip_value": (simple(SGD, lr=0.05, momentum=0.5), clip_value),
}
with open(folder / "trajectories.csv", "w") as out:
    print(f"# torch {torch.__version__}", file=out)
    for name, (make, clip) in runs.items():
        for row in trajectory(make, clip):
            print(",".join([name, *map(repr, row)]), file=out)


# Of averaged gradient descent the averages, too.
def average():
    w = torch.tensor([-0.5, 1.25], requires_grad=True)
    optimizer = ASGD([w], lr=0.02, t0=10)
    for step in range(1, 51):
        loss = (1 - w[0]) ** 2 + 3 * (w[1] - w[0] ** 2) ** 2
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        yield step, *optimizer.state[w]["ax"].tolist()


def matrices(make):
    w = torch.tensor([[0.5, -0.25], [1.0, 0.75], [-0.5, 0.125]], requires_grad=True)
    b = torch.tensor([2.0, -1.0], requires_grad=True)
    optimizer = make(w, b)
    c = torch.tensor([[1.0, 2.0, -1.0], [0.5, -0.5, 1.5]])
    for step in range(1, 51):
        loss = ((c @ w + b - 1) ** 2).sum() + 0.1 * (w**4).sum()
        loss = -loss if optimizer.param_groups[0].get("maximize") else loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        yield step, *w.flatten().tolist(), *b.tolist()


def only_matrix(**options):
    return lambda w, b: Muon([w], **options)


def only_transposed(w, b):
    return Muon([w], lr=0.05, adjust_lr_fn="spectral_unclamped")


matrix_runs = {
    "adafactor": simple(Adafactor, lr=0.05),
    "adafactor_all": simple(
        Adafactor, lr=0.3, beta2_decay=-0.5, eps=(1e-4, 1e-2), d=1.5, weight_decay=0.1, maximize=True
    ),
    "muon": only_matrix(lr=0.02),
    "muon_all": only_matrix(
        lr=0.05,
        weight_decay=0.3,
        momentum=0.8,
        nesterov=False,
        ns_coefficients=(3.0, -3.2, 1.2),
        eps=1e-3,
        ns_steps=3,
        adjust_lr_fn="match_rms_adamw",
    ),
    "muon_spectral": only_transposed,
}
with open(folder / "matrices.csv", "w") as out:
    print(f"# torch {torch.__version__}", file=out)
    for row in average():
        print(",".join(["asgd_average", *map(repr, row)]), file=out)
    half = torch.bfloat16
    torch.bfloat16 = torch.float64
    for name, make in matrix_runs.items():
        for row in matrices(make):
            print(",".join([name, *map(repr, row)]), file=out)
    torch.bfloat16 = half


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
    "constant": lambda o: ConstantLR(o, 0.25, 60),
    "linear_long": lambda o: LinearLR(o, 1 / 3, 1.0, 120),
    "cosine_wave": lambda o: CosineAnnealingLR(o, 30, 0.1),
    "restarts": lambda o: CosineAnnealingWarmRestarts(o, 10, 1, 0.05),
    "restarts_growing": lambda o: CosineAnnealingWarmRestarts(o, 7, 3, 0.01),
    "polynomial_long": lambda o: PolynomialLR(o, 150, 0.5),
    "one_cycle_linear": lambda o: OneCycleLR(o, 1.0, 200, anneal_strategy="linear"),
    "one_cycle_three": lambda o: OneCycleLR(o, 1.0, 200, three_phase=True),
    "one_cycle_three_linear": lambda o: OneCycleLR(
        o, 1.0, 200, pct_start=0.2, div_factor=5.0, anneal_strategy="linear", three_phase=True
    ),
    "triangular": lambda o: CyclicLR(o, 0.25, 1.0, 20, cycle_momentum=False),
    "triangular2": lambda o: CyclicLR(o, 0.1, 1.0, 15, 25, mode="triangular2", cycle_momentum=False),
    "exp_range": lambda o: CyclicLR(o, 0.1, 1.0, 30, 10, mode="exp_range", gamma=0.98, cycle_momentum=False),
    "chained": lambda o: ChainedScheduler([ConstantLR(o, 0.1, 20), ExponentialLR(o, 0.99)]),
    "sequential": lambda o: SequentialLR(
        o, [ConstantLR(o, 0.1, 20), ExponentialLR(o, 0.9), StepLR(o, 30, 0.5)], milestones=[20, 60]
    ),
    "noam": lambda o: LambdaLR(o, lambda t: 64**-0.5 * min((t + 1) ** -0.5, (t + 1) * 40**-1.5)),
    "inverse_sqrt": lambda o: LambdaLR(o, lambda t: min((t + 1) / 40, math.sqrt(40 / (t + 1)))),
    "stable": lambda o: SequentialLR(
        o,
        [LinearLR(o, 1 / 20, total_iters=19), ConstantLR(o, 1.0), LinearLR(o, 1.0, 0.1, 60)],
        milestones=[20, 120],
    ),
}
with open(folder / "schedules.csv", "w") as out:
    print(f"# torch {torch.__version__}", file=out)
    for name, make in schedules.items():
        optimizer = SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
        schedule = make(optimizer)
        factors = []
        for _ in range(200):
            factors.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            if len(factors) < 200 and not (isinstance(schedule, OneCycleLR) and len(factors) >= schedule.total_steps):
                schedule.step()
        print(",".join([name, *map(repr, factors)]), file=out)

plateaus = {
    "default": {},
    "relative": dict(factor=0.5, patience=2, threshold=0.05, cooldown=3, min_lr=0.02),
    "absolute": dict(factor=0.3, patience=1, threshold=0.1, threshold_mode="abs", eps=1e-3),
    "higher": dict(mode="max", factor=0.5, patience=3, threshold=0.05),
    "higher_absolute": dict(mode="max", factor=0.5, patience=0, threshold=0.02, threshold_mode="abs", cooldown=2),
}
with open(folder / "plateau.csv", "w") as out:
    print(f"# torch {torch.__version__}", file=out)
    for name, options in plateaus.items():
        optimizer = SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
        schedule = ReduceLROnPlateau(optimizer, **options)
        rates = []
        for step in range(60):
            schedule.step(math.exp(-0.1 * step) + 0.3 * math.sin(1.7 * step) ** 2)
            rates.append(optimizer.param_groups[0]["lr"])
        print(",".join([name, *map(repr, rates)]), file=out)
