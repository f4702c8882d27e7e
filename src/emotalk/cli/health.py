"""Ask a server whether it is ready; exit code 0 if it is.

For health checks of containers and balancers.
"""

import argparse

from emotalk.cli import flags
from emotalk.cli.exits import Exit, complain
from emotalk.client import EmoTalkClient
from emotalk.errors import ConfigurationError

ENVIRONMENT = flags.TOKEN_NOTE


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """ADDR."""
    parser.add_argument("address", metavar="ADDR", nargs="?", default="localhost:50051", help="default localhost:50051")
    flags.add(parser, "--timeout", type=flags.seconds, default=5.0, metavar="S", help="seconds to wait for an answer")
    flags.add_credentials(parser)


def run(parsed: argparse.Namespace) -> int:
    """SERVING or NOT_SERVING."""
    host, _, port = parsed.address.rpartition(":")
    if not host or not port.isdigit():
        raise ConfigurationError(f"address: '{parsed.address}' is not HOST:PORT, e.g. localhost:50051.")
    with EmoTalkClient(host, int(port), credentials=flags.read_credentials(parsed)) as client:
        ready = client.health(parsed.timeout)
    print("SERVING" if ready else "NOT_SERVING")
    if not ready:
        complain("the server answers, but its queue or its worker is not ready; its log says why")
    return Exit.OK if ready else Exit.NOT_READY
