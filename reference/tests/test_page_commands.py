"""The commands of the page by which people know these scripts, letter by letter but for the name of the module."""

import subprocess
import sys
from pathlib import Path

import flax.serialization
import ml_dtypes
import numpy as np
import pytest

import reference
from reference import convert, diff

CONVERT = """
python -m reference.convert \\
    --load_checkpoint='{load}' \\
    --output_file='path/to/output/checkpoint' \\
    --streaming={streaming}
"""
DIFF = """
python -m reference.diff \\
    --recover_diff={recover} \\
    --load_base_checkpoint='params::path/to/based/checkpoint' \\
    --load_target_checkpoint='params::path/to/{target}/checkpoint' \\
    --output_file='path/to/{output}/checkpoint' \\
    --streaming={streaming}
"""


@pytest.fixture
def folder(tmp_path):
    for name in ("", "output/", "based/", "target/", "diff/"):
        (tmp_path / "path/to" / name).mkdir(parents=True, exist_ok=True)
    return tmp_path


def typed(command, folder):
    """The command as it is typed into a shell, by the Python of this test."""
    command = command.replace("python ", f"{sys.executable} ", 1)
    environment = {"PYTHONPATH": str(Path(reference.__file__).parents[1])}
    return subprocess.run(command, shell=True, cwd=folder, env=environment, capture_output=True, text=True, check=True)


def weights(seed):
    random = np.random.default_rng(seed)
    kernels = {name: random.standard_normal((4, 6)).astype(ml_dtypes.bfloat16) for name in ("wq", "wo")}
    return {"transformer": {"h": {"0": {"attention": {name: {"kernel": x} for name, x in kernels.items()}}}}}


def test_a_stream_is_converted_to_the_standard_flax_format(folder):
    reference.save(folder / "path/to/checkpoint", weights(0))
    typed(CONVERT.format(load="params::path/to/checkpoint", streaming=False), folder)
    assert (folder / "path/to/output/checkpoint").read_bytes() == flax.serialization.to_bytes(weights(0))


def test_a_standard_flax_file_is_converted_to_a_stream(folder):
    (folder / "path/to/checkpoint").write_bytes(flax.serialization.to_bytes(weights(0)))
    typed(CONVERT.format(load="flax::path/to/checkpoint", streaming=True), folder)
    reference.save(folder / "expected", weights(0))
    assert (folder / "path/to/output/checkpoint").read_bytes() == (folder / "expected").read_bytes()


@pytest.mark.parametrize("streaming", [True, False])
def test_a_checkpoint_is_recovered_from_its_base_and_the_difference(streaming, folder):
    reference.save(folder / "path/to/based/checkpoint", weights(0))
    reference.save(folder / "path/to/target/checkpoint", weights(1))
    made = typed(DIFF.format(recover=False, target="target", output="diff", streaming=streaming), folder)
    assert ("a delta is a kind of file of its own" in made.stderr) == (not streaming)
    typed(DIFF.format(recover=True, target="diff", output="output", streaming=True), folder)
    assert (folder / "path/to/output/checkpoint").read_bytes() == (folder / "path/to/target/checkpoint").read_bytes()


@pytest.mark.parametrize("streaming", ["True", "False"])
def test_the_flag_chooses_the_format_of_an_arithmetic_difference(streaming, folder):
    base, target = folder / "base", folder / "target"
    reference.save(base, weights(0))
    reference.save(target, weights(1))
    options = [f"--load_base_checkpoint=params::{base}", f"--streaming={streaming}"]
    made, found = folder / "made", folder / "found"
    more = ["--method=subtract", f"--load_target_checkpoint=params::{target}", f"--output_file={made}"]
    assert diff.main([*options, "--recover_diff=False", *more]) == 0
    kind = "params" if streaming == "True" else "flax"
    assert set(reference.load(f"{kind}::{made}")) == {"transformer"}
    more = [f"--load_target_checkpoint={kind}::{made}", f"--output_file={found}"]
    assert diff.main([*options, "--recover_diff=True", *more]) == 0
    assert set(reference.load(f"{kind}::{found}")) == {"transformer"}


@pytest.mark.parametrize(
    "spelling",
    [
        ["-load_checkpoint={x}", "-output_file={y}", "-streaming"],
        ["-load_checkpoint", "{x}", "-output_file", "{y}", "-streaming=True"],
        ["--load_checkpoint={x}", "-output_file={y}", "-streaming=true", "--alsologtostderr", "-v=1", "-v", "-1"],
        ["-nodry_run", "-logtostderr", "--verbosity", "1", "-load_checkpoint={x}", "--output_file={y}", "--streaming"],
        ["--stderrthreshold=info", "--load_checkpoint={x}", "--log_dir", "some", "--output_file={y}", "-streaming"],
    ],
)
def test_flags_are_taken_as_absl_spells_them(spelling, folder, capsys):
    reference.save(folder / "x", weights(0))
    values = {"x": f"params::{folder}/x", "y": str(folder / "-y")}
    assert convert.main([text.format(**values) for text in spelling]) == 0
    assert (folder / "-y").read_bytes() == (folder / "x").read_bytes()
    assert capsys.readouterr().err == ""


def test_a_value_may_begin_with_a_dash(folder, monkeypatch):
    monkeypatch.chdir(folder)
    reference.save("-x", weights(0))
    assert convert.main(["--load_checkpoint", "-x", "-output_file", "-y", "-streaming"]) == 0
    assert (folder / "-y").exists()


@pytest.mark.parametrize("flag", ["--flagfile=flags", "-flagfile=flags", "--undefok=a"])
def test_flags_that_would_have_an_effect_elsewhere_are_refused_by_name(flag, capsys):
    assert convert.main(["--load_checkpoint=x", "--output_file=y", flag]) == 2
    name = flag.strip("-").split("=")[0]
    assert f"--{name} is one of absl's own flags, and is not supported here" in capsys.readouterr().err


@pytest.mark.parametrize("flag", ["--helpfull", "-helpshort"])
def test_the_help_has_absl_s_names_too(flag, capsys):
    assert convert.main([flag]) == 0
    assert "--float_dtype" in capsys.readouterr().out
