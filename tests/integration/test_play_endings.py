"""A player that is told to end brings the face to rest, as a process."""

import signal
import socket
import subprocess
import sys
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from pylivelinkface import FaceBlendShape, PyLiveLinkFace

from emotalk.export import save
from emotalk.face import FaceClip


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_ends_on_a_face_at_rest(tmp_path: Path, number: signal.Signals, code: int) -> None:
    save(FaceClip(np.full((30, 52), 0.7, np.float32)), tmp_path / "open.npy")
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as ear:
        ear.bind(("127.0.0.1", 0))
        ear.settimeout(60)
        address = f"livelink://127.0.0.1:{ear.getsockname()[1]}"
        program = [sys.executable, "-m", "emotalk", "play", str(tmp_path / "open.npy"), "--loop", "--to", address]
        with subprocess.Popen(program, stderr=subprocess.PIPE) as player:
            jaws = [_jaw(ear.recv(4096))]
            player.send_signal(number)
            while jaws[-1]:
                jaws.append(_jaw(ear.recv(4096)))
            assert player.wait(60) == code
    assert jaws[0] == pytest.approx(0.7)
    assert max(abs(a - b) for a, b in pairwise(jaws)) < 0.2


def _jaw(packet: bytes) -> float:
    return float(PyLiveLinkFace.decode(packet)[1].get_blendshape(FaceBlendShape.JawOpen))
