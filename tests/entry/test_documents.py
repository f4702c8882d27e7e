"""The documents say what is there: links, flags, defaults, names, code."""

import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from threading import Thread

import pytest

from docs.flags import commands, documented, written
from emotalk import ARKIT_NAMES
from emotalk.cli.exits import Exit
from emotalk.export import SUFFIXES
from emotalk.settings import PREFIX, Settings
from tests.node.lent import node_modules

ROOT = Path(__file__).resolve().parents[2]
_PLACES = (ROOT.glob("*.md"), ROOT.glob("docs/**/*.md"), ROOT.glob("src/**/*.md"), ROOT.glob("examples/*.md"))
DOCUMENTS = sorted(document for place in _PLACES for document in place)
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
READMES = (ROOT / "README.md", ROOT / "README.vi.md")
FLAGS = (ROOT / "docs" / "flags.md").read_text("utf-8")
FORMATS = (ROOT / "docs" / "formats.md").read_text("utf-8")

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_ASKS_FOR_OUR_NAME = re.compile(r"pip install [^`\n]*?[ \"']emotalk\b")
_ROW = re.compile(r"^\| (`--.*)$", re.M)


def blocks(document: Path, language: str) -> list[str]:
    return [code for name, code in _FENCE.findall(document.read_text("utf-8")) if name == language]


def prose(document: Path) -> str:
    return _FENCE.sub("", document.read_text("utf-8"))


def anchors(document: Path) -> set[str]:
    """The ids that a renderer gives to headings."""
    titles = re.findall(r"^#+ (.+)$", prose(document), re.M)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def headings(document: Path) -> list[str]:
    return re.findall(r"^## .+$", prose(document), re.M)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_relative_link_leads_somewhere(document: Path) -> None:
    for link in _LINK.findall(prose(document)):
        if re.match(r"\w+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (document.parent / path).resolve() if path else document
        assert target.exists(), f"{document.name}: {link}"
        assert not anchor or anchor in anchors(target), f"{document.name}: {link}"


def test_every_extra_is_installed_somewhere_but_for_those_of_who_works_on_it() -> None:
    extras = set(PROJECT["optional-dependencies"]) - {"codegen"}
    installed = re.findall(r"""^pip install "\.\[(\w+)\]" """, (ROOT / "docs" / "install.md").read_text("utf-8"), re.M)
    assert set(installed) == extras


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_nobody_is_told_to_type_what_his_shell_does_not_find(document: Path) -> None:
    """A page with commands of ours says how to activate the environment, or names the environment in each."""
    typed = [line for name in ("bash", "console") for code in blocks(document, name) for line in code.splitlines()]
    if any(re.match(r"(emotalk|python|pip|pytest) ", line) for line in typed):
        assert ". .venv/bin/activate" in document.read_text("utf-8")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_nobody_is_told_to_ask_a_registry_for_our_name(document: Path) -> None:
    """It may be a stranger's there: what is installed has a path before it."""
    assert not _ASKS_FOR_OUR_NAME.search(document.read_text("utf-8"))


def test_no_sentence_of_the_program_asks_a_registry_for_our_name() -> None:
    for source in (ROOT / "src").rglob("*.py"):
        assert not _ASKS_FOR_OUR_NAME.search(source.read_text("utf-8")), source


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_block_of_python_compiles(document: Path) -> None:
    for code in blocks(document, "python"):
        compile(code, str(document), "exec")


def test_both_readmes_have_the_same_sections_tables_and_code() -> None:
    english, vietnamese = READMES
    assert len(headings(english)) == len(headings(vietnamese)) > 5
    for language in ("python", "bash"):
        assert blocks(english, language) == blocks(vietnamese, language)
    uncommented = [[re.sub(r" *#.*", "", code) for code in blocks(readme, "console")] for readme in READMES]
    assert uncommented[0] == uncommented[1]
    links = [{link for link in _LINK.findall(prose(readme)) if "README" not in link} for readme in READMES]
    assert links[0] == links[1]
    rows = [re.findall(r"^\| (`[^|]*`) \|", prose(readme), re.M) for readme in READMES]
    assert rows[0] == rows[1]
    lines = [len(readme.read_text("utf-8").splitlines()) for readme in READMES]
    assert lines[0] == lines[1] <= 120


def test_the_readme_s_table_of_commands_is_the_program_s() -> None:
    listed = re.findall(r"^\| `emotalk (\w+)", READMES[0].read_text("utf-8"), re.M)
    assert set(listed) == set(commands()) - {"live"}  # `serve` starts it by itself


def test_vietnamese_spells_each_word_in_one_way() -> None:
    """The tone mark of hoá, khoẻ, huỷ and their like stands on the main vowel, as in the older half of this page."""
    text = READMES[1].read_text("utf-8")
    assert not re.findall(r"\w*(?:óa|òa|ỏa|õa|ọa|óe|òe|ỏe|õe|ọe|úy|ùy|ủy|ũy|ụy)\b", text)
    assert "độ trễ" not in text or "look-ahead" not in text


def test_the_page_of_formats_lists_the_52_names_in_their_order() -> None:
    rows = re.findall(r"^\| \d+ \w+(?: \| \d+ \w+){3} \|$", FORMATS, re.M)
    listed = re.findall(r"(\d+) (\w+)", "".join(rows))
    assert listed == [(str(number), name) for number, name in enumerate(ARKIT_NAMES)]


def test_the_page_of_formats_has_every_suffix() -> None:
    assert set(re.findall(r"^\| `(\.[\w.]+)` \|", FORMATS, re.M)) == set(SUFFIXES)


def test_the_first_screen_holds_both_commands_and_eight_lines_of_python() -> None:
    first = READMES[0].read_text("utf-8").splitlines()[:60]
    assert "make demo" in first
    assert "make test" in first
    assert len(blocks(READMES[0], "python")[0].splitlines()) == 8
    assert "\n".join(first).count("```") % 2 == 0


def test_the_tables_of_the_flags_are_those_of_the_program() -> None:
    assert written(FLAGS) == FLAGS, "type: make docs"


def test_a_table_that_says_something_else_is_noticed() -> None:
    assert written(FLAGS.replace("| `50051` |", "| `50052` |").replace("EMOTALK_HOST", "EMOTALK_HOUSE")) == FLAGS


@pytest.mark.parametrize("command", sorted(commands()))
def test_every_command_has_its_table_and_every_flag_its_row(command: str) -> None:
    section = FLAGS.split(f"\n## emotalk {command}\n", 1)[1].split("\n## ", 1)[0]
    listed = set(re.findall(r"`(--?[\w-]+)`", "".join(row.split(" | ")[0] for row in _ROW.findall(section))))
    spelt = {name for action in documented(commands()[command]) for name in action.option_strings}
    assert listed == {name for name in spelt if "_" not in name}


def test_every_variable_of_the_environment_is_listed() -> None:
    listed = set(re.findall(rf"^\| `({PREFIX}\w+)`", FLAGS, re.M))
    assert listed == {PREFIX + item.name.upper() for item in fields(Settings)}


def test_every_exit_code_is_listed() -> None:
    listed = {(int(code), name) for code, name in re.findall(r"^\| (\d+) \| ([A-Z_]+) \|", FLAGS, re.M)}
    assert listed == {(int(code), code.name) for code in Exit}


def test_every_field_of_the_contract_is_described() -> None:
    contract = (ROOT / "proto" / "emotalk.proto").read_text("utf-8")
    described = (ROOT / "docs" / "api.md").read_text("utf-8")
    messages = re.findall(
        r"^message (AudioRequest|Performance|Blendshape\w+|StreamResultsRequest|Job) \{(.*?)^\}", contract, re.M | re.S
    )
    assert len(messages) == 6
    for _, body in messages:
        for name, number in re.findall(r"(\w+) = (\d+);", re.sub(r"enum \w+ \{.*?\}", "", body, flags=re.S)):
            assert re.search(rf"^\| {number} \| `{name}` \|", described, re.M), name


def test_every_decision_stands_in_the_index() -> None:
    folder = ROOT / "docs" / "decisions"
    pages = {page.name for page in folder.glob("[0-9]*.md")}
    assert pages == set(_LINK.findall(prose(folder / "README.md")))


@pytest.fixture
def tone_server() -> Iterator[tuple[int, int]]:
    """A server on memory:// with the tone engine; the gRPC and the HTTP port that it chose."""
    flags = ("--queue", "memory://", "--engine", "tone", "--port", "0", "--web-port", "0")
    command = [sys.executable, "-m", "emotalk", "serve", *flags]
    environment = os.environ | {"EMOTALK_WEB": "yes"}
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) as server:
        try:
            assert server.stderr is not None
            said: dict[str, str] = {}
            for line in server.stderr:
                said.update(re.findall(r" (serving|window open) (?:address=|url=http://)127\.0\.0\.1:(\d+)", line))
                if len(said) == 2:
                    break
            Thread(target=server.stderr.read, daemon=True).start()
            yield int(said["serving"]), int(said["window open"])
        finally:
            server.terminate()


def test_the_eight_lines_of_the_first_screen_work_as_typed(
    tone_server: tuple[int, int], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code = blocks(READMES[0], "python")[0]
    assert "50051" in code
    monkeypatch.chdir(ROOT)
    exec(compile(code.replace("50051", str(tone_server[0])), "README.md", "exec"), {})
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 688
    assert re.fullmatch(r"0\.533 s  jawOpen \d\.\d{3}", lines[16])


def test_the_lines_for_node_work_as_typed(tone_server: tuple[int, int], tmp_path: Path) -> None:
    [code] = blocks(ROOT / "docs" / "http.md", "mjs")
    assert "localhost:8000" in code
    program = node_modules() / "lines.mjs"
    program.write_text(code.replace("localhost:8000", f"localhost:{tone_server[1]}"), "utf-8")
    done = subprocess.run(["node", program], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0] == "688"
    assert re.search(r'^event: end\r?\ndata: .*"frames": ?688', done.stdout, re.M)
    assert re.search(r'"type": ?"end", ?"frames": ?30\b', done.stdout)
