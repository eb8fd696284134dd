"""The page that tells which old programs read sealed streams."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Final

_HEAD: Final = """# Old loaders and sealed streams

Programs that know of [version 1.0](../spec/1.0) alone, on [sealed streams](../spec/2.0). The page is what
`python -m fuzz.old_loaders --write` found, with each of them in an environment of its own. *Read* counts the trees that
came out with the same keys, types and bits; whatever came out otherwise is listed below the table.

The first rows are the published loop, with what various code bases give to msgpack's Unpacker, in C and Python. Those
of EasyLM, tux and JAXSeq further down are the classes themselves. The decoders of npm know nothing of leaves: of these
the records were compared.

| program | runs on | read | how it ends |
|---|---|---|---|
"""
_FILES: Final = """
## The trees

"""


def page(trees: Mapping[str, str], lines: Sequence[Any]) -> str:
    """The whole page: `lines` have `program`, `runs_on` and `outcomes`."""
    table, notes = [], defaultdict(list)
    for line in lines:
        right = [outcome for outcome in line.outcomes.values() if outcome.startswith("yes")]
        ends = sorted({outcome.removeprefix("yes, then ") for outcome in right} - {"yes"}) or ["silently"]
        table.append(f"| {line.program} | {line.runs_on} | {len(right)} of {len(line.outcomes)} | {'; '.join(ends)} |")
        for name, outcome in line.outcomes.items():
            if not outcome.startswith("yes"):
                notes[f"{name}: {outcome}"].append(f"{line.program} on {line.runs_on}")
    told = "".join(f"\n- {note} ({len(where)} times, first {where[0]})" for note, where in notes.items())
    files = "".join(f"- `{name}`: {about}\n" for name, about in trees.items())
    return _HEAD + "\n".join(table) + "\n" + (f"{told}\n" if told else "") + _FILES + files
