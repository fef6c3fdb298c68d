#!/usr/bin/env python3
"""Lints real kickstarts that were not written here: the samples in the source distribution of Cobbler.

    kickstart/parity/run foreign

They are templates: placeholders become values of their kind, snippets and directives go. The archive is kept in the cache
(`REKINDLE_CACHE`); without it and without PyPI nothing is run. For each file and release it prints the errors, and beside them
whether ksvalidator refuses the file: an error of ours that ksvalidator does not share must name what the installer stops at.
"""

import argparse
import glob
import json
import os
import re
import subprocess
import sys
import tarfile

from oracle import Oracle

ARCHIVE = "cobbler==3.3.10"
VALUES = {"tree": "http://192.0.2.1/tree", "default_password_crypted": "$6$salt$hash"}


def samples(cache):
    """Name and text of each sample."""
    os.makedirs(cache, exist_ok=True)
    if not glob.glob(os.path.join(cache, "cobbler-*.tar.gz")):
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps", "--no-build-isolation",
               "--no-binary", ":all:", "--dest", cache, ARCHIVE]
        subprocess.run(pip, check=True)
    with tarfile.open(glob.glob(os.path.join(cache, "cobbler-*.tar.gz"))[0]) as archive:
        for member in archive.getmembers():
            name = os.path.basename(member.name)
            # Those for ESXi, Windows and Debian have another syntax.
            if "/autoinstall_templates/" in member.name and name.endswith(".ks") and not re.search("esxi|win|default", name):
                yield name, rendered(archive.extractfile(member).read().decode())


def rendered(text):
    """The template with values in place of what Cobbler puts there."""
    text = re.sub(r"(?m)^\s*#(if|else|elif|end|set|for|raw|import|include|errorCatcher)\b.*\n", "", text)
    text = re.sub(r"\$SNIPPET\([^)]*\)|\$\w+_stanza|\$\{?kickstart_\w+\}?", "", text)
    return re.sub(r"\$\{?(\w+)\}?", lambda match: VALUES.get(match.group(1), match.group(0)), text)


def main():
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--examples", required=True, help="directory of the example programs")
    options.add_argument("--cache", default=os.path.join(os.environ.get("REKINDLE_CACHE", os.path.expanduser("~/.cache/rekindle")), "foreign"))
    options = options.parse_args()
    files = list(samples(options.cache))
    doubtful = 0
    for release in ("rhel7", "rhel8", "rhel9", "f42"):
        oracle = Oracle(release)
        for name, text in files:
            run = subprocess.run([os.path.join(options.examples, "lint"), release, "json"], input=text.encode(), stdout=subprocess.PIPE, check=True)
            found = json.loads(run.stdout)["diagnostics"]
            verdict, words = oracle.judge(text)
            errors = [one for one in found if one["severity"] == "error"]
            print("%-18s %-5s ksvalidator %s, ours: %d errors, %d warnings" % (
                name, release, {"A": "accepts", "D": "deprecated", "R": "refuses"}[verdict], len(errors),
                sum(one["severity"] == "warning" for one in found)))
            for one in errors:
                print("    %s:%d: error[%s] %s" % (name, one["line"], one["code"], one["message"]))
            doubtful += verdict != "R" and bool(errors)
    print("%d files, %d runs with errors that ksvalidator does not share: each must be one that the installer stops at" % (len(files), doubtful))


if __name__ == "__main__":
    main()
