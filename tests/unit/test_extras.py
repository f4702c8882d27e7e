"""What a sentence tells people to type, wherever this package came from: it never asks a registry for our name."""

import json
import shlex
import sys
from importlib.metadata import Distribution, distribution
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emotalk import extras

FOLDERS = st.text(st.characters(codec="utf-8", exclude_characters="/\0[]"), min_size=1, max_size=12).filter(
    lambda name: name.strip(".") != ""
)


class Installed(Distribution):
    """A package as pip left it: with the requirements of its extras, and with or without where it came from."""

    def __init__(self, origin: dict[str, Any] | None) -> None:
        self._texts = {
            "METADATA": "Metadata-Version: 2.4\nName: emotalk\nVersion: 1\nProvides-Extra: plot\n"
            "Requires-Dist: numpy>=2\nRequires-Dist: pillow<99,>=11; extra == 'plot'\n"
            "Requires-Dist: av>=14; python_version > '3' and extra == \"video\"\n"
        }
        if origin is not None:
            self._texts["direct_url.json"] = json.dumps(origin)

    def read_text(self, filename: str) -> str | None:
        return self._texts.get(filename)

    def locate_file(self, path: Any) -> Path:
        return Path(path)


def told(origin: dict[str, Any] | None, extra: str = "plot") -> list[str]:
    """The words of the command, as a shell takes them apart."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(extras, "distribution", lambda _: Installed(origin))
        words = shlex.split(extras.how_to_install(extra))
    assert words[:4] == [sys.executable, "-m", "pip", "install"]
    return words[4:]


@given(name=FOLDERS, editable=st.booleans())
def test_from_a_folder_it_names_that_folder_whatever_it_is_called(
    name: str, editable: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("clone") / name
    folder.mkdir()
    words = told({"url": folder.as_uri(), "dir_info": {"editable": editable}})
    assert words == [*["-e"] * editable, f"{folder}[plot]"]


def test_from_a_wheel_it_names_the_wheel_while_it_is_there_and_the_libraries_afterwards(tmp_path: Path) -> None:
    wheel = tmp_path / "emotalk-1-py3-none-any.whl"
    wheel.touch()
    origin = {"url": wheel.as_uri(), "archive_info": {}}
    assert told(origin) == [f"{wheel}[plot]"]
    wheel.unlink()
    assert told(origin) == ["pillow<99,>=11"]


@pytest.mark.parametrize(
    "origin", [None, {"url": "https://example.org/emotalk.git", "vcs_info": {"vcs": "git", "commit_id": "0" * 40}}]
)
def test_from_elsewhere_it_names_the_libraries_of_the_extra_and_of_no_other(origin: dict[str, Any] | None) -> None:
    assert told(origin) == ["pillow<99,>=11"]
    assert told(origin, "video") == ["av>=14"]


def test_this_very_installation_knows_the_libraries_of_each_extra() -> None:
    package = distribution("emotalk")
    for extra in package.metadata.get_all("Provides-Extra") or ():
        assert extras._requirements(package, extra), extra
