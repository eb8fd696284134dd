"""Other readers of the format, each asked for its answer to the same bytes: the clients of the conformance suite."""
