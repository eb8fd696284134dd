"""What touches jax: arrays on devices, and casts that run there."""
