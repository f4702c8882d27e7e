"""docker-compose.yml without Docker: its schema, its promises, and its broker on Kafka's own jars."""

import json
import re
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from emotalk.limits import MAX_MESSAGE_BYTES
from emotalk.queues.base import Record
from emotalk.queues.kafka import KafkaQueue
from emotalk.settings import PREFIX, Settings
from tests.entry.compose import ROOT, compose_file, kafka_environment, listeners, outside
from tests.kafka.broker import Broker, properties_from_environment

SCHEMA = json.loads((Path(__file__).parent / "compose-spec.json").read_text())


def test_the_file_is_what_the_compose_specification_allows():
    errors = Draft202012Validator(SCHEMA).iter_errors(compose_file())
    assert [f"{error.json_path}: {error.message}" for error in errors] == []


def test_the_schema_would_notice_a_misspelt_key():
    spoilt = compose_file()
    spoilt["services"]["kafka"]["volume"] = spoilt["services"]["kafka"].pop("volumes")
    assert list(Draft202012Validator(SCHEMA).iter_errors(spoilt))


def test_every_image_is_pinned():
    images = [service["image"] for service in compose_file()["services"].values()]
    images += re.findall(r"^ARG BASE=(.+)$", (ROOT / "Dockerfile").read_text(), re.M)
    assert all(re.fullmatch(r"[\w./-]+:v?\d[\w.-]*", image) for image in images), images


def test_each_listener_advertises_the_port_it_listens_on():
    environment = kafka_environment()
    bound, told = (listeners(environment[f"KAFKA_{kind}"]) for kind in ("LISTENERS", "ADVERTISED_LISTENERS"))
    assert told == {"OUTSIDE": "localhost:9092", "INSIDE": "kafka:29092"}
    assert {name: place.rpartition(":")[2] for name, place in bound.items() if name in told} == {
        "OUTSIDE": "9092",
        "INSIDE": "29092",
    }


def test_the_host_port_leads_to_the_outside_listener():
    assert [port.split(":")[-2:] for port in compose_file()["services"]["kafka"]["ports"]] == [["9092", "9092"]]


def test_kafka_s_own_topics_exist_once():
    properties = properties_from_environment(kafka_environment())
    copies = {name: value for name, value in properties.items() if name.endswith(("replication.factor", "min.isr"))}
    assert set(copies.values()) == {"1"}
    assert len(copies) == 5


def test_data_outlives_the_container():
    file = compose_file()
    [volume] = file["services"]["kafka"]["volumes"]
    name, _, place = volume.partition(":")
    assert name in file["volumes"]
    assert place == kafka_environment()["KAFKA_LOG_DIRS"]


def test_the_service_is_set_through_variables_that_exist():
    environment = compose_file()["services"]["emotalk"]["environment"]
    settings = Settings.load({name: str(value) for name, value in environment.items()}, {}, {})
    known = {PREFIX + name.upper() for name in vars(settings)}
    assert set(environment) <= known
    inside = listeners(kafka_environment()["KAFKA_ADVERTISED_LISTENERS"])["INSIDE"]
    assert settings.queue == f"kafka://{inside}"


def test_the_service_is_built_here_started_only_on_demand_and_asked_how_it_is():
    service = compose_file()["services"]["emotalk"]
    assert service["build"]["context"] == "."
    assert all(
        (ROOT / f"requirements/image-{each}.txt").exists() for each in service["build"]["args"]["EXTRAS"].split()
    )
    assert service["profiles"] == ["app"]
    assert service["healthcheck"]["test"][:3] == ["CMD", "emotalk", "health"]
    assert "./pretrain_model:/app/pretrain_model:ro" in service["volumes"]


def test_whoever_speaks_to_the_broker_waits_until_it_is_healthy():
    services = compose_file()["services"]
    assert services["kafka"]["healthcheck"]["test"][0] == "CMD"
    for name in ("emotalk", "kafka-ui"):
        assert services[name]["depends_on"] == {"kafka": {"condition": "service_healthy"}}


def test_the_image_copies_only_what_the_build_folder_lets_through():
    let_through = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = [line.split()[1:-1] for line in (ROOT / "Dockerfile").read_text().splitlines() if line.startswith("COPY ")]
    assert {name for names in copied for name in names if not name.startswith(("--", "/"))} == let_through


@pytest.mark.kafka
def test_a_broker_set_up_by_the_file_answers_through_its_outside_listener(composed: Broker):
    queue = KafkaQueue(outside(composed), prefix="compose.")
    queue.prepare()
    payload = bytes(MAX_MESSAGE_BYTES // 2)
    queue.producer().append(Record("one", "", "digest", payload))
    claim = queue.consumer("reader").claim(30.0)
    queue.close()
    assert claim is not None
    assert claim.request.payload == payload
