"""`streamckpt compare`: which leaves of two checkpoints differ, and by how much."""

from __future__ import annotations

import argparse
import itertools
import math
from collections.abc import Iterable
from typing import Any, Final

from ..containers.load_prefixes import PREFIXES, shown_name
from ..differences.comparison import ADDED, CHANGED, EQUAL, REMOVED, Comparison, Pair, compare
from ..differences.measuring import Numbers, total
from ..format.errors import UsageError, counted
from ..format.keypaths import display
from ..format.leaves import Leaf, leaf_text
from .command_line import print_json, run
from .options import add_format_of_report, add_names, add_patterns, add_showing
from .parsers import Parser, parser, whole_number
from .statuses import DONE, USAGE
from .tables import aligned, leaf_json, named, note_of_a_root, size

DIFFERENT, TROUBLE = 1, USAGE  # beside 0, the exit statuses of diff and cmp

_EXAMPLES = """examples:
  streamckpt compare streaming_params tuned_params
  # is a conversion exact to the bit, whatever the container?
  streamckpt compare params::streaming_params flax::flax_model.msgpack && echo same
  # a fine-tuned model: one line per layer, with the distances in units in the last place under it
  streamckpt compare base tuned --match 'transformer/*' --depth 3 --histogram
  streamckpt compare trainstate_params::streaming_train_state streaming_params --json

Leaves are equal where key path, kind, dtype, shape and every byte of the payload are. In the table:
  + - ~        a leaf that is only in B, only in A, or different
  equal        the share of elements with equal bits; between dtypes, of equal values ("by value")
  max abs      the greatest |b - a|
  max rel      the greatest |b - a| / |a| where a is not 0; "from 0" counts where a is, and b is not
  median ulps  how many units in the last place the median element of a float has moved; 2^k.. is 2^k to 2^(k+1) - 1
max abs and max rel cover the elements that are finite on both sides. Complex elements count as their two parts.
"""

_MARKS: Final = {ADDED: "+", REMOVED: "-", CHANGED: "~"}
_HEADS: Final = ("", "key path", "leaf", "equal", "max abs", "max rel", "median ulps", "")


def describe_json(found: Comparison, files: tuple[str, str]) -> dict[str, Any]:
    """What `--json` prints. Sizes are in bytes."""
    return {
        "a": {"file": files[0], "kind": found.kinds[0], **_extent(pair.a for pair in found.pairs)},
        "b": {"file": files[1], "kind": found.kinds[1], **_extent(pair.b for pair in found.pairs)},
        **{change: found.count(change) for change in (EQUAL, ADDED, REMOVED, CHANGED)},
        "leaves": [
            {
                "path": list(pair.path),
                "change": pair.change,
                "a": pair.a and leaf_json(pair.a),
                "b": pair.b and leaf_json(pair.b),
                "values": pair.values,
                "numbers": pair.numbers and {name: _number_json(x) for name, x in vars(pair.numbers).items()},
            }
            for pair in found.pairs
            if pair.change != EQUAL
        ],
    }


def _extent(leaves: Iterable[Leaf | None]) -> dict[str, int]:
    sizes = [leaf.nbytes for leaf in leaves if leaf]
    return {"leaves": len(sizes), "bytes": sum(sizes)}


def _number_json(value: Any) -> Any:
    return str(value) if value == math.inf else value  # JSON has no infinity


def _share(n: int, of: int) -> str:
    """A share in per cent that is 0% for nothing alone and 100% for all alone."""
    percent = 100 * n / of if of else 100.0
    if n in (0, of):
        return f"{percent:.0f}%"
    return "<0.1%" if percent < 0.05 else ">99.9%" if percent >= 99.95 else f"{percent:.1f}%"


def _bucket(k: int) -> str:
    """The distances that bucket `k` of ulps stands for: 0, 1, 2-3, 4-7, ..., 2^10.., 2^11.., ..."""
    if k < 2:
        return str(k)
    return f"{1 << k - 1}-{(1 << k) - 1}" if k <= 10 else f"2^{k - 1}.."


def _median(ulps: list[int]) -> str:
    """The bucket of the middle element, of the lower one of two."""
    sums = itertools.accumulate(ulps)
    half = (sum(ulps) + 1) // 2
    return next(_bucket(k) for k, n in enumerate(sums) if n >= half) if half else ""


def _histogram(numbers: Numbers) -> str:
    ulps = numbers.ulps or []
    return "  ".join(f"{_bucket(k)}: {_share(n, sum(ulps))}" for k, n in enumerate(ulps) if n)


def _leaves_text(pair: Pair) -> str:
    """The leaf, or both sides of it where they differ."""
    if pair.a is None or pair.b is None:
        return leaf_text(pair.a or pair.b or Leaf("nil"))
    if (pair.a.kind, pair.a.shape) == (pair.b.kind, pair.b.shape) and pair.a.dtype != pair.b.dtype:
        return f"{pair.a.dtype} -> {leaf_text(pair.b)}"
    shown = [leaf.kind if pair.values and leaf.dtype is None else leaf_text(leaf) for leaf in (pair.a, pair.b)]
    return " -> ".join(dict.fromkeys(shown))


def _notes(pair: Pair | None, numbers: Numbers | None) -> str:
    notes = [" -> ".join(pair.values)] if pair and pair.values else []
    if numbers:
        notes += ["by value"] if numbers.by_value else []
        if numbers.equal == numbers.elements and pair and pair.a and pair.b and pair.a[:3] == pair.b[:3]:
            notes.append("in bits that carry no meaning")
        notes += [f"{numbers.from_zero:,} from 0"] if numbers.from_zero else []
        for name, counts in (("NaN", numbers.nan), ("inf", numbers.inf)):
            notes += [f"{n:,} {name} only in {side}" for n, side in zip(counts, "AB", strict=True) if n]
    return ", ".join(notes)


def _row(mark: str, path: str, what: str, numbers: Numbers | None, pair: Pair | None = None) -> tuple[str, ...]:
    cells = ("", "", "", "")
    if numbers:
        maxima = (f"{numbers.max_abs:.3g}", f"{numbers.max_rel:.3g}")
        cells = (_share(numbers.equal, numbers.elements), *maxima, _median(numbers.ulps) if numbers.ulps else "")
    return mark, path, what, *cells, _notes(pair, numbers)


def _rows(found: Comparison, depth: int | None) -> list[tuple[tuple[str, ...], Numbers | None]]:
    """A row for each leaf that is not equal, or for a subtree where such leaves lie deeper than `depth`."""
    folded: dict[tuple[str, ...], list[Pair]] = {}
    for pair in found.pairs:
        folded.setdefault(pair.path if depth is None else pair.path[:depth], []).append(pair)
    rows = []
    for path, group in folded.items():
        pairs = [pair for pair in group if pair.change != EQUAL]
        if pairs and len(group) == 1 and path == pairs[0].path:
            pair = pairs[0]
            row = _row(_MARKS[pair.change], display(path), _leaves_text(pair), pair.numbers, pair)
            rows.append((row, pair.numbers))
        elif pairs:
            measured = [pair.numbers for pair in pairs if pair.numbers]
            numbers = total(measured) if measured else None
            changes = {pair.change for pair in group}
            mark = _MARKS[pairs[0].change] if len(changes) == 1 else _MARKS[CHANGED]
            what = f"{len(pairs)} of {counted(len(group), 'leaf')}"
            rows.append((_row(mark, display(path) + "/...", what, numbers), numbers))
    return rows


def _print_rows(rows: list[tuple[tuple[str, ...], Numbers | None]], histogram: bool) -> None:
    table = [_HEADS, *(row for row, _ in rows)]
    lines = aligned([cells for _, *cells in table], "<<>>>><")
    for (mark, *_), line, numbers in zip(table, lines, [None, *(numbers for _, numbers in rows)], strict=True):
        print(f"{mark:1} {line}".rstrip())
        if histogram and numbers and numbers.ulps:
            print(f"    ulps {_histogram(numbers)}")


def _print_totals(found: Comparison) -> None:
    """What changed in all leaves of one dtype together, where there are several."""
    measured: dict[str, list[Numbers]] = {}
    for pair in found.pairs:
        if pair.numbers and pair.a and pair.b:
            dtypes = dict.fromkeys(str(leaf.dtype) for leaf in (pair.a, pair.b))
            measured.setdefault(" -> ".join(dtypes), []).append(pair.numbers)
    for name, several in measured.items():
        if len(several) > 1:
            both = total(several)
            equal = f"{_share(both.equal, both.elements)} of {both.elements:,} {both.unit} equal"
            print(f"total {name}: {counted(len(several), 'leaf')} changed, {equal}", end="")
            print(f", max abs {both.max_abs:.3g}, max rel {both.max_rel:.3g}")
            if both.ulps:
                print(f"  ulps {_histogram(both)}")


def _print_human(found: Comparison, files: tuple[str, str], depth: int | None, histogram: bool) -> None:
    sides = [[pair.a for pair in found.pairs], [pair.b for pair in found.pairs]]
    for name, file, kind, leaves in zip("AB", files, found.kinds, sides, strict=True):
        extent = _extent(leaves)
        print(f"{name} {file}: {kind}, {counted(extent['leaves'], 'leaf')}, {size(extent['bytes'])}")
    if rows := _rows(found, depth):
        _print_rows(rows, histogram)
        _print_totals(found)
    counts = ", ".join(f"{found.count(change)} {change}" for change in (CHANGED, ADDED, REMOVED, EQUAL))
    print(f"the leaves differ: {counts}" if rows else f"equal: {counted(found.count(EQUAL), 'leaf')}")
    removed, added = ([pair.path for pair in found.pairs if pair.change == change] for change in (REMOVED, ADDED))
    note_of_a_root("A", "B", removed, added)


def command_line() -> Parser:
    """The options of the command."""
    about = "Show which leaves of two checkpoints, of any container, differ and by how much."
    command = parser("compare", about, "A B", _EXAMPLES)
    command.one_pass = ("a", "b")
    prefixes = f"PREFIX is one of {', '.join(PREFIXES)}; without one, the kind is detected"
    command.add_argument("a", metavar="A", help=f"the old checkpoint, [PREFIX::]PATH; {prefixes}")
    command.add_argument("b", metavar="B", help="the new checkpoint; one of them may be -, standard input")
    command.add_argument("--depth", type=whole_number, metavar="N", help="fold subtrees deeper than N parts")
    add_patterns(command, "compare")
    add_names(command)
    command.add_flag("histogram", False, "show by how many units in the last place floats moved")
    add_format_of_report(command)
    add_showing(command)
    return command


def _run(arguments: argparse.Namespace) -> int:
    if arguments.depth is not None and arguments.depth < 1:
        raise UsageError("--depth must be 1 or more")
    wanted = {name: getattr(arguments, name) for name in ("include", "exclude", "names")}
    found = compare(arguments.a, arguments.b, **wanted, progress=arguments.progress)
    if arguments.json or arguments.format == "json":
        print_json(describe_json(found, (shown_name(arguments.a), shown_name(arguments.b))))
    else:
        _print_human(found, (named(arguments.a), named(arguments.b)), arguments.depth, arguments.histogram)
    return DONE if found.count(EQUAL) == len(found.pairs) else DIFFERENT


def main(argv: list[str] | None = None) -> int:
    return run(command_line(), _run, argv, refused=TROUBLE)
