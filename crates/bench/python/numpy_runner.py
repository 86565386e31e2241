"""The matrix products in numpy's OpenBLAS (a product with one row is its gemv).

It exists to be compared with. It must never run on kernels that somebody's environment chose for another machine.
"""

import os

import protocol
from protocol import SGEMM, Job

for variable in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):
    os.environ.pop(variable, None)
os.environ["OPENBLAS_NUM_THREADS"] = str(protocol.threads_wanted())

import numpy  # noqa: E402 (the environment first)


def make(name):
    if name not in SGEMM:
        raise ValueError("unknown workload")
    m, k, n, layout = SGEMM[name]
    random = numpy.random.default_rng(0)
    draw = lambda rows, columns: random.standard_normal((rows, columns), numpy.float32)  # noqa: E731
    a = draw(k, m).T if layout == "tn" else draw(m, k)
    b = draw(n, k).T if layout == "nt" else draw(k, n)
    out = numpy.empty((m, n), numpy.float32)
    return Job(lambda: numpy.matmul(a, b, out=out))


if __name__ == "__main__":
    blas = numpy.show_config(mode="dicts")["Build Dependencies"]["blas"]
    protocol.main(f"numpy {numpy.__version__} with {blas['name']} {blas['version']}", list(SGEMM), make)
