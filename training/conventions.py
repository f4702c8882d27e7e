"""The same curves on heads that read ARKit's names in other ways: `python -m training.conventions -o out.jpg`.

Apple says what each shape describes and not how far it goes, and makers differ most at the lips: a mouthClose that
falls short of the jaw, a mouthFunnel that opens wide, rolls and a press that hardly move. Each row is the packaged head
with such shapes, each column the middle of a sound between two open vowels: do lips meet at P, B and M on all of them?
Needs `emotalk[video]`.
"""

import argparse
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from emotalk.engines.builtin.mouth import drawn
from emotalk.engines.builtin.plan import CLIP
from emotalk.engines.builtin.poses import PHONE, PHONES, SHAPES
from emotalk.face import BLENDSHAPES, INDEX, Frames
from emotalk.head import Head, load_head
from emotalk.head.studio import Studio

HEADS: Mapping[str, Mapping[str, float]] = {
    "ours": {},
    "lips close half as far": {"mouthClose": 0.5},
    "rolls and press hardly move": {"mouthRoll": 0.25, "mouthPress": 0.25},
    "the jaw opens half as far again": {"jawOpen": 1.5, "mouthClose": 1.2},
    "funnel opens, pucker is weak": {"mouthFunnel": 1.8, "mouthPucker": 0.6},
}
"""How many times as far as ours a shape goes; a name stands for all that begin with it."""
SOUNDS = ("P", "M", "F", "W", "UW", "SH", "S", "IY", "AA")
_SIZE, _CAPTION = 150, 16
_ONSET, _LENGTH = 25, 6


def said(phone: str) -> Frames:
    """The face [52] in the middle of 0.12 s of this phone between two AA, as a clip has it."""
    shares = np.zeros((CLIP.past + CLIP.hop + CLIP.ahead + 1, len(PHONES)), np.float32)
    names = np.full(len(shares), PHONE["AA"])
    names[CLIP.past + _ONSET : CLIP.past + _ONSET + _LENGTH] = PHONE[phone]
    shares[np.arange(len(shares)), names] = 1
    shapes = drawn(shares, CLIP.past, np.ones(CLIP.hop_frames + CLIP.foresight, np.float32), CLIP.hop_frames)
    return _columns(shapes[round((_ONSET + _LENGTH / 2) * 3 / 5)])


def _columns(shapes: Frames) -> Frames:
    face = np.zeros(BLENDSHAPES, np.float32)
    for name, value in zip(SHAPES, shapes, strict=True):
        for column in (name, f"{name}Left", f"{name}Right"):
            if column in INDEX:
                face[INDEX[column]] = value
    return face


def head_of(shapes: Mapping[str, float]) -> Head:
    """The packaged head, its shapes so many times as far."""
    head = load_head()
    factors = np.ones(BLENDSHAPES, np.float32)
    for start, factor in shapes.items():
        factors[[i for name, i in INDEX.items() if name.startswith(start)]] = factor
    return replace(head, deltas=head.deltas * factors[:, None, None])


def sheet() -> Image.Image:
    """A row a head, a column a sound; under each how far the lips are apart."""
    whole = Image.new("RGB", (len(SOUNDS) * _SIZE, len(HEADS) * (_SIZE + 2 * _CAPTION)), (24, 26, 30))
    pen, studio = ImageDraw.Draw(whole), Studio(2 * _SIZE)
    for row, (name, shapes) in enumerate(HEADS.items()):
        studio.head = head_of(shapes)
        top = row * (_SIZE + 2 * _CAPTION)
        pen.text((4, top), name, fill=(230, 230, 230))
        for column, phone in enumerate(SOUNDS):
            face = said(phone)
            picture = Image.fromarray(studio.picture(face))
            lower = picture.crop((_SIZE // 2, int(0.72 * _SIZE), _SIZE // 2 + _SIZE, int(0.72 * _SIZE) + _SIZE))
            whole.paste(lower, (column * _SIZE, top + _CAPTION))
            caption = f"{phone}  {1e3 * studio.head.lip_gap(face):.1f} mm"
            pen.text((column * _SIZE + 4, top + _CAPTION + _SIZE), caption, fill=(230, 230, 230))
    studio.close()
    return whole


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--out", type=Path, required=True)
    sheet().save(parser.parse_args().out, quality=80)


if __name__ == "__main__":
    main()
