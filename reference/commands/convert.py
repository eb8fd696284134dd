"""`python -m reference.convert`: stream, flax file or safetensors to any of the three, out of core."""

from __future__ import annotations

import argparse
import sys

from ..checkpoints.conversion import ConvertReport, convert
from ..checkpoints.shard_sizes import DEFAULT_SHARD
from ..computing.accelerators import BACKENDS, spare_memory
from ..containers.container import article
from ..containers.load_prefixes import PREFIXES, kind_said, shown_name
from ..containers.safetensors_file import SAFETENSORS
from ..format.casts import FLOAT_NAMES
from ..format.keypaths import display, printable
from ..format.leaves import leaf_text
from .command_line import (
    Parser,
    add_dialect,
    add_flag,
    add_format,
    add_metadata,
    add_names,
    add_patterns,
    add_prefix,
    losses,
    metadata_of,
    note_worst,
    parser,
    run,
    size,
)
from .remapping import add_remapping, print_map, remapping_of

_EXAMPLES = """examples:
  # the weights of a train state, as a standard flax file that transformers and flax load
  python -m reference.convert --load_checkpoint='trainstate_params::streaming_train_state' \\
      --output_file=flax_model.msgpack --streaming=False
  # a flax file as a stream in bfloat16
  python -m reference.convert --load_checkpoint='flax::flax_model.msgpack' \\
      --output_file=streaming_params --streaming=True --float_dtype=bf16
  # safetensors from the hub as a stream; what would be written, first
  python -m reference.convert --load_checkpoint='safetensors::model.safetensors' \\
      --output_file=streaming_params --streaming=True --dry_run
  # the feed-forward weights alone, without what LoRA has added
  python -m reference.convert --load_checkpoint='params::streaming_params' \\
      --output_file=safetensors::mlp.safetensors --include='*/feed_forward/*' --exclude='*/lora_*'
  # the weights of a train state that has them at `params`, as JAXSeq's, and not at `params/params`
  python -m reference.convert --load_checkpoint='trainstate::train_state.msgpack' --prefix=params \\
      --output_file=streaming_params --streaming=True
  # a folder of shards from the hub as one sealed stream, and back into shards that transformers loads
  python -m reference.convert --load_checkpoint='safetensors::llama/' --output_file='params::llama_stream' --format=2.0
  python -m reference.convert --load_checkpoint='params::llama_stream' --output_file='safetensors::again/' \\
      --max_shard_size=2GB
  # in bfloat16, but for the router, which keeps its dtype, and the norms, which become float32
  python -m reference.convert --load_checkpoint='params::streaming_params' --output_file=params::mixed \\
      --float_dtype=bf16 --float_dtype='*/norm/*=fp32' --keep='*/router/*'
  # EasyLM's LLaMA as transformers loads it; the inverse is --map=llama-hf-to-easylm
  python -m reference.convert --load_checkpoint='params::streaming_params' --map=llama-easylm-to-hf \\
      --map_parameter=heads=32 --output_file=safetensors::llama/
  # without the part `module` of each name, wherever it stands
  python -m reference.convert --load_checkpoint='params::streaming_params' --rename='(^|/)module/=\\1' \\
      --output_file=streaming_renamed --streaming=True
  # a cast that leaves the accelerators of this machine alone
  python -m reference.convert --load_checkpoint='params::streaming_params' \\
      --output_file=streaming_params_fp16 --streaming=True --float_dtype=fp16 --backend=numpy

exit status: 0 done, 1 the input was refused or the output could not be written, 2 wrong usage.
Without --float_dtype every dtype is kept. (The script this command succeeds defaults to bf16, which halves the
precision of a float32 checkpoint without a word.)
"""


def command_line() -> Parser:
    command = parser(
        "python -m reference.convert", "Convert a checkpoint between containers and float dtypes.", _EXAMPLES
    )
    command.one_pass = ("load_checkpoint",)
    command.add_argument(
        "--load_checkpoint",
        required=True,
        metavar="[PREFIX::]PATH",
        help=f"the input; PREFIX is one of {', '.join(PREFIXES)}; without one the kind is recognised; "
        "- is standard input, which is put into a temporary file in TMPDIR first",
    )
    command.add_argument(
        "--output_file",
        required=True,
        metavar="[PREFIX::]PATH",
        help="the output; safetensors::PATH, flax::PATH or params::PATH say what to write, or the end of the name "
        "(.safetensors), else --streaming does; safetensors::FOLDER/ is a folder of shards; - is standard output",
    )
    add_flag(command, "streaming", None, "write a stream (True) or a standard flax file (False, the default)")
    command.add_argument(
        "--max_shard_size",
        metavar="SIZE",
        help=f"of the tensors in each shard of a folder, as in 500MB or 2GiB; the default is {DEFAULT_SHARD}",
    )
    command.add_argument(
        "--float_dtype",
        action="append",
        metavar="[GLOB=]DTYPE",
        help=f"cast float leaves: {', '.join(FLOAT_NAMES)}; with GLOB= those whose key path matches; may be repeated, "
        "and the last that matches counts; the default keeps every dtype",
    )
    command.add_argument(
        "--keep",
        action="append",
        metavar="GLOB",
        help="cast none of the leaves whose key path matches; may be repeated",
    )
    add_prefix(command, "convert")
    add_remapping(command)
    add_format(command, "that of the input")
    add_metadata(command, "a sealed stream or a safetensors file")
    command.add_argument(
        "--alignment",
        type=int,
        metavar="N",
        help="of the arrays in a sealed stream: a power of two from 64 (the default) to 4096",
    )
    add_flag(command, "digests", False, "put the SHA-256 of each leaf into a sealed stream")
    add_patterns(command, "convert")
    add_names(command)
    add_dialect(command)
    command.add_argument(
        "--backend",
        choices=BACKENDS,
        help="what casts, to the same bytes: jax on its devices, or numpy; the default is jax where jax finds an "
        "accelerator",
    )
    add_flag(command, "dry_run", False, "print what would be written, and write nothing")
    return command


def _print_plan(report: ConvertReport) -> None:
    for item in report.items:
        print(f"{display(item.path)}  {leaf_text(item.leaf)}  {size(item.leaf.nbytes)}")


def _print_report(arguments: argparse.Namespace, report: ConvertReport) -> None:
    verb = "would write" if arguments.dry_run else "wrote"
    output = shown_name(arguments.output_file)
    kind = "sealed stream" if report.version == "2.0" else report.target_kind
    shards = f" in {len(report.shards)} shards" if len(report.shards) > 1 else ""
    print(f"{verb} {output}: {article(kind)}{shards} of {len(report.items)} leaves, {size(report.nbytes)}")
    if report.cast:
        old = sorted({str(item.leaf.dtype) for item, _ in report.cast})
        new = sorted({str(item.leaf.dtype) for _, item in report.cast})
        text = f"cast {len(report.cast)} leaves from {', '.join(old)} to {', '.join(new)}"
        print(text if arguments.dry_run else f"{text}; {losses(report.overflowed, report.became_zero)}")
        note_worst(report.worst)
    print_map(report.map, arguments.dry_run)
    if report.metadata_left_out:
        names = printable(", ".join(report.metadata_left_out[:8]))
        keeps = "safetensors does" if report.version == "2.0" else "--format=2.0 keeps it"
        keeps = "a sealed stream keeps it (--streaming=True --format=2.0)" if report.version != "1.0" else keeps
        print(f"note: the output has no place for the metadata {names}; {keeps}", file=sys.stderr)
    for path in report.too_big_for_old_loaders:
        text = f"note: {display(path)} is over 2 GiB: readers built on msgpack-python cannot load it"
        print(text, file=sys.stderr)


def float_dtypes(given: list[str] | None) -> dict[str, str] | str:
    """The dtypes of [GLOB=]DTYPE arguments, for `convert`."""
    found = [each.rpartition("=") for each in given or ()]
    return {glob or "*": dtype for glob, _, dtype in found} if found else ""


def _run(arguments: argparse.Namespace) -> None:
    spare_memory()
    kind = kind_said(arguments.output_file)
    if arguments.streaming is None and kind is None:
        arguments.streaming = False
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
        **remapping_of(arguments),
        dry_run=arguments.dry_run,
        backend=arguments.backend,
        progress=True,
        format=arguments.format,
        metadata=metadata_of(arguments.metadata, texts=kind == SAFETENSORS),
        alignment=arguments.alignment,
        digests=arguments.digests or None,
    )
    if arguments.dry_run:
        _print_plan(report)
    _print_report(arguments, report)


def main(argv: list[str] | None = None) -> int:
    return run(command_line(), _run, argv)
