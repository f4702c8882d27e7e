"""The contracts that this server keeps, each a value: gates, spans, counts, health and reflection ask for any of them.

A contract is two files: its messages in wire/, its servicer here.
"""

from emotalk.server.contracts.audio2face import A2F_CONTROLLER
from emotalk.server.contracts.base import Contract
from emotalk.server.contracts.emotalk import EMOTALK

AUDIO2FACE: tuple[Contract, ...] = (A2F_CONTROLLER,)
CONTRACTS: tuple[Contract, ...] = (EMOTALK, *AUDIO2FACE)
