"""Every parameter of a performance through every entrance, and what yesterday's clients, ids and records hold to."""

import argparse
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from emotalk import performance as performance_module
from emotalk.cli import flags
from emotalk.client import Live, Request
from emotalk.errors import InvalidRequest
from emotalk.jobs.codec import FIRST_VERSION, decode_job, encode_job
from emotalk.jobs.intake import Order
from emotalk.performance import FIRST, PARAMETERS, Parameter, Performance
from emotalk.server.contracts.emotalk_messages import to_order
from emotalk.web.parameters import make_model, parse_performance, to_invalid_request
from emotalk.web.stream import Start
from emotalk.wire import emotalk_pb2
from emotalk.wire.convert import from_message, read_performance
from tests.unit.stage import CHANGED, job

YESTERDAY: dict[str, Any] = json.loads((Path(__file__).parent / "data" / "asked_yesterday.json").read_text())
SOUND = YESTERDAY["sound"].encode()
TEXTS: dict[str, str] = {
    "emotions": '[{"time": 0, "joy": 0.8}, {"time": 2.5, "joy": 0.25, "strengths": {"anger": 0.5}}]'
}
"""How a value of CHANGED is written in a flag, a query or a form, where that is not how Python prints it."""
EACH = pytest.mark.parametrize("each", PARAMETERS, ids=lambda each: each.name)
VALUES: dict[Any, st.SearchStrategy[Any]] = {
    int: st.integers(-(2**31), 2**31 - 1),
    float: st.floats(allow_nan=False, width=32),
    bool: st.booleans(),
}
ASKED = st.builds(Performance, **{each.name: VALUES[each.kind] for each in PARAMETERS if each.kind in VALUES})


def asked(each: Parameter) -> Performance:
    return Performance(**{each.name: CHANGED[each.name]})


def text(each: Parameter) -> str:
    return TEXTS.get(each.name, str(CHANGED[each.name]))


def words(each: Parameter) -> list[str]:
    name = each.flag or each.name.replace("_", "-")
    if isinstance(each.default, bool):
        return [f"--no-{name}" if each.default else f"--{name}"]
    return [f"--{name}", text(each)]


def test_each_parameter_has_an_example_that_is_not_its_default_and_can_be_used() -> None:
    assert CHANGED.keys() == {each.name for each in PARAMETERS}
    for each in PARAMETERS:
        assert CHANGED[each.name] != each.default
        asked(each).check()


@EACH
def test_a_client_s_message_is_read_as_it_was_meant(each: Parameter) -> None:
    assert read_performance(Request(SOUND, **asked(each).list_changed()).message()) == asked(each)
    if each.live:
        assert read_performance(Live(16_000, **asked(each).list_changed()).first().settings) == asked(each)


@given(ASKED)
def test_whatever_is_asked_of_a_file_arrives(one: Performance) -> None:
    assert read_performance(Request(SOUND, **vars(one)).message()) == one


@EACH
def test_each_is_a_flag_a_field_of_the_query_and_one_of_the_first_message(each: Parameter) -> None:
    parser = argparse.ArgumentParser()
    flags.add_performance(parser)
    assert flags.read_performance(parser.parse_args(words(each))) == asked(each)
    assert flags.read_performance(parser.parse_args([])) == Performance()
    for query, fields in (({each.name: text(each)}, {}), ({}, {each.name: text(each)})):
        assert read_performance(parse_performance(query, fields).request(SOUND).message()) == asked(each)
    if each.live:
        start = Start.model_validate({"type": "start", "sample_rate": 16_000, **asked(each).list_changed()})
        assert read_performance(start.live().first().settings) == asked(each)


@EACH
def test_a_record_that_uses_it_has_its_version_and_comes_back(each: Parameter) -> None:
    one = replace(job(), performance=asked(each).for_worker())
    record = encode_job(one)
    assert record[5] == max(each.record, FIRST_VERSION)
    assert decode_job(record) == one


@EACH
def test_what_a_microphone_cannot_ask_is_refused_by_name(each: Parameter) -> None:
    if each.live:
        asked(each).check(live=True)
    else:
        with pytest.raises(InvalidRequest, match=each.name):
            asked(each).check(live=True)


@EACH
def test_the_message_alone_counts_where_there_is_one(each: Parameter) -> None:
    """Its flat neighbours are zero where a client does not know them, and zero is not their default."""
    message = emotalk_pb2.AudioRequest(performance=emotalk_pb2.Performance(**asked(each).list_changed()))
    assert read_performance(message) == asked(each)
    assert read_performance(emotalk_pb2.AudioRequest(performance=emotalk_pb2.Performance())) == Performance()


def test_what_a_parameter_s_own_reader_refuses_is_refused_in_its_words() -> None:
    def read(given: Any) -> int:
        raise InvalidRequest("key", f"{given} has no time", "Give its seconds")

    each = Parameter("key", int, 0, "", "Use a key", None, None, read, True, 2, "")
    with pytest.raises(ValidationError) as caught:
        make_model("One", [each]).model_validate({"key": "joy"})
    assert str(to_invalid_request(caught.value.errors()[0])) == "key: joy has no time. Give its seconds."


def test_limits_are_those_of_the_fields() -> None:
    for each in PARAMETERS:
        for beyond in (each.between[0] - 1, each.between[1] + 1) if each.between else ():
            with pytest.raises(InvalidRequest) as caught:
                Performance(**{each.name: each.kind(beyond)}).check()
            assert caught.value.field == each.name


@pytest.mark.parametrize("row", YESTERDAY["requests"], ids=lambda row: str(row["asked"]))
def test_yesterday_s_request_is_sent_byte_for_byte_and_its_id_keeps_its_digest(row: dict[str, Any]) -> None:
    how = dict(row["asked"])
    session = how.pop("session_id", "")
    request = Request(SOUND, **how, session_id=session, request_id="yesterday")
    assert request.message().SerializeToString(deterministic=True).hex() == row["wire"]
    assert Order(SOUND, "yesterday", session, Performance(**how)).digest() == row["digest"]
    assert to_order(emotalk_pb2.AudioRequest.FromString(bytes.fromhex(row["wire"]))).digest() == row["wire_digest"]


@pytest.mark.parametrize("row", YESTERDAY["live"], ids=lambda row: str(row["asked"]))
def test_yesterday_s_microphone_is_opened_byte_for_byte(row: dict[str, Any]) -> None:
    first = Live(48_000, request_id="yesterday", **row["asked"]).first()
    assert first.SerializeToString(deterministic=True).hex() == row["wire"]


def test_a_parameter_that_came_later_is_part_of_the_digest_only_where_it_is_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = Performance(chunk_overlap=0.5).identity()
    monkeypatch.setattr(performance_module, "FIRST", FIRST[:-1])
    assert Performance().identity() == before[:-1]
    assert Performance(chunk_overlap=0.75).identity() == (*before[:-1], ("chunk_overlap", 0.75))


def test_a_request_and_a_microphone_take_their_fields_by_place_in_the_order_of_the_first_version() -> None:
    request = Request(b"sound", 0, 7, False, 10.0, 0.0, "session", "id")
    assert (request.audio, request.session_id, request.request_id) == (b"sound", "session", "id")
    assert read_performance(request.message()) == Performance(0, 7, False, 10.0, 0.0)
    live = Live(16_000, "float32", 0, 7, False, 0.25, "id")
    assert (live.sample_rate, live.encoding, live.latency, live.request_id) == (16_000, "float32", 0.25, "id")
    assert read_performance(live.first().settings) == Performance(0, 7, False)


@dataclass(frozen=True)
class Row:
    frame_number: int = 7
    timecode: float = 0.0
    blendshapes: tuple[float, ...] = ()


@dataclass(frozen=True)
class Rows:
    frames: tuple[Row, ...] = ()
    request_id: str = "none"
    elsewhere: str = "kept"


def test_a_message_of_messages_becomes_a_value_of_values() -> None:
    frames = [{"frame_number": 1, "timecode": 0.5, "blendshapes": [1, 0.25]}, {}]
    message = emotalk_pb2.BlendshapeResponse(request_id="one", frames=frames)
    assert from_message(Rows, message) == Rows((Row(1, 0.5, (1.0, 0.25)), Row(0)), "one")
    assert from_message(Rows, emotalk_pb2.BlendshapeResponse()) == Rows(request_id="")
