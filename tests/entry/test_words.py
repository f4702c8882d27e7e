"""What a person reads is plain English: no turns that a learner has to look up, no negation as a noun."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

HOUSE = Path(__file__).resolve().parents[2] / "src" / "emotalk"
BANNED = (
    r"' (is|are) no\b(?! (longer|more)\b)",
    r"\b(is|are) no (?=valid|number|option|header|token|queue|job|address|regular|PEM|JSON|GLB|animation|blendshape)",
    r"\b(is|are) none\b",
    r"\bLeave\b.*\baway\b",
    r"\b[Ww]hoever\b",
    r"\bfor ever\b",
    r"\banew\b",
    r"\btaken away\b",
    r"\bin vain\b",
    r"\bnot yours\b",
    r"\bwished\b",
    r"\b(to|can|cannot) be had\b",
    r"\b(on its way|in turn|at the door)\b",
    r"\bnobody ended\b",
    r"\bstands? (nothing|above|where)\b",
    r"\bgood-bye\b",
    r"\bnobody any more\b",
)
"""Said of a thing: "is not X". Of an action: the verb. See CONTRIBUTING.md, "Style"."""


def said(tree: ast.Module) -> Iterator[ast.Constant]:
    """Every text of a module but its docstrings and the comments under its names."""
    silent = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    texts = (node for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str))
    return (text for text in texts if id(text) not in silent)


def test_no_text_of_the_program_has_a_banned_turn() -> None:
    banned = re.compile("|".join(BANNED))
    found = []
    for path in HOUSE.rglob("*.py"):
        if "_pb2" not in path.name:
            texts = said(ast.parse(path.read_text("utf-8")))
            found += [
                f"{path.relative_to(HOUSE)}:{each.lineno} {each.value!r}" for each in texts if banned.search(each.value)
            ]
    assert found == []


def test_the_list_would_catch_what_it_is_for() -> None:
    banned = re.compile("|".join(BANNED))
    for text in (
        "Leave the TLS flags away",
        "'x' is no HOST:PORT",
        "Write it anew",
        "whoever asks",
        "it is none of ours",
        "no port can be had",
        "two channels in turn",
        "and nobody ended the stream",
        "at byte 7 stands nothing",
    ):
        assert banned.search(text), text
    for text in ("results are no longer kept", "there are no samples", "it is not a queue"):
        assert not banned.search(text), text
