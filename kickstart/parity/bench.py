#!/usr/bin/env python3
"""Measures `rekindle ks lint` and pykickstart in one run, and prints both sides with the ratio that is promised.

    make bench-ks

Batch: a thousand files, all rules, in one process of ours from its start to its end, beside pykickstart's parse alone with its handler
built already. Process: one file from start to end, beside ksvalidator. Memory: the largest resident set of one process. Length: the
time for 1, 10 and 100 MB.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time

from oracle import Oracle

BATCH = 1000


def wall(work, rounds):
    """Median wall time of some runs, in seconds."""
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def run(command):
    """Runs a command, its output dropped."""
    code = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode
    assert code in (0, 1), (command, code)


def memory(command):
    """The largest resident set of a command in MB.

    A child of this process would begin with the size of this one, so that time(1), which is small, comes in between.
    """
    report = subprocess.run(["/usr/bin/time", "-f", "%M"] + command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    return int(report.stderr.split()[-1]) / 1024


def line(what, ours, theirs, ratio, promised):
    print("%-32s ours %-16s pykickstart %-14s %8.0f times   promised %s   %s" % (
        what, ours, theirs, ratio, promised, "kept" if ratio >= promised else "MISSED"))


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--rekindle", required=True, help="the program, built for release")
    options.add_argument("--file", default=os.path.join(here, "..", "benches", "lines59.ks"))
    options.add_argument("--release", default="rhel9")
    options = options.parse_args()
    with open(options.file, "rb") as handle:
        data = handle.read()
    text = data.decode()
    print("%s: %d lines, %d bytes, for %s, on %d processors" % (
        os.path.basename(options.file), text.count("\n"), len(data), options.release, os.cpu_count()))
    lint = [options.rekindle, "ks", "lint", "--release", options.release, "--format", "json"]

    oracle = Oracle(options.release)
    assert oracle.judge(text)[0] == "A", "the file must be valid"
    theirs = wall(lambda: oracle.judge(text), 30)
    with tempfile.TemporaryDirectory() as directory:
        names = []
        for number in range(BATCH):
            names.append(os.path.join(directory, "%d.ks" % number))
            with open(names[-1], "wb") as handle:
                handle.write(data)
        ours = wall(lambda: run(lint + names), 7) / BATCH
        line("a file in a batch of %d" % BATCH, "%.1f us" % (ours * 1e6), "%.0f us" % (theirs * 1e6), theirs / ours, 150)
        one = names[0]
        ours = wall(lambda: run(lint + [one]), 30)
        ksvalidator = [os.path.join(os.path.dirname(sys.executable), "ksvalidator"), "-v", options.release.upper(), one]
        theirs = wall(lambda: run(ksvalidator), 7)
        line("one file, the whole process", "%.2f ms" % (ours * 1e3), "%.0f ms" % (theirs * 1e3), theirs / ours, 50)
        print("%-32s ours %.1f MB, ksvalidator %.1f MB; promised under 20 MB" % (
            "memory for one file", memory(lint + [one]), memory(ksvalidator)))
        commands = "".join(part for part in text.splitlines(True) if part.startswith(("#", "repo", "user", "sshkey")))
        for megabytes in (1, 10, 100):
            with open(one, "w") as handle:
                handle.write(text)
                body = "%post\n" + "# a line of a long script, as long as lines are\n" * 20 + "%end\n"
                unit = commands + body
                while handle.tell() < megabytes << 20:
                    handle.write(unit * 50)
            size = os.path.getsize(one) / (1 << 20)
            seconds = wall(lambda: run(lint + ["--parity", one]), 3 if megabytes < 100 else 1)
            all_rules = wall(lambda: run(lint + [one]), 3 if megabytes < 100 else 1)
            print("%-32s %.3f s with --parity, %.3f s with all rules (%.0f and %.0f ns a byte)" % (
                "%.0f MB" % size, seconds, all_rules, seconds / (size * (1 << 20)) * 1e9, all_rules / (size * (1 << 20)) * 1e9))


if __name__ == "__main__":
    main()
