"""Records elementwise functions, reductions and index ops from PyTorch (CPU, f64) for crates/suite/tests/golden_ops, in the form
that make_ops.py describes.

    pip install torch numpy
    python crates/suite/golden/make_math.py > crates/suite/tests/golden/math.txt
"""

import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)
generator = torch.Generator().manual_seed(21)
inf, nan = float("inf"), float("nan")

print(f"# torch {torch.__version__}")


def draw(low, high, *shape):
    return torch.rand(shape, generator=generator) * (high - low) + low


def line(key, tensor):
    shape = "x".join(map(str, tensor.shape)) or "scalar"
    print(key, shape, *[f"{value!r}" for value in tensor.detach().flatten().tolist()])


def record(name, call, *inputs):
    inputs = [(x if torch.is_tensor(x) else torch.tensor(x)).clone().requires_grad_() for x in inputs]
    y = call(*inputs)
    print("op", name)
    for x in inputs:
        line("x", x)
    line("y", y)
    w = torch.cos(0.9 * torch.arange(y.numel(), dtype=y.dtype) + 0.4).reshape(y.shape)
    total = (w * y).sum()
    gradients = torch.autograd.grad(total, inputs, allow_unused=True) if total.requires_grad else [None] * len(inputs)
    for x, g in zip(inputs, gradients):
        line("g", torch.zeros_like(x) if g is None else g)


# Values that single precision holds too: these functions magnify the rounding of what they are given.
record("lgamma", torch.lgamma, [-3.25, -2.5, -0.375, 0.125, 0.5, 1.0, 1.25, 2.0, 3.5, 11.75, 12.0, 30.5, 1e5])
record("digamma", torch.digamma, [-3.25, -2.375, -0.375, 0.125, 0.5, 1.0, 1.5, 2.0, 3.5, 11.75, 12.0, 30.5, 1e5])
record("polygamma/1", lambda x: torch.polygamma(1, x), [-2.375, -0.625, 0.125, 0.5, 1.0, 2.5, 7.75, 40.0, 1e5])
record("polygamma/2", lambda x: torch.polygamma(2, x), [0.125, 0.5, 1.0, 2.5, 7.75, 40.0])
record("polygamma/5", lambda x: torch.polygamma(5, x), [0.25, 0.5, 1.0, 2.5, 7.75, 40.0])
record("sinc", torch.sinc, [-2.75, -1.5, -0.375, -0.0625, 0.0, 0.125, 0.5, 1.0, 2.25, 40.75])
record("erfinv", torch.erfinv, [-0.9375, -0.5, -0.125, 0.0, 0.25, 0.75, 0.984375])
record("fract", torch.frac, [-2.5, -0.25, 0.75, 1.0, 3.125])
record("softplus_with", lambda x: F.softplus(x, 2.0, 5.0), [-30.0, -1.0, 0.0, 1.0, 2.5, 3.0, 400.0])
record("deg2rad", torch.deg2rad, draw(-300, 300, 4))
record("rad2deg", torch.rad2deg, draw(-7, 7, 4))
record("clamp_min", lambda x: x.clamp(min=0.5), [-1.0, 0.5, 2.0])
record("clamp_max", lambda x: x.clamp(max=0.5), [-1.0, 0.5, 2.0])
record("clamp/borders", lambda x: x.clamp(-1.0, 0.5), [-1.0, 0.0, 0.5, 2.0])
record("threshold", lambda x: F.threshold(x, 0.5, -3.0), [-1.0, 0.5, 2.0])
record("nan_to_num", lambda x: torch.nan_to_num(x, 0.25, 7.0, -7.0), [nan, inf, -inf, 1.5])

a, b = draw(-3, 3, 2, 1, 4), draw(-3, 3, 3, 4)
for name in ["atan2", "hypot", "logaddexp", "copysign"]:
    record(name, getattr(torch, name), a, b)
record("atan2/origin", torch.atan2, [0.0, 0.0, 1.0, -1.0], [0.0, -2.0, 0.0, 0.0])
record("copysign/noughts", torch.copysign, [2.0, -2.0, 0.0], [-1.0, 3.0, -1.0])
record("xlogy", torch.xlogy, [0.0, 0.0, 2.0, -1.5], [0.5, 2.0, 0.25, 3.0])
for name in ["fmod", "remainder"]:
    record(name, getattr(torch, name), [5.5, -5.5, 5.5, -5.5, 1.0, 7.25], [2.0, 2.0, -2.0, -2.0, 4.0, inf])
record("lerp", torch.lerp, a, b, draw(-1, 2, 4))
record("addcmul", lambda x, a, b: torch.addcmul(x, a, b, value=-0.75), a, b, draw(-3, 3, 4))
record("addcdiv", lambda x, a, b: torch.addcdiv(x, a, b, value=-0.75), a, b, draw(1, 3, 4))
record("clamp_between", torch.clamp, [1.0, -1.0, 0.0, 1.0, 0.25, 0.5, 0.5, 1.0], [-0.5, -0.5, -0.5, 2.0, 0.25, 3.0, 0.0, 1.0], [0.5, 0.5, 0.5, 3.0, 0.5, 2.0, 0.5, 1.0])
mask = torch.tensor([[True, False, True], [False, False, True]])
record("masked_fill", lambda x: x.masked_fill(mask, 0.75), draw(-2, 2, 2, 3))
record("masked_select", lambda x: x.masked_select(mask), draw(-2, 2, 3))

zeros = torch.tensor([[1.5, 0.0, -2.0, 3.0], [0.0, 2.0, 0.0, 1.25], [0.5, 2.0, -1.0, 4.0]])
ties = torch.tensor([[1.0, 3.0, 3.0, 2.0, 3.0], [2.0, 2.0, 1.0, 1.0, 2.0]])
record("cumsum", lambda x: x.cumsum(1), draw(-2, 2, 2, 4, 3))
record("cumprod", lambda x: x.cumprod(1), zeros)
record("cumprod/outer", lambda x: x.cumprod(0), zeros)
record("logcumsumexp", lambda x: x.logcumsumexp(1), draw(-30, 30, 2, 5, 2))
record("cummax", lambda x: x.cummax(1).values, ties)
record("cummin", lambda x: x.cummin(1).values, ties)
record("sort", lambda x: x.sort(stable=True, dim=1).values, ties)
record("sort/descending", lambda x: x.sort(stable=True, dim=1, descending=True).values, ties)
x = draw(-2, 2, 3, 6, 2)
record("top_k", lambda x: x.topk(3, 1).values, x)
record("top_k/smallest", lambda x: x.topk(4, 1, largest=False).values, x)
record("kth_value", lambda x: x.kthvalue(2, 1).values, x)
record("median", lambda x: x.median(1).values, x)
record("median/all_nan", lambda x: x.median(1).values, [[1.0, nan, 2.0], [3.0, 2.0, 1.0]])
record("nan_median", lambda x: x.nanmedian(1).values, [[1.0, nan, 2.0, nan, 5.0, 4.0], [3.0, 2.0, 1.0, 5.0, 9.0, 7.0]])
record("mode", lambda x: x.mode(1).values, ties)
for how in ["linear", "lower", "higher", "nearest", "midpoint"]:
    record(f"quantile/{how}", lambda x: x.quantile(0.37, 1, interpolation=how), x)
record("quantiles", lambda x: x.quantile(torch.tensor([0.0, 0.5, 0.9, 1.0]), 1).movedim(0, 1), x)
record("nan_quantile", lambda x: x.nanquantile(0.4, 1), [[1.0, nan, 2.0, nan, 5.0, 4.0], [3.0, 2.0, 1.0, 5.0, 9.0, 7.0]])
record("max", lambda x: x.max(1).values, ties)
record("min", lambda x: x.min(1).values, ties)

record("prod", torch.prod, draw(0.5, 1.5, 2, 3))
record("prod_axes", lambda x: x.prod(1), zeros)
record("std_axes", lambda x: x.std((0, 2), correction=1), draw(-2, 2, 3, 4, 2))
record("std_axes/constant", lambda x: x.std(1), [[2.0, 2.0], [1.0, 3.0]])
for p in [1.0, 2.0, 3.0, 1.5, 0.5, inf, -inf, -1.0]:
    record(f"norm_axes/{p}", lambda x: torch.linalg.vector_norm(x, p, (0, 2)), draw(-2, 2, 3, 4, 2))
for p in [1.0, 2.0, 3.0, 1.5, inf]:
    record(f"norm_axes/{p}_noughts", lambda x: torch.linalg.vector_norm(x, p, 1), [[0.0, 0.0, 0.0], [3.0, 0.0, -3.0]])
record("logsumexp_axes", lambda x: x.logsumexp((0, 2)), draw(-20, 20, 3, 4, 2))
holes = [[1.0, nan, 2.0], [nan, nan, 3.5]]
record("nan_sum_axes", lambda x: x.nansum(1), holes)
record("nan_mean_axes", lambda x: x.nanmean(1), holes)

rows, places = torch.tensor([2, 0]), torch.tensor([[2, 0], [1, 3], [0, 1]])
record("index_fill", lambda x: x.index_fill(0, rows, 0.75), draw(-2, 2, 3, 2))
record("index_copy", lambda x, s: x.index_copy(0, rows, s), draw(-2, 2, 3, 2), draw(-2, 2, 2, 2))
record("take", lambda x: x.take(torch.tensor([[5, 0], [5, 2]])), draw(-2, 2, 3, 2))
record("take_along", lambda x: x.take_along_dim(torch.tensor([[1, 0, 1]]), 1), draw(-2, 2, 3, 2))
record("embedding", lambda x: F.embedding(torch.tensor([[1, 0], [3, 1]]), x), draw(-2, 2, 4, 3))
record("scatter", lambda x, s: x.scatter(1, places, s), draw(-2, 2, 3, 4), draw(-2, 2, 3, 2))
record("scatter_value", lambda x: x.scatter(1, places, 0.75), draw(-2, 2, 3, 4))
# What stood there is no tie of what comes: PyTorch lets it share the gradient even if it is not included.
meeting = torch.tensor([[0, 0, 2], [1, 1, 1]])
own, source = [[1.5, 2.0, 3.0], [4.0, 5.0, 6.0]], [[1.0, 7.0, 0.0], [9.0, 9.0, 2.0]]
for how in ["sum", "mean", "prod", "amax", "amin"]:
    for include in [True, False]:
        call = lambda x, s: x.scatter_reduce(1, meeting, s, how, include_self=include)
        record(f"scatter_reduce/{how}_{'with' if include else 'without'}", call, own, source)
