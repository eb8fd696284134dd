"""How a rule is declared that holds in many places and at many sizes: one function, called for each pair of the two.

The function's docstring is the page of the rule; a place and a size say in a few words what they are. It returns what a
function under the decorators of `conformance.declare` returns, or None where the rule has nothing to say of a pair.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, NamedTuple, Protocol

from ..declare import MUST, SOURCES, Rule, Source


class Named(Protocol):
    """What a rule is multiplied by: the name is a part of the case's, and `about` a part of what is told of it."""

    @property
    def name(self) -> str: ...

    @property
    def about(self) -> str: ...


class Plain(NamedTuple):
    """A place or size that is no more than its name, what that means, and a value."""

    name: str
    about: str
    value: Any = None
    part: str = "stream"


ANYWHERE: Final = (Plain("", ""),)


def product(
    *clauses: str,
    want: str,
    places: Iterable[Any],
    sizes: Iterable[Any] = ANYWHERE,
    part: Callable[[Any], str] = lambda place: place.part,
    cites: Callable[[Any, Any], Sequence[str]] = lambda place, size: (),
    also: Sequence[str] | Callable[[Any, Any], Sequence[str]] = (),
    canonical: bool = False,
    since: str | None = None,
) -> Callable[..., Any]:
    """A rule. The first of `clauses` says in which chapter it stands. They are those of each case, unless `cites` gives
    others for a pair: what a refusal there should name. `also` gives those that it may name as well (CONF-8)."""

    def take(function: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
        rule = function.__name__.strip("_").replace("_", "-")
        module = function.__module__.rsplit(".", 1)[-1]
        told = " ".join((function.__doc__ or "").split())
        for place in places:
            for size in sizes:
                name = "-".join(word for word in (place.name, size.name) if word).replace("_", "-")
                where = "; ".join(word for word in (place.about, size.about) if word)
                SOURCES.append(
                    Source(
                        module,
                        name,
                        where,
                        tuple(cites(place, size)) or clauses,
                        tuple(also(place, size) if callable(also) else also),
                        MUST,
                        since,
                        None,
                        part(place),
                        want,
                        canonical,
                        lambda place=place, size=size: function(place, size),
                        rule=Rule(clauses[0], rule, told),
                    )
                )
        return function

    return take
