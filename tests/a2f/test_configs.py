"""The files that clients fetch of a configuration: what holds now, readable as what their names say."""

import json
from math import inf

import yaml
from hypothesis import given
from hypothesis import strategies as st

from emotalk.processes.audio2face import make_configs
from emotalk.server.contracts.audio2face_configs import _to_json, _to_yaml
from emotalk.settings import Settings


@given(st.floats(-1e9, 1e9), st.floats(1e-9, 1e9), st.integers(0, 500))
def test_both_kinds_read_back_as_the_same_values_and_kinds(gain: float, seconds: float, places: int) -> None:
    settings = Settings(gains={"jawOpen": gain}, max_seconds=seconds)
    files = make_configs(settings, places)
    assert files["stylization_config"]["blendshape_params"]["weight_multipliers"]["JawOpen"] == gain
    for content in files.values():
        assert yaml.safe_load(_to_yaml(content)) == json.loads(_to_json(content)) == content


def test_what_is_not_known_yet_or_has_no_bound_is_not_named() -> None:
    common = make_configs(Settings(max_seconds=inf), None)["deployment_config"]["common"]
    assert common == {}
    assert make_configs(Settings(), 12)["deployment_config"]["common"]["stream_number"] == 12
