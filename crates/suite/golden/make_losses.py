"""Records losses and their gradients from PyTorch (CPU, f64) for crates/losses/tests/recorded.rs.

    python crates/suite/golden/make_losses.py > crates/losses/tests/golden/losses.csv

A line is: name, what (mean, sum, none or gradient, that of the mean), numbers. Where a loss has several variables their
gradients follow each other. What PyTorch lacks is written out here in its operations.
"""

import math
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

# Losses of further make, with the gradients of all their variables.
z = (0.7 * torch.arange(12.0).reshape(4, 3) - 3).sin().requires_grad_()
w = (0.4 * torch.arange(12.0).reshape(4, 3) + 1).cos().requires_grad_()
s = torch.tensor([[1.0, -1.0, 1.0], [-1.0, 1.0, -1.0], [1.0, 1.0, -1.0], [-1.0, 1.0, 1.0]])
counts = torch.tensor([[0.0, 1.0, 3.0], [2.0, 0.0, 5.0], [1.0, 1.0, 2.0], [4.0, 0.0, 0.0]])
REDUCE = {"mean": torch.mean, "sum": torch.sum, "none": lambda x: x}


def record_all(name, loss, *variables):
    for reduction in ["mean", "sum", "none"]:
        value = loss(reduction)
        print(",".join([name, reduction, *map(repr, value.flatten().tolist())]))
        if reduction == "mean":
            gradients = torch.autograd.grad(value, variables)
            flat = [number for gradient in gradients for number in gradient.flatten().tolist()]
            print(",".join([name, "gradient", *map(repr, flat)]))


def composite(name, losses, *variables):
    record_all(name, lambda r: REDUCE[r](losses()), *variables)


record_all("poisson", lambda r: F.poisson_nll_loss(x, counts, reduction=r), x)
record_all("poisson_full", lambda r: F.poisson_nll_loss(x, counts, full=True, reduction=r), x)
record_all(
    "poisson_rate",
    lambda r: F.poisson_nll_loss(x.exp(), counts, log_input=False, full=True, eps=1e-3, reduction=r),
    x,
)
record_all("gaussian", lambda r: F.gaussian_nll_loss(x, y, z.square() + 0.1, reduction=r), x, z)
record_all("gaussian_full", lambda r: F.gaussian_nll_loss(x, y, z.square(), full=True, eps=0.5, reduction=r), x, z)
record_all("gaussian_rows", lambda r: F.gaussian_nll_loss(x, y, z.square().sum(1), reduction=r), x, z)
record_all("multi_margin", lambda r: F.multi_margin_loss(x, targets, reduction=r), x)
record_all(
    "multi_margin_squared",
    lambda r: F.multi_margin_loss(x, targets, p=2, margin=0.7, weight=weights, reduction=r),
    x,
)
label_sets = torch.tensor([[2, 0, -1], [1, -1, 0], [-1, 0, 1], [0, 1, 2]])
record_all("multilabel_margin", lambda r: F.multilabel_margin_loss(x, label_sets, reduction=r), x)
record_all("soft_margin", lambda r: F.soft_margin_loss(x, s, reduction=r), x)
record_all("multilabel_soft", lambda r: F.multilabel_soft_margin_loss(x, y, reduction=r), x)
record_all("multilabel_soft_weighted", lambda r: F.multilabel_soft_margin_loss(x, y, weight=factors, reduction=r), x)
record_all("kl_log", lambda r: F.kl_div(x, z.log_softmax(1), log_target=True, reduction=r), x, z)
record_all("ranking", lambda r: F.margin_ranking_loss(x, z, s, margin=0.3, reduction=r), x, z)
record_all("hinge_embedding", lambda r: F.hinge_embedding_loss(x, s, margin=1.2, reduction=r), x)
record_all("cosine", lambda r: F.cosine_embedding_loss(x, z, s[:, 0], margin=0.1, reduction=r), x, z)
record_all("triplet", lambda r: F.triplet_margin_loss(x, z, w, reduction=r), x, z, w)
record_all("triplet_city", lambda r: F.triplet_margin_loss(x, z, w, margin=2.0, p=1, swap=True, reduction=r), x, z, w)
record_all("triplet_cube", lambda r: F.triplet_margin_loss(x, z, w, p=3, eps=1e-3, swap=True, reduction=r), x, z, w)


def cosine_distance(a, b):
    return 1 - F.cosine_similarity(a, b)


record_all(
    "triplet_cosine",
    lambda r: F.triplet_margin_with_distance_loss(x, z, w, distance_function=cosine_distance, margin=0.5, reduction=r),
    x,
    z,
    w,
)

frames = (2 * (0.37 * torch.arange(90.0)).sin()).reshape(6, 3, 5).requires_grad_()
padded = torch.tensor([[1, 2, 2], [3, 0, 0], [4, 1, 4]])


def ctc(labels, frame_counts, label_counts, **options):
    return lambda r: F.ctc_loss(frames.log_softmax(2), labels, frame_counts, label_counts, reduction=r, **options)


record_all("ctc", ctc(padded, [6, 4, 3], [3, 1, 3]), frames)
record_all("ctc_infinite", ctc(padded, [6, 4, 2], [3, 1, 3], zero_infinity=True), frames)
in_a_row = torch.tensor([0, 0, 3, 1, 3])
record_all("ctc_blank", ctc(in_a_row, [6, 5, 6], [2, 0, 3], blank=4), frames)

tokens = torch.tensor([2, -100, 1, 2])
head = (0.3 * torch.arange(15.0).reshape(5, 3) - 2).sin().requires_grad_()
shift = (0.3 * torch.arange(5.0)).cos().requires_grad_()
five = torch.tensor([0.5, 2.0, 1.25, 0.75, 1.0])
record_all("head", lambda r: F.cross_entropy(F.linear(x, head), tokens, reduction=r), x, head)
record_all(
    "head_all",
    lambda r: F.cross_entropy(F.linear(x, head, shift), tokens, weight=five, label_smoothing=0.1, reduction=r),
    x,
    head,
    shift,
)

composite("info_nce", lambda: F.cross_entropy(
    F.normalize(x) @ F.normalize(z).T / 0.2, torch.arange(4), reduction="none"), x, z)


def nt_xent():
    views = F.normalize(torch.cat([x, z]))
    scores = (views @ views.T / 0.5).masked_fill(torch.eye(8, dtype=bool), -math.inf)
    return F.cross_entropy(scores, (torch.arange(8) + 4) % 8, reduction="none")


composite("nt_xent", nt_xent, x, z)
composite("bpr", lambda: -F.logsigmoid(x - z), x, z)
composite("listnet", lambda: -(counts.softmax(1) * x.log_softmax(1)).sum(1), x)


def js():
    p, q = x.softmax(1), z.softmax(1)
    m = (p + q) / 2
    return 0.5 * (p * (p / m).log() + q * (q / m).log()).sum(1)


composite("js", js, x, z)


def focal(alpha, gamma):
    p = x.sigmoid()
    hard = (y > 0.5).double()
    p_t = p * hard + (1 - p) * (1 - hard)
    alpha_t = alpha * hard + (1 - alpha) * (1 - hard)
    return -alpha_t * (1 - p_t) ** gamma * p_t.log()


composite("focal", lambda: focal(0.25, 2.0), x)
composite("focal_half", lambda: focal(0.6, 0.5), x)
picked = lambda: x.softmax(1).gather(1, targets[:, None])[:, 0]
composite("focal_classes", lambda: -weights[targets] * (1 - picked()) ** 1.5 * picked().log(), x)


def dice(p, squared, smooth):
    p, t = p.reshape(2, 3, 2), image_labels
    below = (p.square() if squared else p).sum(2) + (t.square() if squared else t).sum(2)
    return 1 - (2 * (p * t).sum(2) + smooth) / (below + smooth)


image_labels = F.one_hot(image_targets, 3).permute(0, 2, 1).double()
composite("dice", lambda: dice(image.sigmoid(), False, 1.0), image)
composite("dice_softmax", lambda: dice(image.softmax(1), True, 0.1), image)

boxes = torch.tensor([[0.0, 0, 2, 1], [1, 1, 3, 4], [0, 0, 1, 1], [2, 2, 5, 3]], requires_grad=True)
goals = torch.tensor([[1.0, 0.5, 3, 2], [1.5, 1.25, 2.5, 3], [3, 2, 4, 5], [1, 2.5, 4, 4]], requires_grad=True)


def overlap(kind):
    a, b = boxes, goals
    area = lambda c: (c[:, 2] - c[:, 0]) * (c[:, 3] - c[:, 1])
    inside = (torch.minimum(a[:, 2:], b[:, 2:]) - torch.maximum(a[:, :2], b[:, :2])).clamp(min=0).prod(1)
    union = area(a) + area(b) - inside
    low, high = torch.minimum(a[:, :2], b[:, :2]), torch.maximum(a[:, 2:], b[:, 2:])
    iou = inside / (union + 1e-7)
    if kind == "iou":
        return 1 - iou
    if kind == "giou":
        around = (high - low).prod(1)
        return 1 - iou + (around - union) / (around + 1e-7)
    centres = ((a[:, :2] + a[:, 2:]) / 2 - (b[:, :2] + b[:, 2:]) / 2).square().sum(1)
    loss = 1 - iou + centres / ((high - low).square().sum(1) + 1e-7)
    if kind == "diou":
        return loss
    angle = lambda c: ((c[:, 2] - c[:, 0]) / (c[:, 3] - c[:, 1])).atan()
    v = 4 / math.pi**2 * (angle(b) - angle(a)) ** 2
    with torch.no_grad():
        share = v / (1 - iou + v + 1e-7)
    return loss + share * v


for kind in ["iou", "giou", "diou", "ciou"]:
    composite(kind, lambda: overlap(kind), boxes, goals)
