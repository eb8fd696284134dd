"""`streamckpt diff` and `recover`: the difference of two checkpoints, and a checkpoint from base and difference."""

from __future__ import annotations

import argparse
import contextlib
import sys
from typing import Any, Final

from ..checkpoints.shard_sizes import DEFAULT_SHARD
from ..computing.accelerators import spare_memory
from ..containers.delta_file import DELTA
from ..containers.load_prefixes import PREFIXES, shown_name, split_prefix
from ..containers.registry import begins_as
from ..containers.shards import open_files
from ..differences.arithmetic_difference import AddReport, SubtractReport, add, subtract
from ..differences.bases import SWAPPED
from ..differences.exact_difference import DiffReport, diff
from ..differences.exact_recovery import RecoverReport, recover
from ..format.casts import FLOAT_NAMES
from ..format.errors import UsageError, counted
from ..format.keypaths import display
from .command_line import print_json, run
from .options import add_backend, add_format, add_names, add_showing
from .parsers import Parser, parser, whole_number
from .tables import losses, named, note_left_out, note_of_a_root, note_worst, size

EXACT, SUBTRACT = "exact", "subtract"
_PLACES: Final = "BASE TARGET OUT"
_EXAMPLES: Final = """examples:
  # publish a fine-tuned model without its base
  streamckpt diff params::base params::tuned tuned.delta
  # whoever has the base recovers it, bit for bit
  streamckpt recover params::base tuned.delta tuned
  # recover an arithmetic difference, such as Koala's
  streamckpt recover params::llama params::koala_diff koala
  # the spelling of EasyLM's script
  streamckpt diff --recover_diff=True --load_base_checkpoint='params::base' \\
      --load_target_checkpoint='tuned.delta' --output_file='tuned' --streaming=True

Recovery recognises an exact delta by itself, and checks its base before anything is written.
"""
_BASE, _TARGET, _OUTPUT = "load_base_checkpoint", "load_target_checkpoint", "output_file"


def command_line() -> Parser:
    """The options of `diff`."""
    command = parser("diff", "Write the difference of two checkpoints, or recover one from it.", _PLACES, _EXAMPLES)
    prefixes = f"[PREFIX::]PATH; PREFIX is one of {', '.join(PREFIXES)}"
    command.add_place(_BASE, "BASE", f"the base, {prefixes}")
    command.add_place(_TARGET, "TARGET", "the target, or with --recover_diff the difference")
    command.add_place(_OUTPUT, "OUT", "the output; - is standard output")
    command.add_flag("recover_diff", False, "recover the target from its base and the difference, as `recover` does")
    command.add_argument(
        "--method",
        choices=(EXACT, SUBTRACT),
        default=EXACT,
        help="exact gives back every bit; subtract is the arithmetic difference, which rounds",
    )
    neither = "; an exact delta is neither, whatever is said here"
    return _with_options(command, "exact casts the target first", neither)


def recover_command_line() -> Parser:
    """The options of `recover`."""
    about = "Recover a checkpoint from its base and the difference, an exact delta or an arithmetic one."
    command = parser("recover", about, "BASE DELTA OUT", _EXAMPLES)
    command.one_pass = (_TARGET,)
    prefixes = f"[PREFIX::]PATH; PREFIX is one of {', '.join(PREFIXES)}"
    command.add_place(_BASE, "BASE", f"the base, {prefixes}")
    command.add_place(_TARGET, "DELTA", "the difference; - is standard input, copied to a temporary file first")
    command.add_place(_OUTPUT, "OUT", "the output; - is standard output")
    command.set_defaults(recover_diff=True)
    return _with_options(command, "after every leaf has been checked")


def _with_options(command: Parser, when_cast: str, but: str = "") -> Parser:
    text = f"write a stream (True, the default) or a standard flax file (False){but}"
    command.add_flag("streaming", None, text)
    command.add_argument(
        "--float_dtype",
        default="",
        metavar="DTYPE",
        help=f"cast float leaves of what is written: {', '.join(FLOAT_NAMES)}; {when_cast}",
    )
    add_format(command, "1.0")
    command.add_argument(
        "--max_shard_size",
        metavar="SIZE",
        help=f"how large the shards of a folder (an output that ends in /) may get; the default is {DEFAULT_SHARD}",
    )
    add_names(command)
    command.add_argument(
        "--jobs", type=whole_number, metavar="N", help="threads that compute and compress; default: up to 4"
    )
    add_backend(command, "subtracts, adds and casts")
    add_showing(command)
    return command


def _run(arguments: argparse.Namespace) -> None:
    if arguments.jobs is not None and arguments.jobs < 1:
        raise UsageError("--jobs must be 1 or more")
    spare_memory()
    (_recover if arguments.recover_diff else _diff)(arguments)


def _diff(arguments: argparse.Namespace) -> None:
    base, target, output = arguments.load_base_checkpoint, arguments.load_target_checkpoint, arguments.output_file
    if arguments.method == SUBTRACT:
        difference = subtract(base, target, output, **_arithmetic(arguments))
        _show(arguments, difference, _subtraction_json, _print_subtraction)
        return
    if arguments.format is not None:
        raise UsageError("a delta has no --format; give it when you recover from the delta, or with --method=subtract")
    if arguments.max_shard_size is not None:
        raise UsageError("a delta is one file; --max_shard_size is for what is recovered from it")
    _show(arguments, diff(base, target, output, **_options(arguments)), _diff_json, _print_diff)


def _recover(arguments: argparse.Namespace) -> None:
    base, difference, output = arguments.load_base_checkpoint, arguments.load_target_checkpoint, arguments.output_file
    exact = _is_delta(difference)
    if not exact and _is_delta(base):
        raise UsageError(f"{SWAPPED}: {base} is a delta, and {difference} is not; type recover BASE DELTA OUT")
    if exact:
        _show(arguments, recover(base, difference, output, **_arithmetic(arguments)), _recovery_json, _print_recovery)
    else:
        _show(arguments, add(base, difference, output, **_arithmetic(arguments)), _sum_json, _print_sum)


def _is_delta(spec: str) -> bool:
    with contextlib.closing(open_files(split_prefix(spec)[1])) as source:
        return begins_as(source, DELTA)


def _show(arguments: argparse.Namespace, report: Any, as_json: Any, show: Any) -> None:
    if arguments.json:
        print_json({"output": shown_name(arguments.output_file), **as_json(report)})
    else:
        show(arguments, report)


def _options(arguments: argparse.Namespace) -> dict[str, Any]:
    options = {name: getattr(arguments, name) for name in ("float_dtype", "jobs", "backend", "names")}
    return options | {"progress": arguments.progress}


def _arithmetic(arguments: argparse.Namespace) -> dict[str, Any]:
    names = ("streaming", "format", "max_shard_size")
    return _options(arguments) | {name: getattr(arguments, name) for name in names}


def _diff_json(report: DiffReport) -> dict[str, Any]:
    counts = {"same": report.same, "changed": report.changed, "new": report.added, "left_out": report.removed}
    return {
        "method": EXACT,
        "bytes": report.delta_bytes,
        "target_bytes": report.target_bytes,
        "leaves": {what: [list(path) for path in paths] for what, paths in counts.items()},
        "became_infinite": report.overflowed,
        "became_zero": report.became_zero,
        "worst": list(report.worst) if report.worst else None,
        "metadata_left_out": list(report.metadata_left_out),
    }


def _print_diff(arguments: argparse.Namespace, report: DiffReport) -> None:
    ratio = report.delta_bytes / max(report.target_bytes, 1)
    delta, target_size = size(report.delta_bytes), size(report.target_bytes)
    print(f"wrote {named(arguments.output_file)}: a delta of {delta}, {ratio:.1%} of the target's {target_size}")
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
    note_left_out("a delta has no place", report.metadata_left_out, "recover gives back the leaves alone")
    if not (report.same or report.changed):
        note_of_a_root("the base", "the target", report.removed, report.added)
    print("exact: recover gives back every bit of the target, and first checks the base by its digests")
    if arguments.streaming is False:
        text = "a delta is a kind of file of its own, neither a stream nor a flax file, whatever --streaming says"
        print(f"note: {text}; --method=subtract writes what --streaming asks for", file=sys.stderr)


def _recovery_json(report: RecoverReport) -> dict[str, Any]:
    return {
        "method": EXACT,
        "leaves": len(report.items),
        "bytes": report.nbytes,
        "became_infinite": report.overflowed,
        "became_zero": report.became_zero,
        "worst": list(report.worst) if report.worst else None,
    }


def _print_recovery(arguments: argparse.Namespace, report: RecoverReport) -> None:
    leaves, total = counted(len(report.items), "leaf"), size(sum(item.leaf.nbytes for item in report.items))
    print(f"wrote {named(arguments.output_file)}: {leaves}, {total}; every leaf checked by its SHA-256")
    if arguments.float_dtype:
        print(f"then cast to {arguments.float_dtype}; {losses(report.overflowed, report.became_zero)}")
        note_worst(report.worst)


def _subtraction_json(report: SubtractReport) -> dict[str, Any]:
    return {
        "method": SUBTRACT,
        "leaves": len(report.items),
        "bytes": report.nbytes,
        "values": report.values,
        "inexact": report.inexact,
        "became_infinite": report.overflowed,
        "became_zero": report.became_zero,
        "worst": [list(path) for path in report.worst],
        "comes_back": [
            {"dtype": back, "target_dtype": wanted, "leaves": leaves}
            for (back, wanted), leaves in report.comes_back.items()
        ],
        "metadata_left_out": list(report.metadata_left_out),
    }


def _print_subtraction(arguments: argparse.Namespace, report: SubtractReport) -> None:
    output, total = named(arguments.output_file), size(report.nbytes)
    print(f"wrote {output}: an arithmetic difference of {counted(len(report.items), 'leaf')}, {total}")
    of = f"{report.inexact:,} of {report.values:,} float values ({report.inexact / max(report.values, 1):.2%})"
    exact = f"all of the {report.values:,} float values will come back bit for bit"
    print(f"not exact: {of} will not come back bit for bit" if report.inexact else exact)
    if report.worst:
        print(f"most of them in {', '.join(map(display, report.worst))}; --method=exact gives back every bit")
    if report.overflowed:
        print(f"{counted(report.overflowed, 'finite difference')} became infinite")
    if report.became_zero:
        print(f"{counted(report.became_zero, 'nonzero difference')} became zero")
    for (back, wanted), leaves in report.comes_back.items():
        other = "" if back == wanted else f", where the target has {wanted}"
        come = "comes" if leaves == 1 else "come"
        print(f"added to the base, {counted(leaves, 'leaf')} {come} back in {back}{other}")
    note_left_out("a difference has no place", report.metadata_left_out, "the sum will not have it")
    print("note: nothing in this file says that it is a difference; do not load it as weights", file=sys.stderr)


def _sum_json(report: AddReport) -> dict[str, Any]:
    return {
        "method": "add",
        "leaves": len(report.items),
        "bytes": report.nbytes,
        "became_infinite": report.overflowed,
        "became_zero": report.became_zero,
        "worst": list(report.worst) if report.worst else None,
    }


def _print_sum(arguments: argparse.Namespace, report: AddReport) -> None:
    leaves, total = counted(len(report.items), "leaf"), size(report.nbytes)
    print(f"wrote {named(arguments.output_file)}: base and difference added, {leaves}, {total}")
    text = "is not a delta: it was taken for an arithmetic difference, and added to the base"
    print(f"note: {named(arguments.load_target_checkpoint)} {text}", file=sys.stderr)
    if report.worst is not None:
        print(losses(report.overflowed, report.became_zero))
        note_worst(report.worst)


def main(argv: list[str] | None = None) -> int:
    """Run `diff` with these arguments, or those of the process, and give its exit status."""
    return run(command_line(), _run, argv)


def recover_main(argv: list[str] | None = None) -> int:
    """Run `recover` with these arguments, or those of the process, and give its exit status."""
    return run(recover_command_line(), _run, argv)
