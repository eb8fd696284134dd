"""How many examples hypothesis tries, where a test takes long for each."""

from hypothesis import settings


def at_most(number: int) -> settings:
    """`number` examples, or those of the profile where that has fewer, as the one of `make test-fast` has."""
    return settings(max_examples=min(number, settings().max_examples))
