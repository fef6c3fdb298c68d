//! Reads kickstart files as Anaconda understands them: no I/O, no async, no unsafe code.
#![forbid(unsafe_code)]
