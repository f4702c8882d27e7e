"""What the image and the page ship, and under which licences: pinned by hash, listed, and none that is not allowed."""

import json
import re
import tomllib
from importlib.metadata import distribution
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
REQUIREMENTS = ROOT / "requirements"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
LICENCES = tomllib.loads((REQUIREMENTS / "licences.toml").read_text("utf-8"))
IMAGE = "".join(each.read_text("utf-8") for each in sorted(REQUIREMENTS.glob("image*.txt")))
SHIPPED = dict(re.findall(r"^([\w.-]+)==([^\s;]+)", IMAGE, re.M))
PINNED = dict(re.findall(r"^([\w.-]+)==([^\s;]+)", (REQUIREMENTS / "constraints.txt").read_text("utf-8"), re.M))
MAKEFILE = (ROOT / "Makefile").read_text("utf-8")
IN_THE_IMAGE = " ".join(re.findall(r"^(?:IMAGE_EXTRAS|MORE) := (.+)$", MAKEFILE, re.M)).split()


def tokens(expression: str) -> set[str]:
    """The licences of an SPDX expression; of alternatives all must be allowed, which is stricter than need be."""
    return set(re.findall(r"[\w.-]+", expression)) - {"AND", "OR", "WITH"}


def licence_of(name: str) -> str:
    return LICENCES["said"].get(name) or distribution(name).metadata["License-Expression"] or "not said"


@pytest.mark.parametrize("name", SHIPPED)
def test_each_package_of_the_image_has_an_allowed_licence(name: str) -> None:
    assert tokens(licence_of(name)) <= set(LICENCES["allowed"]), f"{name}: {licence_of(name)}"


def test_nothing_is_said_by_hand_that_the_package_says_or_that_is_not_shipped() -> None:
    assert LICENCES["said"].keys() | LICENCES["inside"].keys() <= SHIPPED.keys()
    for name in LICENCES["said"]:
        assert distribution(name).metadata["License-Expression"] is None, name


def test_a_licence_that_is_not_allowed_has_its_reason() -> None:
    assert all(len(each["why"]) > 20 for each in LICENCES["inside"].values())


def test_whatever_the_page_bundles_has_an_allowed_licence() -> None:
    locked = json.loads((ROOT / "web" / "package-lock.json").read_text("utf-8"))["packages"]
    shipped = {path: each["license"] for path, each in locked.items() if path and not each.get("dev")}
    assert shipped
    assert all(tokens(licence) <= set(LICENCES["allowed"]) for licence in shipped.values()), shipped


def test_every_package_of_the_image_is_pinned_by_hash_and_at_the_version_that_is_tested() -> None:
    lines = IMAGE.replace("\\\n", " ").splitlines()
    assert all(re.search(r"--hash=sha256:[0-9a-f]{64}", line) for line in lines if "==" in line)
    assert {name: PINNED[name] for name in SHIPPED} == SHIPPED


def test_the_image_s_list_has_all_that_its_extras_ask_for() -> None:
    extras = [each for extra in IN_THE_IMAGE for each in PROJECT["optional-dependencies"][extra]]
    asked = [*PROJECT["dependencies"], *extras]
    assert {re.split(r"[\[<>=~!]", each)[0] for each in asked} <= SHIPPED.keys()


def test_by_default_the_image_has_no_package_with_a_library_under_the_gpl() -> None:
    image = (REQUIREMENTS / "image.txt").read_text("utf-8")
    gpl = [name for name, each in LICENCES["inside"].items() if each["licence"].startswith("GPL")]
    assert [name for name in gpl if f"\n{name}==" in f"\n{image}"] == []
    assert 'ARG EXTRAS=""' in (ROOT / "Dockerfile").read_text("utf-8")


def test_no_list_of_versions_has_an_address() -> None:
    for path in REQUIREMENTS.glob("*.txt"):
        assert not re.search(r"://|--(extra-)?index-url|--find-links", path.read_text("utf-8")), path
