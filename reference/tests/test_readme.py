"""What the README shows is so: its Python and its command run, its links lead somewhere, its pictures are those of the
results that are kept."""

import json
import re
import shlex
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax.training.train_state import TrainState
from safetensors.numpy import load_file

import streamckpt as sc
from benchmarks import picture
from docs.generators import badges
from fuzz.old_loaders.reading import LOOPS, flat


@pytest.fixture
def text(root):
    return (root / "README.md").read_text()


def fenced(text, language):
    found = re.findall(rf"^```{language}\n(.*?)^```", text, flags=re.M | re.S)
    assert found
    return found


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with the files that the README takes for granted, and the state in them."""
    block = {"attention": {"wq": {"kernel": jnp.arange(12.0).reshape(3, 4)}}}
    params = {"transformer": {"h": {"0": block, "1": block}}, "lm_head": {"kernel": jnp.ones((4, 5))}}
    state = TrainState.create(apply_fn=None, params={"params": params}, tx=optax.adamw(1e-3))
    monkeypatch.chdir(tmp_path)
    sc.save("streaming_params", params)
    sc.save("streaming_train_state", state)
    return tmp_path, params, state


def test_its_python_does_what_its_comments_say(text, folder):
    _, _, train_state = folder
    names = {"train_state": jax.tree.map(jnp.zeros_like, train_state)}
    for block in fenced(text, "python"):
        exec(block, names)
    assert isinstance(names["params"]["lm_head"]["kernel"], np.ndarray)
    assert list(names["block"]) == ["attention"]
    same = jax.tree.map(lambda a, b: bool((a == b).all()), names["state"], train_state)
    assert all(jax.tree.leaves(same))
    with sc.open("sealed_params") as sealed:
        assert sealed.version == "2.0"
    for loop in LOOPS:
        with open("sealed_params", "rb") as file:
            read = flat(file, loop)
        assert {path: leaf.tobytes() for path, leaf in read.items()} == {
            path: leaf.tobytes() for path, leaf in sc.records("streaming_params")
        }


def test_its_commands_do_what_the_text_says(text, folder):
    _, params, _ = folder
    sc.save("sealed_params", params, format="2.0")
    commands = [line for block in fenced(text, "sh") for line in block.splitlines() if line.startswith("streamckpt ")]
    done = {}
    for command in commands:
        run = [sys.executable, "-m", *shlex.split(command)]
        ran = subprocess.run(run, capture_output=True, text=True)
        assert (ran.returncode, ran.stderr) == (0, "")
        done[run[3]] = ran.stdout
    assert "lm_head/kernel" in done["inspect"]
    assert done["verify"].startswith("sealed_params: good sealed stream")
    assert [*done] == ["inspect", "verify", "convert"]
    assert np.array_equal(load_file("model.safetensors")["lm_head.kernel"], params["lm_head"]["kernel"])


def test_its_links_and_pictures_are_there(text, root):
    links = re.findall(r"\]\(([^)#\s]+)\)|(?:src|srcset)=\"([^\"]+)\"", text)
    assert len(links) > 15
    for link in map("".join, links):
        assert not re.match(r"[a-z]+:", link), f"{link} is elsewhere"
        assert (root / link).exists(), link


def test_its_pictures_are_those_of_the_results(root):
    """`python -m benchmarks.picture` and `python -m docs.generators.badges` write them anew."""
    results = json.loads((root / "benchmarks/results.json").read_text())
    for path, drawn in {**picture.files(results), **badges.files()}.items():
        assert path.read_text() == drawn, path.name


def test_it_counts_no_more_cases_than_there_are(text):
    from docs.generators.project import cases

    claimed = [int(number.replace(",", "")) for number in re.findall(r"more than ([\d,]+) in all", text)]
    assert len(claimed) == 1
    assert claimed[0] < len(cases())
