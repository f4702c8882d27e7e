"""The exit code that an error leads to, and the sentence before it."""

import re
import shutil
import sys
from pathlib import Path

from emotalk.cli.logs import plain
from emotalk.errors import EmoTalkError
from emotalk.wire.status import Exit, row_of

__all__ = ["Exit", "complain", "exit_of"]

_COMMAND = re.compile(r"\bemotalk (animate|convert|doctor|health|jobs|play|send|serve|submit|web|work)\b")


def exit_of(error: BaseException) -> Exit:
    """Ours by the table; a file that cannot be used is the caller's."""
    if isinstance(error, EmoTalkError):
        return row_of(error).exit
    return Exit.INPUT if isinstance(error, OSError) else Exit.FAILED


def as_typed(sentence: str) -> str:
    """With its commands as they must be typed here: without an activated environment there is no `emotalk` to find."""
    if shutil.which("emotalk"):
        return sentence
    program = Path(sys.argv[0])
    ours = str(program) if program.name == "emotalk" else f"{sys.executable} -m emotalk"
    return _COMMAND.sub(lambda found: f"{ours} {found[1]}", sentence)


def complain(message: str) -> None:
    """One sentence on standard error."""
    print(plain(f"emotalk: {as_typed(message)}"), file=sys.stderr)  # a server's words are a stranger's
