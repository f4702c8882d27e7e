"""Defaults < file < environment < flags, and a child process that hears the same."""

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emotalk.errors import ConfigurationError
from emotalk.face import ARKIT_NAMES
from emotalk.settings import SETTINGS, Settings, parse_factors, read_file

TEXT = st.text(st.characters(exclude_categories=["C"]), max_size=20)
FACTORS = st.dictionaries(st.sampled_from(ARKIT_NAMES), st.floats(allow_nan=False), max_size=4)
SETTINGS_DRAWN = st.builds(
    Settings,
    host=TEXT,
    port=st.integers(0, 65535),
    queue=TEXT,
    kafka_replication=st.integers(0, 9),
    kafka_prefix=TEXT,
    max_message_mib=st.integers(1, 65),
    kafka_config=TEXT,
    kafka_option=st.dictionaries(TEXT.map(lambda name: f"a.{name}".strip().replace("=", "-")), TEXT, max_size=3),
    kafka_security_protocol=TEXT,
    kafka_sasl_mechanism=TEXT,
    kafka_sasl_username=TEXT,
    kafka_sasl_password=TEXT,
    kafka_ssl_ca=TEXT,
    engine=st.sampled_from(["auto", "builtin", "emotalk", "tone"]),
    model_path=TEXT,
    device=st.sampled_from(["auto", "cpu", "cuda"]),
    precision=st.sampled_from(["auto", "fp32", "bf16"]),
    tls_cert=st.just("cert.pem"),
    tls_key=st.just("key.pem"),
    tls_client_ca=TEXT,
    token_file=TEXT,
    max_receive_mib=st.integers(1, 65),
    max_concurrent_rpcs=st.integers(1, 9),
    receive_seconds=st.floats(0.001, 1e9),
    client_requests=st.integers(0, 9),
    client_seconds=st.floats(0, 1e9),
    reflection=st.booleans(),
    worker=st.booleans(),
    worker_name=TEXT,
    max_seconds=st.floats(0.001, 1e9),
    drain_seconds=st.floats(0, 1e9),
    gains=FACTORS,
    offsets=FACTORS,
    log_level=st.sampled_from(["debug", "error"]),
    log_format=st.sampled_from(["text", "json"]),
)


@given(one=SETTINGS_DRAWN)
def test_a_child_process_hears_the_same_settings(one: Settings) -> None:
    assert Settings.load(one.as_environment(), {}, {}) == one


def test_a_flag_beats_the_environment_which_beats_the_command_which_beats_the_default() -> None:
    environment, flags, defaults = {"EMOTALK_PORT": "2"}, {"port": 3}, {"port": 1}
    assert Settings.load({}, {}, {}).port == 50051
    assert Settings.load({}, {}, defaults).port == 1
    assert Settings.load(environment, {}, defaults).port == 2
    assert Settings.load(environment, flags, defaults).port == 3


def test_a_flag_that_was_not_given_changes_nothing_but_zero_and_false_were_given() -> None:
    assert Settings.load({}, {"port": None, "worker": None}, {}) == Settings()
    given_zero = Settings.load({"EMOTALK_PORT": "2"}, {"port": 0, "worker": False}, {})
    assert (given_zero.port, given_zero.worker) == (0, False)


@pytest.mark.parametrize(
    ("text", "value"), [("1", True), ("true", True), ("YES", True), ("0", False), ("False", False), ("no", False)]
)
def test_yes_and_no_may_be_written_as_people_write_them(text: str, value: bool) -> None:
    assert Settings.load({"EMOTALK_WORKER": text}, {}, {}).worker is value


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("PORT", "high"),
        ("PORT", "1.5"),
        ("WORKER", "maybe"),
        ("MAX_SECONDS", "long"),
        ("GAINS", "jawOpen"),
        ("GAINS", "jawOpen=wide"),
        ("GAINS", "a=b=c"),
    ],
)
def test_a_variable_that_cannot_be_read_is_named(name: str, text: str) -> None:
    with pytest.raises(ConfigurationError, match=f"EMOTALK_{name}.*{text}"):
        Settings.load({f"EMOTALK_{name}": text}, {}, {})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("port", -1),
        ("port", 65536),
        ("engine", "magic"),
        ("device", "abacus"),
        ("precision", "fp8"),
        ("log_level", "loud"),
        ("log_format", "xml"),
        ("max_seconds", 0.0),
        ("max_seconds", float("nan")),
        ("drain_seconds", -1.0),
        ("drain_seconds", float("nan")),
        ("kafka_replication", -1),
        ("tls_client_ca", "ca.pem"),
        ("max_receive_mib", 66),
        ("max_receive_mib", 0),
        ("max_concurrent_rpcs", 0),
        ("receive_seconds", 0.0),
        ("client_requests", -1),
        ("client_seconds", -0.5),
    ],
)
def test_a_setting_that_cannot_be_is_refused_by_name_wherever_it_came_from(name: str, value: Any) -> None:
    with pytest.raises(ConfigurationError, match=name):
        Settings.load({}, {name: value}, {})
    with pytest.raises(ConfigurationError, match=name):
        Settings.load({f"EMOTALK_{name.upper()}": str(value)}, {}, {})


def test_options_of_kafka_in_a_variable_are_lines_and_a_wrong_one_does_not_show_what_it_holds() -> None:
    loaded = Settings.load({"EMOTALK_KAFKA_OPTION": "sasl.password=a,b=c\nsecurity.protocol=SSL\n"}, {}, {})
    assert loaded.kafka_option == {"sasl.password": "a,b=c", "security.protocol": "SSL"}
    with pytest.raises(ConfigurationError, match="EMOTALK_KAFKA_OPTION") as caught:
        Settings.load({"EMOTALK_KAFKA_OPTION": "sasl.password=hunter2\nx"}, {}, {})
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(("given", "missing"), [("tls_cert", "tls_key"), ("tls_key", "tls_cert")])
def test_a_certificate_without_its_key_is_refused_and_the_missing_one_is_named(given: str, missing: str) -> None:
    with pytest.raises(ConfigurationError, match=f"^{missing}: .*--tls-cert and --tls-key"):
        Settings.load({}, {given: "one.pem"}, {})


def test_variables_of_others_are_none_of_ours() -> None:
    assert Settings.load({"PORT": "1", "EMOTALK_FAVOURITE_COLOUR": "blue"}, {}, {}) == Settings()


def test_every_setting_has_a_default() -> None:
    assert all(hasattr(Settings(), item.name) for item in fields(Settings))


def test_factors_are_read_with_the_spaces_people_type() -> None:
    assert parse_factors("jawOpen=1.2, mouthClose=-0.5,") == {"jawOpen": 1.2, "mouthClose": -0.5}


def toml(settings: Settings) -> str:
    """The settings as somebody would write them by hand."""
    lines, tables = [], []
    for name in SETTINGS:
        value = getattr(settings, name)
        if isinstance(value, dict):
            tables += [
                f"[{name}]",
                *(f"{_toml(key)} = {_toml(each)}" for key, each in value.items()),
            ]
        else:
            lines.append(f"{name} = {_toml(value)}")
    return "\n".join((*lines, *tables))


def _toml(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str | bool) else repr(value)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("config") / "emotalk.toml"


@given(one=SETTINGS_DRAWN)
def test_a_file_gives_any_settings_as_they_were_written(one: Settings, file: Path) -> None:
    file.write_text(toml(one), "utf-8")
    assert Settings.load({}, {}, {}, read_file(file)) == one


def test_a_file_goes_over_the_command_and_under_variable_and_flag(file: Path) -> None:
    file.write_text("port = 2\nhost = 'file'\nqueue = 'file'\nworker = false")
    told = Settings.load(
        {"EMOTALK_HOST": "variable"}, {"queue": "flag"}, {"port": 1, "engine": "tone"}, read_file(file)
    )
    assert (told.port, told.host, told.queue, told.worker, told.engine) == (2, "variable", "flag", False, "tone")


@pytest.mark.parametrize(("written", "near"), [("prot", "port"), ("kafka_sasl_pasword", "kafka_sasl_password")])
def test_a_name_that_is_not_a_setting_is_refused_with_the_file_and_the_nearest_one(
    written: str, near: str, file: Path
) -> None:
    file.write_text(f"{written} = 'hunter2'")
    with pytest.raises(ConfigurationError, match=rf"emotalk\.toml.*'{written}'.*'{near}'") as refused:
        read_file(file)
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    "line",
    [
        "port = '80'",
        "port = true",
        "port = 1.5",
        "web = 1",
        "web = 'no'",
        "host = 4",
        "host = 2026-01-01",
        "max_seconds = [1]",
        "gains = 'jawOpen=1'",
        "gains.jawOpen = 'wide'",
        "kafka_option.acks = 1",
    ],
)
def test_a_value_of_another_kind_is_refused_by_file_and_name(line: str, file: Path) -> None:
    file.write_text(line)
    with pytest.raises(ConfigurationError, match=rf"emotalk\.toml: {line.split(' ')[0].split('.')[0]}: .* is not "):
        read_file(file)


def test_a_secret_in_a_file_is_read_and_a_wrong_one_is_not_shown(file: Path) -> None:
    file.write_text("kafka_sasl_password = 'hunter2'")
    assert Settings.load({}, {}, {}, read_file(file)).kafka_sasl_password == "hunter2"
    file.write_text("kafka_sasl_password = 31337")
    with pytest.raises(ConfigurationError, match="kafka_sasl_password") as refused:
        read_file(file)
    assert "31337" not in str(refused.value)


@pytest.mark.parametrize("content", [None, b"port 50051", b"port = 1\nport = 2", b"host = '\xff'"])
def test_a_file_that_cannot_be_read_is_named(content: bytes | None, file: Path) -> None:
    file.unlink(missing_ok=True)
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfigurationError, match=r"config: .*emotalk\.toml"):
        read_file(file)


def test_every_setting_that_has_limits_says_what_to_do_beyond_them() -> None:
    assert all(each.help for each in SETTINGS.values())
    assert [each.name for each in SETTINGS.values() if bool(each.between) != bool(each.fix)] == []


@pytest.mark.parametrize("values", [{"a2f": False}, {"port": 52_000}], ids=["taken away", "the port itself"])
def test_a_second_port_for_audio2face_that_is_for_nothing_is_refused(values: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=r"^a2f_port: "):
        Settings(a2f_port=52_000, **values)
