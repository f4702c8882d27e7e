"""Scores of the engine in this checkout: `python -m training.score`. Writes the tables of docs/model-card.md.

Everything goes through the engine itself, as its users have it: samples pushed, frames scored by lipsync_eval.py, raw.
95 % intervals are a bootstrap over the clips. The peers' figures are those of the shared folder's README.
"""

import argparse
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from emotalk.engines.base import Latency
from emotalk.engines.builtin import BuiltinEngine
from emotalk.expression import open_face
from emotalk.face import Style
from training import development, strangers
from training.card import CARD, put
from training.conditions import CONDITIONS, spoilt
from training.development import Clip

_FIGURES = {"net": "net", "height": "height", "core": "roundcore", "silence": "silence", "false": "false", "r": "r"}
_RESAMPLES = 400

Face = NDArray[np.float32]
Figures = dict[str, float]


class Scores:
    """The engine at work, with a scorer beside it."""

    def __init__(self, lipsync: Path) -> None:
        self._module, self._engine = development.scorer(lipsync), BuiltinEngine()

    def faces(self, clips: Iterable[Clip], latency: Latency = "clip", style: Style | None = None) -> list[Face]:
        """What the engine answers to each clip."""
        return [self._face(clip, latency, style or Style()) for clip in tqdm(clips, leave=False)]

    def _face(self, clip: Clip, latency: Latency, style: Style) -> Face:
        session = open_face(self._engine, style, latency)
        return np.concatenate([session.push(clip.sound), session.finish()])

    def figures(self, clips: list[Clip], faces: list[Face]) -> Figures:
        """Pooled over the clips."""
        return development.scored(self._module, clips, faces)

    def intervals(self, clips: list[Clip], faces: list[Face]) -> dict[str, tuple[float, float]]:
        """95 % of what other clips of the kind would give."""
        draw, spoken = np.random.default_rng(0), [i for i, clip in enumerate(clips) if clip.phones]
        picks = draw.choice(spoken, size=(_RESAMPLES, len(spoken)))
        results = [
            self._module.score_clip(np.asarray(f, float), c.phones)
            for c, f in zip(clips, faces, strict=True)
            if c.phones
        ]
        place = {clip: i for i, clip in enumerate(spoken)}
        pooled = [self._module.pool([results[place[i]] for i in pick]) for pick in picks]
        return {k: tuple(np.nanpercentile([p[k] for p in pooled], (2.5, 97.5))) for k in _FIGURES.values()}

    def closures(self, clips: list[Clip], faces: list[Face]) -> tuple[int, int, float]:
        """P, B and M at which the lips met, all of them, and the share of other places where they met."""
        results = [self._module.score_clip(np.asarray(f, float), c.phones) for c, f in zip(clips, faces, strict=True)]
        met, due = (sum(r["clo"][i] for r in results) for i in (0, 1))
        false = sum(r["ctl"][0] for r in results) / max(sum(r["ctl"][1] for r in results), 1)
        return met, due, false


def peers(lipsync: Path) -> list[str]:
    """Rows of the table of peers in the shared README: name, net, height, core, silence, non-speech, lag, false, r."""
    rows = []
    for text in (lipsync / "README.md").read_text().splitlines():
        cells = [c.strip().strip("*") for c in text.strip("|").split("|")]
        if len(cells) == 12 and cells[0] and not cells[0].startswith("-"):
            name, _, false, net, _, height, core, silence, lag, r, _, nonspeech = cells
            rows.append(f"| {name} | {net} | {height} | {core} | {silence} | {nonspeech} | {lag} | {false} | {r} |")
    return rows


def _row(name: str, f: Figures, ci: dict[str, tuple[float, float]] | None = None) -> str:
    def cell(key: str) -> str:
        low, high = (ci or {}).get(key, (np.nan, np.nan))
        return f"{f[key]:.2f}" + (f" [{low:.2f}, {high:.2f}]" if ci else "")

    ns = f"{f['nonspeech']:.2f}" if "nonspeech" in f else "–"
    middle = [cell(key) for key in ("net", "height", "roundcore", "silence")]
    return f"| {name} | {' | '.join(middle)} | {ns} | {f['lag']:+.0f} | {f['false']:.2f} | {f['r']:.2f} |"


_HEAD = (
    "| | net | height | core | silence | non-speech open | lag, ms | false | r |\n|---|---|---|---|---|---|---|---|---|"
)


def tables(data: Path, real: Path, lipsync: Path) -> str:
    """Everything that is scored, in Markdown."""
    scores, packages = Scores(lipsync), data / "packages"
    dev, readers = development.shared_clips(lipsync), development.reader_clips(real)
    sets: dict[str, Callable[[], list[Clip]]] = {
        "development set (15 clips, 6 speakers; 5 without speech)": lambda: dev,
        "readers kept apart (36 clips, 36 speakers)": lambda: readers,
        "unseen synthetic voice: Piper joe": lambda: list(strangers.joe(packages)),
        "unseen synthetic voice: flite slt": lambda: list(strangers.slt(packages)),
    }
    lines = [_HEAD]
    for name, make in sets.items():
        clips = make()
        for latency, title in (("clip", name), ("live", "… live, look-ahead 0.15 s")):
            faces = scores.faces(clips, latency)
            ci = scores.intervals(clips, faces) if latency == "clip" else None
            lines.append(_row(title, scores.figures(clips, faces), ci))
    lines += ["", "Peers, development set:", "", _HEAD, *peers(lipsync)]
    return "\n".join([*lines, "", *_robustness(scores, dev, readers), "", *_vietnamese(scores, packages)])


def _robustness(scores: Scores, dev: list[Clip], readers: list[Clip]) -> list[str]:
    music = development.music(dev)
    clips = [clip for clip in (*dev, *readers) if clip.phones]
    lines, clean = ["Development set and readers together, spoilt:", "", _HEAD.replace("| |", "| condition |", 1)], 0.0
    for how in CONDITIONS:
        changed = [spoilt(clip, how, music) for clip in clips]
        figures = scores.figures(changed, scores.faces(changed))
        clean = figures["net"] if how == "clean" else clean
        fall = "" if how == "clean" else f" (net {figures['net'] - clean:+.2f})"
        lines.append(_row(how + fall, figures))
    return lines


def _vietnamese(scores: Scores, packages: Path) -> list[str]:
    lines = [
        "Vietnamese, synthetic, lines not trained on:",
        "",
        "| voice | P, B, M at which the lips met | false |",
        "|---|---|---|",
    ]
    voices = {"espeak": "espeak-ng, three accents", "kokoro": "Kokoro's voices with Vietnamese phones"}
    for voice, name in voices.items():
        clips = list(strangers.vietnamese(packages, voice))
        met, due, false = scores.closures(clips, scores.faces(clips))
        lines.append(f"| {name} | {met} of {due} ({met / max(due, 1):.2f}) | {false:.2f} |")
    return lines


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("training-data"))
    parser.add_argument("--real", type=Path, required=True, help="the folder of real speech")
    parser.add_argument("--lipsync", type=Path, required=True, help="the folder with lipsync_eval.py, wav/ and phones/")
    parser.add_argument("--card", type=Path, default=CARD, help="the document whose tables are replaced")
    asked = parser.parse_args()
    made = tables(asked.data, asked.real, asked.lipsync)
    put(made, "scores", asked.card)
    print(made)


if __name__ == "__main__":
    main()
