"""Parts in, chunks out: each frame once and in order, however often and in whatever company its parts arrive."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emotalk.errors import InvalidRequest, JobCancelled, JobFailed, ResultsDiffer
from emotalk.face import Frames
from emotalk.jobs import Failure, Part
from emotalk.jobs.assembly import Assembly, Response
from tests.unit.stage import again, cut_into_parts, numbered

SIZES = st.lists(st.integers(1, 7), min_size=1, max_size=12)


def told(assembly: Assembly, parts: list[Part]) -> list[Response]:
    """As a server does it: nothing is added once the answer is complete."""
    responses = []
    for part in parts:
        response = assembly.add(part)
        if response:
            responses.append(response)
        if assembly.complete:
            break
    return responses


def check(responses: list[Response], frames: Frames) -> None:
    """Every frame once and in order, every response with frames, only the last one final."""
    assert np.array_equal(np.concatenate([r.frames for r in responses]), frames)
    firsts = np.cumsum([0, *(len(r.frames) for r in responses)])[:-1]
    assert [r.first_frame for r in responses] == firsts.tolist()
    assert all(len(r.frames) for r in responses)
    assert [r.is_final for r in responses] == [False] * (len(responses) - 1) + [True]
    assert [r.chunk_index for r in responses] == list(range(len(responses)))


@given(sizes=SIZES)
def test_one_delivery_is_handed_on_chunk_by_chunk(sizes: list[int]) -> None:
    frames = numbered(sum(sizes))
    check(told(Assembly(), cut_into_parts(frames, sizes)), frames)


@given(sizes=SIZES, data=st.data())
def test_deliveries_that_broke_off_and_began_again_give_each_frame_once(sizes: list[int], data: st.DataObject) -> None:
    frames = numbered(sum(sizes))
    parts = cut_into_parts(frames, sizes)
    broken = [parts[: data.draw(st.integers(0, len(parts)))] for _ in range(data.draw(st.integers(0, 4)))]
    check(told(Assembly(), [part for delivery in [*broken, parts] for part in delivery]), frames)


@given(sizes=SIZES, data=st.data())
def test_any_interleaving_of_two_deliveries_gives_each_frame_once(sizes: list[int], data: st.DataObject) -> None:
    frames = numbered(sum(sizes))
    parts = cut_into_parts(frames, sizes)
    left, right = list(parts), list(parts)
    woven = []
    while left or right:
        source = left if left and (not right or data.draw(st.booleans())) else right
        woven.append(source.pop(0))
    check(told(Assembly(), woven), frames)


@given(sizes=SIZES, data=st.data())
def test_whatever_arrives_a_gap_is_never_skipped(sizes: list[int], data: st.DataObject) -> None:
    frames = numbered(sum(sizes))
    parts = cut_into_parts(frames, sizes)
    missing = data.draw(st.integers(0, len(parts) - 1))
    arriving = data.draw(st.lists(st.sampled_from(parts), max_size=40))
    assembly = Assembly()
    responses = told(assembly, [part for part in arriving if part is not parts[missing]])
    handed = np.concatenate([np.zeros((0, 52), np.float32), *(r.frames for r in responses)])
    assert np.array_equal(handed, frames[: len(handed)])
    assert len(handed) <= parts[missing].first_frame
    assert not assembly.complete
    assert not any(r.is_final for r in responses)


@given(sizes=SIZES, broken_after=st.integers(0, 12))
def test_another_engine_takes_over_what_nobody_has_seen(sizes: list[int], broken_after: int) -> None:
    frames = numbered(sum(sizes))
    parts = cut_into_parts(frames, sizes, ends=100)
    broken = parts[: min(broken_after, len(parts) - 1)]
    other = again(cut_into_parts(frames + 0.5, sizes, ends=100), "b")
    check(told(Assembly(), [*broken, *other]), frames + 0.5)


@given(sizes=SIZES, sent=st.integers(0, 12))
def test_another_engine_goes_on_where_it_computes_the_same_frames(sizes: list[int], sent: int) -> None:
    frames = numbered(sum(sizes))
    parts = cut_into_parts(frames, sizes)
    check(told(Assembly(), [*parts[: min(sent, len(parts) - 1)], *again(parts, "b")]), frames)


def test_what_has_been_seen_is_never_continued_by_an_engine_that_computes_other_frames() -> None:
    frames = numbered(12)
    assembly = Assembly()
    assert len(told(assembly, cut_into_parts(frames, [3, 3, 3, 3])[:2])) == 1
    frames[5, 51] = np.nextafter(frames[5, 51], np.float32(2))
    with pytest.raises(ResultsDiffer, match=r"frames 0\.\.5 came from .* a new request_id"):
        told(assembly, again(cut_into_parts(frames, [3, 3, 3, 3]), "b"))
    assert not assembly.complete


@given(sizes=SIZES, data=st.data())
def test_who_bears_it_hears_the_whole_answer_of_the_engine_that_did_the_job_again(
    sizes: list[int], data: st.DataObject
) -> None:
    frames = numbered(sum(sizes))
    first = cut_into_parts(frames, sizes)
    broken = first[: data.draw(st.integers(0, len(first) - 1))]
    start = data.draw(st.sampled_from([0, sum(len(response.frames) for response in told(Assembly(), broken))]))
    responses = told(Assembly(start, may_restart=True), [*broken, *again(cut_into_parts(frames + 0.5, sizes), "b")])
    anew = [number for number, response in enumerate(responses) if response.restarted]
    assert len(anew) <= 1
    valid = responses[anew[0] if anew else 0 :]
    assert valid[0].first_frame == 0
    assert np.array_equal(np.concatenate([response.frames for response in valid]), frames + 0.5)
    assert [response.is_final for response in valid] == [False] * (len(valid) - 1) + [True]


@given(sizes=SIZES, data=st.data())
def test_stragglers_of_an_engine_that_is_over_change_nothing(sizes: list[int], data: st.DataObject) -> None:
    frames = numbered(sum(sizes))
    parts = cut_into_parts(frames, sizes)
    late = [part for part in again(cut_into_parts(frames + 0.5, sizes), "b") if part.first_frame > 0]
    arriving = list(parts)
    for straggler in late:
        arriving.insert(data.draw(st.integers(0, len(arriving))), straggler)
    check(told(Assembly(), arriving), frames)


def test_a_failure_ends_the_answer_with_its_reason() -> None:
    parts = cut_into_parts(numbered(12), [3, 3, 3, 3])
    assembly = Assembly()
    told(assembly, parts[:3])
    with pytest.raises(JobFailed, match=r"EngineError.*the network is on fire"):
        assembly.add(Part("one", "a", failure=Failure("EngineError", "the network is on fire")))
    assert not assembly.complete


@pytest.mark.parametrize(
    ("kind", "retriable"), [("EngineError", True), ("CheckpointError", False), ("Exception", False), ("os", False)]
)
def test_a_failure_tells_whether_trying_again_can_help(kind: str, retriable: bool) -> None:
    with pytest.raises(JobFailed) as caught:
        Assembly().add(Part("one", "a", failure=Failure(kind, "m")))
    assert caught.value.retriable is retriable


@given(sizes=SIZES, data=st.data())
def test_who_asks_from_a_frame_on_gets_exactly_the_rest(sizes: list[int], data: st.DataObject) -> None:
    frames = numbered(sum(sizes))
    start = data.draw(st.integers(0, len(frames)))
    parts = cut_into_parts(frames, sizes)
    whole = {r.chunk_index: r for r in told(Assembly(), parts)}
    broken = parts[: data.draw(st.integers(0, len(parts)))]
    rest = told(Assembly(start), [*broken, *parts])
    assert np.array_equal(np.concatenate([r.frames for r in rest]), frames[start:])
    assert [r.is_final for r in rest] == [False] * (len(rest) - 1) + [True]
    assert all(len(r.frames) or r.is_final for r in rest)
    for response in rest:
        same = whole[response.chunk_index]
        first = max(start, same.first_frame)
        assert response.first_frame == first
        assert len(response.frames) == same.first_frame + len(same.frames) - first


def test_what_lies_beyond_the_end_is_refused_with_the_number_of_frames() -> None:
    with pytest.raises(InvalidRequest, match="from_frame: is 31, and the answer has 30 frames"):
        Assembly(31).add(cut_into_parts(numbered(30), [30])[0])


def test_who_has_frames_of_one_engine_is_not_served_the_rest_of_another() -> None:
    parts = cut_into_parts(numbered(60), [30, 30], "old", ends=1)
    assembly = Assembly(30)
    assert assembly.add(parts[0]) is None
    with pytest.raises(ResultsDiffer):
        told(assembly, again(cut_into_parts(numbered(60) + 0.5, [30, 30], ends=1), "new"))


def test_a_cancelled_job_ends_as_cancelled_and_not_as_failed() -> None:
    with pytest.raises(JobCancelled, match="by its caller"):
        Assembly().add(Part("one", "", failure=Failure("JobCancelled", "by its caller")))
