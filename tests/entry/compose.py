"""docker-compose.yml as the tests see it, and a broker that is set up as its service `kafka` would be."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.kafka.broker import Broker, free_ports, properties_from_environment

ROOT = Path(__file__).parents[2]
PORTS = ("9092", "29092", "9093")


def compose_file() -> dict[str, Any]:
    """The file, parsed."""
    parsed: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    return parsed


def kafka_environment() -> Mapping[str, str]:
    """The service's variables."""
    return {name: str(value) for name, value in compose_file()["services"]["kafka"]["environment"].items()}


def listeners(text: str) -> dict[str, str]:
    """'OUTSIDE://localhost:9092,…' → {'OUTSIDE': 'localhost:9092', …}."""
    return dict(entry.split("://") for entry in text.split(","))


def compose_broker() -> Broker:
    """The file's broker on this machine: only ports, inner name and data folder are moved to what is free here."""
    properties = properties_from_environment(kafka_environment())
    moved = dict(zip(PORTS, free_ports(len(PORTS)), strict=True))
    for name in ("listeners", "advertised.listeners"):
        places = (entry.rpartition(":") for entry in properties[name].split(","))
        properties[name] = ",".join(f"{place}:{moved[port]}" for place, _, port in places)
    properties["advertised.listeners"] = properties["advertised.listeners"].replace("//kafka:", "//127.0.0.1:")
    return Broker(complete=properties)


def outside(broker: Broker) -> str:
    """Where somebody on the host connects: the address that the outside listener advertises."""
    return listeners(broker.properties["advertised.listeners"])["OUTSIDE"]
