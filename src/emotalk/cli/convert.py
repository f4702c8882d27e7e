"""Write a checkpoint's converted file: half the size, quicker to start from, for processors with bf16.

The emotalk engine uses it where it lies beside the checkpoint, unless --precision is fp32.
"""

import argparse
from pathlib import Path

from emotalk.cli import flags
from emotalk.engines.emotalk import convert, converted_path, find_weights

ENVIRONMENT = ""
_ELSEWHERE = "the converted file; it is looked for only beside the checkpoint"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """CHECKPOINT, and where to."""
    parser.add_argument("checkpoint", metavar="CHECKPOINT", type=Path, help="EmoTalk.pth; it is left as it is")
    beside = converted_path(Path("EmoTalk.pth"))
    flags.add(
        parser, "-o", "--output", metavar="OUT", type=Path, shown=f"{beside}, beside the checkpoint", help=_ELSEWHERE
    )


def run(parsed: argparse.Namespace) -> None:
    """Check the checkpoint, write the file, say where it must lie."""
    source, beside = find_weights(parsed.checkpoint), converted_path(parsed.checkpoint)
    out = parsed.output or beside
    convert(source, out)
    print(f"{out}: {out.stat().st_size / 1e9:.2f} GB, bf16, made from {parsed.checkpoint}")
    if out.resolve() != beside.resolve():
        print(f"It is looked for at {beside}: move it there to use it.")
