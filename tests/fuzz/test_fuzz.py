"""A few hundred nearly valid inputs for everything that reads a stranger's bytes; bench/fuzz.py goes on from there.

The cases are numbered and the same in every run, so that what fails in CI fails at home.
"""

from collections import Counter
from pathlib import Path

import pytest

from emotalk.client import EmoTalkClient, Request
from emotalk.engines.tone import ToneEngine
from tests.fuzz.targets import LIMITS, TARGETS, calls, opened
from tests.integration.served import Inside, speech

CASES = {
    "audio": 600,
    "containers": 300,
    "checkpoint": 600,
    "converted": 20,
    "codec": 6_000,
    "wire": 1_500,
    "answer": 3_000,
    "audio2face": 4_000,
}
OUTCOMES_AT_LEAST = 2
CALLS = 400


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_nearly_valid_bytes_are_taken_or_refused_by_name(name: str, tmp_path: Path) -> None:
    outcomes: Counter[str] = Counter()
    with opened(name, tmp_path) as target:
        for valid in target.corpus:
            target.run(valid)
        for number in range(CASES[name]):
            outcomes[target.run(target.case(number))] += 1
    assert outcomes.total() == CASES[name]
    assert len(outcomes) >= (1 if name == "converted" else OUTCOMES_AT_LEAST), "the cases do not reach far"


def test_no_message_of_any_call_is_an_error_without_a_name_and_the_server_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("emotalk.server.answers.switchboard.POLL_SECONDS", 0.02)
    monkeypatch.setattr("emotalk.worker.loop.CLAIM_WAIT", 0.02)
    with Inside(engine=ToneEngine(), max_seconds=LIMITS.max_seconds) as server:
        target = calls(server.channel)
        outcomes = Counter(target.run(target.case(number)) for number in range(CALLS))
        with EmoTalkClient("127.0.0.1", server.server.port) as client:
            assert sum(len(chunk.frames) for chunk in client.stream(Request(speech(1.0)))) == 30
    assert {"OK", "INVALID_ARGUMENT"} <= set(outcomes)
