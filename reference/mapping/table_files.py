"""Maps read from TOML: those that come along, by name, and those of users."""

from __future__ import annotations

import difflib
import functools
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from ..format.errors import UsageError
from . import expressions
from .expressions import names_of
from .tables import Config, Definition, Parameter, Rule, Table
from .templates import Template

KNOWN: Final = Path(__file__).parent / "known"


def names() -> list[str]:
    """The names of the maps that come along, in both directions."""
    return sorted(name for raw in _known().values() for name in (raw["name"], raw["inverse"]))


def named(name: str) -> Definition:
    """The map of this name, one of `names()`. Raises UsageError."""
    for raw in _known().values():
        if name in (raw["name"], raw["inverse"]):
            found = _definition(raw)
            return found if name == raw["name"] else found.inverse()
    close = difflib.get_close_matches(name, names(), 1)
    meant = f"; did you mean {close[0]}?" if close else f"; choose one of {', '.join(names())}, or name a TOML file"
    raise UsageError(f"{name!r} is not a map{meant}")


def read(path: str | os.PathLike[str]) -> Definition:
    """The map of a TOML file. Raises UsageError, OSError."""
    path = Path(path)
    try:
        return _definition({"name": path.name, "inverse": f"the inverse of {path.name}", **_toml(path)})
    except UsageError as error:
        raise UsageError(f"{path}: {error}") from None


def definition_of(given: str | os.PathLike[str]) -> Definition:
    """The map of a name, or of a file: what has a / in it, or ends with .toml. Raises UsageError, OSError."""
    text = os.fspath(given)
    return read(text) if os.sep in text or text.endswith(".toml") else named(text)


@functools.cache
def _known() -> dict[str, dict[str, Any]]:
    return {path.stem: _toml(path) for path in sorted(KNOWN.glob("*.toml"))}


def _toml(path: Path) -> dict[str, Any]:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"this is not TOML: {error}") from None


# --- from TOML ------------------------------------------------------------------------------------------------------


def _definition(raw: Mapping[str, Any]) -> Definition:
    _check(raw, "the map", name=str, inverse=str, about=str, through=list, rules=list, **_TABLES)
    through = [named(name) for name in raw.get("through", ())]
    tables = [table for each in through for table in each.tables]
    if "rules" in raw:
        tables.append(_table(raw))
    if not tables:
        raise UsageError("a map needs rules, or other maps to go through")
    parameters = {name: parameter for each in through for name, parameter in each.parameters.items()}
    parameters |= {name: _parameter(name, value) for name, value in raw.get("parameters", {}).items()}
    config = next((each.config for each in reversed(through) if each.config.values), Config())
    is_written = any(each.config_is_written for each in through)
    if "config" in raw:
        _check(raw["config"], "config", values=dict, parameters=dict, side=str, kept=list)
        kept = tuple(map(str, raw["config"].get("kept", ())))
        config = Config(raw["config"].get("values", {}), raw["config"].get("parameters", {}), kept)
        is_written = raw["config"].get("side", "to") == "to"
    for rule in (rule for table in tables for rule in table.rules):
        if both := parameters.keys() & {*rule.stacked, *rule.unstacked}:
            text = f"{{{min(both)}}} of {rule} is a parameter too; give it another name"
            raise UsageError(text)
    return Definition(
        raw["name"],
        raw["inverse"],
        raw.get("about", ""),
        tuple(tables),
        parameters,
        config,
        is_written,
        _sided(raw, "tied", through[0].tied if through else {})[0],
        _sided(raw, "tied", through[-1].tied_back if through else {})[1],
        _sided(raw, "frameworks", None),
    )


def _sided(raw: Mapping[str, Any], key: str, default: Any) -> tuple[Any, Any]:
    """What a table says of its two sides."""
    value = raw.get(key, {})
    _check(value, key, **{"from": (str, dict), "to": (str, dict)})
    return value.get("from", default), value.get("to", default)


_TABLES: Final = {"parameters": dict, "config": dict, "left_out": dict, "tied": dict, "frameworks": dict}


def _table(raw: Mapping[str, Any]) -> Table:
    rules = tuple(_rule(rule, i) for i, rule in enumerate(raw["rules"], 1))
    left_out = raw.get("left_out", {})
    _check(left_out, "left_out", **{"from": list, "to": list})
    return Table(rules, *(tuple(map(Template, left_out.get(side, ()))) for side in ("from", "to")))


def _rule(raw: Any, number: int) -> Rule:
    where = f"rule {number}"
    _check(raw, where, **{"from": str, "to": str, "axes": str})
    if not {"from", "to"} <= raw.keys():
        raise UsageError(f"{where} needs from and to, and may have axes")
    axes = expressions.parse(raw["axes"]) if "axes" in raw else None
    rule = Rule(Template(raw["from"]), Template(raw["to"]), axes)
    left, right = (names_of(axes.left), names_of(axes.right)) if axes else (set[str](), set[str]())
    for one_sided, gone in ((rule.stacked, right - left), (rule.unstacked, left - right)):
        for name in one_sided:
            is_any = "..." in (rule.source.kinds.get(name), rule.target.kinds.get(name))
            if name not in gone and is_any:
                raise UsageError(f"{where}: {{{name}...}} is on one side only; add it to the other")
            if name not in gone:
                raise UsageError(
                    f"{where}: {{{name}}} is on one side only; add it to the other, or make it an axis of the array "
                    f'there: axes = "{name} a b -> a b"'
                )
            if is_any:
                raise UsageError(f"{where}: leaves are stacked over whole numbers, and {{{name}...}} can be any parts")
    odd = (left ^ right) - {*rule.stacked, *rule.unstacked}
    if odd:
        raise UsageError(f"{where}: {sorted(odd)[0]} is on one side of the axes only; both sides need the same names")
    if both := (left & right) & (rule.source.kinds.keys() | rule.target.kinds.keys()):
        raise UsageError(f"{where}: {sorted(both)[0]} is an axis and a placeholder; give one of them another name")
    counted = frozenset((*rule.stacked, *rule.unstacked))
    return Rule(rule.source.counting(counted), rule.target.counting(counted), axes)


def _parameter(name: str, raw: Any) -> Parameter:
    if isinstance(raw, str):
        return Parameter(raw)
    _check(raw, f"the parameter {name}", about=str, also=list, known=dict, default=(int, float))
    known = {
        other: {int(size): int(value) for size, value in row.items()} for other, row in raw.get("known", {}).items()
    }
    return Parameter(raw.get("about", ""), tuple(raw.get("also", ())), known, raw.get("default"))


def _check(raw: Any, what: str, **known: Any) -> None:
    """Refuse what a table does not say, so that a word that is misspelt is not taken for none."""
    if not isinstance(raw, dict):
        raise UsageError(f"{what} is a table of {', '.join(known)}, not {raw!r}")
    for key, value in raw.items():
        if key not in known:
            raise UsageError(f"{what} has no {key!r}; it has {', '.join(known)}")
        if not isinstance(value, known[key]):
            raise UsageError(f"{what}: {key} is not {value!r}")
