"""OGG, page by page."""

import pytest

from emotalk.audio import decode, open_audio
from emotalk.audio.containers.ogg import page_checksum
from emotalk.errors import NotAudio, TruncatedAudio, UnsupportedAudio
from tests.unit.audio_files import OPUS, VORBIS, speech, written


def pages_of(data):
    pages, at = [], 0
    while at < len(data):
        segments = data[at + 26]
        size = 27 + segments + sum(data[at + 27 : at + 27 + segments])
        pages.append(data[at : at + size])
        at += size
    return pages


def signed(page):
    return page[:22] + page_checksum(page).to_bytes(4, "little") + page[26:]


@pytest.fixture(params=[VORBIS, OPUS], ids=["vorbis", "opus"])
def ogg(request):
    return written(speech(2.0, 48_000), 48_000, *request.param)


def test_the_checksum_is_the_one_that_libogg_writes(ogg):
    assert all(signed(page) == page for page in pages_of(ogg))


def test_a_lost_page_is_refused_though_decoders_would_skip_it(ogg):
    pages = pages_of(ogg)
    with pytest.raises(TruncatedAudio, match="page 2 is missing"):
        open_audio(b"".join(pages[:2] + pages[3:]))


def test_one_flipped_bit_is_refused_though_decoders_would_drop_the_page(ogg):
    damaged = bytearray(ogg)
    damaged[len(ogg) // 2] ^= 1
    with pytest.raises(TruncatedAudio, match="damaged"):
        open_audio(bytes(damaged))


def test_a_stream_without_its_last_page_is_refused(ogg):
    with pytest.raises(TruncatedAudio, match="last page is missing"):
        open_audio(b"".join(pages_of(ogg)[:-1]))


def test_bytes_after_the_end_are_not_sound(ogg):
    assert decode(ogg + b"TAG" + bytes(125)).size == decode(ogg).size


def test_chained_streams_are_refused_rather_than_read_in_part(ogg):
    with pytest.raises(UnsupportedAudio, match="more than one stream"):
        open_audio(ogg + ogg)


@pytest.mark.parametrize(
    ("codec", "error"), [(b"\x80theora", NotAudio), (b"\x7fFLAC\x01", UnsupportedAudio), (b"Speex  ", UnsupportedAudio)]
)
def test_other_codecs_are_refused_by_name(ogg, codec, error):
    first, *rest = pages_of(ogg)
    with pytest.raises(error, match="ffmpeg"):
        open_audio(b"".join([signed(first[:28] + codec + first[28 + len(codec) :]), *rest]))
