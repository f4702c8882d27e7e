"""What the network hears: where a mel frame lies, what a tone excites, and what the running level does away with."""

import numpy as np
import pytest
from voices import babble, noise

from emotalk.engines.builtin.engine import MODELS
from emotalk.engines.builtin.features import HOP, LEAD, MELS, WINDOW, mel_power, normalised, samples_for

PRIOR = np.load(MODELS / "prior.npy")


def framed(sound: np.ndarray) -> np.ndarray:
    """Mel power of the sound as of a clip: frame 0 starts before it."""
    return mel_power(np.pad(sound, (LEAD, 0)).astype(np.float32))


def test_a_click_excites_the_frames_whose_window_it_lies_in() -> None:
    click = np.zeros(16_000, np.float32)
    click[50 * HOP + HOP // 2] = 1
    heard = np.flatnonzero(framed(click).sum(1) > 1e-6)
    assert list(heard) == [49, 50, 51]
    assert framed(click).sum(1).argmax() == 50


def test_the_first_frames_read_as_many_samples_as_is_said() -> None:
    assert samples_for(1) == WINDOW - LEAD
    assert len(framed(np.zeros(samples_for(37)))) == 37
    assert len(framed(np.zeros(samples_for(37) - 1))) == 36


@pytest.mark.parametrize("hertz", [300, 1000, 3000, 6000])
def test_a_tone_excites_the_band_of_its_pitch(hertz: int) -> None:
    tone = np.sin(2 * np.pi * hertz * np.arange(16_000) / 16_000)
    mel = 2595 * np.log10(1 + np.array([60, hertz, 7600]) / 700)
    expected = (mel[1] - mel[0]) / (mel[2] - mel[0]) * (MELS + 1) - 1
    assert abs(framed(tone)[50].argmax() - expected) <= 1


def test_a_quieter_voice_looks_the_same() -> None:
    voice = babble(seconds=3.0)
    loud, quiet = (normalised(framed(v), 100, PRIOR) for v in (voice, voice / 20))
    np.testing.assert_allclose(loud, quiet, atol=0.02)


def test_only_the_last_frames_are_returned() -> None:
    power = framed(babble(seconds=2.0))
    assert np.array_equal(normalised(power, 30, PRIOR), normalised(power, 90, PRIOR)[-30:])


def test_near_silence_is_not_raised_to_the_level_of_a_voice() -> None:
    hiss, voice = (normalised(framed(s), 100, PRIOR) for s in (noise(2.0, level=1e-6), babble(seconds=2.0)))
    assert hiss.max() < voice.max() - 1
    assert np.isfinite(normalised(framed(np.zeros(16_000)), 50, PRIOR)).all()
