"""A service with tokens and TLS as its operator starts it, an innocent client beside it, and what both cost."""

import json
import os
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import trustme

from tests.integration.served import Outside, outside

TOKEN, OTHER_TOKEN = "innocent-0123456789abcdef", "insider-0123456789abcdef"
RECEIVE_SECONDS, DRAIN_SECONDS = 4, 2
ROUNDS = 20


@dataclass(frozen=True)
class Besieged:
    """`ca` is the authority's file; `innocent` answers a number of rounds with what they took."""

    service: Outside
    port: int
    url: str
    ca: Path
    innocent: "subprocess.Popen[str]"

    @property
    def tls(self) -> ssl.SSLContext:
        """For an attacker: HTTP/2, and no look at the certificate."""
        context = ssl.create_default_context(cafile=str(self.ca))
        context.set_alpn_protocols(["h2"])
        return context

    @property
    def web_port(self) -> int:
        """Of the gateway."""
        return int(self.url.rstrip("/").rpartition(":")[2])

    def rounds(self, number: int = ROUNDS) -> dict[str, Any]:
        """What the innocent client saw meanwhile."""
        assert self.innocent.stdin is not None
        assert self.innocent.stdout is not None
        print(number, file=self.innocent.stdin, flush=True)
        answer: dict[str, Any] = json.loads(self.innocent.stdout.readline())
        return answer

    def memory(self) -> int:
        """Of all its processes, resident, in bytes."""
        return sum(map(_resident, _family(self.service.process.pid)))

    def logged(self) -> int:
        """Bytes of its log."""
        return sum(map(len, list(self.service.log)))


def _family(pid: int) -> list[int]:
    listed = subprocess.run(["ps", "-e", "-o", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    pairs = [(int(own), int(parent)) for own, parent in map(str.split, listed.splitlines())]
    return [pid, *(child for child, parent in pairs if parent == pid)]


def _resident(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError):
        return 0


def _papers(home: Path) -> tuple[str, ...]:
    authority, tokens = trustme.CA(), home / "tokens"
    leaf = authority.issue_cert("localhost", "127.0.0.1")
    authority.cert_pem.write_to_path(home / "ca.pem")
    leaf.private_key_pem.write_to_path(home / "key.pem")
    (home / "cert.pem").write_bytes(b"".join(blob.bytes() for blob in leaf.cert_chain_pems))
    tokens.write_text(f"innocent {TOKEN}\ninsider {OTHER_TOKEN}\n")
    tokens.chmod(0o600)
    return "--tls-cert", str(home / "cert.pem"), "--tls-key", str(home / "key.pem"), "--token-file", str(tokens)


@contextmanager
def besieged(home: Path) -> Iterator[Besieged]:
    """One that answers."""
    limits = ("--receive-seconds", str(RECEIVE_SECONDS), "--drain-seconds", str(DRAIN_SECONDS))
    ports = ("--port", "0", "--web-port", "0")
    with outside(home, "serve", *ports, "--engine", "tone", *_papers(home), *limits, EMOTALK_WEB="yes") as service:
        port, url = service.port, service.says(r"window open url=(\S+)")
        words = (str(port), url, str(home / "ca.pem"), TOKEN)
        program = [sys.executable, "-m", "tests.siege.innocent", *words]
        pipe = subprocess.PIPE
        with subprocess.Popen(program, stdin=pipe, stdout=pipe, text=True) as innocent:
            try:
                yield Besieged(service, port, url, home / "ca.pem", innocent)
            finally:
                innocent.kill()
