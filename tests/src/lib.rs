//! Harness shared by the test suite.
