"""The 52 shapes as visemes, for avatars that have no others: VRM's vowels, Oculus' fifteen, Azure's twenty-two.

A frame is taken apart into the poses of the visemes' phones: weights ≥ 0 whose sum is at most 1 and whose poses come
nearest to it. What is left over is silence. Where the lips meet, no viseme keeps them open.

Definitions: VRM 1.0 expressions and VRM 0 blend shape presets; Oculus Lipsync's viseme reference; the viseme ids of
Microsoft's speech service, which are SAPI 5's SPVISEMES.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from emotalk.engines.builtin.poses import PHONE, POSES, SHAPE, SHAPES
from emotalk.export.resampling import SHUT_LIPS, lip_gap
from emotalk.face import ARKIT_NAMES, INDEX, FaceClip, Frames

VRM = {"aa": "AA AE AH", "ih": "IY IH", "ou": "UW UH W", "ee": "EH EY", "oh": "OW AO"}
OCULUS = {
    "sil": "",
    "PP": "P B M",
    "FF": "F V",
    "TH": "TH DH",
    "DD": "T D",
    "kk": "K G NG",
    "CH": "CH JH SH ZH",
    "SS": "S Z",
    "nn": "N L",
    "RR": "R",
    "aa": "AA",
    "E": "EH EY",
    "ih": "IH IY",
    "oh": "OW AO",
    "ou": "UW UH W",
}
_AZURE = ("", "AE AH", "AA", "AO", "EY EH UH", "ER", "Y IY IH", "W UW", "OW", "AA OW", "AO IY", "AA IY", "H", "R", "L",
          "S Z", "SH CH JH ZH", "TH DH", "F V", "T D N", "K G NG", "P B M")  # fmt: skip
AZURE = {f"viseme_{number}": phones for number, phones in enumerate(_AZURE)}
SETS: dict[str, dict[str, str]] = {"vrm": VRM, "oculus": OCULUS, "azure": AZURE}
KINDS = ("arkit", *SETS)

BLINKS = ("blink", "blinkLeft", "blinkRight")
VRM_0 = {"aa": "A", "ih": "I", "ou": "U", "ee": "E", "oh": "O"} | dict(
    zip(BLINKS, ("Blink", "Blink_L", "Blink_R"), strict=True)
)
"""A VRM 1.0 expression → the preset of VRM 0."""

_PRESSED = {"jawOpen": 0.08, "mouthClose": 0.08, "mouthPress": 0.3, "mouthRollLower": 0.22, "mouthRollUpper": 0.16}
_SPARSE, _ROUNDS = 0.02, 300
Weights = NDArray[np.float32]


def shape_clip(clip: FaceClip, kind: str) -> FaceClip:
    """A clip of 52 shapes in the shapes `kind`, one of KINDS; `names` say which column is which."""
    if kind == "arkit":
        return clip
    weights = visemes_of(clip.frames, SETS[kind])
    if kind == "vrm":
        names = (*VRM, *BLINKS)
        return replace(clip, frames=np.concatenate([weights, _split_blinks(clip.frames)], axis=1), names=names)
    return replace(clip, frames=weights, names=tuple(SETS[kind]))


def visemes_of(frames: Frames, phones: dict[str, str]) -> Weights:
    """[n, 52] → [n, visemes] in 0..1; with a viseme for silence they add up to 1, without it to at most 1."""
    poses = np.stack([pose_of(each) for each in phones.values()])
    weights = _take_apart(_merge_sides(frames), poses)
    closing, biting, silent = (np.array([text == given for text in phones.values()]) for given in ("P B M", "F V", ""))
    weights[:, silent] = 0
    met = np.clip(1 - lip_gap(frames) / SHUT_LIPS, 0, 1)[:, None]
    bitten = np.clip(2 * weights[:, biting].sum(axis=1, keepdims=True), 0, 1)
    weights = weights * np.where(closing | biting, 1, 1 - met)
    weights[:, closing] = np.maximum(weights[:, closing], met * (1 - bitten) * _measure_effort(frames))
    weights /= np.maximum(weights.sum(axis=1, keepdims=True), 1)
    weights[:, silent] = np.maximum(0, 1 - weights.sum(axis=1, keepdims=True))
    return np.asarray(weights, np.float32)


def pose_of(phones: str) -> Weights:
    """[13] what the mouth does for these phones, on average."""
    if not phones:
        return np.zeros(len(SHAPES), np.float32)
    if phones == "P B M":
        return np.array([_PRESSED.get(name, 0) for name in SHAPES], np.float32)
    return np.asarray(POSES[[PHONE[name] for name in phones.split()]].mean(axis=0))


def _merge_sides(frames: Frames) -> Weights:
    """[n, 13] the shapes that poses are made of, left and right as one."""
    sides = [[INDEX[each] for each in ARKIT_NAMES if each in (name, f"{name}Left", f"{name}Right")] for name in SHAPES]
    return np.stack([frames[:, columns].mean(axis=1) for columns in sides], axis=1)


def _take_apart(mouths: Weights, poses: Weights) -> Weights:
    """Least squares with weights ≥ 0, by projected gradients with momentum; more visemes cost a little more."""
    alike = poses @ poses.T
    heard = mouths @ poses.T - _SPARSE * np.sqrt(np.diag(alike))
    step, pace = 1 / np.linalg.eigvalsh(alike)[-1], 1.0
    weights = ahead = np.zeros_like(heard)
    for _ in range(_ROUNDS):
        before, weights = weights, np.clip(ahead + step * (heard - ahead @ alike), 0, 1)
        pace, last = (1 + (1 + 4 * pace * pace) ** 0.5) / 2, pace
        ahead = weights + (last - 1) / pace * (weights - before)
    return np.asarray(weights, np.float32)


def _measure_effort(frames: Frames) -> Weights:
    """[n, 1] in 0..1: lips that are brought together, rather than at rest."""
    mouths = _merge_sides(frames)
    pressed = mouths[:, [SHAPE[name] for name in ("mouthPress", "mouthRollUpper", "mouthClose")]].sum(axis=1)
    return np.asarray(np.clip(pressed[:, None] / 0.2, 0, 1))


def _split_blinks(frames: Frames) -> Weights:
    """[n, 3] blink, blinkLeft, blinkRight: what both eyes do is `blink` alone, for weights are added on an avatar."""
    eyes = frames[:, [INDEX["eyeBlinkLeft"], INDEX["eyeBlinkRight"]]]
    both = eyes.min(axis=1, keepdims=True)
    return np.concatenate([both, eyes - both], axis=1)
