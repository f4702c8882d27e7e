"""The exit code that an error leads to, and the sentence before it."""

import errno
import io
import os
import re
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from emotalk.cli.logs import make_plain
from emotalk.errors import EmoTalkError
from emotalk.wire.status import Exit, row_of

__all__ = ["Exit", "complain", "exit_of", "run_guarded"]

_FULL = (errno.ENOSPC, errno.EDQUOT)
_COMMAND = re.compile(r"\bemotalk (animate|convert|doctor|health|jobs|play|send|serve|submit|web|work)\b")


def open_standard_streams() -> None:
    """Those that the caller closed lead nowhere; else the next file that is opened would be taken for one of them."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_RDWR), mode, encoding="utf-8", closefd=False))


def exit_of(error: BaseException) -> Exit:
    """Ours by the table; a file that cannot be used is the caller's."""
    if isinstance(error, EmoTalkError):
        return row_of(error).exit
    return Exit.INPUT if isinstance(error, OSError) else Exit.FAILED


def run_guarded(run: Callable[[], int | None]) -> int:
    """Run; an error of ours becomes one sentence on standard error and its exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a console that cannot show a name shows its bytes
            stream.reconfigure(errors="backslashreplace")
    try:
        return run() or Exit.OK
    except BrokenPipeError:
        # The reader of our output has gone (… | head): no error, but nothing more can be written.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE
    except (EmoTalkError, OSError) as error:
        complain(_word_error(error))
        return getattr(error, "exit_code", exit_of(error))
    except UnicodeEncodeError as error:  # an argument whose bytes are not text, where text is wanted
        complain(f"{error.object[:60]!r} is not text in UTF-8. Type it again.")
        return Exit.INPUT
    except KeyboardInterrupt:
        complain("interrupted")
        return Exit.INTERRUPTED


def _word_error(error: EmoTalkError | OSError) -> str:
    if isinstance(error, EmoTalkError) or not error.filename:
        return str(error)
    fix = "Make room there" if error.errno in _FULL else "Check the path and your rights to it"
    return f"{error.filename}: {error.strerror}. {fix}."


def as_typed(sentence: str) -> str:
    """With its commands as they must be typed here: without an activated environment there is no `emotalk` to find."""
    if shutil.which("emotalk"):
        return sentence
    program = Path(sys.argv[0])
    ours = str(program) if program.name == "emotalk" else f"{sys.executable} -m emotalk"
    return _COMMAND.sub(lambda found: f"{ours} {found[1]}", sentence)


def complain(message: str) -> None:
    """One sentence on standard error."""
    print(make_plain(f"emotalk: {as_typed(message)}"), file=sys.stderr)  # a server's words are a stranger's
