"""Records losses and their gradients from PyTorch (CPU, f64) for crates/losses/tests/recorded.rs.

    python crates/suite/golden/make_losses.py > crates/losses/tests/golden/losses.csv

A line is: name, what (mean, sum, none or gradient, that of the mean), numbers.
"""

import warnings

import torch
import torch.nn.functional as F

warnings.simplefilter("ignore")
torch.set_default_dtype(torch.float64)

x = torch.tensor([[0.5, -1.25, 2.0], [1.5, 0.0, -0.75], [-2.0, 0.25, 1.0], [3.0, -3.0, 0.5]], requires_grad=True)
targets = torch.tensor([2, 0, 1, 2])
gaps = torch.tensor([2, -100, 1, 2])
weights = torch.tensor([0.5, 2.0, 1.25])
factors = torch.tensor([1.0, 2.0, 3.0])
q = torch.tensor([[0.2, 0.3, 0.5], [1.0, 0.0, 0.0], [0.1, 0.6, 0.3], [0.25, 0.25, 0.5]])
y = torch.tensor([[1.0, 0.0, 1.0], [0.0, 1.0, 0.0], [0.5, 0.25, 1.0], [1.0, 0.0, 0.0]])
image = (0.6 * torch.arange(12.0).reshape(2, 3, 2) - 2).sin().requires_grad_()
image_targets = torch.tensor([[0, 2], [1, 0]])

print(f"# torch {torch.__version__}")


def record(name, loss, variable=x):
    for reduction in ["mean", "sum", "none"]:
        value = loss(reduction)
        print(",".join([name, reduction, *map(repr, value.flatten().tolist())]))
        if reduction == "mean":
            (gradient,) = torch.autograd.grad(value, variable)
            print(",".join([name, "gradient", *map(repr, gradient.flatten().tolist())]))


record("plain", lambda r: F.cross_entropy(x, targets, reduction=r))
record("weighted", lambda r: F.cross_entropy(x, gaps, weight=weights, reduction=r))
record("smoothed", lambda r: F.cross_entropy(x, gaps, label_smoothing=0.1, reduction=r))
record("both", lambda r: F.cross_entropy(x, gaps, weight=weights, label_smoothing=0.1, reduction=r))
record("soft", lambda r: F.cross_entropy(x, q, weight=weights, label_smoothing=0.1, reduction=r))
record("image", lambda r: F.cross_entropy(image, image_targets, weight=weights, reduction=r), image)
record("nll", lambda r: F.nll_loss(x, gaps, weight=weights, reduction=r))
record("kl_div", lambda r: F.kl_div(x, q, reduction=r))
record(
    "bce_with_logits",
    lambda r: F.binary_cross_entropy_with_logits(x, y, weight=factors, pos_weight=weights, reduction=r),
)
record("bce", lambda r: F.binary_cross_entropy(torch.sigmoid(x), y, reduction=r))
record("huber", lambda r: F.huber_loss(x, y, delta=0.7, reduction=r))
record("smooth_l1", lambda r: F.smooth_l1_loss(x, y, beta=0.7, reduction=r))
record("l1", lambda r: F.l1_loss(x, y, reduction=r))
record("mse", lambda r: F.mse_loss(x, y, reduction=r))
