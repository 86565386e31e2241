"""Records PyTorch's layers with all their gradients (CPU, f64) for crates/layers/tests/recorded.

    python crates/suite/golden/make_layers.py crates/layers/tests/golden

A file for each family. A line is: case, name, axis lengths (`4x3x2`, nothing for a number), values. Names: `x0`, `x1` inputs; `y0`, `y1`
results; `w:y0` the cotangent that a result gets; `p:…` the state dict, in its order; `a:…` buffers after the forward pass; `g:x0`, `g:p:…`
gradients; `i:…` integers and booleans.
"""

import math
import sys
import warnings
from pathlib import Path

import torch
from torch import nn
from torch.nn.utils import parametrizations

warnings.simplefilter("ignore")
torch.set_default_dtype(torch.float64)
FOLDER = Path(sys.argv[1])


class Recorder:
    def __init__(self, family, seed):
        torch.manual_seed(seed)
        self.out = open(FOLDER / f"{family}.csv", "w")
        print(f"# torch {torch.__version__}", file=self.out)

    def row(self, case, name, x):
        x = x.detach()
        as_text = repr if x.is_floating_point() else (lambda v: str(int(v)))
        print(",".join([case, name, "x".join(map(str, x.shape)), *map(as_text, x.flatten().tolist())]), file=self.out)

    def case(self, case, module, inputs, call=None, ints={}, randomise=True, weigh=True):
        """Forward and backward of `call(*inputs)`, by default the module itself."""
        if randomise:
            with torch.no_grad():
                for parameter in module.parameters():
                    parameter.add_(0.1 * torch.randn_like(parameter))
        for name, value in module.state_dict().items():
            self.row(case, "p:" + name, value)
        inputs = [x.detach().clone().requires_grad_() for x in inputs]
        for name, value in ints.items():
            self.row(case, "i:" + name, value)
        results = (call or module)(*inputs)
        results = results if isinstance(results, (tuple, list)) else [results]
        loss = 0
        for i, y in enumerate(results):
            weight = torch.randn_like(y)
            self.row(case, f"w:y{i}", weight)
            self.row(case, f"y{i}", y)
            loss = loss + (weight * y).sum()
        if loss.requires_grad:
            loss.backward()
        for i, x in enumerate(inputs):
            self.row(case, f"x{i}", x)
            self.row(case, f"g:x{i}", torch.zeros_like(x) if x.grad is None else x.grad)
        for name, parameter in module.named_parameters():
            self.row(case, "g:p:" + name, torch.zeros_like(parameter) if parameter.grad is None else parameter.grad)
        for name, value in module.named_buffers():
            self.row(case, "a:" + name, value)


def activations():
    r = Recorder("activations", 1)
    x = torch.tensor([-1e3, -100.0, -20.5, -6.0, -3.0, -2.0, -1.0, -0.5, -0.2, -0.0, 0.0, 0.3, 0.5, 1.0, 2.5, 3.0, 6.0, 20.5, 100.0, 1e3])
    x = torch.stack([x, torch.randn(20)])
    layers = {
        "relu": nn.ReLU(), "relu6": nn.ReLU6(), "leaky_relu": nn.LeakyReLU(), "leaky_relu_steep": nn.LeakyReLU(0.3),
        "rrelu": nn.RReLU(0.1, 0.4).eval(), "elu": nn.ELU(), "elu_half": nn.ELU(0.5), "celu": nn.CELU(2.0), "selu": nn.SELU(),
        "gelu": nn.GELU(), "gelu_tanh": nn.GELU("tanh"), "silu": nn.SiLU(), "mish": nn.Mish(), "hardswish": nn.Hardswish(),
        "hardsigmoid": nn.Hardsigmoid(), "hardtanh": nn.Hardtanh(), "hardtanh_wide": nn.Hardtanh(-2.0, 0.5),
        "softplus": nn.Softplus(), "softplus_sharp": nn.Softplus(2.0, 5.0), "softsign": nn.Softsign(), "tanhshrink": nn.Tanhshrink(),
        "softshrink": nn.Softshrink(), "hardshrink": nn.Hardshrink(), "threshold": nn.Threshold(0.3, -2.0), "sigmoid": nn.Sigmoid(),
        "tanh": nn.Tanh(), "log_sigmoid": nn.LogSigmoid(), "prelu": nn.PReLU(),
    }
    for name, layer in layers.items():
        r.case(name, layer, [x])
    r.case("prelu_channels", nn.PReLU(3), [torch.randn(2, 3, 4)])
    soft = torch.cat([torch.randn(3, 6), 300 * torch.randn(1, 6)])
    for name, layer in {"softmax": nn.Softmax(-1), "log_softmax": nn.LogSoftmax(-1), "softmin": nn.Softmin(0), "glu": nn.GLU(), "glu_first": nn.GLU(0)}.items():
        r.case(name, layer, [soft])
    r.case("softmax2d", nn.Softmax2d(), [torch.randn(2, 3, 2, 2)])
    r.case("empty", nn.Softmax(-1), [torch.randn(0, 6)])


def lookup():
    r = Recorder("lookup", 2)
    r.case("linear", nn.Linear(3, 4), [torch.randn(2, 5, 3)])
    r.case("linear_vector", nn.Linear(3, 4), [torch.randn(3)])
    r.case("linear_plain", nn.Linear(3, 4, bias=False), [1e3 * torch.randn(5, 3)])
    r.case("linear_empty", nn.Linear(3, 4), [torch.randn(0, 3)])
    r.case("bilinear", nn.Bilinear(3, 4, 2), [torch.randn(5, 3), torch.randn(5, 4)])
    r.case("bilinear_plain", nn.Bilinear(3, 4, 2, bias=False), [torch.randn(2, 3, 3), torch.randn(2, 3, 4)])
    r.case("bilinear_empty", nn.Bilinear(3, 4, 2), [torch.randn(0, 3), torch.randn(0, 4)])
    tokens = torch.tensor([[4, 0, 3], [4, 2, 3]])
    for name, options in {
        "embedding": {}, "embedding_padding": {"padding_idx": 3}, "embedding_limit": {"max_norm": 1.0},
        "embedding_limit_one": {"max_norm": 1.5, "norm_type": 1.0}, "embedding_limit_most": {"max_norm": 0.5, "norm_type": math.inf},
    }.items():
        layer = nn.Embedding(6, 3, **options)
        r.case(name, layer, [], lambda: layer(tokens), {"tokens": tokens})
        r.row(name, "a:weight", layer.weight)
    flat, offsets = torch.tensor([1, 2, 4, 5, 4, 3, 2, 0, 3]), torch.tensor([0, 2, 2, 7])
    for mode in ["sum", "mean", "max"]:
        for name, options in {"": {}, "_padding": {"padding_idx": 4}, "_limit": {"max_norm": 1.0}}.items():
            layer = nn.EmbeddingBag(6, 3, mode=mode, **options)
            r.case(f"bag_{mode}{name}", layer, [], lambda: layer(flat, offsets), {"tokens": flat, "offsets": offsets})
            layer = nn.EmbeddingBag(6, 3, mode=mode, **options)
            r.case(f"bag_even_{mode}{name}", layer, [], lambda: layer(tokens), {"tokens": tokens})
    layer = nn.EmbeddingBag(6, 3, mode="sum")
    r.case("bag_weighted", layer, [torch.randn(9)], lambda w: layer(flat, offsets, w), {"tokens": flat, "offsets": offsets})
    layer = nn.EmbeddingBag(6, 3, mode="sum", padding_idx=4)
    r.case("bag_even_weighted", layer, [torch.randn(2, 3)], lambda w: layer(tokens, per_sample_weights=w), {"tokens": tokens})


def norms():
    r = Recorder("norms", 3)
    shapes = {1: [4, 3], 2: [3, 3, 2, 2], 3: [2, 3, 2, 1, 2]}
    for rank, shape in {**shapes, 1.5: [3, 3, 4]}.items():
        kind = [nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d][math.ceil(rank) - 1 if rank != 1.5 else 0]
        name = "sequence" if rank == 1.5 else str(rank) + "d"
        x = 3 * torch.randn(shape) + 1
        r.case(f"batch_{name}", kind(3), [x])
        layer = kind(3)
        layer(torch.randn(shape))
        r.case(f"batch_{name}_eval", layer.eval(), [x])
        r.case(f"batch_{name}_plain", kind(3, affine=False, momentum=None, eps=1e-3), [x])
        r.case(f"batch_{name}_untracked", kind(3, track_running_stats=False).eval(), [x])
    for rank, shape in {1: [2, 3, 4], 2: [2, 3, 2, 3], 3: [2, 3, 2, 2, 2]}.items():
        kind = [nn.InstanceNorm1d, nn.InstanceNorm2d, nn.InstanceNorm3d][rank - 1]
        x = 3 * torch.randn(shape) + 1
        r.case(f"instance_{rank}d", kind(3), [x])
        r.case(f"instance_{rank}d_affine", kind(3, affine=True, eps=1e-3), [x])
        r.case(f"instance_{rank}d_tracked", kind(3, affine=True, track_running_stats=True, momentum=0.3), [x])
        layer = kind(3, affine=True, track_running_stats=True)
        layer(torch.randn(shape))
        r.case(f"instance_{rank}d_tracked_eval", layer.eval(), [x])
        r.case(f"instance_{rank}d_single", kind(3), [x[0]])
    x = torch.randn(2, 3, 4)
    r.case("layer", nn.LayerNorm(4), [x])
    r.case("layer_two", nn.LayerNorm([3, 4], eps=1e-2), [x])
    r.case("layer_unbiased", nn.LayerNorm(4, bias=False), [x])
    r.case("layer_plain", nn.LayerNorm(4, elementwise_affine=False), [x])
    r.case("layer_far", nn.LayerNorm(4), [1e4 + 0.01 * x])
    r.case("layer_flat", nn.LayerNorm(4), [1e-6 * x])
    r.case("layer_empty", nn.LayerNorm(4), [torch.randn(0, 4)])
    r.case("rms", nn.RMSNorm(4), [x])
    r.case("rms_two", nn.RMSNorm([3, 4], eps=1e-5), [x])
    r.case("rms_plain", nn.RMSNorm(4, elementwise_affine=False), [100 * x])
    x = torch.randn(2, 6, 2, 3)
    for groups in [1, 2, 6]:
        r.case(f"group_{groups}", nn.GroupNorm(groups, 6), [x])
    r.case("group_plain", nn.GroupNorm(3, 6, eps=1e-2, affine=False), [x])
    r.case("group_vectors", nn.GroupNorm(3, 6), [torch.randn(2, 6)])


BLOCKED = torch.tensor([[False, True, False, False, True], [False, False, True, True, False], [True, False, False, True, True]])
IGNORED = torch.tensor([[False, False, True, False, False], [False, True, False, False, False]])


def attention():
    r = Recorder("attention", 4)
    x, memory = torch.randn(2, 3, 4), torch.randn(2, 5, 4)
    bias = torch.randn(3, 5)
    causal = nn.Transformer.generate_square_subsequent_mask(3)
    masks = {
        "": {}, "_blocked": {"attn_mask": BLOCKED}, "_bias": {"attn_mask": bias}, "_ignored": {"key_padding_mask": IGNORED},
        "_both": {"attn_mask": BLOCKED, "key_padding_mask": IGNORED},
    }
    kinds = {
        "plain": {}, "unbiased": {"bias": False}, "bias_kv": {"add_bias_kv": True}, "zero": {"add_zero_attn": True},
        "all": {"add_bias_kv": True, "add_zero_attn": True},
    }
    ints = {"blocked": BLOCKED, "ignored": IGNORED, "bias": bias}
    for kind, options in kinds.items():
        for name, mask in masks.items():
            layer = nn.MultiheadAttention(4, 2, batch_first=True, **options)
            call = lambda q, m: layer(q, m, m, average_attn_weights=False, **mask)
            r.case(f"{kind}{name}", layer, [x, memory], call, ints)
    layer = nn.MultiheadAttention(4, 2, batch_first=True, kdim=3, vdim=6, add_bias_kv=True)
    call = lambda q, k, v: layer(q, k, v, key_padding_mask=IGNORED, average_attn_weights=False)
    r.case("wide", layer, [x, torch.randn(2, 5, 3), torch.randn(2, 5, 6)], call, ints)
    layer = nn.MultiheadAttention(4, 2, batch_first=True)
    r.case("average", layer, [x, memory], lambda q, m: layer(q, m, m), ints)
    layer = nn.MultiheadAttention(4, 4, batch_first=True)
    r.case("causal", layer, [30 * x], lambda x: layer(x, x, x, attn_mask=causal, is_causal=True, need_weights=False)[0])
    layer = nn.MultiheadAttention(4, 2)
    r.case("single", layer, [torch.randn(3, 4)], lambda x: layer(x, x, x, need_weights=False)[0])
    layer = nn.MultiheadAttention(4, 2, batch_first=True)
    r.case("empty", layer, [torch.randn(0, 3, 4)], lambda x: layer(x, x, x, need_weights=False)[0])


def transformers():
    r = Recorder("transformers", 5)
    S, T, B, E = 5, 3, 2, 4
    source, target = torch.randn(S, B, E), torch.randn(T, B, E)
    causal = nn.Transformer.generate_square_subsequent_mask(T)
    ints = {"ignored": IGNORED, "blocked": BLOCKED}
    for norm_first in [False, True]:
        for activation in ["relu", "gelu"]:
            options = dict(dim_feedforward=6, dropout=0.0, activation=activation, norm_first=norm_first)
            name = f"{'pre' if norm_first else 'post'}_{activation}"
            encoder = nn.TransformerEncoderLayer(E, 2, **options)
            r.case(f"encoder_layer_{name}", encoder, [source], lambda x: encoder(x, src_key_padding_mask=IGNORED), ints)
            decoder = nn.TransformerDecoderLayer(E, 2, **options)
            call = lambda x, m: decoder(x, m, tgt_mask=causal, memory_mask=BLOCKED, memory_key_padding_mask=IGNORED)
            r.case(f"decoder_layer_{name}", decoder, [target, source], call, ints)
    first = nn.TransformerEncoderLayer(E, 2, 6, 0.0, batch_first=True, bias=False, layer_norm_eps=1e-3)
    r.case("encoder_layer_batch_first", first, [torch.randn(B, S, E)])
    encoder = nn.TransformerEncoderLayer(E, 2, 6, 0.0)
    r.case("encoder_layer_single", encoder, [torch.randn(S, E)])
    stack = nn.TransformerEncoder(nn.TransformerEncoderLayer(E, 2, 6, 0.0, norm_first=True), 2, nn.LayerNorm(E), enable_nested_tensor=False)
    square = nn.Transformer.generate_square_subsequent_mask(S)
    r.case("encoder", stack, [source], lambda x: stack(x, mask=square, is_causal=True))
    stack2 = nn.TransformerDecoder(nn.TransformerDecoderLayer(E, 2, 6, 0.0), 2)
    r.case("decoder", stack2, [target, source], lambda x, m: stack2(x, m, tgt_mask=causal))
    model = nn.Transformer(E, 2, 2, 1, 6, 0.0)
    call = lambda s, t: model(s, t, tgt_mask=causal, src_key_padding_mask=IGNORED, memory_key_padding_mask=IGNORED)
    r.case("transformer", model, [source, target], call, ints)


def wrappers():
    r = Recorder("wrappers", 6)
    x = torch.randn(4, 3)
    image = torch.randn(2, 2, 3, 3)
    r.case("weight_norm", parametrizations.weight_norm(nn.Linear(3, 2)), [x])
    r.case("weight_norm_second", parametrizations.weight_norm(nn.Linear(3, 2), dim=1), [x])
    r.case("weight_norm_conv", parametrizations.weight_norm(nn.Conv2d(2, 3, 2)), [image])
    recurrent = parametrizations.weight_norm(nn.RNN(3, 2), "weight_hh_l0")
    r.case("weight_norm_rnn", recurrent, [torch.randn(4, 1, 3)], lambda x: recurrent(x)[0])
    for name, make, given in [("linear", lambda: nn.Linear(3, 2), x), ("conv", lambda: nn.Conv2d(2, 3, 2), image)]:
        for steps in [1, 3]:
            r.case(f"spectral_norm_{name}_{steps}", parametrizations.spectral_norm(make(), n_power_iterations=steps), [given])
    wrapped = parametrizations.spectral_norm(nn.Linear(3, 2)).eval()
    r.case("spectral_norm_eval", wrapped, [x])


class Block(nn.Module):
    def __init__(self, size, heads):
        super().__init__()
        self.ln_1, self.attn = nn.LayerNorm(size), nn.MultiheadAttention(size, heads, batch_first=True)
        self.ln_2, self.c_fc, self.c_proj = nn.LayerNorm(size), nn.Linear(size, 4 * size), nn.Linear(4 * size, size)

    def forward(self, x):
        mask = nn.Transformer.generate_square_subsequent_mask(x.shape[1])
        h = self.ln_1(x)
        x = x + self.attn(h, h, h, attn_mask=mask, is_causal=True, need_weights=False)[0]
        return x + self.c_proj(nn.functional.gelu(self.c_fc(self.ln_2(x)), approximate="tanh"))


class Gpt(nn.Module):
    """GPT-2 in small: learned positions, norms first, a head that shares the embedding's weight."""

    def __init__(self, vocabulary, length, size, heads, blocks):
        super().__init__()
        self.wte, self.wpe = nn.Embedding(vocabulary, size), nn.Embedding(length, size)
        self.h = nn.ModuleList(Block(size, heads) for _ in range(blocks))
        self.ln_f = nn.LayerNorm(size)

    def forward(self, tokens):
        x = self.wte(tokens) + self.wpe(torch.arange(tokens.shape[1]))
        for block in self.h:
            x = block(x)
        return self.ln_f(x) @ self.wte.weight.T


def gpt():
    r = Recorder("gpt", 7)
    model = Gpt(11, 8, 12, 3, 2)
    tokens = torch.randint(11, (2, 7))
    targets = torch.randint(11, (2, 7))

    def call():
        logits = model(tokens)
        return logits, nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten())

    r.case("gpt", model, [], call, {"tokens": tokens, "targets": targets})


def initialisers():
    """What has a value is recorded as it is; of what is random, standard deviation and largest of 54,000 numbers."""
    r = Recorder("initialisers", 8)
    init = nn.init
    for name in ["linear", "sigmoid", "tanh", "relu", "leaky_relu", "selu"]:
        r.row("gain", name, torch.tensor(float(init.calculate_gain(name))))
    r.row("gain", "leaky_relu_half", torch.tensor(init.calculate_gain("leaky_relu", 0.5)))
    for shape, groups in [((4, 2, 3, 3), 1), ((4, 2, 3, 3), 2), ((3, 4, 2), 1), ((2, 3, 1, 2, 3), 1)]:
        r.row("dirac", f"groups{groups}_{'x'.join(map(str, shape))}", init.dirac_(torch.empty(shape), groups))
    for shape in [(2, 4), (4, 2)]:
        r.row("eye", "x".join(map(str, shape)), init.eye_(torch.empty(shape)))
    shape = (120, 50, 3, 3)
    random = {
        "xavier_uniform": lambda w: init.xavier_uniform_(w, 2.0), "xavier_normal": init.xavier_normal_,
        "kaiming_uniform": lambda w: init.kaiming_uniform_(w, nonlinearity="relu"),
        "kaiming_normal": lambda w: init.kaiming_normal_(w, 0.3, mode="fan_out"),
        "trunc_normal": lambda w: init.trunc_normal_(w, 0.5, 2.0, -1.0, 3.0), "normal": lambda w: init.normal_(w, 1.0, 0.3),
        "uniform": lambda w: init.uniform_(w, -1.0, 4.0), "orthogonal": lambda w: init.orthogonal_(w, 1.5),
    }
    for name, fill in random.items():
        w = fill(torch.empty(shape))
        r.row("random", name, torch.stack([w.mean(), w.std(), w.abs().max()]))
    sparse = init.sparse_(torch.empty(37, 200), 0.31, 0.5)
    r.row("random", "sparse_zeros_per_column", (sparse == 0).sum(0).double().unique())


for family in [initialisers, activations, lookup, norms, attention, transformers, wrappers, gpt]:
    family()
