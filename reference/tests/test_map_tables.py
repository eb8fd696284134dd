"""Maps as tables: templates, tables of one's own, and what a table that is wrong is told."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuzz.equality import same
from reference import maps
from reference.format.errors import UsageError
from reference.format.keypaths import display, parse
from reference.mapping.faults import MapError, ParameterNeeded
from reference.mapping.templates import Template


def read(tmp_path, text):
    (tmp_path / "my.toml").write_text(text)
    return maps.read(tmp_path / "my.toml")


# --- templates ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("template", "path", "found"),
    [
        ("h/{layer}/wq", "h/12/wq", {"layer": "12"}),
        ("h/{layer}/wq", "h/a/b/wq", None),
        ("h/layers_{i:int}", "h/layers_10", {"i": "10"}),
        ("h/layers_{i:int}", "h/layers_010", None),
        ("h/layers_{i:int}", "h/layers_norm", None),
        ("{a...}/kernel", "kernel", {"a": ""}),
        ("{a...}/kernel", "x/y/kernel", {"a": "x\ud800y\ud800"}),
        (r"a\/b/{x}", r"a\/b/\u0000", {"x": "\x00"}),
        ("{{x}}/{x}", "{x}/1", {"x": "1"}),
        ("{x}.{y}", "a.b.c", {"x": "a", "y": "b.c"}),
    ],
)
def test_a_template_matches_key_paths_and_makes_them(template, path, found):
    path = tuple(parse(path))
    assert Template(template).match(path) == found
    if found is not None:
        assert Template(template).fill(found) == path


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1, max_size=5).map(tuple))
def test_any_parts_come_back(path):
    template = Template("x/{parts...}/y")
    assert template.match(path) is None or path[0] == "x"
    found = template.match(("x", *path, "y"))
    assert template.fill(found) == ("x", *path, "y")
    assert Template("{parts...}").fill(found) == path


@pytest.mark.parametrize("text", ["{", "a}", "{x}/{x}", "a{x...}", "{x...}b", r"\q", "{1}", "{x:float}"])
def test_what_is_not_a_template_is_refused(text):
    with pytest.raises(UsageError, match=re.escape(text.strip("\\")[:1])):
        Template(text)


# --- tables of one's own --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("rules = [", "this is not TOML"),
        ("", "a map needs rules, or other maps to go through"),
        ("rule = []", "the map has no 'rule'; it has name, inverse, about, through, rules"),
        ('rules = [{ from = "a" }]', "rule 1 needs from and to"),
        ('rules = [{ from = "a", to = "b", axis = "x" }]', "rule 1 has no 'axis'; it has from, to, axes"),
        ('rules = [{ from = "a/{x}", to = "b" }]', "{x} is on one side only"),
        ('rules = [{ from = "a", to = "b", axes = "x y -> y" }]', "x is on one side of the axes only"),
        ('rules = [{ from = "a", to = "b", axes = "x x -> x x" }]', "x occurs twice on one side"),
        ('rules = [{ from = "a", to = "b", axes = "x (y -> y x" }]', "a parenthesis is not closed"),
        ('rules = [{ from = "a", to = "b", axes = "x, y -> y x" }]', "',' is not a name"),
        ('rules = [{ from = "a", to = "b", axes = "x -> x -> x" }]', "more than one arrow"),
        ('rules = [{ from = "a", to = "b", axes = "(x (y)) -> x y" }]', "not other parentheses"),
        ('rules = [{ from = "{x}", to = "{x}", axes = "x y -> y x" }]', "x is an axis and a placeholder"),
        ('rules = [{ from = "{x...}", to = "b", axes = "y -> x y" }]', "leaves are stacked over whole numbers"),
        (
            'rules = [{ from = "{x}", to = "b", axes = "y -> x y" }]\nparameters = { x = "" }',
            "{x} of {x} -> b is a parameter",
        ),
        ('through = ["no-such-map"]', "'no-such-map' is not a map"),
        ('rules = [{ from = "a", to = "b" }]\nparameters = { heads = { default = [] } }', "default is not []"),
    ],
)
def test_a_table_that_is_wrong_is_told_so(tmp_path, text, said):
    with pytest.raises(UsageError) as caught:
        read(tmp_path, text)
    assert said in str(caught.value)
    assert str(caught.value).startswith(f"{tmp_path / 'my.toml'}: ")


def test_axes_that_shapes_do_not_tell_are_asked_for(tmp_path):
    text = 'rules = [{ from = "{p...}", to = "{p...}", axes = "(a b) -> (b a)" }]\n'
    with pytest.raises(MapError, match="the sizes of a and b in w do not follow from its shape; make one a parameter"):
        read(tmp_path, text).apply({"w": np.arange(6)})
    mine = read(tmp_path, text + '[parameters]\na = "the rows"\n')
    with pytest.raises(ParameterNeeded, match=r"needs a \(the rows\): give --map_parameter=a=N"):
        mine.apply({"w": np.arange(6)})
    assert mine.apply({"w": np.arange(6)}, a=2)["w"].tolist() == [0, 3, 1, 4, 2, 5]


def test_experts_of_layers_are_stacked_twice(tmp_path):
    mine = read(
        tmp_path,
        'rules = [{ from = "l/{layer}/e/{expert}/w", to = "moe/w", axes = "in out -> expert layer out in" }]',
    )
    tree = {"l": {str(i): {"e": {str(k): {"w": np.full((2, 3), 10 * i + k)} for k in range(4)}} for i in range(12)}}
    stacked = mine.apply(tree)["moe"]["w"]
    assert stacked.shape == (4, 12, 3, 2)
    assert stacked[3, 11, 0, 0] == 113
    assert same(mine.inverse().apply({"moe": {"w": stacked}}), tree)


def test_two_leaves_of_one_name_are_listed(tmp_path):
    mine = read(tmp_path, 'rules = [{ from = "a/{x}", to = "{x}" }, { from = "b/{x}", to = "{x}" }]')
    with pytest.raises(MapError, match="two leaves would get the same name: a/k and b/k as k") as caught:
        mine.apply({"a": {"k": np.ones(1)}, "b": {"k": np.ones(1), "only": np.ones(1)}})
    assert [display(path) for path in caught.value.paths] == ["a/k", "b/k"]
