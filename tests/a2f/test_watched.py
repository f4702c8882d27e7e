"""Whoever runs the server sees Audio2Face-3D's calls as he sees ours: counted, timed in a trace, a line at each end."""

import pytest

from emotalk import metrics
from tests.a2f.caller import clip, hear, pcm, refused
from tests.a2f.page import END, header, piece
from tests.integration.served import Inside, eventually
from tests.traces import caught, in_memory, named

METHOD = "ProcessAudioStream"
SOUND = pcm(1.0)


def count(code: str) -> float:
    return metrics.SERVER.get_sample_value("emotalk_calls_total", {"method": METHOD, "code": code}) or 0.0


def test_a_call_is_counted_by_its_status(served: Inside) -> None:
    before = count("OK"), count("INVALID_ARGUMENT")
    hear(served.channel, clip(SOUND))
    refused(served.channel, [piece(SOUND), header(), END])
    eventually(lambda: (count("OK"), count("INVALID_ARGUMENT")) == (before[0] + 1, before[1] + 1))


def test_a_call_is_a_span_and_a_refusal_one_that_failed(served: Inside) -> None:
    exporter = in_memory()
    exporter.clear()
    hear(served.channel, clip(SOUND))
    refused(served.channel, [piece(SOUND), header(), END])
    eventually(lambda: len(named(caught(exporter), METHOD)) == 2)
    assert [call.failed for call in named(caught(exporter), METHOD)] == [False, True]


def test_a_call_has_one_line_at_its_start_and_one_at_its_end(served: Inside, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "emotalk")
    hear(served.channel, clip(SOUND))
    eventually(lambda: any(each.msg == "answered" for each in caplog.records))
    lines = [each for each in caplog.records if hasattr(each, "request_id")]
    assert [each.msg for each in lines] == ["listening", "answered"]
    assert len({vars(each)["request_id"] for each in lines}) == 1
