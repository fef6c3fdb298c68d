#!/bin/sh
# check.sh: tests the pure parts of the guest's installer on this machine, in a second, without building the guest. Needs a
# Python with pykickstart: that of tests/requirements.txt, which `make setup` installs, or the one that build.sh has cached.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
cache=${REKINDLE_CACHE:-$HOME/.cache/rekindle}
python=/usr/bin/python3
[ -x "$cache/venv/bin/python3" ] && python=$cache/venv/bin/python3
for dir in "$cache"/guest/parts/pykickstart-*; do [ -d "$dir" ] && extra=$dir; done
"$python" -c 'import pykickstart' 2>/dev/null && extra=''
cd "$here/installer"
PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$here/installer${extra:+:$here/installer/shims:$extra}" exec "$python" -m unittest -q tests.test_kickstart \
    tests.test_partition tests.test_rest tests.test_scripts
