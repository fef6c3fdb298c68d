#!/bin/sh
# build.sh [tiny|full]: builds the guest used by the end-to-end tests, under
# ${REKINDLE_CACHE:-$HOME/.cache/rekindle}/guest/<hash>/, and points `current` there. Nothing is done twice: every part
# is kept by the hash of what it is made from. Needs root and the tools below; installs nothing. See README.md.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
what=${1:-full}
case $what in
tiny | full) ;;
*) echo "usage: $0 [tiny|full]" >&2; exit 2 ;;
esac
missing=''
for pair in mmdebstrap:mmdebstrap createrepo_c:createrepo-c mksquashfs:squashfs-tools rpmbuild:rpm cpio:cpio gcc:gcc \
    modprobe:kmod; do
    PATH=$PATH:/usr/sbin:/sbin command -v "${pair%%:*}" >/dev/null || missing="$missing ${pair#*:}"
done
/usr/bin/python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || missing="$missing python3"
/usr/bin/python3 -m pip --version >/dev/null 2>&1 || missing="$missing python3-pip"
if [ -n "$missing" ]; then
    echo "build.sh: tools are missing; install them with: apt-get install -y$missing" >&2
    exit 1
fi
[ "$(id -u)" = 0 ] || { echo 'build.sh: must run as root (it makes root file systems)' >&2; exit 1; }
cd "$here"
exec env PATH="/usr/sbin:/usr/bin:/sbin:/bin" PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 -m builder "$what"
