"""Maps as tables: rules from one layout of names and axes to another, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from .expressions import Expression
from .templates import Template


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
    `kept` are keys whose values no leaf shows and no parameter is, and which go through as they are.
    """

    values: Mapping[str, Any] = {}
    parameters: Mapping[str, str] = {}
    kept: tuple[str, ...] = ()


class Table(NamedTuple):
    """The rules of one step, the first that matches taking a leaf, and what of either side is left out."""

    rules: tuple[Rule, ...]
    left_out: tuple[Template, ...] = ()  # of the source
    left_out_back: tuple[Template, ...] = ()  # of the target, in the other direction

    @property
    def inverse(self) -> Table:
        return Table(tuple(rule.inverse for rule in self.rules), self.left_out_back, self.left_out)


class Definition(NamedTuple):
    """A map: tables applied one after the other. `about` names its two sides, which are the inverse's too.

    `tied` are leaves that a source leaves out where its configuration says `tie_word_embeddings`, and the leaf that
    each is the same as; `tied_back` are those of the target. `frameworks` are those whose names source and target have.
    """

    name: str
    inverse_name: str
    about: str
    tables: tuple[Table, ...]
    parameters: Mapping[str, Parameter]
    config: Config  # of the source or the target
    config_is_written: bool  # it is that of the target
    tied: Mapping[str, str] = {}
    tied_back: Mapping[str, str] = {}
    frameworks: tuple[str | None, str | None] = (None, None)

    def inverse(self) -> Definition:
        """The map in the other direction, by the same tables."""
        tables = tuple(table.inverse for table in reversed(self.tables))
        return self._replace(
            name=self.inverse_name,
            inverse_name=self.name,
            tables=tables,
            config_is_written=bool(self.config.values) and not self.config_is_written,
            tied=self.tied_back,
            tied_back=self.tied,
            frameworks=self.frameworks[::-1],
        )
