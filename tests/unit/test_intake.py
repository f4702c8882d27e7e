"""The one way in: what is refused, by which field, and what makes two requests the same."""

import math
import re
from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emotalk.audio import Limits, decode_flac_blocks, encode_flac
from emotalk.errors import LONGEST_SENTENCE, AudioError, AudioTooLong, InvalidRequest
from emotalk.feelings import FEELINGS, MOST_KEYS, EmotionKey
from emotalk.jobs import DeadLetter, Failure
from emotalk.jobs.codec import decode_job, encode_letter
from emotalk.jobs.intake import Intake, Order, as_request
from emotalk.limits import job_bytes
from emotalk.performance import Performance
from emotalk.queues.strangers import LONGEST_ID
from emotalk.shaping import Gains
from tests.unit.stage import CHANGED, NOW, tones

SOUND = encode_flac(tones(24_001))


def asked(name: str, value: object) -> Order:
    """An order in which one thing is asked: of the order itself, or of its performance."""
    if name in {each.name for each in fields(Order)}:
        return replace(Order(SOUND), **{name: value})  # type: ignore[arg-type]
    return Order(SOUND, performance=Performance(**{name: value}))  # type: ignore[arg-type]


HOUSE = Intake(gains=Gains({"jawOpen": 1.5}))
TEXT = st.text(st.characters(exclude_categories=["C", "Z"]), max_size=30)


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("emotion_level", [-1, 2, 2**31 - 1]),
        ("person_id", [-1, 24, -(2**31)]),
        ("chunk_duration", [0.0, -1.0, 0.99, 120.01, math.nan, math.inf]),
        ("chunk_overlap", [-0.1, 12.5, 25.0, math.nan, math.inf]),
        ("request_id", ["x" * 201, "line\nbreak", "\0"]),
        ("session_id", ["x" * 201, "tab\t"]),
    ],
)
def test_each_parameter_is_refused_under_its_own_name_before_the_sound_is_touched(
    field: str, values: list[object]
) -> None:
    for value in values:
        with pytest.raises(InvalidRequest) as caught:
            HOUSE.check(asked(field, value))
        assert caught.value.field == field
        assert caught.value.fix


def test_sound_that_the_queue_has_no_room_for_is_refused_and_fits_at_16_bits() -> None:
    noise = np.random.default_rng(0).uniform(-0.9, 0.9, 16_000).astype(np.float32)
    narrow = Intake(Limits(queued_bytes=40_000))
    with pytest.raises(AudioTooLong, match="16 bits") as caught:
        narrow.accept(Order(encode_flac(noise)), lambda: NOW)
    assert caught.value.field == "audio_data"
    narrow.accept(Order(encode_flac(np.rint(noise * 2**15) / np.float32(2**15))), lambda: NOW)


@pytest.mark.parametrize("mib", [1, 8])
def test_what_is_said_to_fit_does_and_its_dead_letter_too(mib: int) -> None:
    noise = np.random.default_rng(mib).uniform(-0.9, 0.9, mib * 40 * 16_000).astype(np.float32)
    narrow = Intake(Limits(queued_bytes=job_bytes(mib)))
    keys = tuple(EmotionKey(number / 10, dict.fromkeys(FEELINGS, 0.1)) for number in range(MOST_KEYS))
    asks = Performance(emotions=keys)
    with pytest.raises(AudioTooLong, match=r"limit is .* about (\d+) s of it fit.*--max-message-mib") as caught:
        narrow.accept(Order(encode_flac(noise), performance=asks), lambda: NOW)
    fits = int(re.search(r"about (\d+) s", str(caught.value))[1])  # type: ignore[index]
    part = encode_flac(noise[: (fits - 1) * 16_000])
    record = as_request(narrow.accept(Order(part, performance=asks), lambda: NOW))
    failure = Failure("JobFailed", "\N{SNOWMAN}" * LONGEST_SENTENCE)
    letter = encode_letter(DeadLetter("x" * 200, record.payload, failure, 5, NOW, 2**31 - 1, 2**62))
    assert len(letter) + 16 * 2**10 < mib * 2**20


@pytest.mark.parametrize("audio", [b"", b"no sound at all", SOUND[:100]])
def test_sound_that_cannot_be_used_is_refused_under_its_own_name(audio: bytes) -> None:
    with pytest.raises(AudioError) as caught:
        HOUSE.accept(Order(audio), lambda: NOW)
    assert caught.value.field == "audio_data"


def test_sound_beyond_the_limit_is_refused() -> None:
    with pytest.raises(AudioError, match=r"1\.5 s"):
        Intake(Limits(max_seconds=1.4)).accept(Order(SOUND), lambda: NOW)


def test_a_job_carries_everything_its_answer_depends_on() -> None:
    order = Order(SOUND, "id", "session", Performance(0, 23, False, 10.04, 0.0))
    job = HOUSE.accept(order, lambda: NOW)
    assert (job.request_id, job.session_id, job.submitted_at, job.samples) == ("id", "session", NOW, 24_001)
    assert job.performance == Performance(0, 23, False, 10.0, 0.0)
    assert (job.gains, job.seed) == (HOUSE.gains, "id")
    assert np.array_equal(np.concatenate(list(decode_flac_blocks(job.flac))), tones(24_001))
    assert job.digest == order.digest()


def test_a_request_without_an_id_gets_one_of_its_own() -> None:
    one, other = (HOUSE.accept(Order(SOUND), lambda: NOW) for _ in range(2))
    assert one.request_id
    assert one.request_id != other.request_id
    assert one.seed == one.request_id


def test_the_request_can_be_read_in_any_tool_and_decoded_again() -> None:
    job = HOUSE.accept(Order(SOUND, "id", "session"), lambda: NOW)
    request = as_request(job)
    assert (request.request_id, request.key, request.digest) == ("id", "session", job.digest)
    expected = {"seconds": "1.500", "frames": str(job.frames), "submitted_at": "1800000000.000000"}
    assert request.headers == expected
    assert decode_job(request.payload) == job


def test_a_session_orders_its_requests_and_a_request_without_one_stands_alone() -> None:
    assert as_request(HOUSE.accept(Order(SOUND, "id", "session"), lambda: NOW)).key == "session"
    assert as_request(HOUSE.accept(Order(SOUND, "id"), lambda: NOW)).key == "id"


CHANGES = {"audio": SOUND + b"x", "session_id": "other", **CHANGED}


@pytest.mark.parametrize("field", CHANGES)
def test_the_digest_changes_with_every_parameter(field: str) -> None:
    assert Order(SOUND).digest() != asked(field, CHANGES[field]).digest()


def test_the_digest_does_not_depend_on_the_id_and_on_nothing_that_this_test_forgot() -> None:
    assert Order(SOUND, "one").digest() == Order(SOUND, "other", fresh=True).digest()
    counted = {*CHANGES, "request_id", "performance", "fresh"}
    assert {*(each.name for each in (*fields(Order), *fields(Performance)))} == counted


@given(request_id=TEXT, session_id=TEXT)
def test_any_printable_id_is_accepted_in_any_script(request_id: str, session_id: str) -> None:
    HOUSE.check(Order(SOUND, request_id, session_id))


@given(length=st.integers(0, 250))
def test_ids_have_200_characters_at_most(length: int) -> None:
    order = Order(SOUND, "ü" * length)
    if length <= LONGEST_ID:
        HOUSE.check(order)
    else:
        with pytest.raises(InvalidRequest):
            HOUSE.check(order)
