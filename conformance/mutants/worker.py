"""Mutants, each put to the cases in a process of its own: `python -m conformance.mutants.worker CLIENTS`. The
process is forked from this one, which has read the corpus and imported all that the client needs.

Takes lines of JSON on standard input:

- `module`, `text`: a module of the reference and the text that stands for it; null where none is changed,
- `clause`: the clause whose cases come first,
- `since`: the version of which the cases come before all others but those of the clause,
- `large`: the ids of large cases that come last,
- `every`: of the cases of a rule, which come after those made by hand, one in so many is put to it; 0 none,
- `known`: the checks on which the reference itself gets advice.

Prints a line for each, a list as JSON: the first check that is not passed, or else the first that gets advice and is
not known. Where no module is changed, all that get advice.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import io
import json
import os
import resource
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from .. import NEWEST
from ..asking import PARTS, stored_or_made
from ..callables import Rejected, Written, file_made, judge_call
from ..compare import Judgement
from ..judge import Check, checks, said_too
from ..limits import Baseline
from ..model import Case, load_corpus, sampled
from ..programs import KEPT
from ..runner import FAILED, state_of

_PATIENCE: Final = 1800  # seconds
_QUICK: Final = 1 << 16  # bytes of a file or leaf, up to which a case takes a few milliseconds


class _Changed:
    """Finds and loads one module from a text, in place of its file."""

    def __init__(self, name: str, text: str) -> None:
        self._name, self._text = name, text

    def find_spec(self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> Any:
        return importlib.util.spec_from_loader(name, self) if name == self._name else None  # pyright: ignore

    def create_module(self, spec: ModuleSpec) -> None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        exec(compile(self._text, f"{self._name} (changed)", "exec"), module.__dict__)


def main(clients: str) -> int:
    """Exit status 0; what was found is on standard output."""
    signal.signal(signal.SIGPROF, _too_long)
    sys.path.insert(0, clients)
    import_module("reference_client")
    load_corpus(spec=NEWEST)
    for line in sys.stdin:
        if (pid := os.fork()) == 0:
            signal.alarm(_PATIENCE)
            sys.stdout.write(json.dumps(_found(json.loads(line))) + "\n")
            sys.stdout.flush()
            os._exit(0)
        if status := os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]):
            got = "hangs" if status == -signal.SIGALRM else f"ends the process with status {status}"
            print(json.dumps([{"case": "(none)", "part": "", "got": got, "failed": True}]), flush=True)
    return 0


def _found(mutant: dict[str, Any]) -> list[dict[str, Any]]:
    """What is to be printed of a mutant."""
    if mutant["module"]:
        for name in [*sys.modules]:
            if name.partition(".")[0] in ("reference", "reference_client", "sealed_protocol", "protocol"):
                del sys.modules[name]
        sys.meta_path.insert(0, _Changed(mutant["module"], mutant["text"]))
    cases = sampled(load_corpus(spec=NEWEST).cases, mutant["every"])
    found = [check for check in checks(cases, PARTS) if _is_chosen(check.case, mutant["large"])]
    found.sort(key=lambda check: _turn(check.case, mutant["clause"], mutant["since"]))
    try:
        client = import_module("reference_client")
    except Exception as error:
        return [{"case": "(its import)", "part": "", "got": repr(error), "failed": True}]
    return _caught(client, found, mutant)


def _turn(case: Case, clause: str, since: str) -> tuple[bool, bool, bool, bool, bool]:
    """Large cases come last, and those that take some time before them; of the others first those that look at the
    clause, then those of the version, and those of a rule after those made by hand."""
    takes_long = max(case.size, case.largest) > _QUICK
    return case.is_large, takes_long, clause not in case.clauses, case.since != since, case.rule is not None


def _is_chosen(case: Case, large: list[str]) -> bool:
    return not case.is_large or case.id in large


def _caught(client: Any, found: list[Check], mutant: dict[str, Any]) -> list[dict[str, Any]]:
    known = {tuple(check) for check in mutant["known"]}
    advised = []
    with tempfile.TemporaryDirectory() as folder:
        for check in found:
            judgement = _judged(client, check, Path(folder))
            told = {"case": check.case.id, "part": check.part}
            if state_of(check, judgement) == FAILED:
                return [told | {"got": judgement.got[:200], "failed": True}]
            if (judgement.advice or not judgement.passed) and (check.case.id, check.part) not in known:
                advised.append(told | {"got": "; ".join(judgement.advice) or judgement.got[:200], "failed": False})
    return advised[:1] if mutant["module"] else advised


def _judged(client: Any, check: Check, folder: Path) -> Judgement:
    case, part = check
    is_flax, sink, printed = part.startswith("flax"), _Sink(), io.StringIO()

    def decoded() -> Any:
        return client.decode(f"{'flax::' if is_flax else ''}{stored_or_made(case, 'bin', folder)}")

    def encoded() -> Written:
        client.encode(case.given(), sink, flax=is_flax)
        return sink.written()

    def made() -> bytes | Judgement:
        with contextlib.redirect_stdout(printed):
            return file_made(check, folder, client.PARTS[part])

    def told() -> Any:
        """The call, in which the client's own refusal tells its clause as the reference's does."""
        try:
            return _within_limits(case, call)
        except client.Rejected as error:
            raise Rejected(str(error), error.told.get("clause"), error.told.get("offset")) from None

    call = decoded if part.endswith("decode") else encoded if part.endswith("encode") else made
    judgement = judge_call(check, told, (client.FormatError, client.reference.UsageError))
    return said_too(case, judgement, printed.getvalue().encode())


# --- limits: those of CLIENT.md, above what this process takes already --------------------------------------------


def _within_limits(case: Case, call: Callable[[], Any]) -> Any:
    limits = Baseline(_memory("VmRSS"), _memory("VmSize")).limits(case.size, case.largest, case.is_large, 1.0)
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    signal.setitimer(signal.ITIMER_PROF, limits.seconds)  # of this process alone, however busy the machine is
    try:
        with _reserving_at_most(limits.address_space):
            return call()
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        if _memory("VmHWM") > limits.memory:
            raise MemoryError(f"took more than {limits.memory >> 20} MiB of memory")


@contextlib.contextmanager
def _reserving_at_most(address_space: int | None) -> Iterator[None]:
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (address_space or hard, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (hard, hard))


def _memory(what: str) -> int:
    """Bytes of memory, as the system counts them; 0 where it does not say."""
    with contextlib.suppress(OSError, StopIteration):
        lines = Path("/proc/self/status").read_text().splitlines()
        return int(next(line for line in lines if line.startswith(f"{what}:")).split()[1]) << 10
    return 0


def _too_long(*_: Any) -> None:
    raise TimeoutError("took too long")


class _Sink:
    """Takes what is written, and keeps the beginning and the digest of it."""

    def __init__(self) -> None:
        self._size, self._head, self._digest = 0, bytearray(), hashlib.sha256()

    def write(self, data: bytes | memoryview) -> None:
        self._size += len(data)
        self._head += data[: KEPT - len(self._head)]
        self._digest.update(data)

    def copy_from(self, source: Any, offset: int, n: int) -> None:
        for done in range(0, n, KEPT):
            self.write(source.read_at(offset + done, min(KEPT, n - done)))

    def written(self) -> Written:
        return Written(self._size, self._digest.hexdigest(), bytes(self._head))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
