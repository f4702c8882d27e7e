"""What is refused, with which error, and that it costs nothing to find out."""

import struct
import tracemalloc

import numpy as np
import pytest
import soundfile

from emotalk.audio import Limits, decode, open_audio
from emotalk.errors import (
    AudioTooLong,
    BadSamples,
    EmptyAudio,
    NotAudio,
    TruncatedAudio,
    UnsupportedAudio,
)
from tests.unit.audio_files import MP3, OPUS, VORBIS, flac_promising, ints16, speech, valid_files, wav, written


@pytest.fixture
def _no_decoding(monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("it was decoded before it was refused")

    monkeypatch.setattr(soundfile.SoundFile, "read", refuse)


header_only = pytest.mark.usefixtures("_no_decoding")


@header_only
@pytest.mark.parametrize(
    "data", [b"", wav(b""), written(speech(0), 16_000, "FLAC"), written(speech(0), 16_000, *VORBIS)]
)
def test_nothing_is_refused_as_empty(data):
    with pytest.raises(EmptyAudio) as refusal:
        open_audio(data)
    assert refusal.value.field == "audio_data"


def test_a_flac_of_unknown_length_without_sound_is_refused_as_empty():
    with pytest.raises(EmptyAudio):
        decode(written(speech(0), 16_000, "FLAC"))


def test_an_empty_file_at_a_path_is_refused_as_empty(tmp_path):
    (tmp_path / "empty.wav").touch()
    with pytest.raises(EmptyAudio):
        open_audio(tmp_path / "empty.wav")


@header_only
@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"Hello, this is no sound at all.", "text"),
        ("Grüße".encode(), "text"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "PNG"),
        (b"\0\0\0\x20ftypisom" + bytes(100), "MP4"),
        (b"\x1aE\xdf\xa3" + bytes(100), "WebM"),
        (b"RIFF\0\0\0\0AVI " + bytes(100), "AVI"),
        (b"FORM\0\0\0\0AIFF" + bytes(100), "AIFF"),
        (b"\xff\xf1\x50\x80" + bytes(100), "AAC"),
        (np.random.default_rng(5).bytes(4096), "nothing that is recognised"),
        (b"\xff\xfe" + np.random.default_rng(5).bytes(4096), "nothing that is recognised"),
    ],
)
def test_what_is_no_audio_is_named_and_the_way_to_convert_it_is_shown(data, name):
    with pytest.raises(NotAudio, match=f"{name}.*ffmpeg -i") as refusal:
        open_audio(data)
    assert refusal.value.field == "audio_data"


@header_only
def test_what_may_be_raw_samples_is_told_how_they_are_named():
    with pytest.raises(NotAudio, match="--raw pcm16le:16000, or audio_format"):
        open_audio(ints16(4_000).tobytes())


@header_only
@pytest.mark.parametrize("data", [b"RIFF\0\0\0\0WAVE" + b"data\0\0\0\0", b"\xff\xfb\x90\x00" + b"\x55" * 2000])
def test_an_audio_header_alone_makes_no_audio(data):
    with pytest.raises((NotAudio, TruncatedAudio)):
        open_audio(data)


@header_only
@pytest.mark.parametrize(
    ("rate", "channels"), [(7_999, 1), (192_001, 1), (0, 1), (2**32 - 1, 1), (16_000, 3), (16_000, 0)]
)
def test_rates_and_channels_outside_what_is_understood_are_refused(rate, channels):
    payload = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, channels, rate, 0, 2 * channels, 16)
    data = b"RIFF\0\0\0\0WAVE" + payload + b"data" + struct.pack("<I", 600) + bytes(600)
    with pytest.raises(UnsupportedAudio, match="ffmpeg"):
        open_audio(data)


@header_only
@pytest.mark.parametrize(("container", "subtype"), [("FLAC", "PCM_16"), VORBIS, OPUS])
def test_six_channels_are_refused_in_every_container(container, subtype):
    with pytest.raises(UnsupportedAudio, match="6 channels"):
        open_audio(written(np.zeros((4800, 6), np.float32), 48_000, container, subtype))


@pytest.mark.parametrize("rate", [8_000, 192_000])
def test_the_lowest_and_the_highest_rate_are_accepted(rate):
    assert decode(wav(ints16(rate // 10).tobytes(), rate=rate)).size == 1_600


@header_only
def test_an_encoding_that_is_not_read_is_refused():
    with pytest.raises(UnsupportedAudio, match="codec 0x0092"):
        open_audio(wav(bytes(600), tag=0x92))


@header_only
@pytest.mark.parametrize("missing", [46, 1_000, 1_999])
def test_a_wav_that_holds_less_than_it_promises_is_refused(missing):
    whole = wav(ints16(1_000).tobytes())
    with pytest.raises(TruncatedAudio, match="promises 1000 samples"):
        open_audio(whole[:-missing])


@header_only
@pytest.mark.parametrize("kind", [VORBIS, OPUS, MP3])
@pytest.mark.parametrize("kept", [0.3, 0.6, 0.999])
def test_a_cut_ogg_or_mp3_is_refused_before_it_is_decoded(kind, kept):
    whole = written(speech(2.0, 48_000), 48_000, *kind)
    with pytest.raises(TruncatedAudio):
        open_audio(whole[: int(len(whole) * kept)])


@pytest.mark.parametrize("kept", [0.3, 0.6, 0.999])
@pytest.mark.parametrize("total", [None, 0])
def test_a_cut_flac_is_refused_even_if_its_length_is_unknown(kept, total):
    whole = written(speech(2.0), 16_000, "FLAC")
    flac = whole if total is None else flac_promising(total, whole)
    with pytest.raises(TruncatedAudio):
        decode(flac[: int(len(flac) * kept)])


def test_a_flac_with_fewer_samples_than_it_promises_is_refused():
    with pytest.raises(TruncatedAudio, match=r"2\.00 s of the 3\.00 s"):
        decode(flac_promising(48_000, written(speech(2.0), 16_000, "FLAC")))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("bits", [32, 64])
@pytest.mark.parametrize("at", [0, 40_000])
def test_samples_that_are_no_numbers_are_refused_with_their_position(bad, bits, at):
    sound = np.zeros((48_000, 2), f"f{bits // 8}")
    sound[at, 1] = bad
    sound[at + 5, 0] = np.nan
    with pytest.raises(BadSamples, match=f"at {at / 16_000:.4f} s"):
        decode(wav(sound.tobytes(), channels=2, tag=3, bits=bits))


@header_only
@pytest.mark.parametrize("name", [name for name in valid_files() if "unknown" not in name])
def test_a_clip_beyond_the_limit_is_refused_from_its_header_with_the_flag_that_allows_it(name):
    with pytest.raises(AudioTooLong, match=r"0\.1 s.*--max-seconds"):
        open_audio(valid_files()[name], Limits(max_seconds=0.1))


@header_only
def test_the_refusal_of_a_long_clip_names_its_length_and_the_limit():
    with pytest.raises(AudioTooLong, match=r"lasts 2\.0 s, the limit is 1\.5 s"):
        open_audio(wav(ints16(32_000).tobytes()), Limits(max_seconds=1.5))


def test_a_clip_of_exactly_the_limit_is_accepted():
    assert decode(wav(ints16(16_000).tobytes()), Limits(max_seconds=1.0)).size == 16_000


@header_only
def test_a_header_that_promises_hours_is_refused_as_it_stands():
    ten_hours = 10 * 3600 * 16_000
    with pytest.raises(AudioTooLong, match="36000"):
        open_audio(flac_promising(ten_hours, written(speech(0.5), 16_000, "FLAC")))
    with pytest.raises(TruncatedAudio):
        open_audio(wav(ints16(100).tobytes(), data_size=2 * ten_hours))


@header_only
def test_more_bytes_than_a_message_may_hold_are_refused():
    with pytest.raises(AudioTooLong, match=r"MiB.*flac"):
        open_audio(wav(ints16(1_000).tobytes()), Limits(max_bytes=1_000))


def test_a_bomb_of_silence_stops_at_the_limit_with_little_memory():
    bomb = flac_promising(0, written(np.zeros(16_000 * 600, np.int16), 16_000, "FLAC"))
    assert len(bomb) < 100_000
    tracemalloc.start()
    with pytest.raises(AudioTooLong, match="longer than the limit of 20 s"):
        decode(bomb, Limits(max_seconds=20))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4_000_000


def test_a_limit_that_is_hit_on_the_way_stops_the_decoder_at_once(monkeypatch):
    reads = []
    read = soundfile.SoundFile.read
    monkeypatch.setattr(soundfile.SoundFile, "read", lambda *a, **k: reads.append(1) or read(*a, **k))
    with pytest.raises(AudioTooLong):
        decode(flac_promising(0, written(speech(60.0), 16_000, "FLAC")), Limits(max_seconds=4))
    assert len(reads) == 2
