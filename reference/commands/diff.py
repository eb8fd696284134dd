"""`python -m reference.diff`: the difference of two checkpoints, and a checkpoint from its base and the difference."""

from __future__ import annotations

import argparse
import contextlib
import sys
from typing import Any, Final

from ..checkpoints.shard_sizes import DEFAULT_SHARD
from ..computing.accelerators import BACKENDS, spare_memory
from ..containers.delta_file import DELTA
from ..containers.load_prefixes import PREFIXES, shown_name, split_prefix
from ..containers.registry import begins_as
from ..containers.shards import open_files
from ..differences.arithmetic_difference import AddReport, SubtractReport, add, subtract
from ..differences.exact_difference import diff
from ..differences.exact_recovery import recover
from ..format.casts import FLOAT_NAMES
from ..format.errors import UsageError
from ..format.keypaths import display
from .command_line import Parser, add_flag, add_format, losses, note_worst, parser, run, size

EXACT, SUBTRACT = "exact", "subtract"
_EXAMPLES: Final = """examples:
  # publish a fine-tuned model without its base
  python -m reference.diff --load_base_checkpoint='params::base' --load_target_checkpoint='params::tuned' \\
      --output_file=tuned.delta
  # whoever has the base recovers it, bit for bit
  python -m reference.diff --recover_diff=True --load_base_checkpoint='params::base' \\
      --load_target_checkpoint=tuned.delta --output_file=tuned
  # recover an arithmetic difference, such as Koala's
  python -m reference.diff --recover_diff=True --load_base_checkpoint='params::llama' \\
      --load_target_checkpoint='params::koala_diff' --output_file=koala --streaming=True

exit status: 0 done, 1 an input was refused or the output could not be written, 2 wrong usage.
An exact delta is recognised by itself when it is recovered, and its base is checked before anything is written.
"""


def command_line() -> Parser:
    command = parser(
        "python -m reference.diff", "Write the difference of two checkpoints, or recover one from it.", _EXAMPLES
    )
    command.add_argument("--load_base_checkpoint", required=True, metavar="[PREFIX::]PATH", help="the base")
    command.add_argument(
        "--load_target_checkpoint",
        required=True,
        metavar="[PREFIX::]PATH",
        help=f"the target, or with --recover_diff the difference; PREFIX is one of {', '.join(PREFIXES)}",
    )
    command.add_argument("--output_file", required=True, metavar="[PREFIX::]PATH", help="- is standard output")
    add_flag(command, "recover_diff", False, "recover the target from its base and the difference")
    add_flag(
        command,
        "streaming",
        None,
        "write a stream (True, the default) or a standard flax file (False); an exact delta is neither",
    )
    command.add_argument(
        "--method",
        choices=(EXACT, SUBTRACT),
        default=EXACT,
        help="exact gives back every bit; subtract is the arithmetic difference, which rounds",
    )
    command.add_argument(
        "--float_dtype",
        default="",
        metavar="DTYPE",
        help=f"cast float leaves of what is written: {', '.join(FLOAT_NAMES)}; exact casts the target first",
    )
    add_format(command, "1.0")
    command.add_argument(
        "--max_shard_size",
        metavar="SIZE",
        help=f"of a folder (an output that ends in /): the bytes of each shard; default: {DEFAULT_SHARD}",
    )
    command.add_argument("--jobs", type=int, metavar="N", help="threads that compute and compress; default: up to 4")
    command.add_argument(
        "--backend",
        choices=BACKENDS,
        help="what subtracts, adds and casts, to the same bytes: jax on all its devices, or numpy; the default is jax "
        "where jax finds an accelerator",
    )
    return command


def _run(arguments: argparse.Namespace) -> None:
    if arguments.jobs is not None and arguments.jobs < 1:
        raise UsageError("--jobs takes a number of 1 or more")
    spare_memory()
    (_recover if arguments.recover_diff else _diff)(arguments)


def _diff(arguments: argparse.Namespace) -> None:
    base, target, output = arguments.load_base_checkpoint, arguments.load_target_checkpoint, arguments.output_file
    if arguments.method == SUBTRACT:
        _print_subtraction(output, subtract(base, target, output, **_arithmetic(arguments)))
        return
    if arguments.format is not None:
        raise UsageError("a delta has no --format: what is recovered from it does, and --method=subtract")
    if arguments.max_shard_size is not None:
        raise UsageError("a delta is one file: --max_shard_size is for what is recovered from it")
    report = diff(base, target, output, **_options(arguments))
    ratio = report.delta_bytes / max(report.target_bytes, 1)
    delta, target_size = size(report.delta_bytes), size(report.target_bytes)
    print(f"wrote {shown_name(output)}: a delta of {delta}, {ratio:.1%} of the target's {target_size}")
    counts = (
        ("unchanged", report.same),
        ("changed", report.changed),
        ("new", report.added),
        ("left out", report.removed),
    )
    print("leaves: " + ", ".join(f"{len(paths)} {what}" for what, paths in counts))
    if arguments.float_dtype:
        print(f"the target was cast to {arguments.float_dtype} first; {losses(report.overflowed, report.became_zero)}")
        note_worst(report.worst)
    print("exact: what is recovered has every bit of the target; its base is checked first, by digest")
    if arguments.streaming is False:
        text = "a delta is a kind of file of its own, neither a stream nor a flax file, whatever --streaming says"
        print(f"note: {text}; --method=subtract writes what --streaming asks for", file=sys.stderr)


def _recover(arguments: argparse.Namespace) -> None:
    base, difference, output = arguments.load_base_checkpoint, arguments.load_target_checkpoint, arguments.output_file
    _, path = split_prefix(difference)
    with contextlib.closing(open_files(path)) as source:
        exact = begins_as(source, DELTA)
    if not exact:
        _print_sum(output, add(base, difference, output, **_arithmetic(arguments)))
        return
    report = recover(base, difference, output, **_arithmetic(arguments))
    leaves, total = len(report.items), size(sum(item.leaf.nbytes for item in report.items))
    print(f"wrote {shown_name(output)}: {leaves} leaves, {total}; every leaf has the digest of the target's")
    if arguments.float_dtype:
        print(f"and was then cast to {arguments.float_dtype}; {losses(report.overflowed, report.became_zero)}")
        note_worst(report.worst)


def _options(arguments: argparse.Namespace) -> dict[str, Any]:
    options = {name: getattr(arguments, name) for name in ("float_dtype", "jobs", "backend")}
    return options | {"progress": True}


def _arithmetic(arguments: argparse.Namespace) -> dict[str, Any]:
    names = ("streaming", "format", "max_shard_size")
    return _options(arguments) | {name: getattr(arguments, name) for name in names}


def _print_subtraction(output: str, report: SubtractReport) -> None:
    output, total = shown_name(output), size(report.nbytes)
    print(f"wrote {output}: an arithmetic difference of {len(report.items)} leaves, {total}")
    share = report.inexact / max(report.values, 1)
    print(
        f"not exact: {report.inexact:,} of {report.values:,} float values ({share:.2%}) will not come back bit for bit"
    )
    if report.worst:
        print(f"most of them in {', '.join(map(display, report.worst))}; --method=exact gives back every bit")
    if report.overflowed:
        print(f"{report.overflowed} finite differences became infinite")
    for (back, wanted), leaves in report.comes_back.items():
        other = "" if back == wanted else f", where the target has {wanted}"
        print(f"added to the base, {leaves} leaves come back in {back}{other}")
    print("note: nothing in this file says that it is a difference; do not load it as weights", file=sys.stderr)


def _print_sum(output: str, report: AddReport) -> None:
    print(f"wrote {shown_name(output)}: base and difference added, {len(report.items)} leaves, {size(report.nbytes)}")
    if report.overflowed:
        print(f"{report.overflowed} finite values became infinite")


def main(argv: list[str] | None = None) -> int:
    return run(command_line(), _run, argv)
