"""A line of the log is one line, whatever a stranger's id or an error's words hold."""

import json
import logging

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from emotalk.cli import jobs
from emotalk.cli.logs import JsonLines, TextLines, make_plain
from emotalk.queues.base import JobRow

NASTY = ("a\nINFO accept request_id=forged", "\x1b[2Jgone", "\u202egpj.exe", "a\u2028b", "\ud800", 'x" level="error')


def record(text: str) -> logging.LogRecord:
    made = logging.LogRecord("emotalk", logging.INFO, __file__, 1, "accept", (), None)
    made.request_id = text
    return made


@given(st.text(st.characters()))
@example(NASTY[0])
@example(NASTY[4])
def test_no_text_makes_a_second_line_or_commands_a_terminal(text: str) -> None:
    for form in (TextLines(), JsonLines()):
        line = form.format(record(text))
        assert line.isprintable()
        assert len(line.splitlines()) == 1
        line.encode()


@pytest.mark.parametrize("text", [*NASTY, "plain", "", "été"])
def test_json_gives_back_the_very_text(text: str) -> None:
    assert json.loads(JsonLines().format(record(text)))["request_id"] == text


@pytest.mark.parametrize("text", NASTY[:1] + NASTY[5:])
def test_no_text_looks_like_another_fact_beside_its_own(text: str) -> None:
    line = TextLines().format(record(text))
    name, _, value = line.partition("request_id=")
    assert json.loads(value) == text
    assert name.endswith("INFO accept ")


def test_what_is_printable_stays_as_it_is() -> None:
    assert make_plain("tiếng Việt, 日本語, 🙂") == "tiếng Việt, 日本語, 🙂"


def test_a_stranger_s_record_does_not_command_the_terminal_of_whoever_lists_the_jobs(
    capsys: pytest.CaptureFixture[str],
) -> None:
    row = JobRow("\x1b[2Jgone\nqueued", "dead", 0, 7, 1, {"seconds": "\x1b]0;x\x07"}, error="a\nb")
    jobs._list([row], as_json=False)
    jobs._list([row], as_json=True)
    listed = capsys.readouterr().out
    assert len(listed.splitlines()) == 3
    assert all(line.isprintable() for line in listed.splitlines())
    assert json.loads(listed.splitlines()[-1])[0]["request_id"] == row.request_id
