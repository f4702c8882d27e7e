"""Curves of a face over the sound that moves it, as a PNG. Pillow: matplotlib is ten times its size on disk."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from emotalk import ARKIT_NAMES, FaceClip
from emotalk.audio import open_audio
from emotalk.timebase import FPS, SAMPLE_RATE

WIDTH, STRIP, LEFT, RIGHT, TOP, GAP, BOTTOM = 1800, 240, 150, 30, 50, 26, 50
SCALE = 2
"""Drawn twice as large and shrunk: Pillow's lines have no soft edges."""
PAPER, INK, FAINT, SOUND = "#ffffff", "#333333", "#dddddd", "#d5dbe3"
COLOURS = ("#c0392b", "#2471a3", "#1e8449", "#b9770e")
STRIPS = {
    "jaw": ("jawOpen",),
    "lips": ("mouthClose", "mouthFunnel", "mouthPucker", "mouthPressLeft"),
    "blink": ("eyeBlinkLeft",),
}


@dataclass(frozen=True)
class Strip:
    """One box: `top` is its upper edge in points; values 0..1 go from its lower edge to its upper one."""

    top: int
    seconds: float

    def x(self, seconds: float) -> float:
        """Where a moment stands."""
        return SCALE * (LEFT + (WIDTH - LEFT - RIGHT) * seconds / self.seconds)

    def y(self, value: float) -> float:
        """Where a value stands."""
        return SCALE * (self.top + STRIP * (1.0 - value))


def draw(sound: Path, clip: FaceClip, path: Path) -> None:
    """One strip for jaw, lips and blink each, curves over the waveform."""
    pcm = np.concatenate(list(open_audio(sound).blocks()))
    seconds = len(pcm) / SAMPLE_RATE
    height = TOP + len(STRIPS) * (STRIP + GAP) + BOTTOM
    image = Image.new("RGB", (SCALE * WIDTH, SCALE * height), PAPER)
    pen = ImageDraw.Draw(image)
    _text(pen, LEFT, 14, f"{sound.name}: {seconds:.1f} s, {len(clip.frames)} frames at {FPS} fps", 18)
    for number, (title, names) in enumerate(STRIPS.items()):
        strip = Strip(TOP + number * (STRIP + GAP), seconds)
        _waveform(pen, strip, pcm)
        _frame(pen, strip, title)
        for row, (name, colour) in enumerate(zip(names, COLOURS, strict=False)):
            _curve(pen, strip, clip.frames[:, ARKIT_NAMES.index(name)], colour)
            _text(pen, 14, strip.top + 42 + 24 * row, name, 14, colour)
    _seconds(pen, strip)
    image.resize((WIDTH, height), Image.Resampling.LANCZOS).save(path, optimize=True)


def _waveform(pen: ImageDraw.ImageDraw, strip: Strip, pcm: np.ndarray) -> None:
    columns = np.array_split(pcm, SCALE * (WIDTH - LEFT - RIGHT))
    loudest = max(float(np.abs(pcm).max()), 1e-9)
    for number, column in enumerate(columns):
        if column.size:
            low, high = (0.5 + 0.48 * float(value) / loudest for value in (column.min(), column.max()))
            pen.line([(SCALE * LEFT + number, strip.y(low)), (SCALE * LEFT + number, strip.y(high))], fill=SOUND)


def _frame(pen: ImageDraw.ImageDraw, strip: Strip, title: str) -> None:
    box = [strip.x(0), strip.y(1), strip.x(strip.seconds), strip.y(0)]
    pen.rectangle(box, outline=FAINT, width=SCALE)
    _text(pen, 14, strip.top + 8, title, 20)
    for value in (0, 1):
        _text(pen, LEFT - 16, strip.top + int((STRIP - 12) * (1 - value)), str(value), 12)


def _curve(pen: ImageDraw.ImageDraw, strip: Strip, values: np.ndarray, colour: str) -> None:
    points = [(strip.x(number / FPS), strip.y(float(value))) for number, value in enumerate(values)]
    if len(points) > 1:
        pen.line(points, fill=colour, width=2 * SCALE, joint="curve")


def _seconds(pen: ImageDraw.ImageDraw, strip: Strip) -> None:
    step = max(1, round(strip.seconds / 20))
    for moment in range(0, int(strip.seconds) + 1, step):
        _text(pen, int(strip.x(moment) / SCALE) - 4, strip.top + STRIP + 6, f"{moment} s", 14)


def _text(pen: ImageDraw.ImageDraw, x: int, y: int, text: str, size: int, colour: str = INK) -> None:
    pen.text((SCALE * x, SCALE * y), text, fill=colour, font=ImageFont.load_default(SCALE * size))
