"""What the installed wheel must hold, and what it must have made of a clip: wheel.py SOUND FACE."""

import importlib.metadata
import pathlib
import sys
import wave

import numpy

import emotalk

sound, face = sys.argv[1:]
files = {str(path) for path in importlib.metadata.files("emotalk")}
models = "emotalk/engines/builtin/models/"
needed = {
    "emotalk/py.typed",
    "emotalk/head/head.glb",
    "emotalk/web/static/viewer.js",
    models + "mouth.onnx",
    models + "stream.onnx",
    models + "recogniser.LICENSE.txt",
    models + "silero_vad.onnx",
}
needed |= {
    f"emotalk-{importlib.metadata.version('emotalk')}.dist-info/licenses/{name}" for name in ("LICENSE", "NOTICE")
}
assert needed <= files, f"not in the wheel: {sorted(needed - files)}"
assert "site-packages" in pathlib.Path(emotalk.__file__).parts, emotalk.__file__

with wave.open(sound) as opened:
    samples = opened.getnframes()
frames = numpy.load(face)
assert frames.shape == (-(-3 * samples // 1600), 52), frames.shape
assert frames.dtype == numpy.float32, frames.dtype
assert 0.2 < frames.max() <= 1.0, frames.max()
print(f"wheel: {len(files)} files; animated {samples} samples into {len(frames)} frames far from the checkout")
