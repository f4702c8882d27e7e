"""From bytes to mono float32 at 16 kHz: what is read, and that it is the same sound."""

import contextlib
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emotalk.audio import Limits, decode, open_audio
from emotalk.audio.resample import cut_blocks, resample
from emotalk.audio.source import BLOCK
from emotalk.errors import AudioError, TruncatedAudio
from emotalk.timebase import resampled_length
from tests.unit.audio_files import MP3, OPUS, VORBIS, flac_promising, ints16, sine, speech, valid_files, wav, written

FILES = valid_files()


def correlation(heard, ideal):
    inner = slice(800, -800)  # the ends of a cut sine are not a sine
    return float(np.corrcoef(heard[inner], ideal[: heard.size][inner])[0, 1])


@given(n=st.integers(1, 5_000), rate=st.integers(8_000, 192_000), cut=st.integers(1, 700))
def test_a_clip_has_exactly_its_length_at_16_khz_whatever_its_rate(n, rate, cut):
    sound = np.full(n, 0.25, np.float32)
    blocks = list(resample((sound[at : at + cut] for at in range(0, n, cut)), rate))
    assert sum(block.size for block in blocks) == resampled_length(n, rate)


@given(
    seed=st.integers(0, 99),
    lengths=st.lists(st.integers(0, 50), max_size=20),
    size=st.integers(1, 120),
)
def test_cutting_blocks_anew_keeps_every_sample_and_fills_every_block_but_the_last(seed, lengths, size):
    sound = speech(0.1, seed=seed)[: sum(lengths)]
    blocks = np.split(sound, np.cumsum(lengths)[:-1]) if lengths else []
    out = list(cut_blocks(blocks, size))
    assert np.array_equal(np.concatenate([sound[:0], *out]), sound[: sum(b.size for b in blocks)])
    assert all(block.size == size for block in out[:-1])
    assert all(0 < block.size <= size for block in out[-1:])


def test_a_block_of_no_samples_is_refused():
    with pytest.raises(ValueError, match="size"):
        list(open_audio(FILES["wav"]).blocks(0))


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("size", [1_777, 10**9])
def test_any_blocking_gives_the_same_samples(name, size):
    reader = open_audio(FILES[name])
    whole = decode(FILES[name])
    assert np.array_equal(np.concatenate(list(reader.blocks(size))), whole)
    assert reader.samples in (None, whole.size)


@pytest.mark.parametrize("name", FILES)
def test_every_kind_of_file_becomes_finite_mono_float32_within_full_scale(name):
    pcm = decode(FILES[name])
    assert (pcm.dtype, pcm.ndim) == (np.float32, 1)
    assert 0.05 < np.abs(pcm).max() <= 1


def test_a_16_khz_mono_16_bit_wav_passes_through_bit_for_bit():
    ints = ints16(BLOCK + 7)
    pcm = decode(wav(ints.tobytes()))
    assert np.array_equal(pcm, ints / np.float32(32768))


@pytest.mark.parametrize(
    ("subtype", "step"),
    [("PCM_U8", 2**-7), ("PCM_16", 2**-15), ("PCM_24", 2**-23), ("PCM_32", 2**-24), ("FLOAT", 0), ("DOUBLE", 0)],
)
@pytest.mark.parametrize("container", ["WAV", "WAVEX", "RF64"])
def test_every_width_of_wav_is_read_to_its_last_bit(container, subtype, step):
    sound = speech(0.2)
    assert np.abs(decode(written(sound, 16_000, container, subtype)) - sound).max() <= step


@pytest.mark.parametrize("subtype", ["ULAW", "ALAW"])
def test_telephone_wavs_are_read(subtype):
    sound = speech(0.2)
    assert np.abs(decode(written(sound, 16_000, "WAV", subtype)) - sound).max() < 0.02


def test_a_big_endian_wav_is_read():
    sound = speech(0.2)
    big = written(sound, 16_000, "WAV", "PCM_16", endian="BIG")
    assert big[:4] == b"RIFX"
    assert np.array_equal(decode(big), decode(written(sound)))


@pytest.mark.parametrize("kind", [("FLAC", "PCM_16"), ("FLAC", "PCM_24"), VORBIS, OPUS, MP3])
@pytest.mark.parametrize("rate", [8_000, 16_000, 48_000])
def test_a_sine_survives_every_codec_in_phase_and_length(kind, rate):
    pcm = decode(written(sine(rate), rate, *kind))
    assert pcm.size == 16_000
    coarse = kind == OPUS and rate == 8_000  # Opus codes a narrow band by ear, not by wave
    assert correlation(pcm, sine(16_000)) > (0.995 if coarse else 0.999)


@pytest.mark.parametrize("rate", [8_000, 11_025, 22_050, 44_100, 48_000, 96_000, 192_000])
def test_resampling_neither_delays_nor_bends_a_sine(rate):
    pcm = decode(written(sine(rate, 0.5), rate, "WAV", "FLOAT"))
    ideal = sine(16_000, 0.5)
    assert pcm.size == resampled_length(round(rate * 0.5), rate)
    assert correlation(pcm, ideal) > 0.99999
    assert np.abs(pcm[800:-800] - ideal[: pcm.size][800:-800]).max() < 1e-3


def test_what_16_khz_cannot_hold_is_filtered_out_not_folded_back():
    pcm = decode(written(sine(48_000, 0.5, 11_000), 48_000, "WAV", "FLOAT"))
    assert np.abs(pcm[800:-800]).max() < 1e-4


@pytest.mark.parametrize("rate", [16_000, 44_100])
def test_stereo_becomes_the_mean_of_left_and_right(rate):
    stereo = speech(0.2, rate, 2)
    mean = (stereo[:, 0] + stereo[:, 1]) / 2
    heard = decode(written(stereo, rate, "WAV", "FLOAT"))
    assert np.allclose(heard, decode(written(mean, rate, "WAV", "FLOAT")), atol=1e-6)


@pytest.mark.parametrize(("tag", "bits", "kind"), [(3, 32, np.float32), (3, 64, np.float64)])
def test_floats_beyond_full_scale_are_clipped(tag, bits, kind):
    loud = np.array([0.5, 1.5, -3.0, np.finfo(kind).max, np.finfo(kind).min], kind)
    assert decode(wav(loud.tobytes(), tag=tag, bits=bits)).tolist() == [0.5, 1, -1, 1, -1]


def test_the_resampler_may_not_overshoot_full_scale():
    square = np.sign(sine(48_000, 0.2, 300)).astype(np.float32)
    pcm = decode(written(square, 48_000, "WAV", "FLOAT"))
    assert np.abs(pcm).max() == 1


@pytest.mark.parametrize("unknown", [0, 0xFFFFFFFF, 0x7FFFFFFF, 0x80000000, 0x7FFFF000, 0xFFFFFFFF - 36])
@pytest.mark.parametrize("riff_size", [0, 36, 0xFFFFFFFF])
@pytest.mark.parametrize("tail", [b"", b"\x01"])
def test_a_wav_that_was_written_into_a_pipe_is_read_to_its_end(unknown, riff_size, tail):
    ints = ints16(1_000)
    listed = b"LIST" + (4).to_bytes(4, "little") + b"INFO"
    streamed = wav(ints.tobytes() + tail, data_size=unknown, riff_size=riff_size, before=listed)
    assert np.array_equal(decode(streamed), ints / np.float32(32768))


@pytest.mark.parametrize("off", [-1, 1])
def test_a_riff_size_that_is_wrong_by_a_pad_byte_is_fine(off):
    ints = ints16(100)
    honest = wav(ints.tobytes())
    assert decode(wav(ints.tobytes(), riff_size=len(honest) - 8 + off)).size == 100


def test_chunks_around_the_samples_are_not_sound():
    ints = ints16(100)
    odd = b"note" + (3).to_bytes(4, "little") + b"abc\0"
    assert np.array_equal(decode(wav(ints.tobytes(), before=odd, after=odd)), ints / np.float32(32768))


def test_a_flac_of_unknown_length_is_read_to_its_end():
    known = written(speech(3.3), 16_000, "FLAC")
    unknown = flac_promising(0, known)
    assert open_audio(unknown).samples is None
    assert np.array_equal(decode(unknown), decode(known))


def test_a_file_at_a_path_reads_like_its_bytes_and_may_be_larger_than_a_message(tmp_path):
    path = tmp_path / "clip.wav"
    path.write_bytes(FILES["wavex"])
    reader = open_audio(path, Limits(max_bytes=100))
    assert (reader.format, reader.rate, reader.channels) == ("WAV", 44_100, 2)
    assert np.array_equal(np.concatenate(list(reader.blocks())), decode(FILES["wavex"]))


def test_a_file_that_is_written_anew_while_it_is_read_is_heard_as_it_was(tmp_path):
    (tmp_path / "clip.wav").write_bytes(written(speech(1.0)))
    reader = open_audio(tmp_path / "clip.wav")
    (tmp_path / "clip.wav").write_bytes(b"")
    assert len(reader.whole()) == 16_000


def test_a_reader_can_be_read_twice():
    reader = open_audio(FILES["vorbis"])
    first, second = (np.concatenate(list(reader.blocks(size))) for size in (500, 900))
    assert np.array_equal(first, second)


def test_decoding_holds_little_more_than_its_result():
    data = written(np.tile(sine(48_000), 40), 48_000, "FLAC")
    decode(FILES["flac"])
    tracemalloc.start()
    pcm = decode(data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < pcm.nbytes + 16 * 4 * BLOCK


@given(name=st.sampled_from(sorted(FILES)), data=st.data())
def test_a_damaged_file_is_refused_or_still_decodes_to_sound(name, data):
    file = bytearray(FILES[name])
    early = st.integers(0, min(len(file), 120) - 1)
    anywhere = st.integers(0, len(file) - 1)
    for _ in range(data.draw(st.integers(1, 6))):
        file[data.draw(early | anywhere)] = data.draw(st.integers(0, 255))
    kept = data.draw(st.integers(0, len(file)) | st.just(len(file)))
    with contextlib.suppress(AudioError):
        pcm = decode(bytes(file[:kept]), Limits(max_seconds=60))
        assert 1 <= pcm.size <= 60 * 16_000
        assert np.isfinite(pcm).all()
        assert np.abs(pcm).max() <= 1


@pytest.mark.parametrize("name", [name for name in FILES if name != "flac of unknown length"])
@given(data=st.data())
def test_a_file_that_is_cut_anywhere_is_refused(name, data):
    file = FILES[name]
    cut = data.draw(st.integers(60, len(file) - 6 * 8))
    with pytest.raises(TruncatedAudio):
        decode(file[:cut])
