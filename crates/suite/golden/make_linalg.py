"""Records decompositions from PyTorch (CPU, LAPACK, f64) for crates/tensor/tests/linalg_recorded.rs.

    python crates/suite/golden/make_linalg.py > crates/tensor/tests/golden/linalg.csv

A line is: what, rows, columns, numbers. The matrices are computed by the same formula on both sides.
"""

import torch

torch.set_default_dtype(torch.float64)
print(f"# torch {torch.__version__}")


def matrix(m, n, phase=0.0):
    i, j = torch.arange(m).double().unsqueeze(1), torch.arange(n).double()
    return torch.sin(1 + 3 * i + 7 * j + 0.37 * i * j + phase)


def record(what, m, n, x):
    print(",".join([what, str(m), str(n), *map(repr, x.flatten().tolist())]))


for m, n in [(1, 1), (2, 2), (4, 4), (9, 9), (5, 3), (3, 5), (12, 7), (7, 12)]:
    a, b = matrix(m, n), matrix(m, 2, 0.5)
    q, r = torch.linalg.qr(a)
    record("q", m, n, q)
    record("r", m, n, r)
    record("svdvals", m, n, torch.linalg.svdvals(a))
    record("pinv", m, n, torch.linalg.pinv(a))
    record("rank", m, n, torch.linalg.matrix_rank(a).double())
    record("lstsq", m, n, torch.linalg.lstsq(a, b, driver="gelsd").solution)
    _, l, u = torch.linalg.lu(a)
    record("l", m, n, l)
    record("u", m, n, u)
    if m == n:
        symmetric, definite = a + a.T, a @ a.T + torch.eye(n)
        record("eigvalsh", m, n, torch.linalg.eigvalsh(symmetric))
        record("cholesky", m, n, torch.linalg.cholesky(definite))
        record("solve", m, n, torch.linalg.solve(definite, b))
        record("inverse", m, n, torch.linalg.inv(definite))
        record("det", m, n, torch.linalg.det(definite))
        record("slogdet", m, n, torch.stack(torch.linalg.slogdet(-definite)))
        record("power", m, n, torch.linalg.matrix_power(a, 5))
        record("exp", m, n, torch.linalg.matrix_exp(a))
        record("triangular", m, n, torch.linalg.solve_triangular(definite.triu(), b, upper=True))
