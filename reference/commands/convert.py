"""`streamckpt convert`: stream, flax file or safetensors to any of the three, out of core."""

from __future__ import annotations

import argparse
import re
import sys
from typing import Any

from ..checkpoints.conversion import ConvertReport, convert
from ..checkpoints.remapping import HUGGING_FACE, folder_of_map
from ..checkpoints.shard_sizes import DEFAULT_SHARD
from ..computing.accelerators import spare_memory
from ..containers.load_prefixes import PREFIXES, kind_said, shown_name, split_prefix
from ..containers.safetensors_file import SAFETENSORS
from ..format.casts import FLOAT_NAMES
from ..format.errors import article, counted
from ..format.keypaths import display, printable
from ..format.leaves import leaf_text
from .command_line import print_json, run
from .options import (
    add_backend,
    add_dialect,
    add_format,
    add_metadata,
    add_names,
    add_patterns,
    add_prefix,
    add_showing,
    metadata_of,
)
from .parsers import Parser, parser, whole_number
from .remapping import add_remapping, map_json, print_map, remapping_of
from .tables import leaf_json, losses, named, note_left_out, note_worst, size

_EXAMPLES = """examples:
  # the weights of a train state, as a standard flax file that transformers and flax load
  streamckpt convert trainstate_params::streaming_train_state flax_model.msgpack
  # a flax file as a stream in bfloat16
  streamckpt convert flax::flax_model.msgpack params::streaming_params --float_dtype=bf16
  # safetensors from the hub as a stream; first, see what would be written
  streamckpt convert model.safetensors params::streaming_params --dry_run
  # only the feed-forward weights, without what LoRA has added
  streamckpt convert streaming_params mlp.safetensors --include='*/feed_forward/*' --exclude='*/lora_*'
  # the weights of a train state that has them at `params`, as JAXSeq's, and not at `params/params`
  streamckpt convert trainstate::train_state.msgpack params::streaming_params --prefix=params
  # a folder of shards from the hub as one sealed stream, and back into shards that transformers loads
  streamckpt convert safetensors::llama/ params::llama_stream --format=2.0
  streamckpt convert params::llama_stream safetensors::again/ --max_shard_size=2GB
  # in bfloat16, but for the router, which keeps its dtype, and the norms, which become float32
  streamckpt convert streaming_params params::mixed \\
      --float_dtype=bf16 --float_dtype='*/norm/*=fp32' --keep='*/router/*'
  # EasyLM's LLaMA as transformers loads it; the inverse is --map=llama-hf-to-easylm
  streamckpt convert streaming_params safetensors::llama/ --map=llama-easylm-to-hf --map_parameter=heads=32
  # drop the part `module` from each name, wherever it occurs
  streamckpt convert streaming_params params::renamed --rename='(^|/)module/=\\1'
  # a cast that leaves the accelerators of this machine alone
  streamckpt convert streaming_params params::fp16 --float_dtype=fp16 --backend=numpy
  # the spelling of EasyLM's script
  streamckpt convert --load_checkpoint='params::streaming_params' --output_file='flax_model.msgpack' --streaming=False

Without --float_dtype every dtype is kept. (The script that this command replaces defaults to bf16, which
silently halves the precision of a float32 checkpoint.)
"""


def command_line() -> Parser:
    """The options of the command."""
    command = parser("convert", "Convert a checkpoint between containers, names and float dtypes.", "IN OUT", _EXAMPLES)
    command.one_pass = ("load_checkpoint",)
    command.add_place(
        "load_checkpoint",
        "IN",
        f"the input, [PREFIX::]PATH; PREFIX is one of {', '.join(PREFIXES)}, and without one the kind is detected; "
        "- is standard input, which is copied to a temporary file in TMPDIR first",
    )
    command.add_place(
        "output_file",
        "OUT",
        "the output; a prefix (safetensors::, flax::, params::) or the end of the name (.safetensors) says what "
        "to write, and else --streaming does; safetensors::FOLDER/ writes a folder of shards; - is standard output",
    )
    command.add_flag(
        "streaming",
        None,
        "write a stream (True) or a standard flax file (False); the default is False, or True with --format",
    )
    command.add_argument(
        "--max_shard_size",
        metavar="SIZE",
        help=f"how large the shards of a folder may get, such as 500MB or 2GiB; the default is {DEFAULT_SHARD}",
    )
    command.add_argument(
        "--float_dtype",
        action="append",
        metavar="[GLOB=]DTYPE",
        help=f"cast float leaves to DTYPE: {', '.join(FLOAT_NAMES)}; with GLOB=, those whose key path matches; may be "
        "repeated, and the last match wins; the default keeps every dtype",
    )
    command.add_argument(
        "--keep", action="append", metavar="GLOB", help="do not cast leaves whose key path matches; may be repeated"
    )
    add_prefix(command, "convert")
    add_remapping(command)
    add_format(command, "that of the input")
    add_metadata(command, "a sealed stream or a safetensors file")
    command.add_argument(
        "--alignment",
        type=whole_number,
        metavar="N",
        help="align arrays in a sealed stream to N bytes: a power of two from 64 (the default) to 4096",
    )
    command.add_flag("digests", False, "put the SHA-256 of each leaf into a sealed stream")
    add_patterns(command, "convert")
    add_names(command)
    add_dialect(command)
    add_backend(command, "does the casts")
    command.add_flag("dry_run", False, "print what would be written, and write nothing")
    add_showing(command)
    return command


def describe_json(report: ConvertReport, output: str, is_dry: bool) -> dict[str, Any]:
    """What `--json` prints. Sizes are in bytes."""
    sides = list(zip(*report.cast, strict=True)) or [(), ()]
    return {
        "output": output,
        "dry_run": is_dry,
        "kind": report.target_kind,
        "version": report.version,
        "shards": list(report.shards),
        "leaves": [{"path": list(item.path), **leaf_json(item.leaf)} for item in report.items],
        "bytes": report.nbytes,
        "cast": {
            "leaves": len(report.cast),
            **{
                side: sorted({str(item.leaf.dtype) for item in items})
                for side, items in zip(("from", "to"), sides, strict=True)
            },
            "became_infinite": report.overflowed,
            "became_zero": report.became_zero,
            "worst": list(report.worst) if report.worst else None,
        },
        "map": map_json(report.map),
        "metadata_left_out": list(report.metadata_left_out),
        "too_big_for_old_loaders": [list(path) for path in report.too_big_for_old_loaders],
        "unmatched": [{"option": option, "pattern": pattern} for option, pattern in report.unmatched],
    }


def _print_plan(report: ConvertReport) -> None:
    for item in report.items:
        print(f"{display(item.path)}  {leaf_text(item.leaf)}  {size(item.leaf.nbytes)}")


def _print_report(arguments: argparse.Namespace, report: ConvertReport) -> None:
    verb = "would write" if arguments.dry_run else "wrote"
    output = named(arguments.output_file)
    kind = "sealed stream" if report.version == "2.0" else report.target_kind
    shards = f" in {len(report.shards)} shards" if len(report.shards) > 1 else ""
    print(f"{verb} {output}: {article(kind)}{shards} of {counted(len(report.items), 'leaf')}, {size(report.nbytes)}")
    if report.cast:
        old = sorted({str(item.leaf.dtype) for item, _ in report.cast})
        new = sorted({str(item.leaf.dtype) for _, item in report.cast})
        text = f"cast {counted(len(report.cast), 'leaf')} from {', '.join(old)} to {', '.join(new)}"
        print(text if arguments.dry_run else f"{text}; {losses(report.overflowed, report.became_zero)}")
        note_worst(report.worst)
    print_map(report.map, arguments.dry_run)
    if report.metadata_left_out:
        keeps = "safetensors does" if report.version == "2.0" else "--format=2.0 keeps it"
        keeps = "a sealed stream keeps it (--streaming=True --format=2.0)" if report.version != "1.0" else keeps
        note_left_out("the output has no place", report.metadata_left_out, keeps)
    if report.unmatched:
        globs = printable(", ".join(f"--{option}={pattern!r}" for option, pattern in report.unmatched))
        renamed = any(option in ("keep", "float_dtype") for option, _ in report.unmatched) and _remaps(arguments)
        new = "; --keep and --float_dtype are compared with the new names" if renamed else ""
        print(f"note: no leaf matches {globs}{new}", file=sys.stderr)
    for path in report.too_big_for_old_loaders:
        text = f"note: {display(path)} is over 2 GiB: readers built on msgpack-python cannot load it"
        print(text, file=sys.stderr)


def _remaps(arguments: argparse.Namespace) -> bool:
    """Whether leaves are written under other names."""
    return bool(arguments.map or arguments.rename or arguments.prefix)


def _note_of_a_folder(output: str) -> None:
    """Say how transformers is given a model; of an output that is a file, not where it belongs with others."""
    path = split_prefix(output)[1]
    if not path.endswith("/"):
        stem = re.sub(r"\.\w+$", "", path)
        folder = f"safetensors::{named(stem)}/"
        text = f"transformers loads a folder: name the output {folder} to get safetensors and a config.json"
        print(f"note: {text}", file=sys.stderr)


def float_dtypes(given: list[str] | None) -> dict[str, str] | str:
    """The dtypes of [GLOB=]DTYPE arguments, for `convert`."""
    found = [each.rpartition("=") for each in given or ()]
    return {glob or "*": dtype for glob, _, dtype in found} if found else ""


def _run(arguments: argparse.Namespace) -> None:
    spare_memory()
    remapping = remapping_of(arguments)
    if arguments.streaming is None:
        arguments.output_file = folder_of_map(arguments.output_file, remapping["map"])
    kind = kind_said(arguments.output_file)
    if is_default := arguments.streaming is None and kind is None:
        sealed = arguments.format, arguments.alignment, arguments.digests  # what streams alone have
        arguments.streaming = any(sealed)
    report = convert(
        arguments.load_checkpoint,
        arguments.output_file,
        prefix=arguments.prefix,
        streaming=arguments.streaming,
        float_dtype=float_dtypes(arguments.float_dtype),
        keep=arguments.keep,
        include=arguments.include,
        exclude=arguments.exclude,
        dialect=arguments.dialect,
        names=arguments.names,
        max_shard_size=arguments.max_shard_size,
        **remapping,
        dry_run=arguments.dry_run,
        backend=arguments.backend,
        progress=arguments.progress,
        format=arguments.format,
        metadata=metadata_of(arguments.metadata, texts=kind == SAFETENSORS),
        alignment=arguments.alignment,
        digests=arguments.digests or None,
    )
    if arguments.json:
        print_json(describe_json(report, shown_name(arguments.output_file), arguments.dry_run))
        return
    if arguments.dry_run:
        _print_plan(report)
    _print_report(arguments, report)
    is_for_transformers = report.map and report.map.framework == HUGGING_FACE and (is_default or kind == SAFETENSORS)
    if is_for_transformers and report.map and not report.map.config_name:
        _note_of_a_folder(str(arguments.output_file))
    if report.replaced:
        verb = "would take" if arguments.dry_run else "has taken"
        print(f"note: it {verb} the place of the input, which is the same file", file=sys.stderr)


def main(argv: list[str] | None = None) -> int:
    return run(command_line(), _run, argv)
