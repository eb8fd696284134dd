"""Wing 7: two checkpoints held against each other: exact deltas, arithmetic ones, comparison."""
