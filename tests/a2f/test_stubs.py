"""The published stubs, as users install them, against a server that was started as users start it."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.a2f.caller import pcm
from tests.a2f.page import BLEND_SHAPES, EMOTIONS
from tests.a2f.stubs.lent import SAMPLE, python
from tests.integration.served import Outside
from tests.unit.audio_files import wav

ROOT = Path(__file__).parents[2]
SPEECH = (ROOT / "audio" / "angry1.wav").read_bytes()[44:]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    outside = Outside(tmp_path_factory.mktemp("a2f"), "serve", "--queue", "memory://", "--port", "0")
    try:
        yield f"127.0.0.1:{outside.port}"
    finally:
        assert outside.end() == 0


def ask(address: str, folder: Path, sound: bytes, rate: int = 16_000, **asked: Any) -> dict[str, Any]:
    """What the stubs' client makes of it."""
    path = folder / "sound.pcm"
    path.write_bytes(sound)
    words = [python(), SAMPLE, address, str(rate), str(path), json.dumps(asked)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=180)
    assert done.returncode == 0, done.stderr
    said: dict[str, Any] = json.loads(done.stdout)
    return said


def test_the_frames_of_a_clip_are_those_of_animate_and_all_else_is_as_a_client_expects(
    address: str, tmp_path: Path
) -> None:
    said = ask(address, tmp_path, SPEECH)
    (tmp_path / "clip.wav").write_bytes(wav(SPEECH))
    command = [ROOT / ".venv" / "bin" / "emotalk", "animate", tmp_path / "clip.wav", "-o", tmp_path / "clip.npz"]
    subprocess.run(command, check=True, timeout=120, capture_output=True)
    with np.load(tmp_path / "clip.npz") as drawn:
        names = [str(name) for name in drawn["names"]]
        columns = [names.index(name[0].lower() + name[1:]) for name in BLEND_SHAPES]
        assert np.array_equal(np.array(said["frames"])[:, 1:].astype(np.float32), drawn["frames"][:, columns])
    assert said["names"] == BLEND_SHAPES
    assert (said["rate"], said["bits"], said["echo"], said["events"]) == (16_000, 16, True, 1)
    assert [row[0] for row in said["frames"]] == [number / 30 for number in range(203)]
    assert [sorted(each) for each in said["emotions"]] == [sorted(EMOTIONS)] * 203
    assert said["statuses"] == [[0, "all frames were sent"]]
    assert all(name.endswith(".yaml") for name in said["configs"])
    assert len(said["configs"]) == 3


@pytest.mark.parametrize("rate", [22_050, 44_100, 48_000])
def test_any_rate_is_echoed(address: str, tmp_path: Path, rate: int) -> None:
    said = ask(address, tmp_path, pcm(2.5, rate), rate)
    assert len(said["frames"]) == 75
    assert said["echo"]
