"""Everything except the engine, on one core: decode, windows, stitch, shape, protobuf; and its memory.

    python -m bench.pipeline [--minutes 10] [--memory-minutes 1,10,30] [--repeats 5]

Prints how many times faster than real time each stage runs, beside limits of the same run: copying the sound once, and
decoding its FLAC once with libsndfile and nothing else. Then what the server's half (accept) and the worker's half
(animate) need in memory above the audio they hold, for clips of several lengths, each in a fresh process.
"""

import sys
from pathlib import Path

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

import argparse
import os
import resource
import subprocess
import tempfile
import time
from collections.abc import Callable

import soundfile

from bench.clips import as_wav, speech_like
from bench.figures import machine, table
from bench.stages import Clip, accept, animate, exhaust, limits, respond, stages, whole_way
from emotalk.timebase import SAMPLE_RATE

TARGET = 100.0
MEGABYTE = 2**20
SLACK = 16 * MEGABYTE
"""What a half may need above the audio, however long the clip: blocks, one window, one chunk and the allocator."""
ROOT = Path(__file__).resolve().parent.parent
WHOLE = "the whole way"


def main() -> int:
    """Measure and print; returns 1 where the whole way misses 100 x real time, or memory grows with the clip."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, default=10.0, help="length of the timed clip (default 10)")
    parser.add_argument("--memory-minutes", default="1,10,30", help="lengths for the memory table (default 1,10,30)")
    parser.add_argument("--repeats", type=int, default=5, help="the fastest of so many runs counts (default 5)")
    parser.add_argument("--memory-of", nargs=2, metavar=("HALF", "FILE"), help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    _stay_on_one_core()
    if chosen.memory_of:
        half, file = chosen.memory_of
        print(*HALVES[half](Path(file)))
        return 0
    print(machine())
    with tempfile.TemporaryDirectory(prefix="emotalk-bench-") as folder:
        fast = _print_speed(Path(folder), chosen.minutes, chosen.repeats)
        steady = _print_memory(Path(folder), [float(each) for each in chosen.memory_minutes.split(",")])
    return 0 if fast and steady else 1


def _print_speed(folder: Path, minutes: float, repeats: int) -> bool:
    clip, seconds = Clip.read(_clip(folder, minutes)), minutes * 60
    ways = [*limits(clip), *stages(clip), (WHOLE, lambda: exhaust(whole_way(clip)))]
    taken = {name: _fastest(call, repeats) for name, call in ways}
    cells = [(name, f"{1e3 * best:.1f}", f"{seconds / best:,.0f}") for name, best in taken.items()]
    print(f"\n{minutes:g} minutes of speech-like audio on one core, fastest of {repeats}\n")
    print(table([("stage", "ms", "x real time"), *cells]))
    return seconds / taken[WHOLE] >= TARGET


def _fastest(call: Callable[[], object], repeats: int) -> float:
    def once() -> float:
        since = time.perf_counter()
        call()
        return time.perf_counter() - since

    return min(once() for _ in range(repeats))


def _print_memory(folder: Path, lengths: list[float]) -> bool:
    rows, above = [], []
    for half in HALVES:
        for minutes in lengths:
            held, peak = _in_a_fresh_process(half, _clip(folder, minutes))
            above.append((half, peak - held))
            rows.append((half, f"{minutes:g}", *(f"{each / MEGABYTE:.1f}" for each in (held, peak, peak - held))))
    print("\npeak memory over that of a process that has just done one second, MB\n")
    print(table([("half", "minutes", "the audio", "peak", "above the audio"), *rows]))
    return all(max(more for name, more in above if name == half) <= SLACK for half in HALVES)


def _in_a_fresh_process(half: str, clip: Path) -> tuple[int, int]:
    command = (sys.executable, "-m", "bench.pipeline", "--memory-of", half, str(clip))
    said = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout
    held, peak = map(int, said.split())
    return held, peak


def _clip(folder: Path, minutes: float) -> Path:
    """A WAV file, and beside it the record that the server makes of it."""
    path = folder / f"{minutes:g}.wav"
    if not path.exists():
        with soundfile.SoundFile(path, "w", SAMPLE_RATE, 1, "PCM_16") as file:
            for second in range(0, round(60 * minutes), 10):
                file.write(speech_like(10 * SAMPLE_RATE, seed=second))
        path.with_suffix(".job").write_bytes(accept(path.read_bytes()))
    return path


def _memory_of_accept(clip: Path) -> tuple[int, int]:
    """Held: the file as it was sent, its samples in float32, and its FLAC, whose buffer is copied while it grows."""
    accept(as_wav(speech_like(SAMPLE_RATE)))
    before = _peak()
    wav = clip.read_bytes()
    record = accept(wav)
    return 3 * len(wav) + 2 * len(record), _peak() - before


def _memory_of_animate(clip: Path) -> tuple[int, int]:
    """Held: the FLAC three times: in the record as it was claimed, in the message while it is parsed, in the job."""
    animate(accept(as_wav(speech_like(SAMPLE_RATE))))
    before = _peak()
    record = clip.with_suffix(".job").read_bytes()
    exhaust(respond(animate(record, keep=False)))
    return 3 * len(record), _peak() - before


def _peak() -> int:
    """Bytes. Not getrusage on Linux: what that counts begins with the peak of the process that started this one."""
    status = Path("/proc/self/status")
    if status.exists():
        [line] = [each for each in status.read_text().splitlines() if each.startswith("VmHWM:")]
        return 1024 * int(line.split()[1])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _stay_on_one_core() -> None:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


HALVES = {"accept": _memory_of_accept, "animate": _memory_of_animate}

if __name__ == "__main__":
    sys.exit(main())
