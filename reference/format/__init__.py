"""Wing 1: the chapters of the specification, as bytes and values. It knows no path, no thread and no jax."""
