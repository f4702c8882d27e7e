"""Strangers' files: all that is there is heard, or the file is refused by name; never half in silence."""

import base64
import io
import struct

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emotalk.audio import Sent, decode, open_audio
from emotalk.audio.apart import Decoders
from emotalk.audio.containers.packets import measure_frame
from emotalk.audio.raw import parse_raw
from emotalk.errors import AudioError, InvalidRequest, NotAudio, TruncatedAudio, UnsupportedAudio
from emotalk.limits import Limits
from emotalk.timebase import resampled_length
from tests.unit.audio_files import MP3, VORBIS, flac_promising, speech, wav, written
from tests.unit.strangers import MEDIA, SECONDS, SOUND, floats_wav, ints, media, recorded, together, vbri, without_pad

LIMITS = Limits()
WAV = written(SOUND)
FLAC = written(SOUND, 16_000, "FLAC")
MP3S = written(speech(SECONDS, 44_100), 44_100, *MP3)


def likeness(sound: np.ndarray, ideal: np.ndarray = SOUND) -> float:
    """The best correlation at any shift of up to a tenth of a second: codecs begin early or late."""
    size = 1 << 17
    near = np.fft.irfft(np.fft.rfft(sound, size) * np.conj(np.fft.rfft(ideal, size)))
    best = np.concatenate([near[:1_700], near[-1_700:]]).max()
    return float(best / np.sqrt((sound**2).sum() * (ideal**2).sum()))


# Phones, browsers, studios.


@pytest.mark.parametrize("name", MEDIA)
def test_what_phones_and_browsers_record_is_heard_whole(name):
    container, codec, rate = MEDIA[name]
    sound = decode(media(container, codec, rate))
    assert likeness(sound) > 0.97
    assert abs(len(sound) / 16_000 - SECONDS) < 0.12


@pytest.mark.parametrize(("codec", "rate"), [("aac", 8_000), ("aac", 16_000), ("aac", 44_100), ("libopus", 48_000)])
def test_an_mp4_is_heard_without_what_fills_its_last_packet_up(codec, rate):
    assert abs(len(decode(media("mp4", codec, rate))) - len(SOUND)) <= 16


def test_a_film_has_its_sound_heard_and_a_silent_one_is_refused():
    assert likeness(decode(media("mp4", "aac", 44_100, film=True))) > 0.97
    with pytest.raises(NotAudio, match="no sound"):
        decode(media("mp4", "aac", 44_100, sound=SOUND[:0], film=True))


def test_a_stream_that_changes_its_rate_on_the_way_is_refused_and_its_beginning_heard_where_that_will_do():
    first, second = media("adts", "aac", 44_100), media("adts", "aac", 48_000)
    with pytest.raises(TruncatedAudio, match="changes from 44100 Hz with 1 channels to 48000 Hz"):
        decode(first + second)
    lenient = open_audio(first + second, sent=Sent(lenient=True))
    assert np.array_equal(lenient.whole(), decode(first))
    assert "48000 Hz" in lenient.missing


TS = recorded("MPEG transport stream (AAC)")


def test_a_stream_that_appears_on_the_way_takes_nothing_from_the_sound():
    picture = media("mpegts", "aac", 44_100, sound=SOUND[:0], film=True, mpegts_start_pid="300")
    assert len(decode(TS + picture + TS)) == len(decode(TS + TS)) > 1.9 * SECONDS * 16_000


def test_sound_that_appears_on_the_way_is_refused_and_the_first_is_heard_where_that_will_do():
    joined = TS + media("mpegts", "aac", 44_100, mpegts_start_pid="300")
    with pytest.raises(TruncatedAudio, match=r"another sound track midway \(PID 300\).*one by one"):
        decode(joined)
    lenient = open_audio(joined, sent=Sent(lenient=True))
    assert np.array_equal(lenient.whole(), decode(TS))
    assert "PID 300" in lenient.missing


def test_packets_that_a_transport_stream_lacks_are_missed():
    lost = 188 * (len(TS) // 376)
    with pytest.raises(TruncatedAudio, match=r"packets are missing after \d\.\d s"):
        decode(TS[:lost] + TS[lost + 9 * 188 :])


@pytest.mark.parametrize(("size", "before"), [(204, 0), (188, 100)])
def test_a_transport_stream_with_checks_or_that_begins_within_a_packet_is_heard(size, before):
    packets = [TS[at : at + 188] + bytes(size - 188) for at in range(0, len(TS), 188)]
    assert len(decode(b"".join(packets)[before:])) == len(decode(TS))


@pytest.mark.long
def test_a_hole_of_hours_between_two_packets_is_too_long_and_takes_no_memory(monkeypatch):
    monkeypatch.setattr("emotalk.audio.media.MediaFile._measure_gap", lambda *_: 10**12)
    with pytest.raises(AudioError, match="longer than the limit"):
        decode(recorded("M4A (AAC)"))


@pytest.mark.parametrize("name", ["M4A (AAC)", "WebM (Opus)", "Matroska (PCM)", "FLV (AAC)", "AVI (MP3)"])
@pytest.mark.parametrize("kept", [0.2, 0.5, 0.8])
def test_half_of_what_a_phone_recorded_is_refused_as_cut(name, kept):
    whole = recorded(name)
    with pytest.raises(AudioError, match="cut"):
        decode(whole[: int(kept * len(whole))])


def test_media_sits_behind_the_same_limits_as_all_sound():
    with pytest.raises(AudioError, match="--max-seconds"):
        decode(recorded("M4A (AAC)"), Limits(max_seconds=1.0))


def test_without_pyav_the_refusal_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "av", None)
    with pytest.raises(UnsupportedAudio, match=r"PyAV is not installed.*-m pip install"):
        open_audio(recorded("WebM (Opus)"))


@pytest.mark.parametrize("kind", ["AIFF", "AU", "CAF", "W64"])
@pytest.mark.parametrize(("rate", "channels"), [(8_000, 1), (16_000, 1), (44_100, 2), (48_000, 1)])
def test_what_studios_write_is_heard_exactly(kind, rate, channels):
    sound = speech(0.5, rate, channels)
    assert np.array_equal(decode(written(sound, rate, kind)), decode(written(sound, rate)))


def test_a_w64_whose_writer_did_not_know_its_size_is_heard_to_its_end():
    file = bytearray(written(SOUND, 16_000, "W64"))
    at = file.index(b"data\xf3\xac") + 16
    file[16:24] = struct.pack("<q", 2**63 - 1)
    file[at : at + 8] = struct.pack("<q", 2**63 - 1)
    assert np.array_equal(decode(bytes(file)), decode(WAV))


@pytest.mark.parametrize("kept", [0.4, 0.7, 0.95])
def test_a_browsers_recording_of_unknown_size_that_is_cut_within_a_block_is_refused(kept):
    out = io.BytesIO()
    sound = io.BytesIO(recorded("WebM (Opus)"))
    with av.open(sound) as whole, av.open(out, "w", format="webm", options={"live": "1"}) as live:
        stream = live.add_stream_from_template(whole.streams[0])
        for packet in (each for each in whole.demux() if each.dts is not None):
            packet.stream = stream
            live.mux(packet)
    file = out.getvalue()
    assert len(decode(file)) > 0.95 * SECONDS * 16_000
    with pytest.raises(TruncatedAudio, match="cut"):
        decode(file[: int(kept * len(file))])


@pytest.mark.parametrize("kind", ["AIFF", "AU", "CAF", "W64"])
@pytest.mark.parametrize("kept", [0.3, 0.9])
def test_half_of_what_studios_write_is_refused(kind, kept):
    whole = written(SOUND, 16_000, kind)
    with pytest.raises(TruncatedAudio):
        decode(whole[: int(kept * len(whole))])


def test_alac_in_a_caf_of_another_writer_is_heard_to_its_last_sample():
    assert len(decode(media("caf", "alac", 44_100))) == len(SOUND)


def test_flac_in_an_ogg_is_heard_exactly():
    assert np.array_equal(decode(together("ogg", FLAC)), decode(FLAC))


def test_of_several_sound_tracks_one_is_heard_and_the_others_are_named():
    film = open_audio(together("matroska", recorded("Matroska (AAC)"), recorded("Matroska (PCM)")))
    assert likeness(film.whole()) > 0.97
    assert film.missing == "it has 2 sound tracks, and only one is used"


WHOLE = ["M4A (AAC)", "3GP (AAC)", "FLV (AAC)", "WebM (Opus)", "Matroska (PCM)"]


@pytest.mark.parametrize("name", WHOLE)
def test_a_second_recording_behind_a_phones_is_refused_with_its_byte_or_heard(name):
    whole = recorded(name)
    with pytest.raises(UnsupportedAudio, match=f"another recording begins at byte {len(whole)},"):
        decode(whole + WAV)
    if whole[:4] == b"\x1aE\xdf\xa3":
        assert len(decode(whole * 2)) > 1.9 * SECONDS * 16_000
    else:
        with pytest.raises(UnsupportedAudio, match=f"another recording begins at byte {len(whole)},"):
            decode(whole * 2)


@pytest.mark.parametrize("second", [MP3S, media("adts", "aac", 44_100)])
def test_a_recording_without_a_name_of_its_own_behind_a_phones_is_refused_too(second):
    whole = recorded("M4A (AAC)")
    with pytest.raises(UnsupportedAudio, match=f"another recording begins at byte {len(whole)},"):
        decode(whole + second)


@pytest.mark.parametrize("name", ["M4A (AAC)", "Matroska (PCM)"])
def test_what_a_camera_leaves_behind_a_whole_file_does_no_harm(name):
    junk = np.random.default_rng(3).bytes(9_000)
    assert np.array_equal(decode(recorded(name) + junk), decode(recorded(name)))


@pytest.mark.parametrize("name", WHOLE)
@pytest.mark.parametrize("tail", [b"\n", bytes(3_000), b"TAG" + bytes(125)])
def test_a_line_end_zeros_or_a_tag_behind_a_phones_recording_do_no_harm(name, tail):
    assert np.array_equal(decode(recorded(name) + tail), decode(recorded(name)))


@pytest.mark.parametrize("kind", [("mp4", "aac", 44_100), ("matroska", "libopus", 48_000), ("flv", "aac", 44_100)])
def test_a_film_that_is_cut_is_refused_though_its_pictures_go_on_longer_than_its_sound(kind):
    film = media(*kind, film=kind[0] != "flv")
    with pytest.raises(TruncatedAudio, match=r"cut: at byte \d+ it promises \d+ bytes"):
        decode(film[:-700])


def test_a_film_in_packs_that_is_cut_within_its_pictures_is_refused():
    film = media("mpeg", "mp2", 48_000, film=True)
    assert likeness(decode(film)) > 0.97
    with pytest.raises(TruncatedAudio, match="cut"):
        decode(film[: len(film) // 2])


def test_a_file_in_pieces_that_is_damaged_is_refused_and_heard_around_the_damage_where_that_will_do():
    whole = recorded("FLV (AAC)")
    damaged = whole[: len(whole) // 2] + np.random.default_rng(7).bytes(2_000) + whole[len(whole) // 2 + 2_000 :]
    with pytest.raises(TruncatedAudio):
        decode(damaged)
    lenient = open_audio(damaged, sent=Sent(lenient=True))
    assert len(lenient.whole()) > 0.4 * SECONDS * 16_000
    assert lenient.missing


@pytest.mark.parametrize("name", ["AC-3", "E-AC-3", "MP2", "MPEG video (MP2)", "MPEG transport stream (AAC)", "VOC"])
def test_a_stream_that_ends_within_a_frame_is_refused_as_cut(name):
    whole = recorded(name)
    with pytest.raises(TruncatedAudio, match="cut"):
        decode(whole[: len(whole) // 2 + 77])
    assert open_audio(whole[: len(whole) // 2 + 77], sent=Sent(lenient=True)).missing


@pytest.mark.parametrize(
    ("codec", "rate"),
    [("mp2", 16_000), ("mp2", 24_000), ("mp2", 44_100), ("ac3", 32_000), ("ac3", 44_100), ("ac3", 48_000)],
)
def test_frames_without_a_container_are_as_long_as_they_say(codec, rate):
    with av.open(io.BytesIO(media(codec, codec, rate)), format="mp3" if codec == "mp2" else codec) as file:
        assert {measure_frame(bytes(packet)) - packet.size for packet in file.demux() if packet.size} == {0}


@pytest.mark.parametrize(
    "head", [b"\xef\xbb\xbf", b"\r\n\r\n", b"HTTP/1.1 200 OK\r\nA: b\r\n\r\n", b"ID3\3\0\0\0\0\0\4abcd"]
)
@pytest.mark.parametrize("file", [WAV, FLAC, written(SOUND, 16_000, "AIFF"), recorded("WebM (Opus)")])
def test_what_stands_before_a_file_by_mistake_does_no_harm(head, file):
    assert np.array_equal(decode(head + file), decode(file))


def test_a_camcorders_transport_stream_is_heard():
    packets = recorded("MPEG transport stream (AAC)")
    clocked = b"".join(bytes(4) + packets[at : at + 188] for at in range(0, len(packets), 188))
    assert np.array_equal(decode(clocked), decode(packets))


# More behind the end.


def test_a_second_chunk_of_samples_is_refused():
    data = ints().tobytes()
    with pytest.raises(UnsupportedAudio, match="after it"):
        decode(wav(data, after=b"data" + struct.pack("<I", len(data)) + data))


OGGS = (written(SOUND, 16_000, *VORBIS), written(SOUND, 48_000, "OGG", "OPUS"))
# A chained Ogg is one file, and refused as such: see test_audio_ogg.
BEHIND = [
    (first, second) for first in (WAV, FLAC, MP3S, written(SOUND, 16_000, "AIFF")) for second in (WAV, FLAC, OGGS[1])
]
BEHIND += [(OGGS[0], WAV), (OGGS[0], FLAC)]


@pytest.mark.parametrize(("first", "second"), BEHIND)
def test_a_second_recording_behind_the_first_is_refused_with_its_byte(first, second):
    with pytest.raises(AudioError, match=r"byte \d+|more than one") as refusal:
        decode(first + second)
    assert str(len(first)) in str(refusal.value) or "more than one" in str(refusal.value)


@pytest.mark.parametrize("first", [WAV, FLAC])
@pytest.mark.parametrize("tail", [b"x", b"\n", b"\r\n", bytes(5_000), b"TAG" + bytes(125), b"junk" * 20])
def test_a_byte_a_line_end_zeros_or_a_tag_behind_the_end_do_no_harm(first, tail):
    assert np.array_equal(decode(first + tail), decode(first))


def test_a_flac_of_unknown_length_with_a_tag_behind_it_is_heard():
    assert np.array_equal(decode(flac_promising(0, FLAC) + b"TAG" + bytes(125)), decode(FLAC))


def test_a_size_that_is_too_small_is_refused_with_what_lies_behind():
    data = ints().tobytes()
    with pytest.raises(UnsupportedAudio, match=r"1000 bytes of data.*after it"):
        decode(wav(data, data_size=1_000))


@pytest.mark.parametrize("more", [b"LIST" + struct.pack("<I", 4) + b"INFO", b"id3 " + struct.pack("<I", 3) + b"abc\0"])
def test_chunks_behind_the_samples_are_no_second_recording(more):
    assert np.array_equal(decode(wav(ints().tobytes(), after=more)), decode(wav(ints().tobytes())))


# Sizes that lie a little.


@pytest.mark.parametrize("more", [1, 2, 8, 36, 44])
def test_a_wav_that_promises_a_header_or_a_sample_too_much_is_heard(more):
    data = ints().tobytes()
    assert np.array_equal(decode(wav(data, data_size=len(data) + more)), decode(wav(data)))


def test_a_wav_that_lost_its_last_byte_is_heard_but_for_that_sample():
    data = ints().tobytes()
    assert np.array_equal(decode(wav(data, data_size=len(data))[:-1]), decode(wav(data))[:-1])


@pytest.mark.parametrize("size", [0x7FFF0000, 0x7FFFFFFF, 0xFFFF0000, 0xFFFFFFFF, 0])
@pytest.mark.parametrize("riff", [None, 0, 0xFFFFFFFF])
def test_a_wav_whose_writer_did_not_know_its_size_is_heard_to_its_end(size, riff):
    data = ints().tobytes()
    assert np.array_equal(decode(wav(data, data_size=size, riff_size=riff)), decode(wav(data)))


def test_a_chunk_of_odd_size_without_its_pad_byte_is_stepped_over():
    assert np.array_equal(decode(without_pad()), decode(wav(ints().tobytes())))


def test_bw64_is_rf64_by_another_name():
    rf64 = written(SOUND, 16_000, "RF64")
    assert rf64[:4] == b"RF64"
    assert np.array_equal(decode(b"BW64" + rf64[4:]), decode(rf64))


@pytest.mark.parametrize("head", [b"\0", b"x", bytes(100), bytes(3_000)])
def test_an_mp3_may_begin_late(head):
    assert np.array_equal(decode(head + MP3S), decode(MP3S))


def test_more_than_a_kilobyte_of_zeros_behind_a_tag_is_padding():
    tag = b"ID3\x04\0\0\0\0\x01\x05" + bytes(133)
    assert np.array_equal(decode(tag + bytes(3_000) + MP3S), decode(MP3S))


@pytest.mark.parametrize("missing", [1, 2, 4])
def test_an_mp3_whose_last_frame_lacks_a_byte_or_two_is_heard(missing):
    assert len(decode(MP3S[:-missing])) == len(decode(MP3S))


def test_a_vbri_header_is_not_played_and_half_such_a_file_is_refused():
    file = vbri(MP3S)
    assert likeness(decode(file)) > 0.98
    assert abs(len(decode(file)) - len(decode(MP3S))) < 2_000
    with pytest.raises(TruncatedAudio):
        decode(file[: len(file) // 2])


# What samples mean.


@pytest.mark.parametrize("scale", [2.0**15, 2.0**31, 2.0**-15])
@pytest.mark.parametrize("kind", ["<f4", "<f8"])
def test_floats_in_another_scale_are_heard_as_what_they_are(scale, kind):
    values = (ints() / 2**15 * scale).astype(kind)
    assert np.allclose(decode(floats_wav(values)), ints() / 2**15, atol=2**-15)


def test_16_bits_in_32_bit_pcm_are_heard():
    assert np.array_equal(decode(floats_wav(ints().astype("<i4"))), ints() / np.float32(2**15))


def test_24_bits_in_the_low_end_of_32_bit_pcm_are_heard():
    values = ints().astype("<i4") * 256 + 37
    assert np.array_equal(decode(floats_wav(values)), values / np.float32(2**23))


@given(level=st.floats(1e-4, 15.0))
def test_true_floats_keep_their_level(level):
    values = (level * SOUND[:4_000]).astype("<f4")
    assert np.array_equal(decode(floats_wav(values)), np.clip(values, -1, 1))


@given(level=st.integers(1, 128))
def test_faint_24_bit_sound_is_not_made_loud(level):
    values = (np.rint(level * np.sin(np.arange(4_000) / 9)) * 256).astype("<i4")
    assert np.abs(decode(floats_wav(values))).max() <= level / 2**23


@pytest.mark.parametrize("gain", [1.0, 0.9, 0.7])
@pytest.mark.parametrize("rate", [16_000, 44_100])
def test_a_channel_that_is_inverted_does_not_cancel_the_other(gain, rate):
    mono = speech(SECONDS, rate)
    sound = decode(written(np.stack([mono, -gain * mono], axis=1), rate, "WAV", "FLOAT"))
    assert likeness(sound, decode(written(mono, rate, "WAV", "FLOAT"))) > 0.999
    assert np.abs(sound).max() > 0.8 * np.abs(mono).max()


# What is no sound, in its own words; what has no header; what is damaged.


@pytest.mark.parametrize(
    ("page", "words"),
    [
        (b'{"error": "quota exceeded"}', "quota exceeded"),
        (b"<!DOCTYPE html>\n<title>404</title>", "<title>404"),
        ("<?xml?>".encode("utf-16"), "<[?]xml"),
        (base64.b64encode(WAV), "base64.*base64 -d"),
        (b"data:audio/wav;base64," + base64.b64encode(WAV), "base64.*base64 -d"),
        (WAV.decode("latin-1").encode(), "took the bytes for text"),
        (MP3S.decode("utf-8", "replace").encode(), "took the bytes for text"),
        (bytes(5_000), "nothing but zeros"),
        (b"\2#!SILK_V3" + bytes(range(90)), "SILK"),
        (b"\0\0\0\x18ftypheic" + bytes(300), "HEIC"),
        (b"\0\5\x16\7\0\2\0\0Mac OS X" + bytes(90), "Mac"),
        (b"Rar!\x1a\7\1\0" + bytes(90), "RAR archive"),
        (bytes(257) + b"ustar" + WAV, "tar archive"),
    ],
)
def test_an_error_page_is_quoted(page, words):
    with pytest.raises(NotAudio, match=words):
        decode(page)


@pytest.mark.parametrize("text", ["pcm16le:16000", "pcm16:16000:1", "PCM16LE:16000", "s16le:16000"])
def test_raw_samples_are_heard_as_they_are_named(text):
    sound = open_audio(ints().tobytes(), sent=Sent(text)).whole()
    assert np.array_equal(sound, ints() / np.float32(2**15))


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("pcm16be:16000", ints().astype(">i2").tobytes()),
        ("pcm32le:16000", (ints().astype("<i4") * 2**16).tobytes()),
        ("float32le:16000", (ints() / 2**15).astype("<f4").tobytes()),
        ("float64be:16000", (ints() / 2**15).astype(">f8").tobytes()),
        ("pcm16le:16000:2", np.repeat(ints(), 2).tobytes()),
    ],
)
def test_every_order_and_width_of_raw_samples_gives_the_same_sound(text, data):
    assert np.allclose(open_audio(data, sent=Sent(text)).whole(), ints() / 2**15, atol=1e-6)


def test_a_telephones_samples_are_heard():
    mulaw = written(speech(SECONDS, 8_000), 8_000, "AU", "ULAW")[24:]
    assert likeness(open_audio(mulaw, sent=Sent("mulaw:8000")).whole()) > 0.98


@pytest.mark.parametrize("text", ["pcm16le", "pcm17:16000", "pcm16le:", "pcm16le:16000:", ":16000", "a" * 10_000])
def test_a_format_that_is_none_is_refused_with_those_that_are(text):
    with pytest.raises(InvalidRequest, match="pcm16le:16000") as refusal:
        parse_raw(text)
    assert refusal.value.field == "audio_format"
    assert len(str(refusal.value)) < 500


def test_raw_bytes_that_are_not_whole_samples_are_refused():
    with pytest.raises(TruncatedAudio, match="3 bytes"):
        open_audio(b"\0\1\2", sent=Sent("pcm16le:16000"))


DAMAGED = {
    "a WAV that is cut": (WAV[: len(WAV) // 2], 0.5),
    "a FLAC that is cut": (FLAC[: len(FLAC) // 2], 0.4),
    "an MP3 that is cut": (MP3S[: len(MP3S) // 2], 0.5),
    "an OGG that is cut": ((ogg := written(speech(SECONDS, 48_000), 48_000, *VORBIS))[: len(ogg) // 2], 0.2),
    "an MP3 with a hole": (MP3S[: len(MP3S) // 3] + bytes(3_000) + MP3S[len(MP3S) // 2 :], 0.6),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_file_is_refused_unless_what_is_left_of_it_is_wanted(name):
    data, share = DAMAGED[name]
    with pytest.raises(TruncatedAudio) as strict:
        decode(data)
    reader = open_audio(data, sent=Sent(lenient=True))
    assert len(reader.whole()) > 0.8 * share * SECONDS * 16_000
    assert reader.missing == strict.value.problem


@pytest.mark.parametrize("data", [WAV, FLAC, MP3S])
def test_a_whole_file_is_heard_the_same_and_lacks_nothing_when_damage_would_be_put_up_with(data):
    reader = open_audio(data, sent=Sent(lenient=True))
    assert np.array_equal(reader.whole(), decode(data))
    assert reader.missing == ""


def test_what_has_no_sound_at_all_is_refused_however_lenient():
    with pytest.raises(AudioError):
        open_audio(b"RIFF\0\0\0\0WAVEfmt ", sent=Sent(lenient=True)).whole()


@pytest.mark.parametrize(
    ("text", "data", "words"),
    [
        ("pcm16le:16000", WAV, "bytes of a file"),
        ("mulaw:8000", MP3S, "bytes of a file"),
        ("pcm16le:16000:2", FLAC, "bytes of a file"),
        ("pcm16le:16000", ints().astype(">i2").tobytes(), "big-endian"),
        ("pcm16le:16000", SOUND.astype("<f4").tobytes(), "floats of 32 bits"),
        ("pcm16le:16000", np.repeat(ints(), 2).tobytes(), "two channels"),
        ("float32le:16000", ints().tobytes(), "not floats"),
        ("pcm16le:16000", b'{"error": "quota exceeded"}' * 20, "text"),
    ],
)
def test_raw_samples_that_are_named_wrongly_are_refused_by_what_they_are(text, data, words):
    with pytest.raises(NotAudio, match=words):
        open_audio(data, sent=Sent(text)).whole()


@pytest.mark.parametrize("silence", [b"\x55", b"\xd5"])
def test_the_silence_of_a_telephone_is_not_taken_for_text(silence):
    assert open_audio(silence * 8_000, sent=Sent("alaw:8000")).samples == 16_000


@given(rate=st.integers(8_000, 192_000))
def test_a_raw_clip_has_its_exact_length_at_any_rate(rate):
    assert open_audio(bytes(2_000), sent=Sent(f"pcm16le:{rate}")).samples == resampled_length(1_000, rate)


# What writers into pipes, other systems and other folders leave.


def test_floats_in_a_w64_are_floats_whatever_libsndfile_takes_them_for():
    floats = SOUND.astype("<f4").tobytes()
    extensible = struct.pack("<HHIIHHHHI", 0xFFFE, 1, 16_000, 64_000, 4, 32, 22, 32, 4)
    extensible += struct.pack("<H", 3) + bytes.fromhex("000000001000800000aa00389b71")
    file = written(SOUND, 16_000, "W64", "FLOAT")
    guid = file[file.index(b"fmt ") + 4 : file.index(b"fmt ") + 16]
    chunks = b"".join(
        name + guid + struct.pack("<q", 24 + len(body)) + body
        for name, body in ((b"fmt ", extensible), (b"data", floats))
    )
    assert np.array_equal(decode(file[:40] + chunks), SOUND)
    with pytest.raises(UnsupportedAudio, match="another recording begins"):
        decode(file[:40] + chunks + file)


@pytest.mark.parametrize(("form", "samples"), [(0, 0), (0x7F000050, 0x7F000008)])
@pytest.mark.parametrize("subtype", ["PCM_16", "FLOAT", "ULAW"])
def test_an_aiff_whose_writer_did_not_know_its_size_is_heard_to_its_end(form, samples, subtype):
    whole = written(SOUND, 16_000, "AIFF", subtype)
    at = whole.index(b"SSND") + 4
    piped = whole[:4] + struct.pack(">I", form) + whole[8:at] + struct.pack(">I", samples) + whole[at + 4 :]
    assert np.array_equal(decode(piped), decode(whole))


@pytest.mark.parametrize(
    ("tag", "bits", "align", "values"),
    [
        (1, 24, 4, np.rint(SOUND * (2**23 - 1)).astype("<i4") << 8),
        (7, 0, 1, np.full(16_000, 0x42, np.uint8)),
        (7, 16, 1, np.full(16_000, 0x42, np.uint8)),
    ],
)
def test_a_wav_whose_fields_say_the_width_each_in_its_own_way_is_heard(tag, bits, align, values):
    fmt = struct.pack("<4sIHHIIHH", b"fmt ", 16, tag, 1, 16_000, 16_000 * align, align, bits)
    data = struct.pack("<4sI", b"data", values.nbytes) + values.tobytes()
    sound = decode(b"RIFF" + struct.pack("<I", 4 + len(fmt + data)) + b"WAVE" + fmt + data)
    assert len(sound) == len(values)
    assert likeness(sound) > 0.99 or np.ptp(sound) == 0


@pytest.mark.parametrize("name", ["AVI (MP3)", "WMA"])
def test_a_second_film_behind_the_first_is_refused_and_a_cut_one_too(name):
    whole = recorded(name)
    with pytest.raises(UnsupportedAudio, match=f"another recording begins at byte {len(whole)},"):
        decode(whole * 2)
    with pytest.raises(TruncatedAudio, match=r"cut: at byte \d+ it promises \d+ bytes"):
        decode(whole[: len(whole) // 2])


class Pipe(io.BytesIO):
    """Where nobody can go back to write a size."""

    def seekable(self):
        return False


@pytest.mark.parametrize(
    ("container", "codec", "rate"),
    [("avi", "libmp3lame", 44_100), ("asf", "wmav2", 44_100), ("avi", "adpcm_ms", 44_100)],
)
def test_a_film_that_was_written_into_a_pipe_is_heard_whole(container, codec, rate):
    sound = decode(media(container, codec, rate, into=Pipe()))
    assert likeness(sound) > 0.97
    assert abs(len(sound) / 16_000 - SECONDS) < 0.15


def test_a_voc_that_counts_a_little_too_few_bytes_is_heard():
    whole = recorded("VOC")
    size = int.from_bytes(whole[27:30], "little")
    short = whole[:27] + (size - 8).to_bytes(3, "little") + whole[30:]
    assert len(decode(short)) >= len(decode(whole)) - 4


def test_sound_that_begins_late_in_a_matroska_is_whole():
    early = recorded("WebM (Opus)")
    late = together("matroska", early, late=1.5)
    assert len(decode(late)) == pytest.approx(len(decode(early)), abs=160)


def test_the_noise_that_a_telephone_sends_for_silence_is_heard():
    quiet = b"\x44" + bytes(5)  # a description of noise, AMR's frame type 8
    sound = decode(b"#!AMR\n" + (b"\x3c" + bytes(31)) * 20 + (quiet + b"\x7c" * 7) * 10)
    assert len(sound) == 100 * 320


@pytest.mark.parametrize("name", ["._", ".AppleDouble"])
def test_what_a_mac_leaves_in_the_working_folder_spoils_no_mp3(name, tmp_path, monkeypatch):
    (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path)
    assert likeness(decode(MP3S)) > 0.98
    with Decoders(LIMITS, children=1) as decoders:
        assert decoders.prepare(MP3S, LIMITS).samples == len(decode(MP3S))


AMR = b"#!AMR\n" + (b"\x3c" + bytes(31)) * 50
SPHERE = b"NIST_1A\n   1024\nchannel_count -i 1\nsample_count -i 32000\nsample_n_bytes -i 2\nsample_rate -i 16000\n"
SPHERE += b"sample_byte_format -s2 01\nsample_coding -s3 pcm\nend_head\n"
SPHERE = SPHERE.ljust(1_024) + ints().tobytes()
RARE = {
    "AMR": AMR,
    "SPHERE": SPHERE,
    "TTA": recorded("TTA"),
    "MXF": media("mxf", "pcm_s16le", 48_000, film="mpeg2video"),
    "AIFF": written(SOUND, 16_000, "AIFF"),
    "WebM": recorded("WebM (Opus)"),
    "AVI": recorded("AVI (MP3)"),
}


@pytest.mark.parametrize("second", ["WAV", "M4A (AAC)"])
@pytest.mark.parametrize("name", RARE)
def test_a_second_recording_behind_one_of_a_rarer_kind_is_refused(name, second):
    other = WAV if second == "WAV" else recorded(second)
    assert len(decode(RARE[name])) > 0.4 * SECONDS * 16_000
    with pytest.raises(AudioError, match=r"another recording|recognised"):
        decode(RARE[name] + other)


@pytest.mark.parametrize("name", RARE)
def test_half_a_recording_of_a_rarer_kind_is_refused(name):
    with pytest.raises(TruncatedAudio, match="cut"):
        decode(RARE[name][: len(RARE[name]) // 2 + 5])
