"""Writes what the chart has from the program: its schema of `settings`, and the alerts. `make docs`."""

import json
from collections.abc import Mapping
from math import inf
from pathlib import Path
from typing import Any, get_args

from emotalk.settings import SETTINGS, Setting

ROOT = Path(__file__).parents[1]
CHART = ROOT / "deploy" / "helm" / "emotalk"
SCHEMA, ALERTS = CHART / "values.schema.json", CHART / "files" / "alerts.yml"
OWN = frozenset(
    (
        "host port a2f_port worker worker_name drain_seconds web web_host web_port web_hosts web_origins tls_cert "
        "tls_key tls_client_ca token_file queue queue_bytes partitions kafka_prefix max_message_mib model_path "
        "metrics_port metrics_host tracing"
    ).split()
)
"""Settings that the chart makes of other values, as it does all of Kafka's security; the rest is `settings`."""
_KINDS = {int: "integer", float: "number", bool: "boolean", str: "string"}


def schema(text: str) -> str:
    """The chart's schema, its part on `settings` made anew."""
    whole = json.loads(text)
    whole["properties"]["settings"] = {
        "description": "settings of docs/flags.md that the chart has no value of its own for",
        "type": "object",
        "additionalProperties": False,
        "properties": {each.name: _of(each) for each in free_settings()},
    }
    return json.dumps(whole, indent=2) + "\n"


def free_settings() -> list[Setting]:
    """Those that a user gives as `settings`."""
    return [each for each in SETTINGS.values() if each.name not in OWN and not _security(each)]


def _security(each: Setting) -> bool:
    return each.secret or each.group == "kafka" or each.name == "kafka_config"


def _of(each: Setting) -> dict[str, Any]:
    if each.choices:
        return {"enum": list(each.choices)}
    if isinstance(each.default, Mapping):
        return {"type": "object", "additionalProperties": {"type": "number"}}
    if words := [word for part in get_args(each.kind) for word in get_args(part)]:
        return {"anyOf": [{"enum": words}, _within(get_args(each.kind)[0], each)]}
    return _within(each.kind, each)


def _within(kind: type, each: Setting) -> dict[str, Any]:
    low, high = each.between or (-inf, inf)
    limits = {"exclusiveMinimum" if 0 < low < 1 else "minimum": 0 if 0 < low < 1 else low, "maximum": high}
    return {"type": _KINDS[kind], **{name: bound for name, bound in limits.items() if abs(bound) != inf}}


if __name__ == "__main__":
    SCHEMA.write_text(schema(SCHEMA.read_text("utf-8")), "utf-8")
    ALERTS.write_bytes((ROOT / "deploy" / "observability" / "alerts.yml").read_bytes())
