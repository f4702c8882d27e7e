"""One tiny engine for every parity test: it keeps nothing between windows."""

from pathlib import Path

import pytest

from emotalk.engines.emotalk import EmoTalkEngine
from tests.parity.seeded_checkpoint import write_checkpoint


@pytest.fixture(scope="session")
def tiny_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Path of the seeded tiny checkpoint, seed 0."""
    return write_checkpoint(tmp_path_factory.mktemp("weights") / "tiny.pth")


@pytest.fixture(scope="session")
def tiny_engine(tiny_checkpoint: Path) -> EmoTalkEngine:
    """The engine on that checkpoint, in fp32, with one thread."""
    return EmoTalkEngine(tiny_checkpoint, precision="fp32", threads=1)
