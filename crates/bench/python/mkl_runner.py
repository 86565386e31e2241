"""The matrix products in MKL from its package on PyPI, through its C interface; one row is its gemv (suffix `v`) as well.

It exists to be compared with. It must never load another BLAS.
"""

import ctypes
import os
import random
import sys
from array import array
from importlib.metadata import version
from pathlib import Path

import protocol
from protocol import SGEMM, Job

os.environ["MKL_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = str(protocol.threads_wanted())
os.environ.setdefault("KMP_BLOCKTIME", "1")  # milliseconds: threads that wait for the next request sleep soon

VARIANTS = ["sgemm_1x4096x4096v", "sgemm_1x4096x4096_ntv"]
ROW_MAJOR, PLAIN, TRANSPOSED = 101, 111, 112


def load():
    libraries = Path(sys.prefix, "lib")
    ctypes.CDLL(libraries / "libiomp5.so", ctypes.RTLD_GLOBAL)
    return ctypes.CDLL(next(libraries.glob("libmkl_rt.so*")), ctypes.RTLD_GLOBAL)


def matrix(rows, columns):
    """Random numbers at a 64-byte boundary, and what owns them."""
    numbers = array("f", (random.random() - 0.5 for _ in range(4096))) * (rows * columns // 4096 + 2)
    address = numbers.buffer_info()[0]
    return ctypes.c_void_p(address + -address % 64), numbers


def make(name):
    gemv = name in VARIANTS
    name = name[:-1] if gemv else name
    if name not in SGEMM:
        raise ValueError("unknown workload")
    m, k, n, layout = SGEMM[name]
    (a, owner_a), (b, owner_b), (c, owner_c) = matrix(m, k), matrix(k, n), matrix(m, n)
    one, zero = ctypes.c_float(1), ctypes.c_float(0)
    mkl = load()

    def product():
        mkl.cblas_sgemm(
            ROW_MAJOR, TRANSPOSED if layout == "tn" else PLAIN, TRANSPOSED if layout == "nt" else PLAIN,
            m, n, k, one, a, m if layout == "tn" else k, b, k if layout == "nt" else n, zero, c, n,
        )  # fmt: skip

    def vector():
        rows, columns, transposed = (n, k, PLAIN) if layout == "nt" else (k, n, TRANSPOSED)
        mkl.cblas_sgemv(ROW_MAJOR, transposed, rows, columns, one, b, columns, a, 1, zero, c, 1)

    step = vector if gemv else product
    step.owners = (owner_a, owner_b, owner_c)
    return Job(step)


if __name__ == "__main__":
    protocol.main(f"MKL {version('mkl')}", [*SGEMM, *VARIANTS], make)
