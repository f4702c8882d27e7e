"""A checkpoint where the first version looked for it, on the embedded queue: no broker needed."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.entry.house import House
from tests.kafka.broker import free_ports
from tests.parity.seeded_checkpoint import write_checkpoint


@pytest.fixture
def checkpoint(house: House) -> Iterator[Path]:
    """Small random weights at the default path of the clone."""
    path = house.folder / "pretrain_model" / "EmoTalk.pth"
    path.parent.mkdir()
    yield write_checkpoint(path)
    path.unlink()
    path.parent.rmdir()


@pytest.mark.parametrize("named", [("--model_path", "./pretrain_model/EmoTalk.pth"), ()], ids=["named", "found"])
def test_the_server_animates_with_the_checkpoint_and_says_under_what_licence(
    house: House, checkpoint: Path, named: tuple[str, ...]
):
    port = str(free_ports(1)[0])
    where = ("--host", "127.0.0.1", "--port", port, "--queue", "sqlite:///model.db")
    with house.running("python", "grpc_server.py", *where, "--device", "cpu", *named, until="serving") as running:
        house.get("python", "grpc_client.py", "--audio", "./audio/angry1.wav", "--output", "model.npy", "--port", port)
    [loaded] = [line for line in running.lines if " loaded " in line]
    assert "engine=emotalk" in loaded
    assert "CC BY-NC 4.0" in loaded
    frames = np.load(house.folder / "model.npy")
    assert frames.shape == (203, 52)
    assert np.isfinite(frames).all()
