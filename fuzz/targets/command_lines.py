"""Invariant: any file as any argument of a command gives exit status 0, 1 or 2, one line of error, no half output."""

from __future__ import annotations

import contextlib
import io
import zlib
from typing import Final

from fuzz.findings import Broken
from fuzz.scratch import folder
from reference.commands import verbs

KIND = "any"
_FOLDER: Final = folder()
_FILE, _GOOD, _OUTPUT = (_FOLDER / name for name in ("file", "good", "output"))
_GOOD_BYTES: Final = bytes.fromhex("9291a161c40dc70a01939101a4696e7438c40107" + "9291a162c40100")
_PREFIXES: Final = ("", "params::", "trainstate::", "trainstate_params::", "flax::", "flax_params::", "safetensors::")


def _commands() -> list[list[str]]:
    read = [f"{prefix}{_FILE}" for prefix in _PREFIXES]
    good, output = str(_GOOD), f"--output_file={_OUTPUT}"
    commands = [["inspect", path, *more] for path in read for more in ([], ["--format=json"], ["--depth=1"])]
    commands += [["verify", path] for path in read] + [["inspect", read[0], "--match=*"]]
    for path in read:
        load, base, target = (f"--load_{name}checkpoint={path}" for name in ("", "base_", "target_"))
        plain, other = f"--load_base_checkpoint={good}", f"--load_target_checkpoint={good}"
        convert = ["convert", load, "--backend=numpy"]
        commands += [[*convert, output, f"--streaming={flag}", *more] for flag in (True, False) for more in _CASTS]
        commands += [[*convert, f"--output_file=safetensors::{_OUTPUT}"], [*convert, output, "--dry_run=True"]]
        commands += [["compare", path, good], ["compare", good, path], ["compare", path, path, "--histogram"]]
        for words in ([plain, target], [base, other], [base, target]):
            commands += [["diff", *words, output], ["diff", "--method=subtract", *words, output]]
            commands += [["diff", "--recover_diff=True", *words, output, *more] for more in _CASTS]
    return commands


_CASTS: Final[tuple[list[str], ...]] = ([], ["--float_dtype=bf16"], ["--float_dtype=fp32"])
_COMMANDS: Final = _commands()


def check(data: bytes) -> None:
    _FILE.write_bytes(data)
    _GOOD.write_bytes(_GOOD_BYTES)
    _OUTPUT.unlink(missing_ok=True)
    crc = zlib.crc32(data)
    for i in range(3):
        _check_command(_COMMANDS[(crc + i * 7919) % len(_COMMANDS)])


def _check_command(words: list[str]) -> None:
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2))
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = verbs.main(words)
    told = err.buffer.getvalue().decode()  # pyright: ignore[reportAttributeAccessIssue]
    shown = f"streamckpt {' '.join(words)}: status {status}, {told[:1000]!r}"
    if status not in (0, 1, 2):
        raise Broken(shown)
    if "Traceback" in told:
        raise Broken(f"a traceback: {shown}")
    refused = status == 2 if words[0] == "compare" else status == 1
    if refused and (told.count("\n") != 1 or ": error: " not in told):
        raise Broken(f"no error of one line: {shown}")
    if (status and _OUTPUT.exists()) or {path.name for path in _FOLDER.iterdir()} - {"file", "good", "output"}:
        raise Broken(f"there is an output, or something else is left: {shown}")
    _OUTPUT.unlink(missing_ok=True)
