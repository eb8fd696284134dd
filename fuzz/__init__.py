"""Fuzzing of the reference and of the conformance suite's clients: one target for each invariant."""
