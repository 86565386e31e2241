"""Records ops and their gradients from PyTorch (CPU, f64) for crates/suite/tests/golden_ops.

    pip install torch numpy
    python crates/suite/golden/make_ops.py > crates/suite/tests/golden/ops.txt

A case is a line `op NAME`, then `x SHAPE NUMBERS` for each input, `y SHAPE NUMBERS` for the value and `g SHAPE NUMBERS` for the
gradient of sum(w * y) with respect to each input, where w[k] = cos(0.9 k + 0.4) over the flat value. A shape is `2x3`, or `scalar`.
A name is that of Gradus' op; what follows a slash tells several ways of calling it apart.
"""

import warnings

import torch
import torch.nn.functional as F

warnings.simplefilter("ignore")
torch.set_default_dtype(torch.float64)
generator = torch.Generator().manual_seed(20)

print(f"# torch {torch.__version__}")


def draw(low, high, *shape):
    return torch.rand(shape, generator=generator) * (high - low) + low


def line(key, tensor):
    shape = "x".join(map(str, tensor.shape)) or "scalar"
    print(key, shape, *[f"{value!r}" for value in tensor.detach().flatten().tolist()])


def record(name, call, *inputs):
    inputs = [x.clone().requires_grad_() for x in inputs]
    y = call(*inputs)
    print("op", name)
    for x in inputs:
        line("x", x)
    line("y", y)
    w = torch.cos(0.9 * torch.arange(y.numel(), dtype=y.dtype) + 0.4).reshape(y.shape)
    for x, g in zip(inputs, torch.autograd.grad((w * y).sum(), inputs, allow_unused=True)):
        line("g", torch.zeros_like(x) if g is None else g)

ANY = {
    "abs": torch.abs, "sign": torch.sign, "neg": torch.neg, "square": torch.square, "exp": torch.exp, "exp2": torch.exp2,
    "expm1": torch.expm1, "sin": torch.sin, "cos": torch.cos, "tan": torch.tan, "atan": torch.atan, "sinh": torch.sinh,
    "cosh": torch.cosh, "tanh": torch.tanh, "asinh": torch.asinh, "erf": torch.erf, "erfc": torch.erfc,
    "normal_cdf": torch.special.ndtr, "normal_pdf": lambda x: torch.distributions.Normal(0.0, 1.0).log_prob(x).exp(),
    "floor": torch.floor, "ceil": torch.ceil, "round": torch.round, "trunc": torch.trunc, "relu": F.relu, "relu6": F.relu6,
    "leaky_relu": lambda x: F.leaky_relu(x, 0.1), "elu": lambda x: F.elu(x, 0.7), "celu": lambda x: F.celu(x, 0.7), "selu": F.selu,
    "gelu": F.gelu, "gelu_tanh": lambda x: F.gelu(x, approximate="tanh"), "sigmoid": torch.sigmoid, "log_sigmoid": F.logsigmoid,
    "softplus": F.softplus, "silu": F.silu, "mish": F.mish, "softsign": F.softsign, "tanhshrink": F.tanhshrink,
    "hardtanh": F.hardtanh, "hardsigmoid": F.hardsigmoid, "hardswish": F.hardswish, "hardshrink": lambda x: F.hardshrink(x, 0.8),
    "softshrink": lambda x: F.softshrink(x, 0.8), "add_scalar": lambda x: x + 1.75, "mul_scalar": lambda x: x * -1.75,
    "clamp": lambda x: x.clamp(-1.0, 1.5), "reciprocal": torch.reciprocal,
}
POSITIVE = {
    "sqrt": torch.sqrt, "rsqrt": torch.rsqrt, "ln": torch.log, "log2": torch.log2, "log10": torch.log10, "log1p": torch.log1p,
    "powf": lambda x: x**2.5,
}
for name, call in ANY.items():
    record(name, call, draw(-4, 4, 3, 5))
for name, call in POSITIVE.items():
    record(name, call, draw(0.05, 6, 3, 5))
for name in ["asin", "acos", "atanh"]:
    record(name, getattr(torch, name), draw(-0.95, 0.95, 3, 5))
record("acosh", torch.acosh, draw(1.1, 5, 3, 5))

for name in ["add", "sub", "mul", "div", "maximum", "minimum"]:
    record(name, getattr(torch, name), draw(-3, 3, 2, 1, 4), draw(-3, 3, 3, 4))
record("maximum/ties", torch.maximum, torch.tensor([1.0, 2.0, 3.0]), torch.tensor([1.0, 5.0, 3.0]))
record("pow", torch.pow, draw(0.2, 3, 2, 1, 4), draw(-2, 2, 3, 4))
mask = torch.tensor([[True, False, True], [False, False, True]])
record("choose", lambda a, b: torch.where(mask, a, b), draw(-2, 2, 2, 3), draw(-2, 2, 3))

record("sum", torch.sum, draw(-2, 2, 3, 4))
record("mean", torch.mean, draw(-2, 2, 3, 4))
record("sum_axes", lambda x: x.sum((0, 2)), draw(-2, 2, 3, 4, 2))
record("mean_axes", lambda x: x.mean((1,), keepdim=True), draw(-2, 2, 3, 4, 2))
record("var_axes", lambda x: x.var((0, 2), correction=1), draw(-2, 2, 3, 4, 2))
record("max_axes", lambda x: x.amax((0, 2)), draw(-2, 2, 3, 4, 2))
record("max_axes/ties", lambda x: x.amax(1), torch.tensor([[1.0, 3.0, 3.0], [2.0, 2.0, 2.0]]))
record("min_axes", lambda x: x.amin((1,), keepdim=True), draw(-2, 2, 3, 4, 2))
record("sum_to", lambda x: x.sum_to_size(4, 1), draw(-2, 2, 3, 4, 2))
record("softmax", lambda x: x.softmax(1), draw(-5, 5, 2, 4, 3))
record("softmax/large", lambda x: x.softmax(-1), torch.tensor([[1e4, -1e4, 9999.0], [0.0, 800.0, 801.0]]))
record("log_softmax", lambda x: x.log_softmax(1), draw(-5, 5, 2, 4, 3))
record("log_softmax/large", lambda x: x.log_softmax(-1), torch.tensor([[1e4, -1e4, 9999.0], [0.0, 800.0, 801.0]]))
record("logsumexp", lambda x: x.logsumexp(1), draw(-5, 5, 2, 4, 3))

record("reshape", lambda x: x.reshape(3, 4), draw(-2, 2, 2, 6))
record("flatten", lambda x: x.flatten(1, 2), draw(-2, 2, 2, 3, 2))
record("permute", lambda x: x.permute(2, 0, 1), draw(-2, 2, 2, 3, 4))
record("transpose", lambda x: x.transpose(0, -1), draw(-2, 2, 2, 3, 4))
record("t", lambda x: x.t(), draw(-2, 2, 2, 3))
record("expand", lambda x: x.expand(4, 3, 5), draw(-2, 2, 3, 1))
record("unsqueeze", lambda x: x.unsqueeze(1), draw(-2, 2, 3, 2))
record("squeeze", lambda x: x.squeeze(1), draw(-2, 2, 3, 1, 2))
record("slice", lambda x: x[1:6:2], draw(-2, 2, 7, 2))
record("narrow", lambda x: x.narrow(1, 2, 3), draw(-2, 2, 2, 6))
record("select", lambda x: x.select(1, 2), draw(-2, 2, 2, 4))
record("flip", lambda x: x.flip(1), draw(-2, 2, 2, 4))
record("split", lambda x: x.split(2, 1)[1], draw(-2, 2, 2, 5))
record("unfold", lambda x: x.unfold(1, 3, 2), draw(-2, 2, 2, 8))
record("diagonal", lambda x: x.diagonal(1, 0, 2), draw(-2, 2, 3, 2, 4))
record("roll", lambda x: x.roll(-2, 1), draw(-2, 2, 2, 5))
record("pad", lambda x: F.pad(x, (2, 1, 0, 3), value=0.5), draw(-2, 2, 2, 3))

record("cat", lambda a, b: torch.cat([a, b], 1), draw(-2, 2, 2, 3), draw(-2, 2, 2, 1))
record("stack", lambda a, b: torch.stack([a, b], 1), draw(-2, 2, 2, 3), draw(-2, 2, 2, 3))
rows = torch.tensor([2, 0, 2, 1])
record("index_select", lambda x: x.index_select(0, rows), draw(-2, 2, 3, 2))
places = torch.tensor([[2, 0], [1, 1], [0, 0]])
record("gather", lambda x: x.gather(1, places), draw(-2, 2, 3, 4))
record("scatter_add", lambda x, s: x.scatter_add(1, places, s), draw(-2, 2, 3, 4), draw(-2, 2, 3, 2))
record("index_add", lambda x, s: x.index_add(0, rows, s), draw(-2, 2, 3, 2), draw(-2, 2, 4, 2))

record("matmul", torch.matmul, draw(-1, 1, 3, 4), draw(-1, 1, 4, 2))
record("matmul/batch", torch.matmul, draw(-1, 1, 2, 1, 3, 4), draw(-1, 1, 5, 4, 2))
record("matmul/vectors", torch.matmul, draw(-1, 1, 4), draw(-1, 1, 2, 4, 3))
record("linear", F.linear, draw(-1, 1, 2, 3, 4), draw(-1, 1, 5, 4), draw(-1, 1, 5))
record("conv2d", lambda x, w, b: F.conv2d(x, w, b, stride=2, padding=1, groups=2), draw(-1, 1, 2, 4, 5, 6), draw(-1, 1, 6, 2, 3, 3), draw(-1, 1, 6))
record("conv2d_relu", lambda x, w, b: F.conv2d(x, w, b, padding=1).relu(), draw(-1, 1, 1, 2, 5, 4), draw(-1, 1, 3, 2, 3, 3), draw(-1, 1, 3))
record("max_pool2d", lambda x: F.max_pool2d(x, 3, 2, 1), draw(-2, 2, 1, 2, 6, 7))
record("avg_pool2d", lambda x: F.avg_pool2d(x, 3, 2, 1), draw(-2, 2, 1, 2, 6, 7))
record("adaptive_avg_pool2d", lambda x: F.adaptive_avg_pool2d(x, (3, 2)), draw(-2, 2, 1, 2, 7, 5))
record(
    "scaled_dot_product_attention",
    lambda q, k, v: F.scaled_dot_product_attention(q, k, v, is_causal=True),
    draw(-2, 2, 2, 3, 5, 4), draw(-2, 2, 2, 3, 5, 4), draw(-2, 2, 2, 3, 5, 4),
)
record("attention_weights", lambda q, k: (q @ k.transpose(-1, -2) / 2).softmax(-1), draw(-2, 2, 2, 3, 4), draw(-2, 2, 2, 5, 4))

record("conv1d", lambda x, w, b: F.conv1d(x, w, b, stride=2, padding=1, dilation=2), draw(-1, 1, 2, 3, 9), draw(-1, 1, 4, 3, 3), draw(-1, 1, 4))
record("conv3d", lambda x, w, b: F.conv3d(x, w, b, stride=(1, 2, 1), padding=1), draw(-1, 1, 1, 2, 3, 4, 3), draw(-1, 1, 2, 2, 2, 3, 2), draw(-1, 1, 2))
record("conv3d_relu", lambda x, w, b: F.conv3d(x, w, b).relu(), draw(-1, 1, 1, 2, 3, 3, 3), draw(-1, 1, 2, 2, 2, 2, 2), draw(-1, 1, 2))
record("conv_transpose1d", lambda x, w, b: F.conv_transpose1d(x, w, b, stride=2, padding=1, output_padding=1), draw(-1, 1, 1, 3, 4), draw(-1, 1, 3, 2, 3), draw(-1, 1, 2))
record("conv_transpose2d", lambda x, w, b: F.conv_transpose2d(x, w, b, stride=2, dilation=2, groups=2), draw(-1, 1, 1, 4, 3, 2), draw(-1, 1, 4, 1, 2, 2), draw(-1, 1, 2))
record("conv_transpose3d", lambda x, w, b: F.conv_transpose3d(x, w, b, stride=2), draw(-1, 1, 1, 2, 2, 2, 2), draw(-1, 1, 2, 1, 2, 1, 2), draw(-1, 1, 1))
record("max_pool1d", lambda x: F.max_pool1d(x, 3, 2, 1), draw(-2, 2, 1, 2, 8))
record("max_pool3d", lambda x: F.max_pool3d(x, 2, 1), draw(-2, 2, 1, 1, 3, 4, 3))
record("avg_pool1d", lambda x: F.avg_pool1d(x, 3, 2, 1), draw(-2, 2, 1, 2, 8))
record("avg_pool3d", lambda x: F.avg_pool3d(x, 2, 1), draw(-2, 2, 1, 1, 3, 4, 3))
record("lp_pool1d", lambda x: F.lp_pool1d(x, 2.0, 3, 2), draw(0.1, 2, 1, 2, 8))
record("lp_pool2d", lambda x: F.lp_pool2d(x, 3.0, 2), draw(0.1, 2, 1, 2, 4, 5))
record("adaptive_avg_pool1d", lambda x: F.adaptive_avg_pool1d(x, 3), draw(-2, 2, 1, 2, 7))
record("adaptive_avg_pool3d", lambda x: F.adaptive_avg_pool3d(x, (2, 3, 2)), draw(-2, 2, 1, 1, 3, 5, 4))
record("adaptive_max_pool1d", lambda x: F.adaptive_max_pool1d(x, 3), draw(-2, 2, 1, 2, 7))
record("adaptive_max_pool2d", lambda x: F.adaptive_max_pool2d(x, (2, 3)), draw(-2, 2, 1, 2, 5, 4))
record("adaptive_max_pool3d", lambda x: F.adaptive_max_pool3d(x, (2, 3, 2)), draw(-2, 2, 1, 1, 3, 5, 4))
record("im2col", lambda x: F.unfold(x, (2, 3), padding=1, stride=2), draw(-2, 2, 1, 2, 4, 5))
record("col2im", lambda x: F.fold(x, (4, 5), (2, 3), padding=1, stride=2), draw(-2, 2, 1, 12, 9))
record("pixel_shuffle", lambda x: F.pixel_shuffle(x, 2), draw(-2, 2, 1, 8, 2, 3))
record("pixel_unshuffle", lambda x: F.pixel_unshuffle(x, 2), draw(-2, 2, 1, 2, 4, 6))
record("channel_shuffle", lambda x: F.channel_shuffle(x, 3), draw(-2, 2, 1, 6, 2, 2))
record("interpolate", lambda x: F.interpolate(x, (5, 7), mode="bicubic", align_corners=False), draw(-2, 2, 1, 2, 3, 4))
record("interpolate/antialias", lambda x: F.interpolate(x, (3, 2), mode="bilinear", antialias=True), draw(-2, 2, 1, 1, 7, 6))
record("grid_sample", lambda x, g: F.grid_sample(x, g, align_corners=False), draw(-2, 2, 1, 2, 4, 5), draw(-0.9, 0.9, 1, 3, 2, 2))
record("affine_grid", lambda x: F.affine_grid(x, (1, 1, 3, 2), align_corners=False), draw(-1, 1, 1, 2, 3))
record("pad_with/reflect", lambda x: F.pad(x, (2, 1), mode="reflect"), draw(-2, 2, 2, 4))
record("pad_with/replicate", lambda x: F.pad(x, (2, 1), mode="replicate"), draw(-2, 2, 2, 4))
record("pad_with/circular", lambda x: F.pad(x, (2, 1), mode="circular"), draw(-2, 2, 2, 4))


def positive(n):
    a = draw(-1, 1, n, n)
    return a @ a.T + n * torch.eye(n)


record("cholesky", lambda a: torch.linalg.cholesky((a + a.mT) / 2), positive(4))
record("cholesky_solve", lambda l, b: torch.cholesky_solve(b, l.tril()), torch.linalg.cholesky(positive(4)), draw(-1, 1, 4, 2))
record("solve", torch.linalg.solve, draw(-1, 1, 4, 4) + 2 * torch.eye(4), draw(-1, 1, 4, 2))
record("solve_triangular", lambda a, b: torch.linalg.solve_triangular(a, b, upper=True), draw(0.5, 2, 4, 4).triu(), draw(-1, 1, 4, 2))
record("inverse", torch.linalg.inv, draw(-1, 1, 4, 4) + 2 * torch.eye(4))
record("det", torch.linalg.det, draw(-1, 1, 2, 3, 3))
record("slogdet", lambda a: torch.linalg.slogdet(a)[1], draw(-1, 1, 2, 3, 3))
record("qr", lambda a: torch.linalg.qr(a)[1].abs(), draw(-1, 1, 4, 3))
record("eigvalsh", lambda a: torch.linalg.eigvalsh((a + a.mT) / 2), draw(-1, 1, 4, 4))
record("eigh", lambda a: torch.linalg.eigh((a + a.mT) / 2)[1].abs(), draw(-1, 1, 4, 4))
record("svdvals", torch.linalg.svdvals, draw(-1, 1, 4, 3))
record("svd", lambda a: torch.linalg.svd(a, full_matrices=False)[0].abs(), draw(-1, 1, 4, 3))
record("pinv", torch.linalg.pinv, draw(-1, 1, 4, 3))
record("lstsq", lambda a, b: torch.linalg.lstsq(a, b).solution, draw(-1, 1, 5, 3), draw(-1, 1, 5, 2))
record("matrix_exp", torch.linalg.matrix_exp, draw(-1, 1, 3, 3))
record("matrix_power", lambda a: torch.linalg.matrix_power(a, 3), draw(-1, 1, 3, 3))
record("trace", torch.trace, draw(-1, 1, 4, 4))
record("tril", lambda x: x.tril(1), draw(-1, 1, 3, 4))
record("triu", lambda x: x.triu(-1), draw(-1, 1, 3, 4))
record("diag_embed", lambda x: torch.diag_embed(x, 1), draw(-1, 1, 2, 3))

record("dot", torch.dot, draw(-1, 1, 5), draw(-1, 1, 5))
record("outer", torch.outer, draw(-1, 1, 3), draw(-1, 1, 4))
record("kron", torch.kron, draw(-1, 1, 2, 3), draw(-1, 1, 3, 2))
record("cross", torch.linalg.cross, draw(-1, 1, 4, 3), draw(-1, 1, 4, 3))
record("bilinear", F.bilinear, draw(-1, 1, 4, 3), draw(-1, 1, 4, 2), draw(-1, 1, 5, 3, 2), draw(-1, 1, 5))
record("einsum", lambda a, b: torch.einsum("bij,bjk->kib", a, b), draw(-1, 1, 2, 3, 4), draw(-1, 1, 2, 4, 2))
record("tensordot", lambda a, b: torch.tensordot(a, b, ([2, 0], [0, 1])), draw(-1, 1, 2, 3, 4), draw(-1, 1, 4, 2, 3))
record("chunk", lambda x: x.chunk(3, 1)[1], draw(-2, 2, 2, 7))
record("split_sizes", lambda x: x.split([2, 1, 3], 1)[2], draw(-2, 2, 2, 6))
record("tensor_split", lambda x: x.tensor_split((1, 4), 1)[1], draw(-2, 2, 2, 6))
record("movedim", lambda x: x.movedim(0, 2), draw(-2, 2, 2, 3, 4))
record("squeeze_all", torch.squeeze, draw(-2, 2, 1, 3, 1))
record("tile", lambda x: x.tile((2, 1, 2)), draw(-2, 2, 2, 3))
record("repeat_interleave", lambda x: x.repeat_interleave(2, 1), draw(-2, 2, 2, 3))
record("rot90", lambda x: x.rot90(1, (0, 1)), draw(-2, 2, 2, 3))
