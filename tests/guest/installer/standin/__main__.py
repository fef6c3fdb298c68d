"""`python3 -m standin`: run by /sbin/stage2-init."""

from .install import run

run()
