"""Records convolutions, pools, resizing, sampling and patches with their gradients from PyTorch (CPU, f64) for
crates/layers/tests/signal.rs.

    python crates/suite/golden/make_signal.py > crates/layers/tests/golden/signal.csv

A line is: name, what (shape, y, or g0, g1, … for the gradient of Σ y·w in the inputs in turn), numbers. Input k of a shape
is sin(1.7·i + k + 1) for i = 0, 1, …, and w is cos(0.9·i), so that none of them need be recorded.
"""

import warnings

import torch
import torch.nn.functional as F
from torch import nn

warnings.simplefilter("ignore")
torch.set_default_dtype(torch.float64)
print(f"# torch {torch.__version__}")


def wave(shape, k):
    count = torch.Size(shape).numel()
    return (1.7 * torch.arange(count, dtype=torch.float64) + k + 1).sin().reshape(shape)


def record(name, f, *shapes, scales=()):
    x = [wave(shape, k) for k, shape in enumerate(shapes)]
    x = [value * scale for value, scale in zip(x, list(scales) + [1.0] * len(x))]
    x = [value.requires_grad_() for value in x]
    y = f(*x)
    print(",".join([name, "shape", *map(str, y.shape)]))
    w = (0.9 * torch.arange(y.numel(), dtype=torch.float64)).cos().reshape(y.shape)
    gradients = torch.autograd.grad((y * w).sum(), x, allow_unused=True)
    for what, value in [("y", y), *((f"g{k}", g) for k, g in enumerate(gradients) if g is not None)]:
        print(",".join([name, what, *map(repr, value.flatten().tolist())]))


def layer(make, shape, name):
    """A layer whose weight and bias are waves: the inputs are x, weight, bias."""
    module = make()
    shapes = [shape] + [p.shape for p in module.parameters()]

    def run(x, *parameters):
        names = [name for name, _ in module.named_parameters()]
        return torch.func.functional_call(module, dict(zip(names, parameters)), (x,))

    record(name, run, *shapes)


# Convolutions
layer(lambda: nn.Conv1d(4, 6, 3, stride=2, padding=1, dilation=2, groups=2), (2, 4, 9), "conv1d")
layer(lambda: nn.Conv1d(2, 3, 4, padding="same", dilation=1), (2, 2, 6), "conv1d_same")
layer(lambda: nn.Conv2d(2, 3, 3), (2, 2, 4, 5), "conv2d")
layer(lambda: nn.Conv2d(4, 4, (3, 2), stride=(2, 1), padding=(1, 2), dilation=(1, 2), groups=2), (2, 4, 5, 4), "conv2d_all")
layer(lambda: nn.Conv2d(3, 6, 3, padding=1, groups=3, bias=False), (1, 3, 4, 4), "conv2d_depthwise")
layer(lambda: nn.Conv2d(3, 3, 3, stride=2, padding=1, groups=3), (2, 3, 5, 6), "conv2d_depthwise_strided")
layer(lambda: nn.Conv2d(2, 2, 3, padding=2, padding_mode="reflect"), (1, 2, 4, 5), "conv2d_reflect")
layer(lambda: nn.Conv2d(2, 2, 3, padding=2, padding_mode="replicate"), (1, 2, 4, 5), "conv2d_replicate")
layer(lambda: nn.Conv2d(2, 2, 3, padding=(2, 1), padding_mode="circular"), (1, 2, 4, 5), "conv2d_circular")
layer(lambda: nn.Conv2d(2, 2, (2, 4), padding="same"), (1, 2, 4, 5), "conv2d_same")
layer(lambda: nn.Conv2d(2, 2, (4, 3), padding="same", padding_mode="reflect"), (1, 2, 4, 5), "conv2d_same_reflect")
layer(lambda: nn.Conv2d(2, 3, 3, padding=1), (0, 2, 4, 5), "conv2d_empty")
layer(lambda: nn.Conv3d(2, 2, 2), (1, 2, 3, 3, 4), "conv3d")
layer(lambda: nn.Conv3d(4, 4, (3, 1, 2), stride=(2, 1, 2), padding=(2, 0, 1), dilation=(1, 1, 2), groups=2), (1, 4, 3, 2, 4), "conv3d_all")
layer(lambda: nn.Conv3d(1, 2, (3, 2, 2), padding=1, padding_mode="replicate"), (2, 1, 2, 3, 2), "conv3d_replicate")
layer(lambda: nn.Conv3d(2, 2, 2), (0, 2, 3, 3, 4), "conv3d_empty")
layer(lambda: nn.ConvTranspose1d(2, 3, 3, stride=2, padding=1, output_padding=1), (2, 2, 4), "conv_transpose1d")
layer(lambda: nn.ConvTranspose1d(4, 2, 2, stride=1, dilation=3, output_padding=2, groups=2), (1, 4, 4), "conv_transpose1d_dilated")
layer(lambda: nn.ConvTranspose2d(2, 3, 3), (1, 2, 3, 4), "conv_transpose2d")
layer(lambda: nn.ConvTranspose2d(4, 4, (3, 2), stride=(2, 3), padding=(1, 0), output_padding=(1, 2), dilation=(2, 1), groups=2), (2, 4, 2, 3), "conv_transpose2d_all")
layer(lambda: nn.ConvTranspose2d(2, 3, 3, bias=False), (0, 2, 3, 4), "conv_transpose2d_empty")
layer(lambda: nn.ConvTranspose3d(2, 1, 2, stride=(1, 2, 1), padding=(1, 0, 0), output_padding=(0, 1, 0)), (1, 2, 3, 2, 2), "conv_transpose3d")
layer(lambda: nn.ConvTranspose3d(4, 2, (2, 1, 2), stride=2, groups=2, dilation=(2, 1, 1)), (1, 4, 2, 2, 2), "conv_transpose3d_groups")

# Pools
line, plane, volume = (2, 2, 9), (2, 2, 7, 8), (1, 2, 4, 5, 5)
record("max_pool1d", lambda x: F.max_pool1d(x, 3, stride=2, padding=1, dilation=2, ceil_mode=True), line)
record("max_pool2d", lambda x: F.max_pool2d(x, (3, 2), stride=(2, 1), padding=(1, 0), dilation=(1, 2)), plane)
record("max_pool2d_ceil", lambda x: F.max_pool2d(x, 3, stride=2, ceil_mode=True), plane)
record("max_pool2d_indices", lambda x: F.max_pool2d(x, 3, stride=2, padding=1, return_indices=True)[1] * x.sum(), plane)
record("max_pool2d_empty", lambda x: F.max_pool2d(x, 2), (0, 2, 4, 4))
record("max_pool3d", lambda x: F.max_pool3d(x, (2, 3, 2), stride=(2, 1, 2), padding=(1, 1, 0), ceil_mode=True), volume)
record("max_pool3d_indices", lambda x: F.max_pool3d(x, 2, stride=(1, 2, 1), return_indices=True)[1] * x.sum(), volume)
record("max_unpool1d", lambda x: F.max_unpool1d(*F.max_pool1d(x, 2, return_indices=True), 2, output_size=[9]), line)
record("max_unpool2d", lambda x: F.max_unpool2d(*F.max_pool2d(x, 2, return_indices=True), 2), (2, 2, 6, 4))
record("max_unpool3d", lambda x: F.max_unpool3d(*F.max_pool3d(x, 2, return_indices=True), 2), (1, 2, 4, 4, 2))
record("avg_pool1d", lambda x: F.avg_pool1d(x, 3, stride=2, padding=1, ceil_mode=True), line)
record("avg_pool1d_uncounted", lambda x: F.avg_pool1d(x, 4, stride=3, padding=2, count_include_pad=False), line)
record("avg_pool2d", lambda x: F.avg_pool2d(x, (3, 2), stride=2, padding=(1, 1), ceil_mode=True), plane)
record("avg_pool2d_uncounted", lambda x: F.avg_pool2d(x, 3, stride=2, padding=1, count_include_pad=False, ceil_mode=True), plane)
record("avg_pool2d_divisor", lambda x: F.avg_pool2d(x, 3, stride=2, padding=1, divisor_override=5), plane)
record("avg_pool3d", lambda x: F.avg_pool3d(x, (2, 3, 2), stride=(2, 2, 1), padding=(1, 1, 0), ceil_mode=True), volume)
record("avg_pool3d_uncounted", lambda x: F.avg_pool3d(x, 3, stride=2, padding=1, count_include_pad=False), volume)
record("avg_pool3d_divisor", lambda x: F.avg_pool3d(x, 2, divisor_override=3), volume)
record("adaptive_avg_pool1d", lambda x: F.adaptive_avg_pool1d(x, 4), line)
record("adaptive_avg_pool2d", lambda x: F.adaptive_avg_pool2d(x, (3, 9)), plane)
record("adaptive_avg_pool3d", lambda x: F.adaptive_avg_pool3d(x, (3, 2, 4)), volume)
record("adaptive_max_pool1d", lambda x: F.adaptive_max_pool1d(x, 4), line)
record("adaptive_max_pool2d", lambda x: F.adaptive_max_pool2d(x, (3, 9)), plane)
record("adaptive_max_pool3d", lambda x: F.adaptive_max_pool3d(x, (3, 2, 4)), volume)
record("adaptive_max_pool2d_indices", lambda x: F.adaptive_max_pool2d(x, 3, return_indices=True)[1] * x.sum(), plane)
record("adaptive_max_pool3d_indices", lambda x: F.adaptive_max_pool3d(x, (3, 2, 4), return_indices=True)[1] * x.sum(), volume)
record("lp_pool1d", lambda x: F.lp_pool1d(x, 2, 3, stride=2), line)
record("lp_pool2d", lambda x: F.lp_pool2d(x, 2, 3, stride=2, ceil_mode=True), plane)
record("lp_pool2d_cubes", lambda x: F.lp_pool2d(x.square(), 3, (2, 3)), plane)
record("lp_pool3d", lambda x: F.lp_pool3d(x, 4, 2, stride=1), volume)

# Resizing
short, image, block = (1, 2, 5), (1, 2, 4, 5), (1, 1, 2, 3, 3)
for mode in ["nearest", "nearest-exact", "linear", "area"]:
    record(f"resize_{mode}_up", lambda x: F.interpolate(x, size=8, mode=mode), short)
    record(f"resize_{mode}_down", lambda x: F.interpolate(x, size=3, mode=mode), short)
record("resize_linear_corners", lambda x: F.interpolate(x, size=8, mode="linear", align_corners=True), short)
record("resize_linear_one", lambda x: F.interpolate(x, size=1, mode="linear", align_corners=True), short)
for mode in ["bilinear", "bicubic"]:
    for corners in [False, True]:
        name = f"resize_{mode}" + ("_corners" if corners else "")
        record(f"{name}_up", lambda x: F.interpolate(x, size=(7, 8), mode=mode, align_corners=corners), image)
        record(f"{name}_down", lambda x: F.interpolate(x, size=(3, 2), mode=mode, align_corners=corners), image)
        record(f"{name}_smooth", lambda x: F.interpolate(x, size=(3, 2), mode=mode, align_corners=corners, antialias=True), image)
    record(f"resize_{mode}_smooth_up", lambda x: F.interpolate(x, size=(6, 3), mode=mode, antialias=True), image)
    record(f"resize_{mode}_factor", lambda x: F.interpolate(x, scale_factor=(1.7, 0.55), mode=mode), image)
record("resize_nearest_factor", lambda x: F.interpolate(x, scale_factor=(1.7, 0.55), mode="nearest"), image)
record("resize_nearest-exact_factor", lambda x: F.interpolate(x, scale_factor=(2.3, 0.7), mode="nearest-exact"), image)
record("resize_area", lambda x: F.interpolate(x, size=(3, 2), mode="area"), image)
record("resize_trilinear", lambda x: F.interpolate(x, size=(3, 2, 5), mode="trilinear"), block)
record("resize_trilinear_corners", lambda x: F.interpolate(x, size=(3, 2, 5), mode="trilinear", align_corners=True), block)
record("resize_nearest_volume", lambda x: F.interpolate(x, scale_factor=2, mode="nearest"), block)
record("resize_area_volume", lambda x: F.interpolate(x, size=(1, 2, 2), mode="area"), block)

# Borders
for mode in ["reflect", "replicate", "circular"]:
    record(f"pad_{mode}_1d", lambda x: F.pad(x, (2, 1), mode=mode), short)
    record(f"pad_{mode}_2d", lambda x: F.pad(x, (1, 3, 2, 0), mode=mode), image)
    record(f"pad_{mode}_3d", lambda x: F.pad(x, (1, 2, 0, 1, 1, 1), mode=mode), block)

# Sampling
for mode in ["bilinear", "nearest", "bicubic"]:
    for padding in ["zeros", "border", "reflection"]:
        for corners in [False, True]:
            name = f"grid_{mode}_{padding}" + ("_corners" if corners else "")
            f = lambda x, grid: F.grid_sample(x, grid, mode=mode, padding_mode=padding, align_corners=corners)
            record(name, f, (1, 2, 3, 4), (1, 3, 3, 2), scales=[1.0, 1.6])
for mode in ["bilinear", "nearest"]:
    for padding, corners in [("zeros", False), ("border", True), ("reflection", False)]:
        f = lambda x, grid: F.grid_sample(x, grid, mode=mode, padding_mode=padding, align_corners=corners)
        record(f"grid3d_{mode}_{padding}", f, (1, 2, 2, 3, 3), (1, 2, 2, 2, 3), scales=[1.0, 1.4])
for corners in [False, True]:
    name = "_corners" if corners else ""
    record(f"affine2d{name}", lambda t: F.affine_grid(t, [2, 1, 3, 2], align_corners=corners), (2, 2, 3))
    record(f"affine3d{name}", lambda t: F.affine_grid(t, [1, 1, 2, 1, 3], align_corners=corners), (1, 3, 4))

# Patches, shuffles, local response
record("unfold", lambda x: F.unfold(x, (2, 3), stride=(2, 1), padding=(1, 0), dilation=(1, 2)), (2, 2, 5, 6))
record("fold", lambda x: F.fold(x, (5, 6), (2, 3), stride=(2, 1), padding=(1, 0), dilation=(1, 2)), (2, 12, 6))
record("pixel_shuffle", lambda x: F.pixel_shuffle(x, 2), (2, 8, 2, 3))
record("pixel_unshuffle", lambda x: F.pixel_unshuffle(x, 3), (2, 1, 3, 6))
record("channel_shuffle", lambda x: nn.ChannelShuffle(3)(x), (1, 6, 2, 2))
record("local_response_even", lambda x: F.local_response_norm(x, 4, alpha=0.3, beta=0.75, k=1.5), (2, 6, 3))
record("local_response_odd", lambda x: F.local_response_norm(x, 3, alpha=0.5, beta=0.5, k=1.0), (1, 5, 2, 2))
