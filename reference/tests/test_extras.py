"""An error that asks for an extra says how to install it from where this package came from."""

import json
from importlib import metadata
from types import SimpleNamespace

import pytest

from reference.format.extras import how_to_install


@pytest.mark.parametrize(
    ("origin", "command"),
    [
        (None, "pip install 'streamckpt[delta]'"),
        ({"url": "file:///a%20b/clone", "dir_info": {}}, "pip install '/a b/clone[delta]'"),
        ({"url": "file:///clone", "dir_info": {"editable": True}}, "pip install -e '/clone[delta]'"),
        (
            {"url": "https://host/it.git", "vcs_info": {"vcs": "git", "requested_revision": "main", "commit_id": "ab"}},
            "pip install 'streamckpt[delta] @ git+https://host/it.git@ab'",
        ),
        ({"url": "file:///it.whl", "archive_info": {"hashes": {}}}, "pip install 'streamckpt[delta]'"),
    ],
    ids=["index", "folder", "editable", "repository", "archive"],
)
def test_the_command_names_where_the_package_came_from(origin, command, monkeypatch):
    text = None if origin is None else json.dumps(origin)
    monkeypatch.setattr(metadata, "distribution", lambda name: SimpleNamespace(read_text=lambda file: text))
    assert how_to_install("delta") == command


def test_a_clone_that_was_never_installed_names_its_own_folder(monkeypatch, request):
    def missing(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "distribution", missing)
    assert how_to_install("delta") == f"pip install '{request.config.rootpath}[delta]'"
