"""One mutant, put to the cases in a process of its own: `python -m conformance.mutants.worker CLIENTS`.

Takes {"module": ..., "text": ..., "clause": ...} as JSON on standard input: the text that stands for a module of the
reference, and a clause whose cases come first. Prints the first check that is not passed, as JSON, or null.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import json
import resource
import signal
import sys
import tempfile
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from ..callables import judge_call
from ..compare import Judgement
from ..declare import MUST
from ..judge import PARTS, Check, asked, checks, stored_or_made
from ..model import load_corpus

_SECONDS: Final = 10  # for a case
_ADDRESS_SPACE: Final = 8 << 30  # bytes


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
    resource.setrlimit(resource.RLIMIT_AS, (_ADDRESS_SPACE, _ADDRESS_SPACE))
    signal.signal(signal.SIGALRM, _too_long)
    mutant = json.load(sys.stdin)
    if mutant["module"]:
        sys.meta_path.insert(0, _Changed(mutant["module"], mutant["text"]))
    found = [check for check in checks(load_corpus().cases, PARTS) if not check.case.is_large]
    found.sort(key=lambda check: mutant["clause"] not in check.case.clauses)
    sys.path.insert(0, clients)
    try:
        import reference_client as client  # pyright: ignore
    except Exception as error:
        print(json.dumps({"case": "(its import)", "part": "", "got": repr(error)}))
        return 0
    print(json.dumps(_first_caught(client, found)))
    return 0


def _too_long(*_: Any) -> None:
    raise TimeoutError(f"took more than {_SECONDS} s")


def _first_caught(client: Any, found: list[Check]) -> dict[str, str] | None:
    with tempfile.TemporaryDirectory() as folder:
        for check in found:
            signal.alarm(_SECONDS)
            judgement = _judged(client, check, Path(folder))
            signal.alarm(0)
            if not judgement.passed and check.case.level == MUST:
                return {"case": check.case.id, "part": check.part, "got": judgement.got[:200]}
    return None


def _judged(client: Any, check: Check, folder: Path) -> Judgement:
    case, part = check
    is_flax, sink = part.startswith("flax"), _Sink()

    def decoded() -> Any:
        return client.decode(f"{'flax::' if is_flax else ''}{stored_or_made(case, 'bin', folder)}")

    def encoded() -> bytes:
        client.encode(case.encode, sink, flax=is_flax)
        return sink.file.getvalue()

    def made() -> bytes:
        data, output = stored_or_made(case, "bin", folder), folder / "output"
        output.unlink(missing_ok=True)
        with contextlib.redirect_stdout(io.StringIO()):
            for words in asked(case, part, data, output, folder):
                client.PARTS[part](*words)
        return output.read_bytes()

    call = decoded if part.endswith("decode") else encoded if part.endswith("encode") else made
    return judge_call(check, call, (client.FormatError, client.Rejected))


class _Sink:
    def __init__(self) -> None:
        self.file = io.BytesIO()
        self.write = self.file.write

    def copy_from(self, source: Any, offset: int, n: int) -> None:
        self.write(source.read_at(offset, n))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
