"""A call of Audio2Face-3D, line by line of its published facts, by a client that knows nothing else."""

from collections.abc import Iterator
from itertools import pairwise
from threading import Event
from typing import Any

import grpc
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.a2f.caller import FPS, Heard, clip, hear, open_call, pcm, pieces, refused
from tests.a2f.page import BLEND_SHAPES, END, AudioStream, header, piece
from tests.integration.served import PATIENCE, Inside

SUCCESS, INFO, WARNING, ERROR = range(4)
RATES = (16_000, 22_050, 44_100, 48_000, 144_000)
ODD_RATES = (16_001, 44_111, 143_999)


def check_whole(heard: Heard, sound: bytes, rate: int) -> None:
    """A header, every frame once with its sound, an event, SUCCESS."""
    samples, count = len(sound) // 2, len(heard.frames)
    assert count == -(-samples * FPS // rate)
    assert heard.kinds[0] == "animation_data_stream_header"
    assert heard.kinds[-2:] == ["event", "status"]
    assert heard.statuses[-1][0] == SUCCESS
    assert heard.times == [number / FPS for number in range(count)]
    assert [each.audio.time_code for each in heard.frames] == heard.times
    assert heard.echo[: len(sound)] == sound
    assert not any(heard.echo[len(sound) :])
    assert len(heard.echo) == 2 * (count * rate // FPS)


@pytest.mark.parametrize("rate", RATES)
def test_every_frame_comes_once_and_the_sound_comes_back_bit_for_bit(served: Inside, rate: int) -> None:
    sound = pcm(2.345, rate)
    heard = hear(served.channel, clip(sound, rate))
    check_whole(heard, sound, rate)
    told = heard.header.audio_header
    assert (told.audio_format, told.channel_count, told.samples_per_second, told.bits_per_sample) == (0, 1, rate, 16)
    assert list(heard.header.skel_animation_header.blend_shapes) == BLEND_SHAPES
    assert heard.header.start_time_code_since_epoch > 1.7e9
    assert heard.rows.shape[1] == 52
    assert heard.rows.any()


def test_a_part_of_a_frame_at_the_end_is_a_frame_and_its_sound_is_padded(served: Inside) -> None:
    sound = pcm(60_371 / 16_000)
    heard = hear(served.channel, clip(sound))
    assert len(heard.frames) == 114
    assert len(heard.echo) == 2 * 60_800
    assert not any(heard.echo[len(sound) :])


@settings(max_examples=8, deadline=None)
@given(st.integers(1, 30_000), st.sampled_from(RATES + ODD_RATES))
def test_any_length_at_any_rate_has_all_its_frames(served: Inside, samples: int, rate: int) -> None:
    sound = pcm(samples / rate, rate)
    check_whole(hear(served.channel, clip(sound, rate)), sound, rate)


@pytest.mark.parametrize("samples", [1, 7, 160, 16_000, 160_000])
def test_the_pieces_may_have_any_size(served: Inside, samples: int) -> None:
    sound = pcm(0.1 if samples < 10 else 12.0)
    check_whole(hear(served.channel, clip(sound, samples=samples)), sound, 16_000)


def test_the_cut_of_a_clip_changes_no_frame(served: Inside) -> None:
    sound = pcm(3.0, 44_100)
    one, other = (hear(served.channel, clip(sound, 44_100, samples)) for samples in (44_100, 200_000))
    assert np.array_equal(one.rows, other.rows)


def test_the_last_piece_may_be_empty(served: Inside) -> None:
    sound = pcm(1.0)
    check_whole(hear(served.channel, [header(), piece(sound), piece(), END]), sound, 16_000)


def test_pieces_may_be_empty_and_be_cut_within_a_sample(served: Inside) -> None:
    sound = pcm(1.0)
    cut = [b"", sound[:3], b"", sound[3:10_001], sound[10_001:], b""]
    check_whole(hear(served.channel, [header(), *map(piece, cut), END]), sound, 16_000)


def test_what_comes_after_the_end_of_audio_is_not_read(served: Inside) -> None:
    sound = pcm(1.0)
    for more in ([END], [piece(sound), END], [header(8_000)], [AudioStream()]):
        check_whole(hear(served.channel, [*clip(sound), *more]), sound, 16_000)


def test_a_client_that_half_closes_without_the_end_gets_its_frames_and_hears_of_it(served: Inside) -> None:
    sound = pcm(1.0)
    heard = Heard(list(open_call(served.channel, [header(), *pieces(sound, 16_000)])))
    check_whole(heard, sound, 16_000)
    [warning] = heard.said(WARNING)
    assert "end_of_audio" in warning


def test_metadata_of_hosted_services_is_taken(served: Inside) -> None:
    brought = (("function-id", "0000"), ("authorization", "Bearer nobody"), ("x-anything-bin", b"\x00"))
    sound = pcm(0.5)
    check_whole(hear(served.channel, clip(sound), metadata=brought), sound, 16_000)


def test_a_client_may_write_300_seconds_before_it_reads_anything(served: Inside) -> None:
    sound, written, done = pcm(300.0), Event(), Event()

    def all_first() -> Iterator[Any]:
        yield from clip(sound)
        written.set()
        done.wait(4 * PATIENCE)

    call = open_call(served.channel, all_first(), timeout=4 * PATIENCE)
    assert written.wait(PATIENCE)
    heard = Heard(list(call))
    done.set()
    check_whole(heard, sound, 16_000)


def test_time_codes_rise_strictly(served: Inside) -> None:
    heard = hear(served.channel, clip(pcm(3.3)))
    assert all(one < other for one, other in pairwise(heard.times))


@pytest.mark.parametrize(
    ("messages", "field"),
    [
        ([header(channels=2)], "channel_count"),
        ([header(channels=0)], "channel_count"),
        ([header(bits=8)], "bits_per_sample"),
        ([header(bits=24)], "bits_per_sample"),
        ([header(bits=32)], "bits_per_sample"),
        ([header(kind=1)], "audio_format"),
        ([header(15_999)], "samples_per_second"),
        ([header(144_001)], "samples_per_second"),
        ([AudioStream(audio_stream_header={})], "audio_header"),
        ([AudioStream()], "audio_stream_header"),
        ([header(), AudioStream(), END], "stream_part"),
        ([header(), piece(), piece(), END], "audio"),
        ([piece(pcm(1.0))], "audio_stream_header"),
        ([END], "audio_stream_header"),
        ([header(), piece(pcm(1.0)), header()], "audio_stream_header"),
        ([header(), END], "audio"),
        ([header(), piece(b"\0\0\0"), END], "audio_buffer"),
        ([header(), *pieces(pcm(401.0), 160_000), END], "audio"),
    ],
    ids=[
        "stereo", "no channels", "8 bit", "24 bit", "32 bit", "not PCM", "too slow", "too fast", "no kind of sound",
        "nothing in the first", "nothing in a later", "empty pieces", "sound before the header", "no header",
        "a second header", "no sound", "half a sample", "too long",
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_an_error_with_its_field_and_never_a_success(
    served: Inside, messages: list[Any], field: str
) -> None:
    heard, error = refused(served.channel, messages)
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert heard.kinds[-1] == "status"
    assert [code for code, _ in heard.statuses] == [ERROR]
    [sentence] = heard.said(ERROR)
    assert sentence.startswith(field)
    assert sentence == error.details()
