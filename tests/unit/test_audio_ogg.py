"""OGG, page by page."""

import numpy as np
import pytest

from emotalk.audio import decode, open_audio
from emotalk.audio.containers.ogg import checksum_page
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
    return page[:22] + checksum_page(page).to_bytes(4, "little") + page[26:]


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


def open_ended(pages):
    """The same, with a last packet that says it goes on in a page that is not there."""
    *rest, last = pages
    segments = last[26]
    lacing = bytearray(last[27 : 27 + segments])
    body = last[27 + segments :] + bytes(255 - lacing[-1])
    lacing[-1] = 255
    return [*rest, signed(last[:27] + bytes(lacing) + body)]


def test_a_stream_that_goes_on_in_a_page_that_is_missing_is_refused(ogg):
    with pytest.raises(TruncatedAudio, match="last page is missing"):
        open_audio(b"".join(open_ended(pages_of(ogg)[:-1])))


def without_end(page):
    return signed(page[:5] + bytes([page[5] & ~4]) + page[6:])


def test_a_stream_whose_writer_never_said_that_it_ends_is_heard_whole(ogg):
    *pages, last = pages_of(ogg)
    assert np.array_equal(decode(b"".join([*pages, without_end(last)])), decode(ogg))


def test_an_end_that_stands_on_an_empty_page_of_its_own_is_an_end(ogg):
    *pages, last = pages_of(ogg)
    number = int.from_bytes(last[18:22], "little") + 1
    empty = signed(last[:5] + b"\4" + last[6:18] + number.to_bytes(4, "little") + bytes(4) + b"\0")
    assert np.array_equal(decode(b"".join([*pages, without_end(last), empty])), decode(ogg))


def test_bytes_after_the_end_are_not_sound(ogg):
    assert decode(ogg + b"TAG" + bytes(125)).size == decode(ogg).size


def test_chained_streams_are_refused_rather_than_read_in_part(ogg):
    with pytest.raises(UnsupportedAudio, match="more than one stream"):
        open_audio(ogg + ogg)


@pytest.mark.parametrize("codec", [b"\x80theora", b"\x7fFLAC\x01", b"CELT    "])
def test_codecs_that_nobody_can_read_are_refused_by_name(ogg, codec):
    first, *rest = pages_of(ogg)
    with pytest.raises(NotAudio, match="OGG"):
        open_audio(b"".join([signed(first[:28] + codec + first[28 + len(codec) :]), *rest]))
