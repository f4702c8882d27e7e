"""The contracts that this server keeps, each a value: gates, spans, counts, health and reflection ask for any of them.

A contract is two files: its messages in wire/, its servicer here.
"""

from emotalk.server.contracts.audio2face import A2F_CONTROLLER
from emotalk.server.contracts.base import Contract
from emotalk.server.contracts.emotalk import EMOTALK

CONTRACTS: tuple[Contract, ...] = (EMOTALK, A2F_CONTROLLER)
