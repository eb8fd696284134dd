"""Shared by all tests: 8 host devices for jax, and where the repository stands."""

import gc
import os
import signal
from collections import Counter
from pathlib import Path

os.environ.setdefault("XLA_FLAGS", "--xla_force_host_platform_device_count=8")
os.environ.setdefault("JAX_PLATFORMS", "cpu")
# For processes whose memory is measured: else each thread keeps what it has freed from the others, and that counts.
os.environ.setdefault("MALLOC_ARENA_MAX", "1")

import pytest
from hypothesis import HealthCheck, settings

from reference.format.errors import FormatError
from reference.tests.servers.fixtures import *  # noqa: F403

# A job in the background of a shell is born deaf to interrupts, and so would be the programs that tests interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile("default", deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=150)
settings.register_profile("fast", settings.get_profile("default"), max_examples=12)  # of `make test-fast`
settings.load_profile("default")
# For environments of other versions, which do not look for what depends on values (`make test-versions`).
settings.register_profile("versions", settings.get_profile("default"), max_examples=15)


@pytest.hookimpl(tryfirst=True)  # before `-m` looks at the markers
def pytest_collection_modifyitems(config, items):
    """Of a test that is marked `sampled(n)`, all but one in n of its parameters are slow, and in the fast lane three
    in four of every other that has more than four.

    Those that need a server which `make` does not install, or take minutes, are left out unless they are asked for.
    """
    wanted = config.option.markexpr
    unasked = [name for name in ("remote", "thorough") if name not in wanted]
    if unasked:
        left_out = [item for item in items if any(map(item.get_closest_marker, unasked))]
        items[:] = [item for item in items if item not in left_out] if left_out else items
        config.hook.pytest_deselected(items=left_out)
    is_fast = config.getoption("--hypothesis-profile") == "fast"
    names = [item.nodeid.partition("[")[0] for item in items]
    parameters, seen = Counter(names), Counter()
    for item, name in zip(items, names, strict=True):
        marker = item.get_closest_marker("sampled")
        one_in = marker.args[0] if marker else 4 if is_fast and parameters[name] > 4 else 1
        if seen[name] % one_in:
            item.add_marker(pytest.mark.slow)
        seen[name] += 1


def pytest_collection_finish():
    """What has been imported and collected stays to the end: the collector need not go through it in each test."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(hookwrapper=True)
def pytest_pyfunc_call():
    """A test of a dtype that the installed ml_dtypes lacks is skipped, and says so."""
    outcome = yield
    error = outcome.excinfo and outcome.excinfo[1]
    if isinstance(error, FormatError) and "needs ml_dtypes" in error.detail:
        outcome.force_exception(pytest.skip.Exception(str(error)))


@pytest.fixture(scope="session")
def root() -> Path:
    """The top folder of the repository."""
    return Path(__file__).parents[2]
