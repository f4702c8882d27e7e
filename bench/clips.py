"""Sound and an engine that cost nothing to have: neither is what is measured."""

import io
from dataclasses import dataclass

import numpy as np
import soundfile

from emotalk.engines.base import EngineCard
from emotalk.face import BLENDSHAPES, Frames, Pcm, Style
from emotalk.timebase import SAMPLE_RATE, frame_count

FREE = EngineCard("free", licence="MIT", fingerprint="free-1")


@dataclass(frozen=True)
class FreeEngine:
    """A window engine that answers zeros: what is left is the way there and back."""

    card: EngineCard = FREE

    def animate(self, window: Pcm, style: Style) -> Frames:
        """float32 [n] at 16 kHz → zeros, float32 [frame_count(n), 52]."""
        return np.zeros((frame_count(len(window)), BLENDSHAPES), np.float32)


def speech_like(samples: int, seed: int = 0) -> Pcm:
    """Voiced syllables, hiss and pauses, float32 [samples] at 16 kHz, exact in 16 bits; the same for the same seed."""
    draw = np.random.default_rng(seed)
    time = np.arange(samples) / SAMPLE_RATE
    pitch = draw.uniform(90, 220) * (1 + 0.1 * np.sin(2 * np.pi * draw.uniform(0.3, 0.8) * time))
    phase = 2 * np.pi * np.cumsum(pitch) / SAMPLE_RATE
    voice = sum(np.sin(n * phase) / n for n in range(1, 9))
    syllables = np.clip(np.sin(2 * np.pi * draw.uniform(2.5, 5) * time + draw.uniform(0, 6)), 0, None) ** 0.7
    phrases = np.sin(2 * np.pi * time / draw.uniform(2, 4) + draw.uniform(0, 6)) > -0.7
    sound = 0.3 * voice * syllables * phrases + 0.004 * draw.standard_normal(samples)
    return (np.rint(np.clip(sound, -1, 1) * 32767) / 32768).astype(np.float32)


def as_wav(pcm: Pcm) -> bytes:
    """A 16-bit WAV at 16 kHz, mono."""
    out = io.BytesIO()
    soundfile.write(out, pcm, SAMPLE_RATE, subtype="PCM_16", format="WAV")
    return out.getvalue()
