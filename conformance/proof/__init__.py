"""The proof of the heart of the client in C: what Frama-C is asked, and what its answers mean."""
