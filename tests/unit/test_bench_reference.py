"""`bench/engine.py --reference DIR`: a user's own copy of the published code becomes the peer.

Torch is no dependency of the tests, so a few stand-ins take its place; with the real one it is run by hand.
"""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]

STAND_INS = {
    "torch/__init__.py": """
from torch import nn
class Tensor: ...
class Array:
    def __init__(self, values): self.values = values
    def __getitem__(self, _): return self
    def squeeze(self, axis): return Array(self.values.squeeze(axis))
    def numpy(self): return self.values
from_numpy = Array
tensor = lambda values: values
no_grad = lambda: lambda function: function
load = lambda path, map_location, weights_only: {"bs_map_r.bias": 7.0} if weights_only else None
set_num_threads = lambda count: None
""",
    "torch/nn/__init__.py": "from torch.nn import functional\nclass Module: ...\nclass Linear: ...\n",
    "torch/nn/functional.py": "",
    "transformers.py": "class Wav2Vec2Config: ...\nclass Wav2Vec2Model: ...\n",
}

COPY = """
import torch
from beside import FPS                      # the demo runs in its folder
class EmoTalk:
    def __init__(self, args):
        assert (args.bs_dim, args.feature_dim, args.period, args.max_seq_len) == (52, 832, 30, 5000), args
        assert (args.device, args.batch_size) == ("cpu", 1)
    def load_state_dict(self, state, strict): self.bias = state["bs_map_r.bias"]
    def eval(self): return self
    def predict(self, audio, level, person):
        import numpy as np
        rows = -(-audio.values.size * FPS // 16000)
        return torch.Array(np.full((1, rows, 52), self.bias + level[0] + person[0], np.float32))
"""


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    for name, text in STAND_INS.items():
        path = tmp_path / "stand-ins" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return {"PYTHONPATH": f"{tmp_path / 'stand-ins'}:{ROOT}", "PATH": ""}


def test_the_copy_is_loaded_from_its_folder_and_asked_as_its_demo_asks_it(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    copy = tmp_path / "copy"
    copy.mkdir()
    (copy / "model.py").write_text(COPY)
    (copy / "beside.py").write_text("FPS = 30\n")
    np.save(tmp_path / "in.npy", np.random.default_rng(0).standard_normal(16_001).astype(np.float32))
    asked = {"audio": str(tmp_path / "in.npy"), "out": str(tmp_path / "out.npy"), "level": 1, "person": 3}
    command = [sys.executable, "-m", "bench.peers.emotalk_torch", "some.pth", "--reference", str(copy)]
    said = subprocess.run(
        command,
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=environment,
        timeout=60,
        check=True,
    )
    ready, answer = map(json.loads, said.stdout.splitlines())
    assert ready["name"] == "published code"
    assert answer["seconds"] >= 0
    assert np.array_equal(np.load(tmp_path / "out.npy"), np.full((31, 52), 11, np.float32))


def test_a_folder_that_holds_no_copy_is_one_sentence(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "bench.engine", "--reference", str(tmp_path)]
    said = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=60, check=False)
    assert said.returncode == 2
    assert f"--reference: {tmp_path} has no model.py" in said.stderr
