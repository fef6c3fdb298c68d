"""Builds the guest of the end-to-end tests. Run through ../build.sh; start reading at `__main__.py`.

`cache` keeps every part by the hash of its inputs; `roots` makes the Debian root file systems that everything is taken
from; `boot` the two initrds and the GRUB image; `stage2` the installer's image; `rpms` drives rpmbuild; `tiny`, `full`
and `stages` are the packages of the two distributions and of the stage repositories; `tree` puts the install trees
together.
"""
