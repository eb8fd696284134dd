"""What programs are run with: their commands, and the files, words and JSON that a case gives to them."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from .model import Case

# The parts that a program can play, and the option that names the command for each.
PARTS: Final = {
    "decode": "--decoder",
    "encode": "--encoder",
    "flax-decode": "--flax-decoder",
    "flax-encode": "--flax-encoder",
    "convert": "--converter",
    "diff": "--differ",
    "recover": "--recoverer",
}


def words_of(part: str, command: str) -> list[str]:
    """The words of a command. Raises ValueError for one that cannot be started."""
    option = PARTS[part]
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise ValueError(f"{option} {command!r}: {error}") from None
    if not words:
        raise ValueError(f"{option} is empty; give it a command, such as {option} './client {part}'")
    if shutil.which(words[0]) is None:
        why = "it is a folder" if os.path.isdir(words[0]) else "there is no such program"
        why = "it is not executable" if os.path.isfile(words[0]) else why
        raise ValueError(f"{option} {command!r}: {words[0]} cannot be started: {why}")
    return words


def asked(case: Case, part: str, data: Path, output: Path, folder: Path) -> Iterator[list[str]]:
    """The words that follow the command of a program that writes a file, once for each run that the case takes."""
    assert case.convert is not None
    prefix, streaming, dtype, via = (case.convert[name] for name in ("prefix", "streaming", "float_dtype", "via"))
    if part == "diff":
        base, target = (stored_or_made(case, ending, folder) for ending in ("base.bin", target_of(case)))
        side = (
            via
            if case.part == "diff" and via
            else "flax"
            if not streaming
            else "trainstate"
            if prefix == "trainstate"
            else "params"
        )
        yield difference(f"{prefix}::{base}" if prefix else str(base), f"{side}::{target}", output)
        return
    # CLIENT.md: "with `--format=2.0` or `--format=1.0` behind the other options where the output is a stream"
    version = [f"--format={case.convert['format']}"] if case.convert.get("format") else []
    if part == "recover":
        base, target = stored_or_made(case, "base.bin", folder), f"{via}::{output}" if via else str(output)
        yield recovery(f"{prefix}::{base}" if prefix else str(base), data, target, streaming) + version * (not via)
        return
    source = f"{prefix}::{data}" if prefix else str(data)
    cast = [f"--float_dtype={dtype}"] if dtype else []
    if via:
        between = f"{via}::{folder / 'between'}"
        yield [f"--load_checkpoint={source}", f"--output_file={between}", f"--streaming={streaming}", *cast]
        if case.want == "reject":  # of what would not be refused until it is read again, the writing is what is wrong
            return
        source, cast = between, []
    yield [f"--load_checkpoint={source}", f"--output_file={output}", f"--streaming={streaming}", *cast, *version]


def target_of(case: Case) -> str:
    """The ending of the target that a differ is given: in a case that is recovered, of what comes out of it."""
    return "want.bin" if case.part == "recover" else "bin"


def recovery(base: str, delta: Path, output: str, streaming: bool = True) -> list[str]:
    sides = [f"--load_base_checkpoint={base}", f"--load_target_checkpoint={delta}"]
    return ["--recover_diff=True", *sides, f"--output_file={output}", f"--streaming={streaming}"]


def difference(base: str, target: str, output: Path) -> list[str]:
    sides = [f"--load_base_checkpoint={base}", f"--load_target_checkpoint={target}"]
    return [*sides, f"--output_file={output}", "--streaming=True"]


def output_of(words: list[str]) -> Path:
    """The path of the output that a program is asked for."""
    option = "--output_file="
    (value,) = (word.removeprefix(option) for word in words if word.startswith(option))
    return Path(value.rpartition("::")[2])


def spellings(asked: Any) -> list[bytes]:
    """The JSON that an encoder is given: in ASCII, with escapes; where that differs, in UTF-8 as well; and where a key
    path holds the integer 0, with `-0` in its place. A lone surrogate is an escape in all of them."""
    in_utf8 = re.sub("[\ud800-\udfff]", lambda found: f"\\u{ord(found[0]):04x}", json.dumps(asked, ensure_ascii=False))
    minus_zero = json.dumps(_marked(asked)).replace(f'"{_MARK}"', "-0")
    return list(dict.fromkeys([json.dumps(asked).encode(), in_utf8.encode(), minus_zero.encode()]))


_MARK: Final = "the integer 0 of a key path"


def _marked(asked: Any) -> Any:
    """The same, with a mark for each integer 0 in a key path."""

    def marked(record: Any) -> Any:
        path = record.get("path") if isinstance(record, dict) else None
        if not isinstance(path, list):
            return record
        return record | {"path": [_MARK if type(part) is int and part == 0 else part for part in path]}

    records = asked.get("records")
    return asked | {"records": [*map(marked, records)]} if isinstance(records, list) else asked


def is_safetensors(words: list[str]) -> bool:
    """Whether that output is to be a safetensors file."""
    return any(word.startswith("--output_file=safetensors::") for word in words)


def stands_already(case: Case) -> bool:
    """Whether the output of a case is a file that is there before: so it is in about one half of them."""
    return zlib.crc32(case.id.encode()) % 2 == 0


def stored_or_made(case: Case, ending: str, folder: Path) -> Path:
    """A file of a case. What is too large to be stored is made in `folder`, zeros as a hole; so is what is to have a
    seal beside it."""
    if ending == "bin" and "bin.seal" in case.files:
        _made_in(case, "bin.seal", folder)
    elif "recipe" not in case.files[ending]:
        return case.stored(ending)
    return _made_in(case, ending, folder)


def _made_in(case: Case, ending: str, folder: Path) -> Path:
    path = folder / f"{case.name}.{ending}"
    with path.open("wb") as file:
        for data, times in case.pieces(ending):
            if data.strip(b"\0"):
                step = max(1, (1 << 20) // len(data))
                for done in range(0, times, step):
                    file.write(data * min(step, times - done))
            else:
                file.seek(len(data) * times, os.SEEK_CUR)
        file.truncate(case.files[ending]["size"])
    return path
