"""deploy/closed/compose.yml without Docker: what it lays over docker-compose.yml, and that its settings are ours."""

from typing import Any

import yaml
from jsonschema import Draft202012Validator

from emotalk.cli.main import _build_parser
from emotalk.settings import PREFIX, Settings
from tests.entry.compose import ROOT, compose_file
from tests.entry.test_compose import SCHEMA

FILE = ROOT / "deploy" / "closed" / "compose.yml"


class _Loader(yaml.SafeLoader):
    """Compose's own tag: this list stands for the other file's."""


_Loader.add_constructor("!override", lambda loader, node: loader.construct_sequence(node, deep=True))


def closed() -> dict[str, Any]:
    parsed: dict[str, Any] = yaml.load(FILE.read_text(), _Loader)
    return parsed


def test_the_file_is_what_the_compose_specification_allows() -> None:
    assert [error.message for error in Draft202012Validator(SCHEMA).iter_errors(closed())] == []


def test_it_lays_itself_over_services_that_are_there() -> None:
    assert set(closed()["services"]) <= set(compose_file()["services"])


def test_its_variables_make_settings_with_tls_a_token_and_limits() -> None:
    variables = {name: str(value) for name, value in closed()["services"]["emotalk"]["environment"].items()}
    settings = Settings.load(variables, {}, {})
    assert set(variables) <= {PREFIX + name.upper() for name in vars(settings)}
    assert settings.tls_cert
    assert settings.token_file
    assert (settings.client_requests, settings.client_seconds, settings.reflection) == (100, 7200.0, False)


def test_every_secret_it_names_is_mounted_and_its_health_check_is_a_command_of_ours() -> None:
    file = closed()
    service = file["services"]["emotalk"]
    assert set(service["secrets"]) == set(file["secrets"])
    words = service["healthcheck"]["test"]
    assert _build_parser().parse_args(words[2:]).tls_ca.name in file["secrets"]
