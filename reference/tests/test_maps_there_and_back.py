"""`convert` with maps: the bits come back, whatever the tree, the rule and the kind of file."""

import tempfile

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import reference
from fuzz.equality import same
from fuzz.strategies import arrays, dtypes
from reference import maps
from reference.checkpoints.leaf_items import readable_item
from reference.checkpoints.remapping import remapped
from reference.containers.flax_file import FLAX
from reference.containers.registry import read_contents, steps_of
from reference.containers.stream import STREAM
from reference.convert import convert
from reference.format.errors import FormatError
from reference.format.payloads import write_steps
from reference.format.records import item_in, value_of
from reference.format.sealing import SealOptions
from reference.format.trees import depth_first, flatten, unflatten
from reference.format.wire import BytesSource
from reference.tests.handmade import BytesSink
from reference.tests.tiny_llama import Sizes, easylm, scanned, sorted_tree, tensors_of


@st.composite
def mapped_trees(draw):
    """Any of the maps that come along, a tree that fits it, and its parameters."""
    name = draw(st.sampled_from(maps.names()))
    dtype = draw(dtypes)

    def leaf(*shape):
        return draw(arrays(st.just(dtype), st.just(shape)))

    if "llama" not in name and "lwm" not in name:
        parts = st.sampled_from(["a", "b", "Dense_0", "scale"])
        paths = draw(st.sets(st.lists(parts, min_size=2, max_size=3).map(tuple), min_size=1, max_size=4))
        paths = [path for path in sorted(paths) if not any(path[: len(each)] == each for each in paths - {path})]
        tree = unflatten((path, leaf(*draw(st.lists(st.integers(0, 3), max_size=3)))) for path in paths)
        found = maps.named(name)
        to_nnx = found if name.startswith(("linen-to", "nnx-plain-to-values")) else found.inverse()
        tree = {"params": tree, "batch_stats": {"n": {"mean": leaf(3)}}} if "linen" in name else tree
        return name, tree if to_nnx.name == name else to_nnx.apply(tree), {}
    sizes = Sizes(
        layers=draw(st.integers(1, 3)),
        heads=2 * draw(st.integers(1, 3)),
        kv_heads=draw(st.sampled_from([1, 2])),
        inner=draw(st.integers(1, 9)),
        vocab=draw(st.integers(1, 9)),
    )
    sizes = sizes._replace(hidden=2 * sizes.heads * draw(st.integers(1, 3)))
    tree = unflatten((path, leaf(*value.shape)) for path, value in flatten(easylm(sizes)))
    given = {"heads": sizes.heads, "kv_heads": sizes.kv_heads}
    side = name.split("-to-")[0]
    if side in ("llama-lwm", "lwm-scanned"):
        tree = scanned(tree)
    elif side in ("llama-hf", "openllama-hf"):
        tree = maps.named("llama-easylm-to-hf").apply(tree, **given)
    return name, tree, given if "hf" in name else {}


def in_memory(items, kind=STREAM, sealed=False):
    """The bytes of a file of these leaves: as `convert` writes them, with no disk to wait for."""
    sink = BytesSink()
    write_steps(sink, steps_of(kind, depth_first(items), SealOptions() if sealed else None))
    return bytes(sink.data)


def written(tree, kind=STREAM, sealed=False):
    return in_memory([readable_item(path, value) for path, value in flatten(tree)], kind, sealed)


def mapped(data, map, given, kind=STREAM, sealed=False):
    """A file in memory, converted with a map."""
    source = BytesSource(memoryview(data))
    items = [item_in(source, record) for record in read_contents(source, None)[1].records]
    return in_memory(remapped(items, None, map, given, {}, "nowhere/x", ("", "nowhere/y"))[0], kind, sealed)


def tree_of(data):
    source = BytesSource(memoryview(data))
    records = read_contents(source, None)[1].records
    return unflatten((record.path, value_of(source, record)) for record in records)


@given(mapped_trees(), st.sampled_from([(STREAM, False), (STREAM, True), (FLAX, False)]))
def test_there_and_back_is_bit_identical(case, form):
    name, tree, given = case
    found = maps.named(name)
    data = written(tree)
    there = mapped(data, found, given, *form)
    assert same(sorted_tree(tree_of(there)), sorted_tree(found.apply(tree, **given)))
    assert same(sorted_tree(tree_of(mapped(there, found.inverse(), given))), sorted_tree(tree))


@st.composite
def rules(draw):
    """A rule of one's own about arrays that split into any axes, and their sizes."""
    count = draw(st.integers(1, 4))
    names = [f"a{i}" for i in range(count)]
    sizes = {name: draw(st.integers(0, 4)) for name in names}

    def side(order):
        axes, open_ = [], False
        for name in order:
            begins, ends = draw(st.booleans()) and not open_, draw(st.booleans())
            axes.append(f"{'(' if begins else ''}{name}{')' if (open_ or begins) and ends else ''}")
            open_ = (open_ or begins) and not ends
        return " ".join(axes) + (")" if open_ else "")

    return f"{side(names)} -> {side(draw(st.permutations(names)))}", sizes


@given(rules(), st.data())
def test_any_rule_of_ones_own_comes_back(rule, data):
    text, sizes = rule
    with tempfile.NamedTemporaryFile("w", suffix=".toml") as file:
        file.write(f'rules = [{{ from = "x/{{n}}", to = "y/{{n}}", axes = "{text}" }}]\n[parameters]\n')
        file.writelines(f'{name} = ""\n' for name in sizes)
        file.flush()
        mine = maps.read(file.name)
    left = mine.definition.tables[0].rules[0].axes.left
    shape = tuple(int(np.prod([sizes[name] for name in axis])) for axis in left)
    alike = arrays(st.just(data.draw(dtypes)), st.just(shape))
    tree = {"x": {"k": data.draw(alike), "l": data.draw(alike)}}
    there = mapped(written(tree), mine, sizes)
    assert same(tree_of(there), mine.apply(tree, **sizes))
    assert same(tree_of(mapped(there, mine.inverse(), sizes)), tree)


def test_bfloat16_stays_and_a_cast_comes_after_the_map(tmp_path):
    params = easylm(dtype=ml_dtypes.bfloat16)
    reference.save(tmp_path / "in", params)
    convert(f"{tmp_path}/in", f"{tmp_path}/out", map="llama-easylm-to-hf", map_parameters={"heads": 4})
    assert {value.dtype for _, value in flatten(reference.load(tmp_path / "out"))} == {np.dtype(ml_dtypes.bfloat16)}
    report = convert(
        f"{tmp_path}/in", f"{tmp_path}/wide", map="llama-easylm-to-hf", map_parameters={"heads": 4}, float_dtype="fp32"
    )
    assert len(report.cast) == len(report.items)
    wide = tensors_of(reference.load(tmp_path / "wide"))
    for name, value in tensors_of(reference.load(tmp_path / "out")).items():
        assert same(wide[name], value.astype(np.float32)), name


def test_a_changed_bit_of_a_sealed_stream_is_found_on_the_way(tmp_path):
    sizes = Sizes(hidden=256, heads=2, inner=300)
    reference.save(tmp_path / "in", easylm(sizes), format="2.0")
    record = next(r for r in reference.scan(tmp_path / "in") if r.path[-2] == "w2")
    data = bytearray((tmp_path / "in").read_bytes())
    data[record.extents()[0][0] + 1234] ^= 1
    (tmp_path / "in").write_bytes(data)
    with pytest.raises(FormatError, match="SUM-3"):
        convert(f"{tmp_path}/in", f"{tmp_path}/out", map="llama-easylm-to-hf", map_parameters={"heads": 2})
    assert not (tmp_path / "out").exists()
