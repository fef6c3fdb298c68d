"""Tests of the installer's pure parts, on the host. Run through ../../check.sh."""
