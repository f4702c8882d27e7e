"""MP4: the head speaking, with the sound, to look at or to send to somebody.

H.264 and AAC by PyAV: FFmpeg's libraries in one wheel, so that no program of that name has to be installed.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from itertools import repeat
from pathlib import Path
from typing import Any

from emotalk.errors import ConfigurationError
from emotalk.face import FaceClip, Frames
from emotalk.head.studio import Studio

SOUND_RATE = 48_000
QUALITY = {"crf": "20", "preset": "veryfast"}

Watch = Callable[[Frames], Iterable[Frames]]


def check() -> None:
    """Raise ConfigurationError where no picture can be drawn."""
    Studio(size=16).close()


def write_mp4(clip: FaceClip, path: Path, watch: Watch = iter) -> None:
    """720 × 720, frame f at f / fps s; with `clip.sound` where it is known, silent without.

    `watch` hands the frames on one by one: without a GPU each takes a tenth of a second, and people want to see that.
    """
    import av

    with closing(Studio()) as studio, av.open(str(path), "w", format="mp4", options={"movflags": "faststart"}) as film:
        picture = film.add_stream("libx264", rate=clip.fps, options=QUALITY)
        picture.width = picture.height = studio.size
        picture.pix_fmt = "yuv420p"
        voice = film.add_stream("aac", rate=SOUND_RATE, layout="mono") if clip.sound else None
        if clip.sound and voice:
            for frame in _read_sound(clip.sound):
                film.mux(voice.encode(frame))
            film.mux(voice.encode(None))
        heads = repeat(None) if clip.head is None else clip.head
        for number, (weights, turn) in enumerate(zip(watch(clip.frames), heads, strict=False)):
            frame = av.VideoFrame.from_ndarray(studio.picture(weights, turn), format="rgb24")
            frame.pts, frame.time_base = number, 1 / clip.fps
            film.mux(picture.encode(frame))
        film.mux(picture.encode(None))


def _read_sound(path: Path) -> Iterator[Any]:
    """The sound's frames at SOUND_RATE, mono. Raises ConfigurationError where FFmpeg cannot read it."""
    import av

    resampler = av.AudioResampler("fltp", "mono", SOUND_RATE)
    try:
        with path.open("rb") as file, av.open(file, "r") as sound:
            for frame in sound.decode(audio=0):
                yield from resampler.resample(frame)
            yield from resampler.resample(None)
    except (av.error.FFmpegError, IndexError) as error:
        raise ConfigurationError(
            f"output: the sound of {path} cannot go into a film: {error}. Use another kind."
        ) from error
