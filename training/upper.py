"""Brows, lids, gaze, smile and head beside filmed people's: rows for the second table of training/people.py.

People: the quarter and three quarters of their clips of four seconds and more (score.py, `upper`). A face is in the
people's units: `own` of score.py, but for gaze. Its weights of eyeLook* are no displacements of an iris: they are
multiplied by what the tracker itself makes of one (its displacement over its own eyeLook* scores, over all clips).
The smile is the weight itself, as score.py takes it; drawn and tracked, a weight counts for about a fifth.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

FPS, LEAST_SECONDS = 30, 4.0
_JUMP = 0.03
"""Displacement within two frames that counts as a jump of the eyes."""
_AXES = ("yaw", "pitch", "roll")
_BANDS = ("0–.5", ".5–1", "1–2", "2–4 Hz")

Curves = dict[str, NDArray[np.float64]]
Row = dict[str, float]


class UpperFaces:
    """The people's rows, and anybody's: `module` is score.py, `folder` what it belongs to."""

    def __init__(self, module: Any, folder: Path, split: str, every: list[dict[str, Any]]) -> None:
        self._module, self._head = module, np.load(folder / "head_linear.npz")
        names = [s["id"] for s in every if split in ("all", s["split"])]
        paths = [folder / "tracks" / f"{name}.npz" for name in names]
        self._people = {p.stem: module.human(str(p)) for p in paths if p.is_file()}
        self._iris = _displacement([np.load(p) for p in paths if p.is_file()])

    def people(self) -> list[Row]:
        """A row a clip."""
        return [self._row(person, len(person["eye"])) for person in self._people.values() if _long(person)]

    def faces(self, face_of: Callable[[str], Path], head_of: Callable[[str], Path | None]) -> list[Row]:
        """The same of faces ID.npy [n, 52]; `head_of`: their turns ID.npy [n, 3], where there are any."""
        rows = []
        for name, person in self._people.items():
            if "level_db" in person and _long(person) and (path := face_of(name)).is_file():
                rows.append(self._row(self._as_seen(path, head_of(name), person), len(person["eye"])))
        return rows

    def _as_seen(self, path: Path, head: Path | None, person: Curves) -> Curves:
        """A face as the person's camera would have given it."""
        count, times = len(person["eye"]), person["t_native"]
        times = times[(times >= -1e-3) & (times < count / FPS)]
        curves: Curves = self._module.own(str(path), self._head)
        curves["gaze_x"], curves["gaze_y"] = (
            curves[k] * f for k, f in zip(("gaze_x", "gaze_y"), self._iris, strict=True)
        )
        if head:
            curves |= dict(zip(_AXES, np.load(head).astype(float).T, strict=True))
        return {k: self._module.as_filmed(v, times, count) for k, v in curves.items()} | {
            "level_db": person["level_db"]
        }

    def _row(self, curves: Curves, count: int) -> Row:
        known = self._module.upper(curves, count)
        seconds = count / FPS
        step = np.hypot(curves["gaze_x"][2:] - curves["gaze_x"][:-2], curves["gaze_y"][2:] - curves["gaze_y"][:-2])
        jumps = (step[1:-1] > _JUMP) & (step[1:-1] >= step[:-2]) & (step[1:-1] > step[2:])
        row = {k: known[k] for k in ("brow_in_std", "brow_out_std", "eye_std_open", "gaze_std", "smile_mean")}
        row |= {"seconds": seconds, "brow_vs_level": known.get("brow_vs_level", np.nan)}
        row |= {f"blink_{p}": float(np.percentile(known["blink_ms"] or [np.nan], p)) for p in (50, 90)}
        row |= {"blinks": 60 * known["blinks"] / seconds, "jumps": jumps.sum() / seconds}
        for axis in _AXES if "yaw_std" in known else ():
            row |= {f"{axis}_std": known[f"{axis}_std"], f"{axis}_speed": known[f"{axis}_speed"]}
            row |= {f"{axis} {band}": share for band, share in zip(_BANDS, known[f"{axis}_band"], strict=False)}
        return row


def _long(person: Curves) -> bool:
    return len(person["eye"]) >= LEAST_SECONDS * FPS


def _displacement(tracks: list[Any]) -> tuple[float, float]:
    """Of an iris, sideways and up, for each unit of the tracker's own scores."""
    pairs = np.concatenate([_looks(track) - _looks(track).mean(axis=1, keepdims=True) for track in tracks], axis=1)
    seen_x, seen_y, said_x, said_y = pairs
    return float(seen_x @ said_x / (said_x @ said_x)), float(seen_y @ said_y / (said_y @ said_y))


def _looks(track: Any) -> NDArray[np.float64]:
    """gaze_x, gaze_y and what the scores say of them: [4, n]."""
    names, scores = [str(name) for name in track["names"]], track["scores"].astype(float)
    said = {way: scores[:, [names.index(f"eyeLook{way}{side}") for side in ("Left", "Right")]] for way in _WAYS}
    sideways = said["Out"][:, 0] + said["In"][:, 1] - said["In"][:, 0] - said["Out"][:, 1]
    return np.stack([track["gaze_x"], track["gaze_y"], sideways / 2, (said["Up"] - said["Down"]).mean(axis=1)])


_WAYS = ("Up", "Down", "In", "Out")
_LINES = {
    "brow_in_std": ("inner brow height, std", 4), "brow_out_std": ("outer brow height, std", 4),
    "brow_vs_level": ("brow against loudness, r", 2), "blinks": ("blinks a minute", 0),
    **{f"blink_{p}": (f"length of a blink, ms, p{p} of a clip", 0) for p in (50, 90)},
    "eye_std_open": ("movement of the open lids, std", 3),
    "gaze_std": ("gaze in the head, std", 3), "jumps": ("jumps of the eyes a second", 1), "smile_mean": ("smile", 3),
    **{f"{a}_std": (f"head {a}, std in degrees", 1) for a in _AXES},
    **{f"{a}_speed": (f"head {a}, degrees a second", 1) for a in _AXES},
    **{f"{a} {band}": (f"head {a}, share of power {band}", 2) for a in _AXES for band in _BANDS},
}  # fmt: skip


def table(people: list[Row], others: dict[str, list[Row]]) -> str:
    """In Markdown: people's quarters, and everybody's mean with its 95 % over clips."""
    lines = [f"| | people, p25 to p75 | {' | '.join(others)} |", "|---|---|" + "---|" * len(others)]
    for key, (words, digits) in _LINES.items():
        low, high = np.nanpercentile([row[key] for row in people], [25, 75])
        cells = [_cell(rows, key, digits) for rows in others.values()]
        lines.append(f"| {words} | {low:.{digits}f} to {high:.{digits}f} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(rows: list[Row], key: str, digits: int) -> str:
    known = [(row[key], row["seconds"]) for row in rows if np.isfinite(row.get(key, np.nan))]
    if not known:
        return "none"
    values, weights = np.array(known).T
    chance = np.random.default_rng(0)
    drawn = [chance.choice(len(values), len(values)) for _ in range(400)]
    means = [np.average(values[d], weights=weights[d]) for d in drawn]
    low, high = np.percentile(means, [2.5, 97.5])
    return f"{np.average(values, weights=weights):.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"
