#!/usr/bin/env python3
"""Compares the library with pykickstart on generated kickstarts, release by release.

    cargo build --release -p rekindle-kickstart --example verdicts
    venv/bin/python kickstart/parity/parity.py --verdicts target/release/examples/verdicts [--cases 20000] [--seed 1]

Prints the cases, the agreement for each release and each disagreement; ends with 1 below --goal.
`--freeze FILE` writes a small table of verdicts for machines without Python.
"""

import argparse
import collections
import multiprocessing
import subprocess
import sys

from generate import Generator
from oracle import Oracle, ksvalidator
import introspect

RELEASES = [name.lower() for name in introspect.RELEASES]


def judge_release(job):
    """Documents, pykickstart's verdicts and what ksvalidator itself says about a sample."""
    release, seed, cases, sample, files = job
    generator = Generator(seed, RELEASES.index(release))
    oracle = Oracle(release)
    documents, verdicts, broken_shortcuts = [], [], []
    for number in range(cases):
        text = generator.variant(files[number % len(files)], number < len(files)) if files else generator.document()
        verdict = oracle.judge(text)
        documents.append(text)
        verdicts.append(verdict)
        if number < sample and ksvalidator(release, text) != (verdict[0] == "A"):
            broken_shortcuts.append(text)
    return release, documents, verdicts, broken_shortcuts


def ask_library(program, release, documents):
    """Our verdicts, one letter and the first error's code for each document."""
    data = b"".join(b"%s %d\n%s" % (release.encode(), len(text), text)
                    for text in (d.encode("utf-8", "surrogatepass") for d in documents))
    answer = subprocess.run([program], input=data, stdout=subprocess.PIPE, check=True).stdout.decode()
    return [line.split(" ", 1) for line in answer.splitlines()]


def main():
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--verdicts", required=True, help="the example program `verdicts`")
    options.add_argument("--cases", type=int, default=20000, help="documents for each release")
    options.add_argument("--seed", default="1")
    options.add_argument("--release", action="append", choices=RELEASES)
    options.add_argument("--sample", type=int, default=100, help="documents for each release that ksvalidator itself judges")
    options.add_argument("--show", type=int, default=20, help="disagreements to print for each release")
    options.add_argument("--goal", type=float, default=99.9, help="agreement in per cent below which this fails")
    options.add_argument("--freeze", metavar="FILE", help="write a table of verdicts")
    options.add_argument("--files", nargs="+", help="judge these kickstarts and random edits of them in place of made-up ones")
    options.add_argument("--frozen", type=int, default=100, help="documents for each release that --freeze writes")
    options.add_argument("--jobs", type=int, default=2)
    options = options.parse_args()

    files = []
    for name in options.files or []:
        with open(name, encoding="utf-8", newline="") as handle:
            files.append(handle.read())
    jobs = [(r, options.seed, options.cases, options.sample, files) for r in options.release or RELEASES]
    failed = False
    frozen = []
    with multiprocessing.Pool(options.jobs) as pool:
        for release, documents, verdicts, broken in pool.imap(judge_release, jobs):
            ours = ask_library(options.verdicts, release, documents)
            assert len(ours) == len(documents), (release, len(ours))
            wrong = [(d, v, o) for d, v, o in zip(documents, verdicts, ours) if v[0] != o[0]]
            agreement = 100.0 * (1 - len(wrong) / len(documents))
            counts = collections.Counter(v[0] for v in verdicts)
            print("%-6s %6d cases (%d accepted, %d deprecated, %d rejected): %.3f %% agree, %d do not" % (
                release, len(documents), counts["A"], counts["D"], counts["R"], agreement, len(wrong)))
            for text, verdict, own in wrong[:options.show]:
                print("  pykickstart %s (%s), ours %s\n    %r" % (verdict[0], verdict[1][:160], " ".join(own), text))
            for text in broken:
                print("  the harness and ksvalidator differ: %r" % text)
            failed |= agreement < options.goal or bool(broken)
            frozen += [(v[0], release, d) for d, v in list(zip(documents, verdicts))[:options.frozen]]
            sys.stdout.flush()
    if options.freeze:
        with open(options.freeze, "w", encoding="utf-8", newline="") as handle:
            handle.write("# verdict release document; printed by kickstart/parity/parity.py --freeze\n")
            for verdict, release, text in frozen:
                handle.write("%s %s %s\n" % (verdict, release, text.encode("unicode_escape").decode()))
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
