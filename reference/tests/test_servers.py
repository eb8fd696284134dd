"""Servers that may have to be installed, each with what it alone has: `make test-remote` runs these."""

import os
from pathlib import Path

import jax
import numpy as np
import pytest

import reference
from fuzz.equality import same
from reference.checkpoints.conversion import convert
from reference.checkpoints.verification import verify
from reference.storage.places import place_of
from reference.tests.servers.gcs import put_by_json
from streamckpt.testing.places import Stopped, interrupted, read, write

pytest.importorskip("obstore", reason="the extra `remote` is not installed")
pytestmark = [pytest.mark.remote, pytest.mark.xdist_group("servers")]

TREE = {
    "big": np.arange(3_000_000, dtype=np.float32),  # more than a request
    "layers": {str(i): np.full((40, 30), i, np.float32) for i in range(50)},
}
KINDS = {"plain": ("", {}), "sealed": ("", {"format": "2.0"}), "flax": ("flax::", {}), "tensors": ("safetensors::", {})}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """The tree in a file of each kind."""
    folder = tmp_path_factory.mktemp("files")
    for name, (prefix, options) in KINDS.items():
        reference.save(f"{prefix}{folder / name}", TREE, **options)
    return folder


def loads_all(at):
    for name, (prefix, _) in KINDS.items():
        assert alike(reference.load(f"{prefix}{at}/{name}"), TREE), name
        with reference.open(f"{prefix}{at}/{name}") as checkpoint:
            assert same(checkpoint["layers", "7"], TREE["layers"]["7"])


def alike(a, b):
    """Whether two trees have the same leaves, in whatever order."""
    return same(jax.tree.map(np.asarray, a), jax.tree.map(np.asarray, b))


def test_nginx_serves_every_kind(nginx, files):
    url, folder = nginx
    for file in files.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    loads_all(url)
    assert verify(f"{url}/sealed") == verify(files / "sealed")


def test_a_file_that_is_replaced_on_nginx_is_refused(nginx, files):
    url, folder = nginx
    (folder / "replaced").write_bytes((files / "plain").read_bytes())
    with reference.open(f"{url}/replaced") as checkpoint:
        (folder / "new").write_bytes((files / "plain").read_bytes()[:-1] + b"x")
        os.utime(folder / "new", (1, 1))
        os.replace(folder / "new", folder / "replaced")
        with pytest.raises(OSError, match="replaced"):
            checkpoint["big"]


def test_fake_gcs_server_serves_every_kind(gcs_read, files):
    for file in files.iterdir():
        put_by_json(gcs_read, file.name, file.read_bytes())
    with gcs_read.known() as url:
        loads_all(url)


def test_pythons_server_is_refused_by_name(whole_files, files):
    url, folder = whole_files
    (folder / "plain").write_bytes((files / "plain").read_bytes())
    with pytest.raises(OSError, match="whole files, and not parts of them") as caught:
        reference.load(f"{url}/plain")
    assert "\n" not in str(caught.value)


def test_rclone_takes_outputs_and_gives_no_ranges(s3_files, files, tmp_path):
    """It answers 200 to a request for a range, which S3 never does, and which is refused here."""
    bucket, folder = s3_files
    with bucket.known() as url:
        for name, (prefix, options) in KINDS.items():
            reference.save(f"{prefix}{url}/{name}", TREE, **options)
            assert (folder / name).read_bytes() == (files / name).read_bytes()
        convert(files / "plain", f"{url}/half", float_dtype="bf16")
        convert(files / "plain", tmp_path / "half", float_dtype="bf16")
        assert (folder / "half").read_bytes() == Path(tmp_path / "half").read_bytes()
        place = place_of(f"{url}/plain")
        with pytest.raises(Stopped):
            interrupted(place, False)
        assert (folder / "plain").read_bytes() == (files / "plain").read_bytes()
        assert bucket.uploads() == 0
        with pytest.raises(OSError, match="not parts of them"):
            reference.load(f"{url}/plain")


def test_an_output_of_many_parts_is_whole_on_every_server(s3, gcs, azure, s3_files):
    """90 MB: more parts than are under way at once."""
    data = np.random.default_rng(0).bytes(90_000_001)
    for bucket in (s3, gcs, azure):
        with bucket.known() as url:
            write(place_of(f"{url}/large"), data, behind=True)
            assert read(place_of(f"{url}/large")) == data
    bucket, folder = s3_files
    with bucket.known() as url:
        write(place_of(f"{url}/large"), data)
    assert (folder / "large").read_bytes() == data
