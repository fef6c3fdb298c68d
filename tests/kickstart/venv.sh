#!/bin/sh
# Prints the path of a Python interpreter that has pykickstart, and makes its virtual environment first where there is none yet.
# Cached under ${REKINDLE_CACHE:-~/.cache/rekindle} by version; safe to run several times at once.
set -eu
version=3.78
# Where the set-up has made one already.
if [ -x "${REKINDLE_KSVALIDATOR:-}" ]; then
    echo "$(dirname "$REKINDLE_KSVALIDATOR")/python"
    exit
fi
cache=${REKINDLE_CACHE:-${HOME:-/root}/.cache/rekindle}
venv=$cache/pykickstart-$version
if [ ! -x "$venv/bin/ksvalidator" ]; then
    mkdir -p "$cache"
    new=$(mktemp -d "$cache/pykickstart-new.XXXXXX")
    trap 'rm -rf "$new"' EXIT
    if ! python3 -m venv "$new" >&2; then
        echo "venv.sh: python3 cannot make virtual environments: install python3-venv" >&2
        exit 1
    fi
    "$new/bin/python" -m pip install --quiet --disable-pip-version-check "pykickstart==$version" >&2
    # The scripts in bin/ name the directory they were made in.
    sed -i "1s|$new|$venv|" "$new"/bin/*[!0-9] 2>/dev/null || :
    # Another run may have been faster; its result is as good.
    mv -T "$new" "$venv" 2>/dev/null || [ -x "$venv/bin/ksvalidator" ]
fi
echo "$venv/bin/python"
