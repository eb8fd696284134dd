"""`convert` with maps and renames: what a map has to be told, and the config.json that it writes."""

import json
import os

import numpy as np
import pytest

import reference
from fuzz.equality import same
from reference import convert as command
from reference.convert import convert
from reference.format.errors import FormatError, UsageError
from reference.tests.tiny_llama import easylm, scanned, sorted_tree

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


@pytest.mark.parametrize("name", ["llama-easylm-to-hf", "openllama-easylm-to-hf"])
def test_a_folder_with_the_names_of_hugging_face_has_safetensors(folder, name, capsys):
    given = [f"--load_checkpoint={folder}/easylm", f"--map={name}", "--map_parameter=heads=4"]
    assert run(*given, f"--output_file={folder}/hf/") == 0
    assert f"wrote {folder}/hf/: a safetensors file" in capsys.readouterr().out
    assert sorted(os.listdir(folder / "hf")) == ["config.json", "model.safetensors"]
    convert(f"{folder}/easylm", f"{folder}/called/", map=name, map_parameters={"heads": 4})
    assert (folder / "called/model.safetensors").read_bytes() == (folder / "hf/model.safetensors").read_bytes()
    # What is said is done, and names that are not theirs mean what they did.
    for more in ([f"--output_file=flax::{folder}/asked/"], [f"--output_file={folder}/asked/", "--streaming=False"]):
        assert run(*given, *more) == 0
        assert "flax_model.msgpack" in os.listdir(folder / "asked")
    back = [f"--load_checkpoint={folder}/hf/", "--map=llama-hf-to-easylm", f"--output_file={folder}/back/"]
    assert run(*back) == 0
    assert os.listdir(folder / "back") == ["flax_model.msgpack"]


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
    assert "out/config.json says num_attention_heads=8, and what is written has 4; rope_theta=500000.0, and" in error
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


def test_a_file_with_the_names_of_hugging_face_is_told_what_is_loaded_there(folder, capsys):
    given = [f"--load_checkpoint={folder}/easylm", "--map=llama-easylm-to-hf", "--map_parameter=heads=4"]
    assert run(*given, f"--output_file={folder}/single") == 0
    note = f"note: transformers loads a folder: name the output safetensors::{folder}/single/ to get safetensors and a"
    assert note in capsys.readouterr().err
    for name in ("single.safetensors", "single.msgpack"):
        assert run(*given, f"--output_file={folder}/{name}") == 0
        assert note in capsys.readouterr().err
    assert run(*given, f"--output_file={folder}/model.safetensors") == 0  # beside which the config.json is
    assert "transformers loads" not in capsys.readouterr().err
    for meant in ([f"--output_file=flax::{folder}/x"], [f"--output_file={folder}/y", "--streaming=False"]):
        assert run(*given, *meant) == 0
        assert "transformers loads" not in capsys.readouterr().err


def test_tied_embeddings_are_written_on_their_own(folder, capsys):
    assert to_hf(folder, "--map_parameter=heads=4", "--exclude=lm_head/*") == 0
    assert "note: lm_head/weight is not among the leaves, so " in capsys.readouterr().err
    config = json.loads((folder / "out/config.json").read_text())
    assert config.pop("tie_word_embeddings") is True, "transformers would make up the numbers"
    (folder / "out/config.json").write_text(json.dumps(config))
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
        (["--map=llama-easylm-to-hg"], "'llama-easylm-to-hg' is not a map; did you mean llama-easylm-to-hf?"),
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
    monkeypatch.setattr(outputs, "_write", lambda name, *data: (seen.append(name), write(name, *data)))
    words = [f"--load_checkpoint={folder}/easylm", "--map=llama-easylm-to-hf", "--map_parameter=heads=4"]
    assert run(*words, f"--output_file=safetensors::{folder}/out/", "--max_shard_size=20kB") == 0
    assert [name.rpartition("/")[2] for name in seen] == ["config.json", "model.safetensors.index.json"]
    assert all(".parts/" in name for name in seen)

    def fails(name, *data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(outputs, "_write", fails)
    (folder / "failed").mkdir()
    assert run(*words, f"--output_file=safetensors::{folder}/failed/", "--max_shard_size=20kB") == 1
    assert not list((folder / "failed").iterdir())


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
