"""FLAC through the queue: what was heard is what is worked on."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from emotalk.audio import decode, decode_flac_blocks, encode_flac, open_audio
from emotalk.errors import EmptyAudio, TruncatedAudio, UnsupportedAudio
from tests.unit.audio_files import ints16, speech, wav, written

FULL_SCALE = st.floats(-1, 1, width=32)


def carried(pcm, size=16_000):
    return np.concatenate(list(decode_flac_blocks(encode_flac(pcm), size)))


def bits_per_sample(flac):
    return (int.from_bytes(flac[18:26], "big") >> 36 & 31) + 1


@given(ints=hnp.arrays(np.int16, st.integers(1, 400)), size=st.integers(1, 500))
def test_sound_of_16_bits_comes_back_bit_for_bit_in_any_blocks(ints, size):
    pcm = ints / np.float32(32768)
    assert bits_per_sample(encode_flac(pcm)) == 16
    assert np.array_equal(carried(pcm, size), pcm)


@given(pcm=hnp.arrays(np.float32, st.integers(1, 400), elements=FULL_SCALE))
def test_any_other_sound_comes_back_to_24_bits(pcm):
    whole = np.clip(np.rint(pcm.astype(np.float64) * 2**23), -(2**23), 2**23 - 1)
    assert np.array_equal(carried(pcm), (whole / 2**23).astype(np.float32))


@given(pcm=hnp.arrays(np.float32, st.integers(1, 400), elements=FULL_SCALE))
def test_carrying_twice_changes_nothing_more(pcm):
    once = carried(pcm)
    assert np.array_equal(carried(once), once)


def test_a_16_bit_wav_at_16_khz_is_the_same_before_and_after_the_queue():
    pcm = decode(wav(ints16(20_000).tobytes()))
    assert np.array_equal(decode(encode_flac(pcm)), pcm)


def test_full_scale_upwards_needs_24_bits():
    assert bits_per_sample(encode_flac(np.array([1.0], np.float32))) == 24


def test_resampled_sound_travels_with_24_bits():
    flac = encode_flac(decode(written(speech(0.5, 44_100), 44_100)))
    assert bits_per_sample(flac) == 24
    assert open_audio(flac).samples == 8_000


def test_a_long_clip_is_judged_as_a_whole_before_its_width_is_chosen():
    pcm = np.zeros(2**18 + 10, np.float32)
    pcm[-1] = 2**-20
    assert carried(pcm)[-1] == np.float32(2**-20)


def test_the_same_sound_gives_the_same_bytes():
    assert encode_flac(speech(1.0)) == encode_flac(speech(1.0))


def test_no_samples_are_not_sent():
    with pytest.raises(EmptyAudio):
        encode_flac(np.zeros(0, np.float32))


@pytest.mark.parametrize("data", [written(speech(0.1)), written(speech(0.1, 8_000), 8_000, "FLAC")])
def test_a_job_that_carries_anything_else_is_refused(data):
    with pytest.raises(UnsupportedAudio, match="jobs carry FLAC"):
        list(decode_flac_blocks(data))


def test_a_job_whose_sound_was_cut_is_refused():
    with pytest.raises(TruncatedAudio):
        list(decode_flac_blocks(encode_flac(speech(1.0))[:-100]))
