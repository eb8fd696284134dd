"""`convert` with maps and renames: the model computes the same, the bits come back, and files of any size fit."""

import importlib.util
import json
import os
import subprocess
import sys
import tempfile

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import reference
from fuzz.equality import same
from fuzz.strategies import arrays, dtypes
from reference import convert as command
from reference import maps
from reference.checkpoints.leaf_items import readable_item
from reference.checkpoints.remapping import remapped
from reference.containers.flax_file import FLAX
from reference.containers.registry import read_contents, steps_of
from reference.containers.stream import STREAM
from reference.convert import convert
from reference.format.errors import FormatError, UsageError
from reference.format.flax_msgpack import flax_steps
from reference.format.leaves import Leaf
from reference.format.payloads import write_steps
from reference.format.records import Item, item_in, value_of
from reference.format.sealing import SealOptions
from reference.format.trees import depth_first, flatten, unflatten
from reference.format.wire import BytesSource
from reference.tests.handmade import BytesSink
from reference.tests.tiny_llama import Sizes, easylm, easylm_logits, hf_logits

TOKENS = np.array([1, 5, 9, 33, 2, 7, 8, 40, 3])
SIZES = [Sizes(), Sizes(layers=3, hidden=60, heads=6, kv_heads=6, inner=40), Sizes(heads=8, kv_heads=1, theta=5e5)]


def tensors_of(tree):
    return {".".join(path): value for path, value in flatten(tree)}


def sorted_tree(tree):
    return {key: sorted_tree(tree[key]) for key in sorted(tree)} if isinstance(tree, dict) else tree


def scanned(tree):
    return maps.named("lwm-unscanned-to-scanned").apply(tree)


# --- the model computes the same ------------------------------------------------------------------------------------


@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.parametrize("layout", ["easylm", "lwm"])
def test_the_two_layouts_compute_the_same_logits(tmp_path, sizes, layout):
    params = easylm(sizes)
    reference.save(tmp_path / "in", params if layout == "easylm" else scanned(params))
    given = {"heads": sizes.heads, "rope_theta": sizes.theta, "max_position_embeddings": 64}
    convert(f"{tmp_path}/in", f"{tmp_path}/out", map=f"llama-{layout}-to-hf", map_parameters=given)
    tensors = tensors_of(reference.load(tmp_path / "out"))
    before, after = easylm_logits(params, TOKENS, sizes), hf_logits(tensors, TOKENS, sizes)
    assert before.dtype == after.dtype == np.float32
    assert np.abs(before - after).max() < 1e-5 < 1e-2 < np.abs(before).max()
    # and the passes tell a wrong order of the rotary pairs
    tensors["model.layers.0.self_attn.q_proj.weight"] = params["transformer"]["h"]["0"]["attention"]["wq"]["kernel"].T
    assert np.abs(before - hf_logits(tensors, TOKENS, sizes)).max() > 1e-2


LOADER = """
import sys
import numpy as np
import torch
import transformers

model = transformers.AutoModelForCausalLM.from_pretrained(sys.argv[1], dtype=getattr(torch, sys.argv[2]))
with torch.no_grad():
    logits = model(torch.tensor([list(map(int, sys.argv[4:]))])).logits[0]
np.save(sys.argv[3], logits.float().numpy())
print(type(model).__name__, len(model.state_dict()), model.config.torch_dtype)
"""


WRITER = """
import sys
import numpy as np
import torch
import transformers

torch.manual_seed(0)
sizes = {"hidden_size": 64, "intermediate_size": 96, "num_attention_heads": 4, "num_key_value_heads": 2}
config = transformers.LlamaConfig(
    vocab_size=50, num_hidden_layers=2, rms_norm_eps=1e-6, tie_word_embeddings=sys.argv[2] == "tied", **sizes
)
model = transformers.LlamaForCausalLM(config).float()
for parameter in model.parameters():
    torch.nn.init.normal_(parameter, 0, 0.3)
model.save_pretrained(sys.argv[1], max_shard_size="60KB")
with torch.no_grad():
    logits = model(torch.tensor([list(map(int, sys.argv[3:]))])).logits[0]
np.save(sys.argv[1] + "/logits.npy", logits.numpy())
"""


def run_transformers(program, *arguments):
    """Run a program that needs torch and transformers; without them the test is skipped. Gives what it wrote."""
    missing = [name for name in ("torch", "transformers") if importlib.util.find_spec(name) is None]
    if missing:
        pytest.skip(f"{' and '.join(missing)} cannot be imported: install them in an environment of their own")
    run = subprocess.run([sys.executable, "-c", program, *map(str, arguments)], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return run


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["tied", "apart"])
def test_what_transformers_writes_is_taken(tmp_path, kind):
    """A model that transformers has saved, with its config.json, computes the same in EasyLM's layout."""
    run_transformers(WRITER, tmp_path, kind, *TOKENS)
    assert (tmp_path / "model.safetensors.index.json").exists()
    convert(f"safetensors::{tmp_path}", f"{tmp_path}/easylm", map="llama-hf-to-easylm")
    logits = np.load(tmp_path / "logits.npy")
    assert np.abs(logits).max() > 1
    assert np.abs(logits - easylm_logits(reference.load(tmp_path / "easylm"), TOKENS)).max() < 1e-5


@pytest.mark.slow
@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.parametrize("shards", [1, 5])
def test_transformers_takes_what_is_written(tmp_path, sizes, shards):
    """By its own loader, from the config.json that the map wrote: every leaf has a place, and the logits are ours."""
    reference.save(tmp_path / "in", easylm(sizes))
    given = {"heads": sizes.heads, "rope_theta": sizes.theta}
    most = 1 << 30 if shards == 1 else (tmp_path / "in").stat().st_size // shards
    output = f"safetensors::{tmp_path}/out/"
    convert(f"{tmp_path}/in", output, map="llama-easylm-to-hf", map_parameters=given, max_shard_size=most)
    assert (tmp_path / "out/model.safetensors").exists() == (shards == 1)
    run = run_transformers(LOADER, tmp_path / "out", "float32", tmp_path / "logits.npy", *TOKENS)
    assert run.stdout.split()[:2] == ["LlamaForCausalLM", str(3 + 9 * sizes.layers)]
    assert "newly initialized" not in run.stderr
    found = np.load(tmp_path / "logits.npy")
    assert np.abs(found - easylm_logits(easylm(sizes), TOKENS, sizes)).max() < 1e-5


# --- there and back -------------------------------------------------------------------------------------------------


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
        to_nnx = maps.named("linen-to-nnx" if "linen" in name else "nnx-plain-to-values")
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


# --- parameters and config.json -------------------------------------------------------------------------------------


def run(*arguments):
    return command.main([str(argument) for argument in arguments])


def to_hf(folder, *more, load="easylm"):
    given = [f"--load_checkpoint={folder}/{load}", "--map=llama-easylm-to-hf", *more]
    return run(*given, f"--output_file=safetensors::{folder}/out/model.safetensors")


@pytest.fixture
def folder(tmp_path):
    reference.save(tmp_path / "easylm", easylm())
    os.mkdir(tmp_path / "out")
    return tmp_path


def test_a_written_model_has_the_config_that_it_implies(folder, capsys):
    assert to_hf(folder, "--map_parameter=heads=4", "--map_parameter=rope_theta=5e5") == 0
    config = json.loads((folder / "out/config.json").read_text())
    expected = {
        "model_type": "llama",
        "vocab_size": 50,
        "hidden_size": 64,
        "intermediate_size": 96,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 16,
        "rope_theta": 500000.0,
        "torch_dtype": "float32",
    }
    assert {key: config.get(key) for key in expected} == expected
    printed = capsys.readouterr()
    assert "map llama-easylm-to-hf: heads=4, rope_theta=500000 (given); vocab=50, hidden=64" in printed.out
    assert "note: rms_norm_eps=1e-06, max_position_embeddings=2048 in " in printed.err
    # and back, with what it says
    assert (
        run(
            f"--load_checkpoint={folder}/out/model.safetensors",
            "--map=llama-hf-to-easylm",
            "--streaming",
            f"--output_file={folder}/back",
        )
        == 0
    )
    assert "heads=4, kv_heads=2 (" in capsys.readouterr().out
    assert same(sorted_tree(reference.load(folder / "back")), sorted_tree(easylm()))


def test_heads_are_asked_for_by_name(folder, capsys):
    assert to_hf(folder) == 2
    error = capsys.readouterr().err
    assert "needs heads (the number of attention heads): give --map_parameter=heads=N" in error
    assert error.count("\n") == 1
    assert not os.listdir(folder / "out")
    (folder / "config.json").write_text('{"num_attention_heads": 4}')
    assert to_hf(folder) == 0
    assert f"heads=4 ({folder}/config.json)" in capsys.readouterr().out


def test_metadata_says_how_many_heads(folder, capsys):
    reference.save(
        folder / "sealed", easylm(), format="2.0", metadata={"llama": {"num_attention_heads": 4, "theta": 7.0}}
    )
    assert to_hf(folder, load="sealed") == 0
    assert "heads=4 (llama of the metadata)" in capsys.readouterr().out
    assert json.loads((folder / "out/config.json").read_text())["rope_theta"] == 7.0


def test_a_sealed_stream_keeps_the_parameters_for_the_inverse(folder):
    convert(f"{folder}/easylm", f"{folder}/there", map="llama-easylm-to-hf", map_parameters={"heads": 4}, format="2.0")
    with reference.open(folder / "there") as checkpoint:
        assert checkpoint.metadata["map_parameters"]["kv_heads"] == 2
    report = convert(f"{folder}/there", f"{folder}/back", map="llama-hf-to-easylm", format="1.0")
    assert report.map.values["heads"] == (4, "map_parameters of the metadata")
    assert same(sorted_tree(reference.load(folder / "back")), sorted_tree(easylm()))


def test_a_config_of_another_model_is_not_believed(folder, capsys):
    (folder / "config.json").write_text('{"num_attention_heads": 4, "hidden_size": 128}')
    assert to_hf(folder) == 1
    assert f"hidden=128 ({folder}/config.json)" in capsys.readouterr().err
    (folder / "config.json").write_text("[]")
    assert to_hf(folder) == 2
    assert "config.json is not the configuration of a model" in capsys.readouterr().err


def test_a_config_that_stands_there_stays_where_it_fits(folder, capsys):
    (folder / "out/config.json").write_text('{"num_attention_heads": 4, "mine": 1}')
    assert to_hf(folder) == 0
    assert "exists, agrees with the leaves, and is left as it is" in capsys.readouterr().out
    assert json.loads((folder / "out/config.json").read_text())["mine"] == 1


def test_a_config_that_stands_there_and_does_not_fit_is_refused(folder, capsys):
    text = '{"num_attention_heads": 8, "rope_theta": 5e5}'
    (folder / "out/config.json").write_text(text)
    assert to_hf(folder, "--map_parameter=heads=4", "--map_parameter=rope_theta=1e4") == 2
    error = capsys.readouterr().err
    assert "out/config.json says num_attention_heads=8 where the leaves say 4; rope_theta=500000.0 where" in error
    assert os.listdir(folder / "out") == ["config.json"]
    assert (folder / "out/config.json").read_text() == text


def test_the_config_names_the_dtype_that_is_written(folder):
    assert to_hf(folder, "--map_parameter=heads=4", "--float_dtype=bf16") == 0
    assert json.loads((folder / "out/config.json").read_text())["torch_dtype"] == "bfloat16"


def test_a_config_beside_the_input_is_not_read_for_nothing(folder):
    (folder / "config.json").write_text("not JSON")
    convert(f"{folder}/easylm", f"{folder}/x", map="llama-easylm-to-hf", map_parameters={"heads": 4})
    convert(f"{folder}/easylm", f"{folder}/y", map="lwm-unscanned-to-scanned")
    with pytest.raises(UsageError, match=r"config\.json is not JSON"):
        convert(f"{folder}/easylm", f"{folder}/z", map="llama-easylm-to-hf")


def test_a_folder_of_shards_is_a_model_and_comes_back(folder, capsys):
    given = [f"--load_checkpoint={folder}/easylm", "--map=llama-easylm-to-hf", "--map_parameter=heads=4"]
    assert run(*given, f"--output_file=safetensors::{folder}/out/", "--max_shard_size=64kB") == 0
    names = sorted(os.listdir(folder / "out"))
    assert names[0] == "config.json"
    assert names[-1] == "model.safetensors.index.json"
    assert len(names) > 4
    with reference.open(f"safetensors::{folder}/out") as checkpoint:
        assert checkpoint.metadata["format"] == "pt"
    back = [f"--load_checkpoint=safetensors::{folder}/out", "--map=llama-hf-to-easylm"]
    assert run(*back, f"--output_file=safetensors::{folder}/back.safetensors") == 0
    with reference.open(f"safetensors::{folder}/back.safetensors") as checkpoint:
        assert checkpoint.metadata["format"] == "flax"
        assert same(sorted_tree(checkpoint.tree()), sorted_tree(easylm()))


def test_tied_embeddings_are_written_on_their_own(folder, capsys):
    assert to_hf(folder, "--map_parameter=heads=4", "--exclude=lm_head/*") == 0
    config = json.loads((folder / "out/config.json").read_text())
    given = [f"--load_checkpoint={folder}/out/model.safetensors", "--map=llama-hf-to-easylm", "--streaming"]
    assert run(*given, f"--output_file={folder}/back") == 0
    assert "lm_head/weight is missing, and no config.json says that it is tied" in capsys.readouterr().err
    (folder / "out/config.json").write_text(json.dumps({**config, "tie_word_embeddings": True}))
    assert run(*given, f"--output_file={folder}/back") == 0
    assert "lm_head/weight is tied to another leaf, and written on its own" in capsys.readouterr().out
    back = reference.load(folder / "back")
    assert np.array_equal(back["lm_head"]["kernel"], back["transformer"]["wte"]["embedding"].T)
    assert len(reference.scan(folder / "back")) == len(reference.scan(folder / "easylm"))


def test_lwm_says_its_base_of_the_rotary_frequencies(folder, capsys):
    reference.save(folder / "lwm", scanned(easylm()))
    given = [f"--load_checkpoint={folder}/lwm", "--map=llama-lwm-to-hf", "--map_parameter=heads=4"]
    output = f"--output_file=safetensors::{folder}/out/model.safetensors"
    assert run(*given, output) == 2
    error = capsys.readouterr().err
    assert "needs rope_theta (the base of the rotary frequencies" in error
    more = "--map_parameter=rope_theta=5e7", "--map_parameter=max_position_embeddings=131072"
    assert run(*given, *more, output) == 0
    assert json.loads((folder / "out/config.json").read_text())["num_hidden_layers"] == 2


def test_a_part_of_a_model_has_a_config_with_a_note(folder, capsys):
    assert to_hf(folder, "--map_parameter=heads=4", "--include=*/h/0/*") == 0
    assert "config.json lacks vocab_size, which the leaves do not tell" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--map=nothing"], "'nothing' is not a map; choose one of linen-to-nnx"),
        (["--map=no.toml"], "no.toml: no such file"),
        (["--map_inverse"], "--map_inverse reverses --map"),
        (["--map_parameter=heads=4"], "map parameters are given, and no map"),
        (["--map=llama-easylm-to-hf", "--map_parameter=heads"], "'heads' has no ="),
        (["--map=llama-easylm-to-hf", "--map_parameter=heads=x"], "'x' is not a number"),
        (["--map=llama-easylm-to-hf", "--map_parameter=head=4"], "no parameter 'head'"),
        (["--rename=x"], "'x' has no ="),
        (["--rename=(=x"], "the rename (=x is not a valid expression"),
        (["--rename=wq=\\2"], "the rename wq=\\2 is not a valid expression"),
        (["--rename=nothing=x"], "the rename nothing=x matches nothing; the first leaves: transformer/wte/embedding"),
        (["--rename=w[123]/=w/"], "feed_forward/w1/kernel and transformer/h/0/feed_forward/w2/kernel"),
        (["--rename=kernel=\\\\x"], "after the renames,"),
    ],
)
def test_wrong_usage_of_maps_and_renames(folder, capsys, arguments, said):
    status = run(f"--load_checkpoint={folder}/easylm", "--streaming", f"--output_file={folder}/x", *arguments)
    assert status in (1, 2)
    assert said in capsys.readouterr().err
    assert not (folder / "x").exists()


# --- renames --------------------------------------------------------------------------------------------------------


def test_renames_follow_one_another(folder):
    arguments = ["--rename=^transformer/=t/", "--rename=h/(?=[0-9])=layers_", "--rename=(w[qkvo])/kernel$=\\1"]
    assert run(f"--load_checkpoint={folder}/easylm", "--streaming", f"--output_file={folder}/x", *arguments) == 0
    found = reference.load(folder / "x")
    assert list(found["t"]) == ["wte", "layers_0", "layers_1", "ln_f"]
    assert same(
        found["t"]["layers_1"]["attention"]["wq"], easylm()["transformer"]["h"]["1"]["attention"]["wq"]["kernel"]
    )


def test_renames_come_before_a_map(folder):
    params = {"module": {f"_{key}": value for key, value in easylm().items()}}
    reference.save(folder / "wrapped", params)
    convert(
        f"{folder}/wrapped",
        f"{folder}/x",
        rename={"^module/_": ""},
        map="llama-easylm-to-hf",
        map_parameters={"heads": 4},
    )
    assert len(reference.scan(folder / "x")) == 21


def test_a_rename_of_a_leaf_below_another_is_refused(tmp_path):
    reference.save(tmp_path / "in", {"a": np.ones(1), "b": {"c": np.ones(1)}})
    with pytest.raises(FormatError, match="STREAM-5"):
        convert(f"{tmp_path}/in", f"{tmp_path}/out", rename={"^b": "a"})
    assert not (tmp_path / "out").exists()


# --- real sizes -----------------------------------------------------------------------------------------------------

# LLaMA-2 70B in bfloat16, and in which way each is moved. 80 of its layers are 138 GB, in a file that is all hole.
BIG = Sizes(layers=80, hidden=8192, heads=64, kv_heads=8, inner=28672, vocab=32000)

SPARSE = """
import sys
import numpy as np
from reference.tests.memory import Meter
from reference.checkpoints.remapping import remapped
from reference.checkpoints.checkpoint import open as open_checkpoint
from reference.format.records import item_in, record_steps
from reference.format.payloads import write_steps

class Counting:
    size = 0
    def write(self, data):
        self.size += len(data)
    def copy_from(self, source, offset, n):
        self.size += n

path, name, chosen = sys.argv[1:]
meter = Meter()
with open_checkpoint(path) as checkpoint:
    items = [item_in(checkpoint.source, record) for record in checkpoint.records]
    total = sum(item.leaf.nbytes for item in items)
    given = {"heads": 64, "rope_theta": 1e4, "max_position_embeddings": 4096}
    items, report = remapped(items, None, name, given, {}, path, ("safetensors file", "x/"))
    assert sum(item.leaf.nbytes for item in items) == total
    wanted = chosen.split(",")
    items = [item for item in items if chosen == "all" or "/".join(item.path) in wanted]
    sink = Counting()
    write_steps(sink, record_steps(items))
kv_heads = report.config.config["num_key_value_heads"]
print(total, sum(item.leaf.nbytes for item in items), sink.size, meter.peak(), kv_heads)
"""


def sparse_70b(path, layout):
    """A stream of the shapes of 70B whose payloads are a hole of the file, but for what is written here."""
    rows = {
        "attention/wq": (BIG.hidden, BIG.hidden),
        "attention/wk": (BIG.hidden, 1024),
        "attention/wv": (BIG.hidden, 1024),
        "attention/wo": (BIG.hidden, BIG.hidden),
        "feed_forward/w1": (BIG.hidden, BIG.inner),
        "feed_forward/w2": (BIG.inner, BIG.hidden),
        "feed_forward/w3": (BIG.hidden, BIG.inner),
        "attention_norm": (BIG.hidden,),
        "ffn_norm": (BIG.hidden,),
    }
    layers = {
        "easylm": [(str(i), (), name, shape) for i in range(BIG.layers) for name, shape in rows.items()],
        "lwm": [("scan_decoder", (BIG.layers,), name, shape) for name, shape in rows.items()],
    }[layout]
    leaves = [
        (("transformer", "wte", "embedding"), (BIG.vocab, BIG.hidden)),
        *((("transformer", "h", i, *name.split("/"), "kernel"), (*first, *shape)) for i, first, name, shape in layers),
        (("transformer", "ln_f", "kernel"), (BIG.hidden,)),
        (("lm_head", "kernel"), (BIG.hidden, BIG.vocab)),
    ]
    write_sparse(path, leaves, np.dtype(ml_dtypes.bfloat16))


def write_sparse(path, leaves, dtype):
    """A flax file, which holds leaves of any size, of zeros that take no room on the disk."""
    items = [
        Item(key, Leaf("ndarray", dtype, shape, int(np.prod(shape)) * dtype.itemsize), object) for key, shape in leaves
    ]
    with open(path, "wb") as file:
        for parts, _ in flax_steps(items):
            for head, n in parts:
                file.write(head)
                file.seek(n, os.SEEK_CUR)
        file.truncate()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("layout", "chosen", "least"),
    [
        (
            "easylm",
            "model/layers/79/self_attn/q_proj/weight,model/layers/79/mlp/gate_proj/weight,"
            "model/layers/79/mlp/down_proj/weight,lm_head/weight",
            1_400_000_000,
        ),
        ("lwm", "model/layers/79/self_attn/k_proj/weight,model/layers/40/mlp/up_proj/weight", 400_000_000),
    ],
)
def test_shapes_of_70b_are_mapped_in_little_memory(tmp_path, layout, chosen, least):
    """All of it is planned, and the largest leaves of each form moved."""
    sparse_70b(tmp_path / "in", layout)
    assert (tmp_path / "in").stat().st_size > 137e9
    assert (tmp_path / "in").stat().st_blocks * 512 < 1 << 24
    program = [sys.executable, "-c", SPARSE, f"flax::{tmp_path}/in", f"llama-{layout}-to-hf", chosen]
    run = subprocess.run(program, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    total, moved, written, peak, kv_heads = map(int, run.stdout.split())
    assert total > 137e9
    assert (written - moved) < 10_000
    assert moved > least
    assert kv_heads == 8
    assert peak < 200_000  # kB, of which a band takes 134,000


LLAMA3 = {
    "rope_type": "llama3",
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 8192,
}


@pytest.mark.parametrize("newest", [False, True])
def test_how_rotary_frequencies_are_scaled_is_said_and_comes_back(folder, capsys, newest):
    """No leaf shows it, and a model without it is another one; transformers 5 has it in rope_parameters."""
    assert to_hf(folder, "--map_parameter=heads=4", "--map_parameter=rope_theta=5e5") == 0
    config = json.loads((folder / "out/config.json").read_text())
    assert "rope_scaling" not in config
    if newest:
        config["rope_parameters"] = {**LLAMA3, "rope_theta": config.pop("rope_theta")}
    else:
        config["rope_scaling"] = LLAMA3
    (folder / "out/config.json").write_text(json.dumps(config))
    back = [f"--load_checkpoint={folder}/out/", "--map=llama-hf-to-easylm", f"--output_file=params::{folder}/back"]
    capsys.readouterr()
    assert run(*back, "--format=2.0") == 0
    assert 'config.json says rope_scaling={"rope_type": "llama3", "factor": 8.0' in capsys.readouterr().err
    (folder / "out2").mkdir()
    again = [
        f"--load_checkpoint={folder}/back",
        "--map=llama-easylm-to-hf",
        f"--output_file=safetensors::{folder}/out2/",
    ]
    assert run(*again, f"--output_file=safetensors::{folder}/out2/") == 0
    assert json.loads((folder / "out2/config.json").read_text())["rope_scaling"] == LLAMA3


def test_a_folder_of_shards_appears_with_its_config(folder, monkeypatch):
    """config.json is among the files that take their places together; one that fails leaves neither."""
    import reference.checkpoints.outputs as outputs

    seen = []
    write = outputs._write
    monkeypatch.setattr(outputs, "_write", lambda name, data: (seen.append(name), write(name, data)))
    words = [f"--load_checkpoint={folder}/easylm", "--map=llama-easylm-to-hf", "--map_parameter=heads=4"]
    assert run(*words, f"--output_file=safetensors::{folder}/out/", "--max_shard_size=20kB") == 0
    assert [name.rpartition("/")[2] for name in seen] == ["config.json", "model.safetensors.index.json"]
    assert all(".parts/" in name for name in seen)

    def fails(name, data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(outputs, "_write", fails)
    (folder / "failed").mkdir()
    assert run(*words, f"--output_file=safetensors::{folder}/failed/", "--max_shard_size=20kB") == 1
    assert not list((folder / "failed").iterdir())
