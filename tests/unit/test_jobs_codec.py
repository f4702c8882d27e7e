"""Records: what was written is read, yesterday's too; tomorrow's is left alone, and what is not ours is told apart."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from emotalk.chunking import Chunking
from emotalk.errors import ForeignRecord, NewerRecord
from emotalk.face import ARKIT_NAMES
from emotalk.jobs import DeadLetter, Failure, Job, Part
from emotalk.jobs.codec import VERSION, decode_job, decode_letter, decode_part, encode_job, encode_letter, encode_part
from emotalk.performance import Performance
from emotalk.shaping import Gains
from emotalk.wire import records_pb2
from tests.unit.stage import job

YESTERDAY = Path(__file__).parent / "data" / "records" / "v1"
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
FACTORS = st.dictionaries(st.sampled_from(ARKIT_NAMES), st.floats(-4, 4, width=32), max_size=4)
CHUNKINGS = st.integers(10, 1200).flatmap(lambda n: st.builds(Chunking, st.just(n), st.integers(0, (n - 1) // 2)))
PERFORMANCES = st.builds(
    lambda emotion, person, shaped, chunking: Performance(emotion, person, shaped, chunking.duration, chunking.overlap),
    st.integers(0, 1),
    st.integers(0, 23),
    st.booleans(),
    CHUNKINGS,
)
JOBS = st.builds(
    Job,
    TEXT.filter(bool),
    TEXT,
    TEXT,
    st.floats(0, 4e9),
    st.integers(1, 2**40),
    PERFORMANCES,
    st.binary(min_size=1, max_size=50),
    st.builds(Gains, FACTORS, FACTORS),
    TEXT,
)
FAILURES = st.builds(Failure, TEXT, TEXT)
FRAMES = arrays.arrays(np.float32, st.tuples(st.integers(0, 5), st.just(52)), elements=st.floats(-2, 2, width=32))
PARTS = st.builds(
    Part,
    TEXT,
    TEXT,
    st.integers(0, 2**31),
    st.integers(0, 2**40),
    st.integers(0, 2**40),
    st.booleans(),
    FRAMES,
    st.none() | FAILURES,
    TEXT,
    st.integers(0, 2**40),
)
LETTERS = st.builds(
    DeadLetter,
    TEXT,
    st.binary(max_size=50),
    FAILURES,
    st.integers(0, 2**31),
    st.floats(0, 4e9),
    st.integers(0, 2**31 - 1),
    st.integers(0, 2**60),
)

# What v1/*.bin hold. They were written once and are never written again: a new version adds a folder.
OLD_JOB = replace(
    job("yesterday"),
    performance=Performance(1, 23),
    gains=Gains({"jawOpen": 1.25, "mouthClose": 0.5}, {"browInnerUp": 0.0625}),
    seed="yé",
    session_id="session",
    samples=123_456,
    flac=b"fLaC and so on",
)
OLD_PART = Part(
    "yesterday", "tone-1", 2, 735, 1800, True, np.arange(104, dtype=np.float32).reshape(2, 52) / np.float32(128)
)
OLD_FAILURE = Part("yesterday", "tone-1", failure=Failure("OutOfMemory", "no room for a window"))
OLD_LETTER = DeadLetter(
    "yesterday", b"EMTKJ payload", Failure("EngineError", "five times"), 5, 1_800_000_100.25, 3, 2**40
)


def same(one: Part, other: Part) -> bool:
    def facts(part: Part) -> dict[str, object]:
        return vars(part) | {"frames": part.frames.tobytes()}

    return facts(one) == facts(other) and one.frames.shape == other.frames.shape


@given(one=JOBS)
def test_a_job_comes_back_as_it_was(one: Job) -> None:
    assert decode_job(encode_job(one)) == one


@given(one=PARTS)
def test_a_part_comes_back_to_the_bit(one: Part) -> None:
    assert same(decode_part(encode_part(one)), one)


@given(one=LETTERS)
def test_a_dead_letter_comes_back_with_its_whole_payload(one: DeadLetter) -> None:
    assert decode_letter(encode_letter(one)) == one


def test_gains_in_any_order_are_the_same_bytes() -> None:
    forth = replace(job(), gains=Gains({"jawOpen": 2.0, "tongueOut": 0.5}))
    back = replace(job(), gains=Gains({"tongueOut": 0.5, "jawOpen": 2.0}))
    assert encode_job(forth) == encode_job(back)


@pytest.mark.parametrize(
    ("part", "job", "belongs"),
    [
        (("", 0), ("d", 2), True),  # an earlier version's
        (("d", 0), ("d", 2), True),
        (("d", 2), ("d", 2), True),
        (("d", 2), ("d", 0), True),  # the run is not known yet
        (("d", 1), ("d", 2), False),
        (("other", 2), ("d", 2), False),
    ],
)
def test_a_part_belongs_to_one_run_of_one_content(part: tuple[str, int], job: tuple[str, int], belongs: bool) -> None:
    assert replace(OLD_PART, digest=part[0], epoch=part[1]).answers(*job) is belongs


def test_yesterdays_records_are_read_today() -> None:
    assert decode_job((YESTERDAY / "job.bin").read_bytes()) == OLD_JOB
    assert encode_job(OLD_JOB) == (YESTERDAY / "job.bin").read_bytes(), "an older worker reads what it can do"
    assert same(decode_part((YESTERDAY / "part.bin").read_bytes()), OLD_PART)
    assert same(decode_part((YESTERDAY / "failure.bin").read_bytes()), OLD_FAILURE)
    assert decode_letter((YESTERDAY / "letter.bin").read_bytes()) == OLD_LETTER


@given(version=st.integers(VERSION + 1, 255), kind=st.sampled_from(b"JPDX"), rest=st.binary(max_size=20))
def test_a_record_of_a_newer_version_is_told_apart_whatever_it_holds(version: int, kind: int, rest: bytes) -> None:
    record = b"EMTK" + bytes([kind, version]) + rest
    for decode in (decode_job, decode_part, decode_letter):
        with pytest.raises(NewerRecord, match=f"version {version}"):
            decode(record)


@given(record=st.binary(max_size=40).filter(lambda b: not b.startswith(b"EMTK")))
def test_bytes_that_are_not_ours_are_foreign(record: bytes) -> None:
    for decode in (decode_job, decode_part, decode_letter):
        with pytest.raises(ForeignRecord):
            decode(record)


def test_a_record_of_another_kind_is_foreign_where_it_does_not_belong() -> None:
    with pytest.raises(ForeignRecord):
        decode_job(encode_part(OLD_PART))
    with pytest.raises(ForeignRecord):
        decode_part(encode_letter(OLD_LETTER))


@given(cut=st.integers(0, 10_000))
def test_a_record_that_was_cut_is_foreign_or_was_cut_at_nothing(cut: int) -> None:
    whole = encode_part(OLD_PART)
    cut %= len(whole)
    try:
        part = decode_part(whole[:cut])
    except ForeignRecord:
        return
    assert len(part.frames) in (0, 2), "half a frame must not pass"


@settings(max_examples=400)
@given(which=st.sampled_from(["job", "part", "letter"]), edits=st.lists(st.tuples(st.integers(0), st.integers(0, 255))))
def test_a_damaged_record_is_refused_by_name_or_read(which: str, edits: list[tuple[int, int]]) -> None:
    record = bytearray((YESTERDAY / f"{which}.bin").read_bytes())
    for place, value in edits:
        record[place % len(record)] = value
    decode = {"job": decode_job, "part": decode_part, "letter": decode_letter}[which]
    try:
        decode(bytes(record))
    except (ForeignRecord, NewerRecord):
        return


@pytest.mark.parametrize(
    "damage",
    [
        {"samples": 0},
        {"flac": b""},
        {"request_id": ""},
        {"chunk_steps": 10, "overlap_steps": 5},
        {"chunk_steps": 0, "overlap_steps": 0},
        {"emotion_level": 2},
        {"person_id": -1},
        {"gains": {"jaw": 1.0}},
    ],
    ids=["no samples", "no sound", "no id", "half a chunk of overlap", "no chunk", "emotion", "person", "gain"],
)
def test_a_job_that_cannot_be_done_is_foreign(damage: dict[str, object]) -> None:
    head, message = encode_job(job())[:6], records_pb2.Job.FromString(encode_job(job())[6:])
    for name in damage:
        message.ClearField(name)
    message.MergeFrom(records_pb2.Job(**damage))  # type: ignore[arg-type]
    with pytest.raises(ForeignRecord):
        decode_job(head + message.SerializeToString())
