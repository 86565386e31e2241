"""What every Python runner shares: the command line, the serving loop, the timing and the shapes of the products.

It exists so that each runner is only its library's own code. It must never know a library: nothing is imported here that
costs time at the start or starts threads.
"""

import argparse
import gc
import os
import statistics
import sys
import time
from dataclasses import dataclass, field
from typing import Callable

# name: (m, k, n, layout); nt: B is stored transposed, tn: A is stored transposed.
SGEMM = {
    "sgemm_128": (128, 128, 128, "nn"),
    "sgemm_256": (256, 256, 256, "nn"),
    "sgemm_512": (512, 512, 512, "nn"),
    "sgemm_512_nt": (512, 512, 512, "nt"),
    "sgemm_512_tn": (512, 512, 512, "tn"),
    "sgemm_1024": (1024, 1024, 1024, "nn"),
    "sgemm_2048": (2048, 2048, 2048, "nn"),
    "sgemm_64x784x512": (64, 784, 512, "nn"),
    "sgemm_1x4096x4096": (1, 4096, 4096, "nn"),
    "sgemm_1x4096x4096_nt": (1, 4096, 4096, "nt"),
    "sgemm_1024x64x1024": (1024, 64, 1024, "nn"),
}

WARM_UP_FIRST = 0.5  # seconds, and at least three calls: caches, code generation, the thread pool
WARM_UP_AGAIN = 0.02  # seconds, and at least one call


@dataclass
class Job:
    """A workload that is set up: `step` is timed whole; `facts` go into the answer's last column."""

    step: Callable[[], object]
    facts: dict = field(default_factory=dict)


def threads_wanted() -> int:
    """The number after --threads, read before the library is imported: most libraries look at the environment once."""
    arguments = sys.argv[1:]
    return int(arguments[arguments.index("--threads") + 1]) if "--threads" in arguments else os.cpu_count() or 1


def peak_mb() -> int:
    with open("/proc/self/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) // 1024


def repeat(step: Callable[[], object], seconds: float, at_least: int) -> list[float]:
    """Milliseconds of each call, for `seconds` and at least so many calls."""
    times = []
    end = time.perf_counter() + seconds
    while len(times) < at_least or (time.perf_counter() < end and len(times) < 100_000):
        start = time.perf_counter_ns()
        step()
        times.append((time.perf_counter_ns() - start) / 1e6)
    return times


class Server:
    """Keeps the workload of the last request set up and drops it when another one comes."""

    def __init__(self, make: Callable[[str], Job]):
        self.make = make
        self.name: str | None = None
        self.job: Job | None = None

    def answer(self, name: str, seconds: float) -> str:
        try:
            again = name == self.name
            if not again:
                self.name, self.job = None, None
                gc.collect()
                self.job, self.name = self.make(name), name
            gc.disable()
            repeat(self.job.step, WARM_UP_AGAIN if again else WARM_UP_FIRST, 1 if again else 3)
            times = repeat(self.job.step, seconds, 3)
        except Exception as error:  # the other workloads must still be measured
            self.name, self.job = None, None
            reason = " ".join(str(error).split())[:200]
            return f"{name}\terror\t{type(error).__name__}: {reason}"
        finally:
            gc.enable()
        facts = {"peak_mb": peak_mb(), "n": len(times)} | self.job.facts
        extra = " ".join(f"{key}={value}" for key, value in facts.items())
        return f"{name}\t{statistics.median(times):.5f}\t{min(times):.5f}\t{extra}"


def main(version: str, names: list[str], make: Callable[[str], Job], first_loss: Callable[[], float] | None = None) -> None:
    """Runs the command line around `make`, which sets a workload up by its name."""
    parser = argparse.ArgumentParser()
    parser.add_argument("workloads", nargs="*", metavar="WORKLOAD", help="names, or `all`")
    parser.add_argument("--threads", type=int, default=threads_wanted())
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--list", action="store_true", help="prints the names")
    parser.add_argument("--serve", action="store_true", help="answers lines `WORKLOAD SECONDS` from the standard input")
    parser.add_argument("--version", action="store_true", help="prints the library's name and version")
    parser.add_argument("--cache", help="the folder for exported models (onnxruntime)")
    if first_loss:
        parser.add_argument("--first-loss", action="store_true", help="one step of `tiny_train`, and its loss")
    options = parser.parse_args()
    if options.version:
        print(version)
    elif options.list:
        print("\n".join(names))
    elif getattr(options, "first_loss", False):
        print(f"{first_loss():.6f}", flush=True)
    elif options.serve:
        server = Server(make)
        for line in sys.stdin:
            if words := line.split():
                print(server.answer(words[0], float(words[1]) if len(words) > 1 else options.seconds), flush=True)
    else:
        server = Server(make)
        for name in names if options.workloads == ["all"] else options.workloads:
            print(server.answer(name, options.seconds), flush=True)
