"""Maps as tables: rules from one layout of names and axes to another, and back, read from TOML."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from ..format.errors import UsageError
from . import expressions
from .expressions import Expression, names_of
from .templates import Template

KNOWN: Final = Path(__file__).parent / "known"


class Parameter(NamedTuple):
    """A number that a map needs beside the leaves.

    `about` says what it is, where it is asked for. `also` are other names under which a configuration has it. `known`
    gives it by the value of another: {"hidden": {3200: 32}}. `default` is taken where nobody says.
    """

    about: str = ""
    also: tuple[str, ...] = ()
    known: Mapping[str, Mapping[int, int]] = {}
    default: float | None = None


class Rule(NamedTuple):
    """Leaves of one form, where they come from and where they go; without `axes` they go as they stand."""

    source: Template
    target: Template
    axes: Expression | None

    @property
    def inverse(self) -> Rule:
        return Rule(self.target, self.source, self.axes and self.axes.inverse)

    @property
    def stacked(self) -> tuple[str, ...]:
        """The placeholders over which leaves are stacked to one."""
        return tuple(name for name in self.source.kinds if name not in self.target.kinds)

    @property
    def unstacked(self) -> tuple[str, ...]:
        """The placeholders over which one leaf becomes several."""
        return tuple(name for name in self.target.kinds if name not in self.source.kinds)

    def __str__(self) -> str:
        return f"{self.source} -> {self.target}"


class Config(NamedTuple):
    """The config.json that stands beside the leaves of one side: what it says always, and of which parameters.

    A value of `parameters` is names and numbers whose product it is, or `{name}`: how many values a placeholder has.
    """

    values: Mapping[str, Any] = {}
    parameters: Mapping[str, str] = {}


class Table(NamedTuple):
    """The rules of one step, the first that matches taking a leaf, and what of either side is left out."""

    rules: tuple[Rule, ...]
    left_out: tuple[Template, ...] = ()  # of the source
    left_out_back: tuple[Template, ...] = ()  # of the target, in the other direction

    @property
    def inverse(self) -> Table:
        return Table(tuple(rule.inverse for rule in self.rules), self.left_out_back, self.left_out)


class Definition(NamedTuple):
    """A map: tables applied one after the other. `mapping.applying` and `convert(map=...)` apply it."""

    name: str
    inverse_name: str
    about: str
    tables: tuple[Table, ...]
    parameters: Mapping[str, Parameter]
    config: Config  # of the source or the target
    config_is_written: bool  # it is that of the target

    def inverse(self) -> Definition:
        """The map in the other direction, by the same tables."""
        tables = tuple(table.inverse for table in reversed(self.tables))
        return self._replace(
            name=self.inverse_name,
            inverse_name=self.name,
            tables=tables,
            config_is_written=bool(self.config.values) and not self.config_is_written,
        )


def names() -> list[str]:
    """The names of the maps that come along, in both directions."""
    return sorted(name for raw in _known().values() for name in (raw["name"], raw["inverse"]))


def named(name: str) -> Definition:
    """The map of this name, one of `names()`. Raises UsageError."""
    for raw in _known().values():
        if name in (raw["name"], raw["inverse"]):
            found = _definition(raw)
            return found if name == raw["name"] else found.inverse()
    raise UsageError(f"there is no map {name!r}; there are {', '.join(names())}, and files in TOML")


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
    _check(raw, "the map", name=str, inverse=str, about=str, through=list, rules=list, left_out=dict, **_TABLES)
    through = [named(name) for name in raw.get("through", ())]
    tables = [table for each in through for table in each.tables]
    if "rules" in raw:
        tables.append(_table(raw))
    if not tables:
        raise UsageError("a map has rules, or goes through others")
    parameters = {name: parameter for each in through for name, parameter in each.parameters.items()}
    parameters |= {name: _parameter(name, value) for name, value in raw.get("parameters", {}).items()}
    config, is_written = Config(), False
    for each in through:
        if each.config.values:
            config, is_written = each.config, each.config_is_written
    if "config" in raw:
        _check(raw["config"], "config", values=dict, parameters=dict, side=str)
        config = Config(raw["config"].get("values", {}), raw["config"].get("parameters", {}))
        is_written = raw["config"].get("side", "to") == "to"
    return Definition(raw["name"], raw["inverse"], raw.get("about", ""), tuple(tables), parameters, config, is_written)


_TABLES: Final = {"parameters": dict, "config": dict}


def _table(raw: Mapping[str, Any]) -> Table:
    rules = tuple(_rule(rule, i) for i, rule in enumerate(raw["rules"], 1))
    left_out = raw.get("left_out", {})
    _check(left_out, "left_out", **{"from": list, "to": list})
    return Table(rules, *(tuple(map(Template, left_out.get(side, ()))) for side in ("from", "to")))


def _rule(raw: Any, number: int) -> Rule:
    where = f"rule {number}"
    _check(raw, where, **{"from": str, "to": str, "axes": str})
    if not {"from", "to"} <= raw.keys():
        raise UsageError(f"{where} has from and to, and may have axes")
    axes = expressions.parse(raw["axes"]) if "axes" in raw else None
    rule = Rule(Template(raw["from"]), Template(raw["to"]), axes)
    left, right = (names_of(axes.left), names_of(axes.right)) if axes else (set[str](), set[str]())
    for one_sided, gone in ((rule.stacked, right - left), (rule.unstacked, left - right)):
        for name in one_sided:
            if name not in gone:
                raise UsageError(
                    f"{where}: {{{name}}} stands on one side; name it on the other, or make it an axis of the array "
                    f'there: axes = "{name} a b -> a b"'
                )
            if "..." in (rule.source.kinds.get(name), rule.target.kinds.get(name)):
                raise UsageError(f"{where}: leaves are stacked over whole numbers, and {{{name}...}} is any parts")
    odd = (left ^ right) - {*rule.stacked, *rule.unstacked}
    if odd:
        raise UsageError(f"{where}: {sorted(odd)[0]} stands on one side of the axes; both have the same")
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
