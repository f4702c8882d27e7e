"""Frames as numbers: npy, npz, csv, json, parquet."""

import csv
import json
from pathlib import Path

import numpy as np

from emotalk.face import ARKIT_NAMES, FaceClip
from emotalk.timebase import FPS


def npy(clip: FaceClip, path: Path) -> None:
    """float32 [frames, 52]."""
    # Into an open file: given a name, numpy would add a suffix of its own to OUT.NPY.
    with path.open("wb") as file:
        np.save(file, clip.frames.astype(np.float32, copy=False))


def npz(clip: FaceClip, path: Path) -> None:
    """frames float32 [n, 52], timecodes float64 [n] in seconds, names str [52], fps int; compressed."""
    with path.open("wb") as file:
        np.savez_compressed(
            file,
            frames=clip.frames.astype(np.float32, copy=False),
            timecodes=np.array(clip.timecodes, np.float64),
            names=np.array(ARKIT_NAMES),
            fps=np.int64(FPS),
        )


def csv_(clip: FaceClip, path: Path) -> None:
    """A header `timecode,browDownLeft,…,tongueOut`, a row a frame, six decimals."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("timecode", *ARKIT_NAMES))
        for seconds, row in zip(clip.timecodes, clip.frames, strict=True):
            writer.writerow((f"{seconds:.6f}", *(f"{value:.6f}" for value in row.tolist())))


def json_(clip: FaceClip, path: Path) -> None:
    """{"fps", "names", "frames": [{"timecode", "frame_number", "blendshapes"}]}."""
    rows = zip(clip.timecodes, clip.frames.tolist(), strict=True)
    frames = [
        {"timecode": seconds, "frame_number": number, "blendshapes": row} for number, (seconds, row) in enumerate(rows)
    ]
    document = {"fps": FPS, "names": ARKIT_NAMES, "frames": frames}
    path.write_text(json.dumps(document), encoding="utf-8")


def parquet(clip: FaceClip, path: Path) -> None:
    """Columns frame_number int32, timecode float64 in seconds, and a float32 column a blendshape; fps in metadata."""
    import pyarrow as pa
    from pyarrow import parquet as files

    columns = {
        "frame_number": pa.array(range(len(clip.frames)), pa.int32()),
        "timecode": pa.array(clip.timecodes, pa.float64()),
        **{name: pa.array(clip.frames[:, i].astype(np.float32)) for i, name in enumerate(ARKIT_NAMES)},
    }
    table = pa.table(columns).replace_schema_metadata({"fps": str(FPS)})
    files.write_table(table, path, compression="zstd")
