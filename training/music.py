"""Made-up music to mix under speech: `python -m training.music --minutes 60`. Goes on where it stopped.

DATA/music/SEED-NNNN.flac: one piece, 8 to 20 s at 16 kHz, mono, peak 0.92. The notes are ours (composer.py); the sounds
are those of the General MIDI soundfont FluidR3 (MIT; Debian: fluid-soundfont-gm), played by TinySoundFont (MIT).
"""

import argparse
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile
import soxr
import tinysoundfont
from numpy.typing import NDArray
from tqdm import tqdm

from training.augment import in_band, in_room
from training.composer import KIT_BANK, Piece, Voice, compose

_PACKAGE = "fluid-soundfont-gm"
SOUNDFONT = Path("packages", _PACKAGE, "usr/share/sounds/sf2/FluidR3_GM.sf2")
"""Under DATA."""
RATE = 16_000
_SYNTH_RATE = 48_000
"""The synthesiser interpolates linearly, which aliases; at three times our rate most of that falls to the resampler."""
_FRAME = 0.02
_PEAK = 30_000 / 32_768


def fetch(data: Path) -> None:
    """The soundfont as a file under DATA, by apt; where there is none, lay FluidR3_GM.sf2 there by hand."""
    folder, unpacked = data / "wheels", data / "packages" / f"{_PACKAGE}.part"
    if (data / SOUNDFONT).exists():
        return
    for one in (folder, unpacked):
        one.mkdir(parents=True, exist_ok=True)
    subprocess.run(["apt-get", "download", "--quiet", _PACKAGE], cwd=folder, check=True)
    subprocess.run(["dpkg-deb", "--extract", max(folder.glob(f"{_PACKAGE}_*.deb")), unpacked], check=True)
    unpacked.rename(data / "packages" / _PACKAGE)


Event = tuple[float, int, int, int, int]
_OFF, _BEND, _SWELL, _ON = range(4)


class Band:
    """A synthesiser with its soundfont."""

    def __init__(self, soundfont: Path) -> None:
        self._synth = tinysoundfont.Synth(gain=-12, samplerate=_SYNTH_RATE)
        self._font = self._synth.sfload(str(soundfont))

    def play(self, piece: Piece) -> NDArray[np.float32]:
        """Mono at 16 kHz, the piece's length; the same whatever was played before."""
        self._hush()
        for channel, voice in enumerate(piece.voices):
            self._seat(channel, voice)
        events = sorted(event for c, v in enumerate(piece.voices) for event in _events(c, v, piece.seconds))
        sound, now = [], 0
        for at, what, channel, key, value in [*events, (piece.seconds, _OFF, 0, 0, 0)]:
            if (sample := round(at * _SYNTH_RATE)) > now:
                sound.append(self._listen(sample - now))
                now = sample
            self._do(what, channel, key, value)
        return np.asarray(soxr.resample(np.concatenate(sound), _SYNTH_RATE, RATE), np.float32)

    def _hush(self) -> None:
        self._synth.sounds_off()
        self._listen(_SYNTH_RATE // 2)

    def _seat(self, channel: int, voice: Voice) -> None:
        is_kit = voice.bank == KIT_BANK
        self._synth.control_change(channel, 121, 0)
        self._synth.program_select(channel, self._font, 0 if is_kit else voice.bank, voice.program, is_kit)
        self._synth.control_change(channel, 7, voice.level)
        self._synth.control_change(channel, 10, voice.balance)
        self._synth.pitchbend(channel, 8_192)

    def _do(self, what: int, channel: int, key: int, value: int) -> None:
        if what == _ON:
            self._synth.noteon(channel, key, value)
        elif what == _OFF:
            self._synth.noteoff(channel, key)
        elif what == _BEND:
            self._synth.pitchbend(channel, value)
        else:
            self._synth.control_change(channel, 11, value)

    def _listen(self, samples: int) -> NDArray[np.float32]:
        return np.frombuffer(self._synth.generate(samples), np.float32).reshape(-1, 2).mean(1)


def _events(channel: int, voice: Voice, seconds: float) -> Iterator[Event]:
    """At so many seconds: what, channel, key, value. Of what comes at once, the end of a note comes first."""
    for note in voice.notes:
        yield note.start, _ON, channel, note.key, note.velocity
        if (end := note.start + note.length) < seconds:
            yield end, _OFF, channel, note.key, 0
    times = np.arange(0, seconds, _FRAME)
    depth, pace = voice.vibrato
    if depth:
        bends = 8_192 + 4_096 * depth * np.sin(2 * np.pi * pace * times)
        yield from ((float(t), _BEND, channel, 0, int(bend)) for t, bend in zip(times, bends, strict=True))
    swells = 127 * np.interp(times, np.linspace(0, seconds, len(voice.swell)), voice.swell)
    yield from ((float(t), _SWELL, channel, 0, int(swell)) for t, swell in zip(times, swells, strict=True))


def produced(sound: NDArray[np.float32], draw: np.random.Generator) -> NDArray[np.float32]:
    """As from a record: nothing under 30 Hz; at times brighter, in a room, squeezed; at full scale."""
    sound = in_band(sound, 30, RATE / 2)
    if draw.random() < 0.6:
        sound = sound - np.float32(draw.uniform(0.3, 0.95)) * np.pad(sound[:-1], (1, 0))
    if draw.random() < 0.5:
        sound = in_room(sound, draw)
    sound = sound / (np.abs(sound).max() + 1e-9)
    if draw.random() < 0.35:
        sound = np.tanh(sound * draw.uniform(1.5, 4))
    return np.asarray(sound * (_PEAK / (np.abs(sound).max() + 1e-9)), np.float32)


def save(path: Path, sound: NDArray[np.float32]) -> None:
    """Write a file that appears whole."""
    unfinished = path.with_suffix(".part")
    soundfile.write(unfinished, sound, RATE, format="FLAC")
    unfinished.rename(path)


def make(data: Path, minutes: float, seed: int) -> None:
    """Write what is missing of so many minutes."""
    folder = data / "music"
    folder.mkdir(parents=True, exist_ok=True)
    band = Band(data / SOUNDFONT)
    number, have = 0, 0.0
    with tqdm(total=round(minutes * 60), unit="s", desc="music") as bar:
        while have < minutes * 60:
            piece, path = compose(seed, number), folder / f"{seed}-{number:04d}.flac"
            if not path.exists():
                save(path, produced(band.play(piece), np.random.default_rng([seed, number])))
            number, have = number + 1, have + piece.seconds
            bar.update(round(piece.seconds))


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--data", type=Path, default=Path("training-data"))
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    fetch(asked.data)
    make(asked.data, asked.minutes, asked.seed)


if __name__ == "__main__":
    main()
