"""Shell completion, in the shells themselves: verbs, options, files, prefixes."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

import reference
from reference.commands import completion, verbs
from reference.format.extras import how_to_install

pytest.importorskip("argcomplete")
BIN = Path(sysconfig.get_path("scripts"))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    if not (BIN / "streamckpt").exists():
        pytest.skip("the program is not installed")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{BIN}:{os.environ['PATH']}")
    reference.save("weights", {"a": 1})
    reference.save("wei ght", {"a": 1})
    (tmp_path / "folder").mkdir()
    return tmp_path


BASH = """
eval "$(streamckpt completion bash)"
COMP_LINE=$1 COMP_POINT=${#1} COMP_TYPE=9 COMP_KEY=9
read -ra COMP_WORDS <<< "$1"
[[ $1 == *' ' ]] && COMP_WORDS+=('')
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
_python_argcomplete streamckpt "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
printf '%s\\n' "${COMPREPLY[@]}"
"""
FISH = "streamckpt completion fish | source; complete -C $argv[1]"
# A key shows what the line has become, for zsh completes on a terminal alone.
ZSH = """
PS1=; unsetopt zle_bracketed_paste; autoload -U compinit; compinit -u -D; eval "$(streamckpt completion zsh)"
show() { zle complete-word; print -r -- "<$BUFFER>"; BUFFER=; zle accept-line }
zle -N show; bindkey '^X' show; echo rea""dy
"""


def typed_into_zsh(line):
    """What a line has become after a tab in zsh."""
    command = [sys.executable, "-c", "import pty; pty.spawn(['zsh', '-f', '-i'])"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0) as zsh:

        def read_to(mark):
            shown = b""
            while mark not in shown:
                part = zsh.stdout.read(4096)
                assert part, f"zsh has ended: {shown}"
                shown += part
            return shown.decode(errors="replace")

        zsh.stdin.write(ZSH.lstrip().encode())
        read_to(b"ready")
        zsh.stdin.write(f"{line}\x18".encode())
        shown = read_to(b">")
        zsh.stdin.write(b"exit\n")
        zsh.stdin.close()
        while zsh.stdout.read(4096):
            pass
    return re.search("<(.*)>", shown)[1]


def offered(shell, line):
    """What a shell offers for a line: one offer a line, or of zsh the line that it makes."""
    if shutil.which(shell) is None:
        pytest.skip(f"there is no {shell}")
    if shell == "zsh":
        return typed_into_zsh(line)
    command = {"bash": ["bash", "-c", BASH, "bash", line], "fish": ["fish", "-c", FISH, line]}
    return subprocess.run(command[shell], capture_output=True, text=True).stdout


LINES = [
    ("streamckpt ver", "verify"),
    ("streamckpt convert --max_sh", "--max_shard_size"),
    ("streamckpt verify weig", "weights"),
    ("streamckpt verify params::weig", "weights"),
    ("streamckpt convert weights --dialect spl", "split-leaves"),
    ("streamckpt help insp", "inspect"),
    ("streamckpt convert weights --map llama-easy", "llama-easylm-to-hf"),
    ("streamckpt convert weights --float_dtype bfl", "bfloat16"),
    ("streamckpt help compl", "completion"),
]


@pytest.mark.parametrize(
    ("shell", "line", "found"),
    [("bash", *each) for each in LINES] + [(shell, *each) for shell in ("zsh", "fish") for each in LINES[::3]],
)
@pytest.mark.slow
def test_a_shell_completes(shell, line, found, folder):
    shown = offered(shell, line)
    assert found in shown, shown


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("convert weights --map=", "--map=llama-easylm-to-hf:LLaMA, EasyLM's layout and Hugging Face's"),
        ("convert weights --map ", "llama-easylm-to-hf:LLaMA, EasyLM's layout and Hugging Face's"),
        ("convert weights --float_dtype=", "--float_dtype=bf16:bfloat16"),
        ("verify --fail_on=na", "--fail_on=nan :exit with 4"),
        ("verify weig", "weights :"),
        ("verify --bas", "--base :the base of a delta"),
    ],
)
def test_zsh_shows_what_each_offer_is_and_never_none(line, shown, folder):
    line = f"streamckpt {line}"
    asked = {"_ARGCOMPLETE": "1", "_ARGCOMPLETE_SHELL": "zsh", "_ARGCOMPLETE_IFS": "\n", "COMP_LINE": line}
    environment = {**os.environ, **asked, "COMP_POINT": str(len(line)), "_ARGCOMPLETE_STDOUT_FILENAME": "offers"}
    subprocess.run([BIN / "streamckpt"], env=environment, capture_output=True)
    offers = (folder / "offers").read_text()
    assert shown in offers
    assert "None" not in offers


@pytest.mark.parametrize("line", ["convert weights --prefix wei", "inspect weights --match wei"])
@pytest.mark.slow
def test_free_values_are_not_files(line, folder):
    assert offered("bash", f"streamckpt {line}").split() == []


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("wei", ["wei ght", "weights"]),
        ("fol", ["folder/"]),
        ("params::wei", ["params::wei ght", "params::weights"]),
        ("fl", ["flax::", "flax_params::"]),
        ("safetensors::", ["safetensors::folder/", "safetensors::wei ght", "safetensors::weights"]),
        ("nothing", []),
    ],
)
def test_files_are_offered_with_and_without_a_prefix(typed, found, folder):
    assert completion.checkpoints(typed) == found


def test_the_library_is_named_where_it_is_missing(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "argcomplete", None)
    assert verbs.main(["completion", "bash"]) == 2
    assert f"completion needs argcomplete: {how_to_install('completion')}" in capsys.readouterr().err


@pytest.mark.parametrize("shell", completion.SHELLS)
def test_each_shell_gets_its_code(shell, capsys):
    assert verbs.main(["completion", shell]) == 0
    assert "streamckpt" in capsys.readouterr().out
    assert verbs.main(["completion", "csh"]) == 2
