"""Records PyTorch's recurrent layers with all their gradients (CPU, f64).

    python crates/suite/golden/make_recurrent.py crates/layers/tests/golden

`recurrent.csv`: case, name, axis lengths (`4x3x2`), values. Names are those of the state dict; `x`, `h0`, `c0` inputs, `y`, `h`,
`c` results, `w:` before a result the cotangent it gets, `g:` before a parameter or an input its gradient.
"""

import sys
from pathlib import Path

import torch
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

torch.set_default_dtype(torch.float64)
torch.manual_seed(11)
LENGTHS = [2, 4, 3]
T, B, I, H = 4, 3, 2, 3
cases = {
    "rnn": (torch.nn.RNN(I, H, 2), False),
    "rnn_relu": (torch.nn.RNN(I, H, nonlinearity="relu", bidirectional=True), False),
    "lstm": (torch.nn.LSTM(I, H, 2, bidirectional=True), False),
    "lstm_projection": (torch.nn.LSTM(I, H, 2, proj_size=2, bidirectional=True), False),
    "lstm_batch_first": (torch.nn.LSTM(I, H, bias=False, batch_first=True), False),
    "gru": (torch.nn.GRU(I, H, 2, bidirectional=True), False),
    "rnn_packed": (torch.nn.RNN(I, H, bidirectional=True), True),
    "lstm_packed": (torch.nn.LSTM(I, H, 2, proj_size=2, bidirectional=True), True),
    "gru_packed": (torch.nn.GRU(I, H, 2, bidirectional=True), True),
}
with open(Path(sys.argv[1]) / "recurrent.csv", "w") as out:
    print(f"# torch {torch.__version__}", file=out)
    for case, (layer, packed) in cases.items():

        def row(name, x):
            values = map(repr, x.detach().flatten().tolist())
            print(",".join([case, name, "x".join(map(str, x.shape)), *values]), file=out)

        directions = layer.num_layers * (2 if layer.bidirectional else 1)
        x = torch.randn([B, T, I] if layer.batch_first else [T, B, I], requires_grad=True)
        inputs = {"x": x, "h0": torch.randn(directions, B, layer.proj_size or H, requires_grad=True)}
        if layer.mode == "LSTM":
            inputs["c0"] = torch.randn(directions, B, H, requires_grad=True)
        states = (inputs["h0"], inputs["c0"]) if "c0" in inputs else inputs["h0"]
        given = pack_padded_sequence(x, LENGTHS, enforce_sorted=False) if packed else x
        y, last = layer(given, states)
        if packed:
            y, lengths = pad_packed_sequence(y)
            assert lengths.tolist() == LENGTHS
        results = {"y": y, **(dict(zip("hc", last)) if isinstance(last, tuple) else {"h": last})}
        loss = 0
        for name, result in results.items():
            weight = torch.randn_like(result)
            row("w:" + name, weight)
            row(name, result)
            loss = loss + (weight * result).sum()
        loss.backward()
        for name, tensor in [*inputs.items(), *layer.named_parameters()]:
            row(name, tensor)
            row("g:" + name, tensor.grad)
