"""Wing 5: casts, sums and differences, by numpy or by jax's devices, to the same bytes."""
