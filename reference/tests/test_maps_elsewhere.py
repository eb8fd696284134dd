"""Maps of leaves that are not where the map looks for them, or of states that have another form."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import streamckpt as sc
from reference.commands.verbs import main
from reference.format.errors import UsageError

from .tiny_llama import easylm


def test_the_weights_of_a_train_state_are_named_where_they_are(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    params = easylm()
    sc.save("state", {"step": np.int32(1), "params": {"params": params}, "opt_state": {"0": {"mu": params}}})
    options = {"map": "llama-easylm-to-hf", "map_parameters": {"heads": 4}}
    with pytest.raises(UsageError, match="fit what is under params/params: --prefix=params/params, or trainstate_par"):
        sc.convert("state", "hf/", **options)
    sc.convert("trainstate_params::state", "hf/", **options)
    sc.save("state", {"step": np.int32(1), "params": params})
    with pytest.raises(UsageError, match=r"fit what is under params: --prefix=params$"):
        sc.convert("state", "hf/", **options)
    sc.save("state", {"params": params, "transformer": params["transformer"]})
    with pytest.raises(UsageError, match="leave them out"):
        sc.convert("state", "hf/", **options)


def test_a_config_that_says_apart_is_believed(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    sc.save("easylm", {name: node for name, node in easylm().items() if name != "lm_head"})
    arguments = ["--map=llama-easylm-to-hf", "--map_parameter=heads=4"]
    assert main(["convert", "easylm", "tied/", *arguments, "--json"]) == 0
    assert json.loads(capfd.readouterr().out)["map"]["taken_as_tied"] == [["lm_head", "weight"]]
    assert json.loads((tmp_path / "tied/config.json").read_text())["tie_word_embeddings"] is True
    (tmp_path / "config.json").write_text('{"tie_word_embeddings": false}')
    assert main(["convert", "easylm", "apart/", *arguments]) == 0
    assert json.loads((tmp_path / "apart/config.json").read_text())["tie_word_embeddings"] is False
    assert "is not among the leaves" not in capfd.readouterr().err


def test_linen_and_an_nnx_state_as_it_is_today_compute_the_same(tmp_path, monkeypatch):
    linen, nnx = pytest.importorskip("flax.linen"), pytest.importorskip("flax.nnx")
    monkeypatch.chdir(tmp_path)

    class OfLinen(linen.Module):
        @linen.compact
        def __call__(self, x):
            for i in range(2):
                x = linen.Dense(8, name=f"layers_{i}")(x)
            return linen.BatchNorm(use_running_average=True, name="norm")(x)

    class OfNnx(nnx.Module):
        def __init__(self, rngs):
            layers = [nnx.Linear(n, 8, rngs=rngs) for n in (4, 8)]
            self.layers = nnx.List(layers) if hasattr(nnx, "List") else layers
            self.norm = nnx.BatchNorm(8, use_running_average=True, rngs=rngs)

        def __call__(self, x):
            for layer in self.layers:
                x = layer(x)
            return self.norm(x)

    x = jnp.arange(8, dtype=jnp.float32).reshape(2, 4)
    module, model = OfLinen(), OfNnx(nnx.Rngs(1))
    variables = module.init(jax.random.key(0), x)
    sc.save("linen", variables)
    sc.convert("linen", "nnx", map="linen-to-nnx-plain")
    nnx.update(model, sc.load("nnx", like=nnx.state(model)))
    assert np.array_equal(model(x), module.apply(variables, x))
    sc.convert("nnx", "back", map="nnx-plain-to-linen")
    assert main(["compare", "linen", "back", "-q"]) == 0
