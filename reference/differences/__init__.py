"""Wing 7: two checkpoints compared with each other: exact deltas, arithmetic ones, comparison."""
