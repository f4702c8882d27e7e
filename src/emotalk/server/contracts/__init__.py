"""The contracts that this server keeps, each a value: gates, spans, counts, health and reflection ask for any of them.

A contract is two files: its messages in wire/, its servicer here.
"""

from collections.abc import Callable

from emotalk.server.contracts.audio2face import A2F_CONTROLLER
from emotalk.server.contracts.audio2face_configs import Configs, make_contract
from emotalk.server.contracts.base import Contract
from emotalk.server.contracts.emotalk import EMOTALK


def contracts_of(configs: Callable[[], Configs] | None) -> tuple[Contract, ...]:
    """Ours, and those of Audio2Face-3D with these files for its clients; None leaves them out."""
    return (EMOTALK,) if configs is None else (EMOTALK, A2F_CONTROLLER, make_contract(configs))


CONTRACTS = contracts_of(dict)
