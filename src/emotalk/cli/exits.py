"""The exit code that an error leads to, and the sentence before it."""

import sys

from emotalk.cli.logs import plain
from emotalk.errors import EmoTalkError
from emotalk.wire.status import Exit, row_of

__all__ = ["Exit", "complain", "exit_of"]


def exit_of(error: BaseException) -> Exit:
    """Ours by the table; a file that cannot be used is the caller's."""
    if isinstance(error, EmoTalkError):
        return row_of(error).exit
    return Exit.INPUT if isinstance(error, OSError) else Exit.FAILED


def complain(message: str) -> None:
    """One sentence on standard error."""
    print(plain(f"emotalk: {message}"), file=sys.stderr)  # a server's words are a stranger's
