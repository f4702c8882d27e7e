"""MP3, frame by frame: whatever the tags and the silent first frame say, no sound is lost and no cut goes unseen."""

import struct

import numpy as np
import pytest

from emotalk.audio import Limits, decode, open_audio
from emotalk.audio.containers.mp3 import read_header
from emotalk.errors import AudioTooLong, NotAudio, TruncatedAudio
from tests.unit.audio_files import MP3, speech, written

ID3V1 = b"TAG" + b"x" * 125
ID3V2 = b"ID3\x04\0\0\0\0\x01\x05" + bytes(133)
APE_END = b"APETAGEX" + struct.pack("<IIII", 2000, 60, 1, 1 << 31) + bytes(8)
APE = b"APETAGEX" + struct.pack("<IIII", 2000, 60, 1, 5 << 29) + bytes(8) + b"\xff\xfb" * 14 + APE_END


def frames_of(mp3):
    frames, at = [], 0
    while at < len(mp3):
        length = read_header(mp3[at : at + 4]).length
        frames.append(mp3[at : at + length])
        at += length
    return frames


@pytest.fixture(scope="module", params=["CONSTANT", "VARIABLE"])
def mp3(request):
    return written(speech(2.0, 44_100), 44_100, *MP3, bitrate_mode=request.param)


def promising(frames, mp3):
    at = max(mp3.find(b"Info"), mp3.find(b"Xing"))
    return mp3[: at + 8] + struct.pack(">I", frames) + mp3[at + 12 :]


def test_the_delay_of_the_encoder_is_taken_off_where_it_is_written_down(mp3):
    assert open_audio(mp3).samples == 32_000


@pytest.mark.parametrize(
    "tail",
    [
        ID3V1,
        APE,
        APE + ID3V1,
        b"LYRICSBEGIN" + b"\xff\xfb" * 40 + b"000080LYRICS200" + ID3V1,
        bytes(5_000),
        b"junk" * 40,
    ],
)
@pytest.mark.parametrize("head", [b"", ID3V2, ID3V2 + ID3V2])
def test_tags_and_padding_are_not_sound(mp3, head, tail):
    assert np.array_equal(decode(head + mp3 + tail), decode(mp3))


def test_a_clip_without_a_count_of_its_frames_is_counted_not_guessed(mp3):
    _, *frames = frames_of(mp3)
    assert decode(b"".join(frames)).size == -(-(len(frames) * 1152 - 529) * 16_000 // 44_100)


def test_a_count_that_is_too_small_is_counted_again(mp3):
    _, *frames = frames_of(mp3)
    assert decode(promising(3, mp3)).size == decode(b"".join(frames)).size


def test_a_count_that_includes_the_silent_frame_is_no_cut(mp3):
    assert decode(promising(len(frames_of(mp3)), mp3)).size >= 32_000


def test_a_single_missing_frame_at_the_end_is_refused(mp3):
    with pytest.raises(TruncatedAudio, match="promises"):
        open_audio(b"".join(frames_of(mp3)[:-1]))


@pytest.mark.parametrize("between", [b"", ID3V1, ID3V2, ID3V1 + ID3V2, APE + ID3V1])
def test_two_files_in_one_are_both_heard_whatever_tags_stand_between_them(mp3, between):
    assert decode(mp3 + between + mp3).size > 64_000


def test_a_hole_of_zeros_is_no_padding(mp3):
    frames = frames_of(mp3)[1:]
    with pytest.raises(TruncatedAudio, match="damaged"):
        open_audio(b"".join(frames[:20]) + bytes(3_000) + b"".join(frames[20:]))


def test_a_recording_that_was_joined_in_the_middle_is_read(mp3):
    assert decode(b"".join(frames_of(mp3)[20:])).size > 16_000


def test_a_few_stray_bytes_between_frames_are_stepped_over(mp3):
    frames = frames_of(mp3)
    assert decode(b"".join(frames[:30]) + b"stray" * 20 + b"".join(frames[30:])).size == 32_000


@pytest.mark.parametrize("tail", [b"", ID3V1, APE, APE + ID3V1])
@pytest.mark.parametrize("missing", [5, 60])
def test_a_last_frame_that_is_cut_is_refused(mp3, missing, tail):
    with pytest.raises(TruncatedAudio):
        open_audio(mp3[:-missing] + tail)


def test_fewer_frames_than_promised_are_refused(mp3):
    with pytest.raises(TruncatedAudio, match="promises"):
        open_audio(b"".join(frames_of(mp3)[:40]))


def test_frames_that_give_way_to_something_else_are_refused(mp3):
    with pytest.raises(TruncatedAudio, match="damaged"):
        open_audio(b"".join(frames_of(mp3)[1:40]) + b"\x55" * 20_000)


def test_a_tag_without_sound_is_no_audio():
    with pytest.raises(NotAudio):
        open_audio(ID3V2 + b"nothing")


def test_a_tag_that_is_cut_is_refused():
    with pytest.raises(TruncatedAudio, match="ID3"):
        open_audio(ID3V2[:100])


def test_counting_stops_at_the_limit(mp3):
    with pytest.raises(AudioTooLong, match="longer than the limit of 1 s"):
        open_audio(b"".join(frames_of(mp3)[1:]), Limits(max_seconds=1))


def test_a_silent_first_frame_that_promises_too_much_is_believed(mp3):
    with pytest.raises(AudioTooLong, match=r"the clip lasts 26122\.4 s"):
        open_audio(promising(1_000_003, mp3))
