"""What happens to files on their way: text modes, base64, chunks, playlists. Each is told by what it is."""

import base64
import gzip
import json
import struct

import numpy as np
import pytest

from emotalk.audio import decode
from emotalk.errors import NotAudio
from tests.unit.audio_files import MP3, VORBIS, speech, written
from tests.unit.strangers import SECONDS, SOUND, recorded

WAV = written(SOUND)
FILES = {
    "wav": WAV,
    "flac": written(SOUND, 16_000, "FLAC"),
    "vorbis": written(SOUND, 16_000, *VORBIS),
    "mp3": written(speech(SECONDS, 44_100), 44_100, *MP3),
    "m4a": recorded("M4A (AAC)"),
    "aac": recorded("AAC stream"),
}
AS_TEXT = {
    "line ends of two bytes": lambda file: file.replace(b"\n", b"\r\n"),
    "Latin 1 written as UTF-8": lambda file: file.decode("latin1").encode(),
    "bytes that were no UTF-8 replaced": lambda file: file.decode("utf-8", "replace").encode(),
}


def test_a_recorders_notes_before_silence_are_no_sign_of_a_file_handled_as_text():
    notes = b"".join(b"<TRACK>%d</TRACK>\r\n" % number for number in range(40)).ljust(1_000, b"\0")
    chunk = b"iXML" + struct.pack("<I", len(notes)) + notes
    head = b"fmt " + struct.pack("<IHHIIHH", 16, 1, 1, 16_000, 32_000, 2, 16)
    body = chunk + head + b"data" + struct.pack("<I", 600_000) + bytes(600_000)
    assert len(decode(b"RIFF" + struct.pack("<I", len(body) + 4) + b"WAVE" + body)) == 300_000


@pytest.mark.parametrize("how", AS_TEXT)
@pytest.mark.parametrize("name", FILES)
def test_bytes_that_were_handled_as_text_are_refused_and_never_heard(name, how):
    with pytest.raises(NotAudio, match="took the bytes for text"):
        decode(AS_TEXT[how](FILES[name]))


def test_a_quiet_file_with_tags_in_every_script_was_not_handled_as_text():
    words = "Tiếng Việt, 日本語, français\n".encode() * 50
    tags = b"LIST" + (len(words) + len(words) % 2).to_bytes(4, "little") + words + bytes(len(words) % 2)
    silent = written(np.zeros(16_000, np.float32))
    at = silent.index(b"data")
    assert len(decode(silent[:at] + tags + silent[at:])) == 16_000


ENCODED = base64.b64encode(WAV)
TOLD = {
    "base64": (ENCODED, "in base64.*base64 -d"),
    "base64 in lines": (base64.encodebytes(FILES["m4a"]), "in base64.*base64 -d"),
    "base64 of an MP3 without a tag": (base64.b64encode(FILES["mp3"]), "in base64.*base64 -d"),
    "an address of data": (b"data:application/octet-stream;base64," + ENCODED, "in base64.*base64 -d"),
    "a service's JSON": (json.dumps({"audioContent": ENCODED.decode()}).encode(), "text with base64.*audioContent"),
    "a form's field": (b"audio=" + ENCODED, "text with base64"),
    "digits": (WAV.hex().encode(), "hexadecimal.*xxd -r -p"),
    "an archive": (gzip.compress(WAV), "gzip archive.*Unpack it"),
    "an array": (b"\x93NUMPY\1\0" + bytes(200), "NumPy array.*soundfile.write"),
    "a playlist": (b"#EXTM3U\nsong.mp3\n", "playlist, which only names other files"),
    "a long address": (
        b"https://example.com/" + b"a/very/long/path/" * 8 + b"x.mp3\n",
        "text, which begins with 'https",
    ),
    "a film of a camcorder": (b"\x1f\x07\0\x3f" + bytes(900), "DV film.*ffmpeg"),
    "an answer in chunks": (b"8000\r\n" + WAV[:0x8000] + b"\r\n4000\r\n" + WAV[0x8000:], "in chunks, with their sizes"),
}


@pytest.mark.parametrize("what", TOLD)
def test_what_a_file_became_on_its_way_is_told_with_the_way_back(what):
    data, sentence = TOLD[what]
    with pytest.raises(NotAudio, match=sentence):
        decode(data)


def test_an_answer_of_one_chunk_is_whole():
    assert np.array_equal(decode(b"%x\r\n" % len(WAV) + WAV + b"\r\n0\r\n\r\n"), decode(WAV))


@pytest.mark.parametrize(
    "before", [b"\x12" * 50, b"ID3\4\0\0\0\0\0\x0a" + bytes(10), b"ID3\4\0\0\0\0\0\x0a" + bytes(17)]
)
def test_an_aac_stream_may_begin_late_or_behind_a_tag_of_the_wrong_size(before):
    assert np.array_equal(decode(before + FILES["aac"]), decode(FILES["aac"]))


@pytest.mark.parametrize("silent", [0, 1])
@pytest.mark.parametrize("noise", [0.0, 1e-3])
def test_a_voice_in_one_channel_alone_is_as_loud_as_in_both(silent, noise):
    channels = np.stack([SOUND, SOUND], axis=1)
    channels[:, silent] = noise * np.random.default_rng(1).standard_normal(len(SOUND))
    assert np.array_equal(decode(written(channels)), decode(WAV))
