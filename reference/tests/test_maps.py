"""Maps: what they make of names and shapes, with no data."""

import math
import re

import numpy as np
import pytest

import reference
from fuzz.equality import same
from reference import maps
from reference.format.errors import UsageError
from reference.format.keypaths import display, parse
from reference.format.leaves import Leaf
from reference.format.trees import flatten
from reference.mapping import table_files
from reference.mapping.faults import MapError, ParameterNeeded
from reference.mapping.plans import plan
from reference.mapping.sizes import Value
from reference.tests.tiny_llama import Sizes, easylm

F32 = np.dtype(np.float32)


def leaves(shapes):
    """Key path in display form -> shape, as leaves of float32."""
    return [
        (tuple(parse(name)), Leaf("ndarray", F32, tuple(shape), 4 * math.prod(shape))) for name, shape in shapes.items()
    ]


def shapes_of(tree):
    return {display(path): value.shape for path, value in flatten(tree)}


def sorted_tree(tree):
    return {key: sorted_tree(tree[key]) for key in sorted(tree)} if isinstance(tree, dict) else tree


def planned(map, shapes, **given):
    """The shapes that a map makes, by key path in display form."""
    definition = table_files.definition_of(map) if isinstance(map, str) else map
    values = {name: Value(value, "given") for name, value in given.items()}
    found = plan(definition, leaves(shapes), values)
    return {display(target.path): target.leaf.shape for target in found.targets}


# --- what a table makes ---------------------------------------------------------------------------------------------

HF_OF_EASYLM = {
    "model/embed_tokens/weight": (50, 64),
    "model/layers/{}/self_attn/q_proj/weight": (64, 64),
    "model/layers/{}/self_attn/k_proj/weight": (32, 64),
    "model/layers/{}/self_attn/v_proj/weight": (32, 64),
    "model/layers/{}/self_attn/o_proj/weight": (64, 64),
    "model/layers/{}/mlp/gate_proj/weight": (96, 64),
    "model/layers/{}/mlp/down_proj/weight": (64, 96),
    "model/layers/{}/mlp/up_proj/weight": (96, 64),
    "model/layers/{}/input_layernorm/weight": (64,),
    "model/layers/{}/post_attention_layernorm/weight": (64,),
    "model/norm/weight": (64,),
    "lm_head/weight": (50, 64),
}
EASYLM = shapes_of(easylm())
HF = {name.format(i): shape for name, shape in HF_OF_EASYLM.items() for i in range(2)}
LWM = {
    re.sub("/h/0/", "/h/scan_decoder/", name): (2, *shape) if "/h/0/" in name else shape
    for name, shape in EASYLM.items()
    if "/h/1/" not in name
}


@pytest.mark.parametrize(
    ("map", "source", "target"),
    [
        ("llama-easylm-to-hf", EASYLM, HF),
        ("llama-lwm-to-hf", LWM, HF),
        ("lwm-scanned-to-unscanned", LWM, EASYLM),
        (
            "linen-to-nnx",
            {
                "params/Dense_0/kernel": (3,),
                "params/layers_0/block/layers_11/kernel": (4,),
                "batch_stats/norm/mean": (5,),
            },
            {"Dense_0/kernel/value": (3,), "layers/0/block/layers/11/kernel/value": (4,), "norm/mean/value": (5,)},
        ),
        ("nnx-values-to-plain", {"layers/0/kernel/value": (3,)}, {"layers/0/kernel": (3,)}),
    ],
)
def test_the_maps_that_come_along(map, source, target):
    given = {"heads": 4} if "hf" in map else {}
    assert planned(map, source, **given) == target
    assert planned(table_files.named(map).inverse(), target, **given) == source


def test_every_map_has_an_inverse_of_the_same_table():
    for name in maps.names():
        assert maps.named(name).inverse().name in maps.names()
        assert maps.named(name).inverse().inverse().name == name


def test_the_number_of_heads_of_open_llama_is_known():
    for hidden, inner, heads in ((3200, 8640, 32), (4096, 11008, 32), (5120, 13824, 40)):
        shapes = shapes_of_llama(Sizes(1, hidden, heads, heads, inner, 32000))
        found = plan(table_files.named("openllama-easylm-to-hf"), leaves(shapes))
        assert (found.values["heads"].value, found.values["kv_heads"].value) == (heads, heads)
    with pytest.raises(ParameterNeeded, match="heads"):
        planned("openllama-easylm-to-hf", EASYLM)


def shapes_of_llama(sizes):
    """The shapes of LLaMA in EasyLM's layout, for sizes that nobody wants to fill."""
    own = {64: sizes.hidden, 32: sizes.hidden // sizes.heads * sizes.kv_heads, 96: sizes.inner, 50: sizes.vocab}
    one = {name: tuple(own[n] for n in shape) for name, shape in EASYLM.items() if "/h/1/" not in name}
    more = {
        name.replace("/h/0/", f"/h/{i}/"): shape
        for name, shape in one.items()
        for i in range(1, sizes.layers)
        if "/h/0/" in name
    }
    return one | more


def test_maps_apply_to_trees_in_memory():
    params = easylm()
    to_hf = maps.named("llama-easylm-to-hf")
    tree = to_hf.apply(params, heads=4)
    wq, q = params["transformer"]["h"]["0"]["attention"]["wq"]["kernel"], tree["model"]["layers"]["0"]["self_attn"]
    halves = np.concatenate([wq[:, :16:2], wq[:, 1:16:2]], axis=1).T  # of the first head
    assert np.array_equal(q["q_proj"]["weight"][:16], halves)
    assert same(to_hf.inverse().apply(tree, heads=4), params)


def test_jax_arrays_stay_on_their_devices():
    jax = pytest.importorskip("jax")
    params = jax.tree.map(lambda leaf: jax.device_put(leaf, jax.devices()[-1]), easylm())
    scanned = maps.named("lwm-unscanned-to-scanned").apply(params)
    leaf = scanned["transformer"]["h"]["scan_decoder"]["attention"]["wq"]["kernel"]
    assert leaf.devices() == {jax.devices()[-1]}
    unscanned = maps.named("lwm-scanned-to-unscanned").apply(scanned)
    assert same(jax.tree.map(np.asarray, unscanned), jax.tree.map(np.asarray, params))


def test_real_modules_of_linen_and_nnx_have_these_names(tmp_path):
    """The same small network in both of flax's libraries: the variables of one are the state of the other."""
    jax = pytest.importorskip("jax")
    nn, nnx = pytest.importorskip("flax.linen"), pytest.importorskip("flax.nnx")

    class Linen(nn.Module):
        def setup(self):
            self.layers = [nn.Dense(4), nn.Dense(3)]
            self.norm = nn.BatchNorm(use_running_average=True)

        def __call__(self, x):
            return self.norm(self.layers[1](self.layers[0](x)))

    class Nnx(nnx.Module):
        def __init__(self, rngs):
            layers = [nnx.Linear(5, 4, rngs=rngs), nnx.Linear(4, 3, rngs=rngs)]
            self.layers = nnx.List(layers) if hasattr(nnx, "List") else layers
            self.norm = nnx.BatchNorm(3, use_running_average=True, rngs=rngs)

        def __call__(self, x):
            return self.norm(self.layers[1](self.layers[0](x)))

    x = jax.random.normal(jax.random.key(0), (2, 5))
    variables = Linen().init(jax.random.key(1), x)
    model = Nnx(nnx.Rngs(0))
    linen_to_nnx, to_plain = maps.named("linen-to-nnx"), maps.named("nnx-values-to-plain")
    state = to_plain.apply(linen_to_nnx.apply(variables))
    reference.save(tmp_path / "state", nnx.state(model))
    assert shapes_of(sorted_tree(state)) == shapes_of(sorted_tree(reference.load(tmp_path / "state")))
    reference.save(tmp_path / "state", state)
    nnx.update(model, reference.load(tmp_path / "state", like=nnx.state(model)))
    assert np.array_equal(model(x), Linen().apply(variables, x))
    back = linen_to_nnx.inverse().apply(to_plain.inverse().apply(state))
    assert same(sorted_tree(jax.tree.map(np.asarray, back)), sorted_tree(jax.tree.map(np.asarray, dict(variables))))


def test_old_rotary_frequencies_are_left_out():
    shapes = HF | {"model/layers/0/self_attn/rotary_emb/inv_freq": (8,)}
    found = plan(table_files.named("llama-hf-to-easylm"), leaves(shapes), {"heads": Value(4, "given")})
    assert list(map(display, found.left_out)) == ["model/layers/0/self_attn/rotary_emb/inv_freq"]
    assert len(found.targets) == len(EASYLM)


# --- what does not fit ----------------------------------------------------------------------------------------------

WQ = "transformer/h/0/attention/wq/kernel"


@pytest.mark.parametrize(
    ("map", "shapes", "given", "said"),
    [
        ("llama-easylm-to-hf", EASYLM | {"a/b": (1,), "c": ()}, {"heads": 4}, "takes a/b, c; leave them out"),
        ("llama-easylm-to-hf", {f"params/{k}": v for k, v in EASYLM.items()}, {"heads": 4}, "--prefix=params"),
        (
            "llama-easylm-to-hf",
            {"step": ()}
            | {f"params/params/{k}": v for k, v in EASYLM.items()}
            | {f"opt_state/0/mu/{k}": v for k, v in EASYLM.items()},
            {"heads": 4},
            "the rules fit what is under params/params: --prefix=params/params",
        ),
        ("llama-easylm-to-hf", HF, {"heads": 4}, "the leaves are those of the other direction: llama-hf-to-easylm"),
        ("llama-easylm-to-hf", EASYLM, {}, "needs heads (the number of attention heads): give --map_parameter=heads=N"),
        (
            "llama-easylm-to-hf",
            EASYLM,
            {"heads": 5},
            f"{WQ}, {WQ.replace('0', '1')} are float32[64,64], and an axis of 64 (heads half 2) cannot be divided by "
            "heads * 2 = 10 with heads=5 (given) (its rule says",
        ),
        ("llama-easylm-to-hf", EASYLM | {WQ: (64, 64, 1)}, {"heads": 4}, "where its rule says 'hidden (heads half 2)"),
        ("llama-easylm-to-hf", EASYLM | {WQ: (60, 64)}, {"heads": 4}, "an axis of 60 is not (hidden) where hidden=64"),
        ("lwm-scanned-to-unscanned", LWM | {"transformer/h/scan_decoder/x": (0, 3)}, {}, "an empty stack"),
        ("lwm-unscanned-to-scanned", EASYLM | {WQ: (64, 63)}, {}, f"is stacked with {WQ}"),
        ("nnx-values-to-plain", {"a/value": (3,), "b/kernel": (2,)}, {}, "takes b/kernel"),
        ("linen-to-nnx", {"params/a/mean": (2,)}, {}, "would not lead back from a/mean/value to params/a/mean"),
    ],
)
def test_leaves_that_do_not_fit_are_listed(map, shapes, given, said):
    with pytest.raises(MapError) as caught:
        planned(map, shapes, **given)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.paths


def test_leaves_missing_from_a_stack_are_named():
    shapes = {name: shape for name, shape in EASYLM.items() if name != WQ}
    with pytest.raises(MapError, match=f"stacked, {WQ} is missing"):
        planned("lwm-unscanned-to-scanned", shapes)


def test_all_leaves_at_fault_are_counted():
    shapes = {f"x/{i}": (1,) for i in range(100)}
    with pytest.raises(MapError, match=r"x/7, and 92 more") as caught:
        planned("llama-easylm-to-hf", shapes, heads=4)
    assert len(caught.value.paths) == 100


def test_a_parameter_that_a_map_does_not_have_is_refused():
    with pytest.raises(UsageError, match=r"no parameter 'head'; its parameters are heads, kv_heads"):
        maps.named("llama-easylm-to-hf").apply(easylm(), head=4)
    with pytest.raises(UsageError, match="heads must be a number of 0 or more, not '4'"):
        maps.named("llama-easylm-to-hf").apply(easylm(), heads="4")


def test_the_names_of_the_package():
    import streamckpt

    assert streamckpt.maps.named("llama-easylm-to-hf").inverse().name == "llama-hf-to-easylm"
    assert streamckpt.maps.Map is reference.maps.Map
    with pytest.raises(UsageError, match="'x' is not a map; choose one of linen-to-nnx"):
        streamckpt.maps.named("x")
