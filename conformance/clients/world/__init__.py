"""Packages of a registry that read or write streams, judged by the corpus: each in an environment of its own."""
