"""Bearer tokens, from a file that is read again when it changes.

# one a line, a name before it if you like; the old and the new one side by side while clients change over
studio 3b1f0c…
studio 9a77e2…
"""

import hmac
import logging
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

from emotalk.errors import ConfigurationError

log = logging.getLogger(__name__)

SHORTEST = 16
_SCHEME = "bearer "
_HEX_SHOWN = 8


class Tokens:
    """The tokens that open this server, by the name of whoever holds them. Raises ConfigurationError."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known = self._read()
        self._stamp = self._read_stamp()
        if path.stat().st_mode & 0o077:
            log.warning("token file open to others", extra={"file": str(path), "fix": f"chmod 600 {path}"})

    def __len__(self) -> int:
        return len(self._known)

    def holder(self, authorization: str) -> str | None:
        """Who sent this `authorization` header; None if nobody we know. Takes the same time for every wrong token."""
        self._read_again_if_changed()
        token = authorization[len(_SCHEME) :] if authorization[: len(_SCHEME)].lower() == _SCHEME else ""
        digest, found = _hash(token.strip()), None
        for known, name in self._known:
            if hmac.compare_digest(known, digest):
                found = name
        return found

    def _read_again_if_changed(self) -> None:
        if (stamp := self._read_stamp()) == self._stamp:
            return
        self._stamp = stamp
        try:
            self._known = self._read()
            log.info("tokens read again", extra={"file": str(self._path), "tokens": len(self._known)})
        except ConfigurationError as error:
            log.warning("tokens not read", extra={"error": str(error), "fix": "mend the file; the old ones are used"})

    def _read_stamp(self) -> tuple[int, int, int]:
        """Changes whenever the file does; zeros while it is away."""
        try:
            stat = self._path.stat()
        except OSError:
            return 0, 0, 0
        return stat.st_mtime_ns, stat.st_ino, stat.st_size

    def _read(self) -> list[tuple[bytes, str]]:
        try:
            text = self._path.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(f"token_file: {self._path} cannot be read ({error}).") from error
        known = [(_hash(token), name) for name, token in self._parse_lines(text)]
        if not known:
            raise ConfigurationError(f"token_file: {self._path} holds no token. Make one: openssl rand -hex 32.")
        return known

    def _parse_lines(self, text: str) -> Iterator[tuple[str, str]]:
        for number, line in enumerate(text.splitlines(), 1):
            words = line.split()
            if not words or words[0].startswith("#"):
                continue
            if len(words) > 2 or len(words[-1]) < SHORTEST or not words[-1].isascii():
                raise ConfigurationError(
                    f"token_file: line {number} of {self._path} is not a token of {SHORTEST} or more characters, with "
                    "a name before it or none. Make one: openssl rand -hex 32."
                )
            yield (words[0] if len(words) == 2 else f"token {_hash(words[-1]).hex()[:_HEX_SHOWN]}"), words[-1]


def _hash(token: str) -> bytes:
    """Of one length, so that a comparison tells nothing of the token's."""
    return sha256(token.encode()).digest()
