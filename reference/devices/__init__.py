"""Wing 4: all that touches jax. Only what imports a module of it imports jax."""
