"""Writes the table of docs/formats.md: every format, rate and number of channels, tried. `python -m docs.formats`."""

from pathlib import Path

import numpy as np

from emotalk.audio import Sent, decode, open_audio
from emotalk.errors import AudioError
from tests.unit.audio_files import speech, written
from tests.unit.strangers import MEDIA, PLAIN, SECONDS, media

PAGE = Path(__file__).with_name("formats.md")
BEGIN, END = "<!-- tried: begin -->", "<!-- tried: end -->"
RATES = (8_000, 11_025, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000, 192_000)
CHANNELS = (1, 2, 6)
RAW = ("pcm16le", "pcm16be", "pcm24le", "pcm32le", "float32le", "float64le", "mulaw", "alaw")


def table() -> str:
    """All rows, as they came out now."""
    rows = ["| what | rates heard | mono, stereo | six channels |", "|---|---|---|---|"]
    rows += [_row(name, *PLAIN[name]) for name in PLAIN]
    rows += [_media(name) for name in MEDIA]
    rows += [
        f"| raw `{kind}` (`--raw {kind}:RATE`) | {_shown(_raw_rates(kind))} | both (`:2`) | refused |" for kind in RAW
    ]
    return "\n".join(rows)


def _row(name: str, container: str, subtype: str) -> str:
    heard = [rate for rate in RATES if _outcome(container, subtype, rate, 1) == "heard"]
    at = heard[-1] if heard else RATES[2]
    both = ", ".join(_outcome(container, subtype, at, channels) for channels in CHANNELS[:2])
    return f"| {name} | {_shown(heard)} | {both} | {_outcome(container, subtype, at, CHANNELS[2])} |"


def _outcome(container: str, subtype: str, rate: int, channels: int) -> str:
    sound = np.repeat(speech(0.2, rate)[:, None], channels, axis=1)  # type: ignore[no-untyped-call]
    try:
        data = written(sound, rate, container, subtype)  # type: ignore[no-untyped-call]
    except Exception:  # noqa: BLE001 - libsndfile does not write it: nobody has such a file
        return "not written"
    try:
        return "heard" if len(decode(data)) else "empty"
    except AudioError:
        return "refused"


def _media(name: str) -> str:
    container, codec, rate = MEDIA[name]
    seconds = len(decode(media(container, codec, rate))) / 16_000
    assert abs(seconds - SECONDS) < 0.2, name
    return f"| {name} (extra `media`) | as its codec has | heard | refused |"


def _raw_rates(kind: str) -> list[int]:
    data = bytes(2_400)
    return [rate for rate in RATES if open_audio(data, sent=Sent(f"{kind}:{rate}")).samples]


def _shown(rates: list[int]) -> str:
    return "all tried" if len(rates) == len(RATES) else ", ".join(f"{rate:,}".replace(",", " ") for rate in rates)


def laid(page: str) -> str:
    """The page with the table of now."""
    before, rest = page.split(BEGIN, 1)
    return f"{before}{BEGIN}\n{table()}\n{END}{rest.split(END, 1)[1]}"


if __name__ == "__main__":
    PAGE.write_text(laid(PAGE.read_text("utf-8")), "utf-8")
