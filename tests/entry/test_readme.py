"""The README is run: every command of its quick start, in a fresh clone, and its Python against a server."""

import re

import numpy as np
import pytest

from emotalk.audio import open_audio
from emotalk.export import SUFFIXES
from emotalk.timebase import frame_count
from tests.entry.house import INSTALL_SECONDS, ROOT, House, bare_environment, clone
from tests.kafka.broker import free_ports

README, VIETNAMESE = "README.md", "README.vi.md"
ITSELF = "make test"
DEFAULT_PORT = "port=50051"
LARGEST_ENVIRONMENT = 600 * 10**6
FRAMES = frame_count(open_audio(ROOT / "examples" / "speech.wav").samples or 0)


def first_screen(language: str, document: str = README) -> list[str]:
    """The fenced blocks of this language under the document's first heading of the second level."""
    section = (ROOT / document).read_text().split("\n## ")[1]
    return re.findall(rf"^```{language}\n(.*?)^```", section, re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="module")
def newcomer(tmp_path_factory: pytest.TempPathFactory) -> House:
    """A clone in which one terminal has been typed what the first screen says, but for what runs these tests.

    It lies deep, and its path has spaces, quotes and letters beyond ASCII.
    """
    folder = tmp_path_factory.mktemp("newcomer") / "thư mục của tôi, it's mine" / "a path that is long" / ("x" * 60)
    clone(folder / "clone")
    house = House(folder / "clone", bare_environment(folder))
    typed = [block for block in first_screen("bash") if block.strip() != ITSELF]
    house.get("bash", "-ec", "".join(typed), timeout=INSTALL_SECONDS)
    return house


def test_the_first_screen_shows_the_two_commands():
    commands = [line for block in first_screen("bash") for line in block.splitlines()]
    assert {"make demo", ITSELF} <= set(commands)


@pytest.mark.parametrize("language", ["bash", "python"])
def test_the_vietnamese_first_screen_shows_the_same(language: str):
    assert first_screen(language, VIETNAMESE) == first_screen(language)


def test_its_commands_leave_what_they_promise(newcomer: House):
    promised = {"demo/output.npy", "demo/output.csv", "demo/output.glb", "demo/curves.png"}
    promised |= set(re.findall(rf"-o (\S+(?:{'|'.join(SUFFIXES)}))", "".join(first_screen("bash"))))
    assert [name for name in sorted(promised) if not (newcomer.folder / name).is_file()] == []
    assert np.load(newcomer.folder / "demo" / "output.npy").shape == (FRAMES, 52)
    assert len((newcomer.folder / "demo" / "output.csv").read_text().splitlines()) == FRAMES + 1


def test_the_environment_of_the_demo_is_small(newcomer: House):
    files = [path for path in (newcomer.folder / ".venv").rglob("*") if path.is_file() and not path.is_symlink()]
    assert sum(path.stat().st_size for path in files) < LARGEST_ENVIRONMENT


def test_its_python_prints_a_line_for_every_frame(newcomer: House):
    [block] = first_screen("python")
    assert DEFAULT_PORT in block
    port = str(free_ports(1)[0])
    with newcomer.running(".venv/bin/emotalk", "serve", "--port", port, until="serving"):
        said = newcomer.get(".venv/bin/python", "-c", block.replace(DEFAULT_PORT, f"port={port}"))
    assert len(said.splitlines()) == FRAMES
    assert said.startswith("0.000 s  jawOpen 0.")
