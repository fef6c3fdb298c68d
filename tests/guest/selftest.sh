#!/bin/sh
# selftest.sh [tiny|full] [plain|lvm|uefi]: installs the guest in a bare qemu from a handwritten kickstart and boots it from its disk.
# Needs what build.sh has built, and qemu-system-x86_64 (uefi: ovmf). CPUS= and MEMORY= (MiB) size the guest. Talks on loopback only. See selftest.py for what is checked.
set -eu
cd "$(dirname "$0")"
exec env PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 selftest.py "${1:-tiny}" "${2:-plain}"
