"""What pip installs: everything that is needed, and who owns it."""

import json

from tests.entry.house import House

ASK = """
import importlib.metadata, json
package = importlib.metadata.distribution("emotalk")
print(json.dumps({"files": [str(path) for path in package.files], "about": package.metadata.json}))
"""
MODELS = "emotalk/engines/builtin/models/"


def test_models_types_and_licences_are_inside(house: House):
    files = set(json.loads(house.get("python", "-c", ASK))["files"])
    models = ("mouth.onnx", "stream.onnx", "recogniser.LICENSE.txt", "silero_vad.onnx", "silero_vad.LICENSE.txt")
    assert {MODELS + name for name in models} <= files
    assert {"emotalk/py.typed", "emotalk/wire/emotalk_pb2.pyi"} <= files
    assert {name.rpartition("/")[2] for name in files if "/licenses/" in name} == {"LICENSE", "NOTICE"}


def test_nothing_else_lands_in_site_packages(house: House):
    said = json.loads(house.get("python", "-c", ASK))
    folders = {name.partition("/")[0] for name in said["files"]}
    assert folders - {".."} == {"emotalk", f"emotalk-{said['about']['version']}.dist-info"}


def test_the_package_says_its_licence_and_its_python(house: House):
    about = json.loads(house.get("python", "-c", ASK))["about"]
    assert about["license_expression"] == "MIT"
    assert about["requires_python"] == ">=3.11"
    assert about["name"] == "emotalk"
