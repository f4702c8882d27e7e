"""Frames as numbers: npy, npz, csv, json, parquet."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np

from emotalk.face import HEAD_NAMES, FaceClip, Frames


def write_npy(clip: FaceClip, path: Path) -> None:
    """float32 [frames, 52]."""
    # Into an open file: given a name, numpy would add a suffix of its own to OUT.NPY.
    with path.open("wb") as file:
        np.save(file, clip.frames.astype(np.float32, copy=False))


def write_npz(clip: FaceClip, path: Path) -> None:
    """frames float32 [n, 52], timecodes float64 [n] in seconds, names str [52], fps int or float; compressed.

    Where the clip has a head: head float32 [n, 3] in degrees, head_names str [3]. Where a feeling was heard or drawn:
    feeling_rate int, feeling_activation [s], feeling_probabilities [s, 5] of feeling_names, feeling_drawn [s, 10] of
    feeling_drawn_names.
    """
    head: dict[str, Any] = (
        {} if clip.head is None else {"head": clip.head.astype(np.float32), "head_names": np.array(HEAD_NAMES)}
    )
    with path.open("wb") as file:
        np.savez_compressed(
            file,
            frames=clip.frames.astype(np.float32, copy=False),
            timecodes=np.array(clip.timecodes, np.float64),
            names=np.array(clip.names),
            fps=np.array(_write_rate(clip)),
            **head,
            **_list_felt(clip),
        )


def _list_felt(clip: FaceClip) -> dict[str, Any]:
    document = clip.feelings.document() if len(clip.feelings.rows) else {}
    kinds = {list: np.float32, int: np.int64}
    return {
        f"feeling_{name}": np.array(value, None if name.endswith("names") else kinds[type(value)])
        for name, value in document.items()
    }


def write_csv(clip: FaceClip, path: Path) -> None:
    """A header `timecode,browDownLeft,…,tongueOut`, a row a frame, six decimals; the head's columns behind them."""
    names, columns = _list_columns(clip)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("timecode", *names))
        for seconds, row in zip(clip.timecodes, columns, strict=True):
            writer.writerow((f"{seconds:.6f}", *(f"{value:.6f}" for value in row.tolist())))


def write_json(clip: FaceClip, path: Path) -> None:
    """{"fps", "names", "frames": [{"timecode", "frame_number", "blendshapes"}]}.

    Each frame of a clip with a head has "head": {"yaw", "pitch", "roll"}, in degrees. "feeling", where one was
    heard or drawn, is {"rate", "activation", "names", "probabilities", "drawn_names", "drawn"}.
    """
    rows = zip(clip.timecodes, clip.frames.tolist(), strict=True)
    frames = [
        {"timecode": seconds, "frame_number": number, "blendshapes": row} for number, (seconds, row) in enumerate(rows)
    ]
    for frame, (yaw, pitch, roll) in zip(frames, [] if clip.head is None else clip.head.tolist(), strict=False):
        frame["head"] = {"yaw": yaw, "pitch": pitch, "roll": roll}
    feeling = {"feeling": clip.feelings.document()} if len(clip.feelings.rows) else {}
    document = {"fps": _write_rate(clip), "names": clip.names, **feeling, "frames": frames}
    path.write_text(json.dumps(document), encoding="utf-8")


def write_parquet(clip: FaceClip, path: Path) -> None:
    """Columns frame_number int32, timecode float64 in seconds, and a float32 column a blendshape; fps in metadata."""
    import pyarrow as pa
    from pyarrow import parquet as files

    names, values = _list_columns(clip)
    columns = {
        "frame_number": pa.array(range(len(clip.frames)), pa.int32()),
        "timecode": pa.array(clip.timecodes, pa.float64()),
        **{name: pa.array(values[:, i].astype(np.float32)) for i, name in enumerate(names)},
    }
    table = pa.table(columns).replace_schema_metadata({"fps": str(_write_rate(clip))})
    files.write_table(table, path, compression="zstd")


def _list_columns(clip: FaceClip) -> tuple[tuple[str, ...], Frames]:
    """The names of all columns, and their values: the head's behind the 52 where the clip has one."""
    if clip.head is None:
        return clip.names, clip.frames
    return clip.names + HEAD_NAMES, np.concatenate([clip.frames, clip.head], axis=1)


def _write_rate(clip: FaceClip) -> int | float:
    """Frames a second: 30, or 29.97002997… where they are not whole."""
    return int(clip.fps) if clip.fps.denominator == 1 else float(clip.fps)
