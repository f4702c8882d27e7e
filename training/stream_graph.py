"""The streaming network as a graph that takes and gives its state: `python -m training.stream_graph --data D`.

stream.onnx: sound float32 [batch, 320 · rows] at 16 kHz and state [batch, n], zeros at first → phones [batch, rows,
39], voice [batch, rows], states [batch, rows, 288] and the state after. Row r of a call is at sample 320 · (r - 1) of
it. The last AGAIN rows are the first of the next call, which hears them again, knowing more: the state after is that
before them. Each stream of a batch gets the bytes that it would get alone. Few and fused operators: a push of 0.1 s is
mostly the price of calling them. The weights of its products are stored in 8 bits, others in 16.
"""

import argparse
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto

from emotalk.engines.builtin.network import AGAIN
from training import sizes
from training.graph import narrowed
from training.nodes import END, OURS, Kept, Nodes
from training.phones import CLASSES
from training.sizes import BANDS, BLOCKS, CONFORMERS, HEADS, INNER, PAST, REACH, WIDTH

MODEL = Path("src/emotalk/engines/builtin/models/stream.onnx")
_TAIL = 360
"""Samples before a call that its first frame reaches back to."""
_MOST = 50
"""Rows of a call, at most."""
_WIDE = 16
"""What a processor computes at once."""

Weights = dict[str, NDArray[np.float32]]


class Drawing:
    """The nodes of a network with these weights, which are named as in `training.stream.Stream`."""

    def __init__(self, weights: Weights, again: int = AGAIN) -> None:
        self._w, self._n, self._again = weights, Nodes(), again

    def model(self) -> onnx.ModelProto:
        """The whole graph, in 32 bits."""
        n = self._n
        stem, mel = n.split(self._features(), WIDTH, INNER, axis=1)
        x, heard = n.silu(stem), []
        for number in range(CONFORMERS):
            x = self._conformer(f"recogniser.blocks.{number}", x)
            heard.append(x)
        states = self._in_rows(n.joined(heard[0], heard[1], axis=1), 2 * WIDTH)
        phones, voice = self._mouth(mel, heard[1], heard[3])
        return n.model(
            {
                "phones": (phones, ["rows", len(CLASSES)]),
                "voice": (voice, ["rows"]),
                "states": (states, ["rows", 2 * WIDTH]),
            }
        )

    def _pair(self, place: str) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        return self._w[f"{place}.weight"], self._w[f"{place}.bias"]

    def _extended(self, kept: Kept, more: str, length: int, axis: int = 1, per_row: int = 1) -> str:
        """What was kept, and more behind it; what comes before the next call is kept for it."""
        n, again = self._n, self._again * per_row
        series = n.joined(kept.before, more, axis=axis)
        kept.after = n.cut(series, -length - again, -again or END, axis=axis)
        return series

    def _features(self) -> str:
        """Sound → [batch · rows, 144 + 128]: what the stem and our own network make of the log-mel."""
        n = self._n
        sound = self._extended(n.keep(_TAIL), "sound", _TAIL, per_row=320)
        parts = n.shaped(n.cut(sound, 0, -_TAIL + 320), 0, -1, 160)
        frames = n.joined(n.cut(parts, 0, -2), n.cut(parts, 1, -1), n.cut(parts, 2), axis=2)
        waves = np.pad(self._w["waves"][:, 0].T, ((0, 3 * 160 - 400), (0, 0)))
        spectrum = n.op("MatMul", frames, n.weight(waves))
        bands = self._w["bands"][:, :, 0].T
        mel = n.op("MatMul", n.op("Mul", spectrum, spectrum), n.weight(np.concatenate([bands, bands])))
        mel = n.op("Max", mel, n.weight(sizes.SILENT))
        raw = n.op("Log", mel)
        self._measure(raw)
        gain = self._gain(mel)
        mean = self._mean(raw, gain)
        near = n.op("Add", self._extended(n.keep(3, BANDS), raw, 3, per_row=2), gain)
        return self._convolved(n.op("Max", near, n.weight(sizes.FLOOR)), mean)

    def _measure(self, raw: str) -> None:
        """How many streams and rows a call has: two frames [batch, 2 · rows, 80] make a row."""
        n = self._n
        self._batch, frames = n.split(n.op("Shape", raw, start=0, end=2), 1, 1, axis=0)
        self._rows = n.op("Div", frames, n.integers(2))
        self._shapes: dict[tuple[int, ...], str] = {}

    def _in_rows(self, x: str, *shape: int) -> str:
        """[batch · rows, ..] → [batch, rows, *shape]."""
        n = self._n
        if shape not in self._shapes:
            self._shapes[shape] = n.joined(self._batch, self._rows, n.integers(*shape), axis=0)
        return n.op("Reshape", x, self._shapes[shape])

    def _gain(self, mel: str) -> str:
        """[batch, 1, 1]: what brings the call to the usual level."""
        n = self._n
        power = n.op("ReduceMean", mel, axes=[2], keepdims=1)
        counts = n.op("Cast", n.op("Greater", power, n.weight(sizes.HEARD)), to=TensorProto.FLOAT)
        fading = self._faded(n.joined(n.op("Mul", power, power), counts, axis=2), 2, sizes.LEVEL_FRAMES)
        energy, count = n.split(fading, 1, 1, axis=2)
        level = n.op("Sqrt", n.op("Div", energy, n.op("Add", count, n.weight(sizes.LEVEL_PRIOR))))
        ratio = n.op("Div", n.weight(sizes.USUAL_POWER), n.op("Max", level, n.weight(sizes.QUIETEST)))
        # A processor takes the logarithm of sixteen at once otherwise than of one: so each stream has sixteen.
        return n.cut(n.op("Log", n.op("Mul", ratio, n.weight(np.ones((1, 1, _WIDE))))), 0, 1, axis=2)

    def _mean(self, raw: str, gain: str) -> str:
        """[batch, 1, 80]: the mean spectrum of what was loud, scaled."""
        n = self._n
        louder = n.op("Add", n.op("ReduceMean", raw, axes=[2], keepdims=1), gain)
        loud = n.op("Sigmoid", n.op("Sub", louder, n.weight(sizes.LOUD)))
        fading = self._faded(n.joined(n.op("Mul", raw, loud), loud, axis=2), BANDS + 1, sizes.MEAN_FRAMES)
        total, weight = n.split(fading, BANDS, 1, axis=2)
        total = n.op("Add", total, n.op("Mul", weight, n.op("Sub", gain, n.weight(sizes.USUAL_LOG))))
        scaled = n.op("Mul", total, n.weight(1 / sizes.SPREAD))
        leaning = n.op("Add", scaled, n.weight(sizes.MEAN_PRIOR * self._w["mouth.usual"]))
        return n.op("Div", leaning, n.op("Add", weight, n.weight(sizes.MEAN_PRIOR)))

    def _faded(self, x: str, width: int, frames: float) -> str:
        """[batch, frames, width] → the fading sum up to the last of them, [batch, 1, width].

        The sum up to the last that is not heard again is kept.
        """
        n, kept, age = self._n, self._n.keep(1, width), np.arange(2 * _MOST, -1, -1)
        ages = np.stack([age, age - 2 * self._again])
        weights = n.weight(np.where(ages >= 0, np.exp(-ages.clip(0) / frames), 0))
        series = n.joined(kept.before, x, axis=1)
        count = n.op("Neg", n.op("Shape", series, start=1, end=2))
        sums = n.op("MatMul", n.op("Slice", weights, count, n.integers(END), n.integers(1)), series)
        now, kept.after = n.split(sums, 1, 1, axis=1)
        return now

    def _convolved(self, near: str, mean: str) -> str:
        """Both convolutions over five frames, at every second place, as one product; the mean goes by its own."""
        n = self._n
        two = lambda start, stop: n.shaped(n.cut(near, start, stop), 0, -1, 2 * BANDS)  # noqa: E731
        five = n.joined(two(0, -3), two(2, -1), n.cut(near, 4, step=2), axis=2)
        (stem, stem_bias), (sound, sound_bias) = self._pair("recogniser.stem"), self._pair("mouth.sound")
        taps = np.concatenate([np.pad(stem, ((0, 0), (0, 0), (1, 1))), sound / sizes.SPREAD])
        product = n.op("MatMul", five, n.weight(taps.transpose(2, 1, 0).reshape(5 * BANDS, -1)))
        less = np.concatenate([np.zeros((BANDS, WIDTH)), -sound.sum(2).T], 1)
        bias = np.concatenate([stem_bias, sound_bias - sound.sum((1, 2)) * sizes.USUAL_LOG / sizes.SPREAD])
        shift = n.op("Add", n.op("MatMul", mean, n.weight(less)), n.weight(bias))
        return n.shaped(n.op("Add", product, shift), -1, WIDTH + INNER)

    def _conformer(self, place: str, x: str) -> str:
        """[batch · rows, 144] → the same."""
        n, norm = self._n, lambda part: self._pair(f"{place}.{part}norm")
        x, normal = n.added(x, self._widened(f"{place}.first", n.normal(x, *norm("first."))), *norm("attention."))
        x, normal = n.added(x, self._attended(f"{place}.attention", normal), *norm("convolution."))
        x, normal = n.added(x, self._neighbours(f"{place}.convolution", normal), *norm("second."))
        return n.added(x, self._widened(f"{place}.second", normal), *norm(""))[1]

    def _widened(self, place: str, normal: str) -> str:
        weight, bias = self._pair(f"{place}.down")
        wide = self._n.silu(self._n.linear(normal, *self._pair(f"{place}.up")))
        return self._n.linear(wide, weight / 2, bias / 2)

    def _attended(self, place: str, normal: str) -> str:
        n, one = self._n, WIDTH // HEADS
        parts = self._in_rows(n.linear(normal, *self._pair(f"{place}.into")), 3 * HEADS, one)
        query, pairs = n.split(n.op("Transpose", parts, perm=[0, 2, 1, 3]), HEADS, 2 * HEADS, axis=1)
        key, value = n.split(self._extended(n.keep(2 * HEADS, PAST, one), pairs, PAST, axis=2), HEADS, HEADS, axis=1)
        score = n.op("FusedMatMul", query, key, domain=OURS, transB=1, alpha=one**-0.5)
        mixed = n.op("Transpose", n.op("MatMul", n.op("Softmax", score, axis=-1), value), perm=[0, 2, 1, 3])
        return n.linear(n.shaped(mixed, -1, WIDTH), *self._pair(f"{place}.out"))

    def _neighbours(self, place: str, normal: str) -> str:
        """The gated convolution; beyond the last row there is nothing."""
        n = self._n
        value, gate = n.split(n.linear(normal, *self._pair(f"{place}.gate")), WIDTH, WIDTH, axis=1)
        gated = self._in_rows(n.op("Mul", value, n.op("Sigmoid", gate)), WIDTH)
        near = self._extended(n.keep(REACH, WIDTH), gated, REACH)
        # As a convolution over two axes: of that kind the runtime has a fast one.
        upright = n.op("Unsqueeze", n.op("Transpose", near, perm=[0, 2, 1]), n.integers(2))
        kernel, bias = self._pair(f"{place}.deep")
        inputs, span = (n.weight(kernel[:, :, None]), n.weight(bias)), [1, 2 * REACH + 1]
        deep = n.op("Conv", upright, *inputs, group=WIDTH, kernel_shape=span, pads=[0, 0, 0, REACH])
        rows = n.shaped(n.op("Transpose", n.silu(deep), perm=[0, 2, 3, 1]), -1, WIDTH)
        return n.linear(rows, *self._pair(f"{place}.out"))

    def _mouth(self, mel: str, middle: str, last: str) -> tuple[str, str]:
        """Shares of the phones, and whether a voice sounds."""
        n, norms = self._n, [f"mouth.blocks.{number}.norm" for number in range(len(BLOCKS))]
        both = (n.normal(x, *self._pair(f"mouth.norms.{i}")) for i, x in enumerate((middle, last)))
        states = n.linear(n.joined(*both, axis=1), self._w["mouth.states.weight"])
        x, normal = n.added(mel, states, *self._pair(norms[0]))
        for number, (dilation, ahead) in enumerate(BLOCKS):
            near = self._three(normal, dilation, ahead)
            wide = n.silu(n.linear(near, *self._pair(f"mouth.blocks.{number}.up")))
            norm = [*norms, "mouth.norm"][number + 1]
            x, normal = n.added(x, n.linear(wide, *self._pair(f"mouth.blocks.{number}.down")), *self._pair(norm))
        heads = [np.concatenate(each) for each in zip(self._pair("phones"), self._pair("voice"), strict=True)]
        found = self._in_rows(n.linear(self._three(normal, 1, 1), *heads), len(CLASSES) + 1)
        phones, voice = n.split(found, len(CLASSES), 1, axis=2)
        return n.op("Softmax", phones, axis=-1), n.op("Squeeze", n.op("Sigmoid", voice), n.integers(2))

    def _three(self, normal: str, dilation: int, ahead: int) -> str:
        """Three rows side by side; beyond the last one there is nothing."""
        n, left, right = self._n, (2 - ahead) * dilation, ahead * dilation
        near = self._extended(n.keep(left, INNER), self._in_rows(normal, INNER), left)
        if right:
            near = n.op("Pad", near, n.integers(0, 0, 0, 0, right, 0))
        thirds = (n.cut(near, i * dilation, (i - 2) * dilation or END) for i in range(3))
        return n.shaped(n.joined(*thirds, axis=2), -1, 3 * INNER)


def main() -> None:
    """The command line."""
    import torch

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("training-data"))
    parser.add_argument("--out", type=Path, default=MODEL)
    asked = parser.parse_args()
    average = torch.load(asked.data / "stream.pt", map_location="cpu", weights_only=True)["average"]
    model = Drawing({name: values.numpy() for name, values in average.items()}).model()
    onnx.save(narrowed(model, in_eight="Gemm"), asked.out)
    print(f"{asked.out}: {asked.out.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
