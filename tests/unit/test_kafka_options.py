"""librdkafka's settings that users add: read, refused where delivery stands on them, never shown with their secrets."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emotalk.errors import ConfigurationError
from emotalk.processes import parts
from emotalk.queues.kafka import KafkaQueue
from emotalk.queues.kafka_options import check_options, describe, is_secret, read_options, without_secrets
from emotalk.queues.urls import open_queue
from emotalk.settings import Settings

SECRETS = (
    "sasl.password",
    "ssl.key.password",
    "ssl.keystore.password",
    "ssl.key.pem",
    "sasl.oauthbearer.client.secret",
)


def test_a_file_of_options_has_comments_and_values_with_anything_in_them(tmp_path: Path) -> None:
    path = tmp_path / "kafka.properties"
    path.write_text("# ours\n! too\n\n  security.protocol = SASL_SSL\nsasl.password=a=b;c#d e\n")
    assert read_options(path) == {"security.protocol": "SASL_SSL", "sasl.password": "a=b;c#d e"}


def test_a_line_that_is_no_option_is_named_by_its_number_and_not_repeated(tmp_path: Path) -> None:
    path = tmp_path / "kafka.properties"
    path.write_text("security.protocol=SSL\nhunter2\n")
    with pytest.raises(ConfigurationError, match=r"kafka_config: line 2 of .*kafka\.properties") as caught:
        read_options(path)
    assert "hunter2" not in str(caught.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"kafka_config: .*gone\.properties"):
        read_options(tmp_path / "gone.properties")


@pytest.mark.parametrize(
    "name", ["acks", "enable.auto.commit", "enable.idempotence", "group.id", "bootstrap.servers", "auto.offset.reset"]
)
def test_what_delivery_stands_on_cannot_be_set(name: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"kafka_option: {name} cannot be set"):
        KafkaQueue("localhost:9092", settings={name: "1"})


@pytest.mark.parametrize("name", SECRETS)
def test_secrets_are_told_from_other_options_by_their_names(name: str) -> None:
    assert is_secret(name)
    shown = describe({name: "hunter2", "security.protocol": "SSL"})
    assert "security.protocol=SSL" in shown
    assert f"{name}=***" in shown
    assert without_secrets("wrong: hunter2!", {name: "hunter2"}) == "wrong: ***!"


@pytest.mark.parametrize("name", ["security.protocol", "sasl.mechanism", "sasl.username", "ssl.ca.location"])
def test_what_is_no_secret_is_shown(name: str) -> None:
    assert not is_secret(name)
    check_options({name: "x"})


@given(st.text(st.characters(exclude_characters="*"), min_size=1), st.text(), st.text())
def test_no_secret_is_left_in_any_text(secret: str, before: str, after: str) -> None:
    assert secret not in without_secrets(before + secret + after, {"sasl.password": secret})


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"no.such.thing": "1"}, 'kafka_option: .*"no.such.thing"'),
        ({"sasl.mechanism": "PLAIN", "security.protocol": "SASL_SSL"}, "kafka_option: .*sasl.username"),
        ({"security.protocol": "SSL", "ssl.ca.location": "/nowhere/ca.pem"}, "kafka_option: .*ssl.ca.location"),
    ],
)
def test_an_option_that_cannot_be_used_is_named_before_anything_is_contacted(
    options: dict[str, str], says: str
) -> None:
    with pytest.raises(ConfigurationError, match=says):
        KafkaQueue("localhost:9", settings=options).prepare()


def test_the_file_is_under_the_named_ones_and_those_under_the_options(tmp_path: Path) -> None:
    path = tmp_path / "kafka.properties"
    path.write_text("sasl.username=file\nsasl.mechanism=file\nsecurity.protocol=file\n")
    settings = Settings(
        kafka_config=str(path),
        kafka_sasl_username="named",
        kafka_sasl_mechanism="named",
        kafka_option={"sasl.username": "option"},
    )
    assert parts.read_kafka_options(settings) == {
        "sasl.username": "option",
        "sasl.mechanism": "named",
        "security.protocol": "file",
    }


def test_settings_do_not_show_their_secrets() -> None:
    shown = repr(Settings(kafka_sasl_password="hunter2", kafka_option={"sasl.password": "hunter2"}))
    assert "hunter2" not in shown


def test_an_address_with_a_password_is_refused_since_addresses_are_shown() -> None:
    with pytest.raises(ConfigurationError, match="--kafka-config") as caught:
        open_queue("kafka://me:hunter2@localhost:9092", Path)
    assert "hunter2" not in str(caught.value)
