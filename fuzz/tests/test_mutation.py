"""What the mutator makes: other files, the same for the same seed, of bounded size, and past the first header."""

import random
from collections import Counter

import pytest

from fuzz.mutation import Mutator
from fuzz.seeds import DELTA, FLAX, SAFETENSORS, STREAM, seeds
from reference.containers.registry import CONTAINERS
from reference.format.errors import FormatError
from reference.format.manifests import read_delta
from reference.format.wire import BytesSource

READERS = {kind: container.read for kind, container in CONTAINERS.items()} | {"delta": read_delta}


def made(kind, n):
    files, rng = seeds(kind), random.Random(3)
    mutator = Mutator(files)
    return [mutator.mutate(rng.choice(files), rng, 1 << 14) for _ in range(n)]


def test_a_seed_gives_the_same_file_each_time():
    assert made(STREAM, 50) == made(STREAM, 50)
    assert len(set(made(STREAM, 200))) > 150


def test_no_file_is_larger_than_asked_for():
    mutator, rng = Mutator(seeds(STREAM)), random.Random(1)
    assert all(len(mutator.mutate(data, rng, 100)) <= 100 for data in seeds(STREAM))
    assert all(len(mutator.cross(data, data, rng, 100)) <= 100 for data in seeds(STREAM))


@pytest.mark.parametrize(
    ("kind", "reader", "clauses"),
    [
        (STREAM, "stream", 20),
        (FLAX, "standard flax file", 12),
        (SAFETENSORS, "safetensors file", 2),
        (DELTA, "delta", 8),
    ],
)
def test_files_get_past_the_first_header(kind, reader, clauses):
    outcomes = Counter()
    for data in made(kind, 2000):
        try:
            READERS[reader](BytesSource(data))
            outcomes["accepted"] += 1
        except FormatError as error:
            outcomes[error.clause] += 1
    assert outcomes["accepted"] > 50
    assert len(outcomes) > clauses
