#!/usr/bin/env python3
"""Measures the library and pykickstart in one run, and prints the ratios.

    cargo build --release -p rekindle-kickstart --examples
    venv/bin/python kickstart/parity/bench.py --examples target/release/examples [--file FILE] [--release rhel9]

Batch: the file a thousand times in one process (ours: the whole process, start and input included; pykickstart:
parse with its handler built already). Process: one file, one process, from start to end.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time

from oracle import Oracle

BATCH = 1000


def wall(work, rounds):
    """Median wall time of some runs."""
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--examples", required=True, help="directory of the example programs")
    options.add_argument("--file", default=os.path.join(here, "..", "benches", "sample.ks"))
    options.add_argument("--release", default="rhel9")
    options = options.parse_args()
    with open(options.file, "rb") as handle:
        data = handle.read()
    text = data.decode()
    print("%s: %d lines, %d bytes, %s" % (os.path.basename(options.file), text.count("\n"), len(data), options.release))

    oracle = Oracle(options.release)
    assert oracle.judge(text)[0] == "A", "the file must be valid"
    theirs = wall(lambda: oracle.judge(text), 30)
    batch = (b"%s %d\n%s" % (options.release.encode(), len(data), data)) * BATCH
    verdicts = os.path.join(options.examples, "verdicts")
    ours = wall(lambda: subprocess.run([verdicts], input=batch, stdout=subprocess.DEVNULL, check=True), 10) / BATCH
    print("batch:   ours %.4f ms a file, pykickstart %.2f ms: %.0f times as fast" % (ours * 1e3, theirs * 1e3, theirs / ours))

    lint = os.path.join(options.examples, "lint")
    ours = wall(lambda: subprocess.run([lint, options.release], input=data, stdout=subprocess.DEVNULL, check=True), 30)
    ksvalidator = [os.path.join(os.path.dirname(sys.executable), "ksvalidator"), "-v", options.release.upper(), options.file]
    theirs = wall(lambda: subprocess.run(ksvalidator, stdout=subprocess.DEVNULL, check=True), 5)
    print("process: ours %.2f ms (lint, all rules), ksvalidator %.0f ms: 1/%.0f" % (ours * 1e3, theirs * 1e3, theirs / ours))


if __name__ == "__main__":
    main()
