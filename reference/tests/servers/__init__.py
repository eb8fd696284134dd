"""Servers that the tests start on loopback, each of code that is not ours, and a proxy of our own that does wrong."""
