"""Dashboard and alerts ask for what the code exports, and the compose file puts everything where it is looked for."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard
from jsonschema import Draft202012Validator

from emotalk.metrics import REASONS
from emotalk.settings import Settings
from tests.entry.compose import compose_file
from tests.entry.observability import FOLDER, ROOT, Asked, alerts, ask, expressions, panels, parsed
from tests.exported import families, series

SCRAPED = frozenset({"job", "instance"})
EXPORTED = {name: labels | SCRAPED for name, labels in series().items()} | {"up": SCRAPED}
GROWING = {name for family in families() if family.kind != "gauge" for name in family.series()}
OF_GROWTH, OF_LEVELS = {"rate", "increase"}, {"delta", "avg_over_time", ""}
EVERY = expressions()

_TEXT = {"type": "object", "additionalProperties": {"type": "string"}}
_RULE = {
    "type": "object",
    "required": ["alert", "expr", "labels", "annotations"],
    "additionalProperties": False,
    "properties": {
        "alert": {"type": "string", "pattern": "^EmoTalk[A-Za-z]+$"},
        "expr": {"type": "string"},
        "for": {"type": "string", "pattern": "^[0-9]+[smh]$"},
        "keep_firing_for": {"type": "string", "pattern": "^[0-9]+[smh]$"},
        "labels": {**_TEXT, "required": ["severity"], "properties": {"severity": {"enum": ["warning", "critical"]}}},
        "annotations": {**_TEXT, "required": ["summary", "runbook_url"]},
    },
}
_GROUP = {
    "type": "object",
    "required": ["name", "rules"],
    "additionalProperties": False,
    "properties": {"name": {"type": "string"}, "interval": {"type": "string"}, "rules": {"items": _RULE}},
}
RULES = {
    "type": "object",
    "required": ["groups"],
    "additionalProperties": False,
    "properties": {"groups": {"type": "array", "items": _GROUP, "minItems": 1}},
}


def problems(asked: Asked) -> list[str]:
    """What an expression gets wrong about what is exported."""
    found = []
    for one in asked.selectors:
        if one.name not in EXPORTED:
            found.append(f"{one.name} is not exported")
            continue
        found += [f"{one.name} has no label {name}" for name, _, _ in one.matchers if name not in EXPORTED[one.name]]
        right = OF_GROWTH if one.name in GROWING else OF_LEVELS
        found += [] if one.function in right else [f"{one.name} under {one.function or 'nothing'}"]
        values = [value for name, _, value in one.matchers if name == "reason"]
        found += [f"no reason {each}" for value in values for each in value.split("|") if each not in REASONS]
    for labels, inner in asked.grouped:
        found += [
            f"{one.name} has no label {each}" for one in inner for each in labels - EXPORTED.get(one.name, labels)
        ]
    return found


@pytest.mark.parametrize("where", EVERY)
def test_every_expression_asks_for_what_the_code_exports(where: str) -> None:
    assert problems(ask(EVERY[where])) == []


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        ("emotalk_queue_length", "emotalk_queue_length is not exported"),
        ("emotalk_queue_depth{lane='0'}", "emotalk_queue_depth has no label lane"),
        ("max by (lane) (emotalk_queue_depth)", "emotalk_queue_depth has no label lane"),
        ("emotalk_retries_total > 0", "emotalk_retries_total under nothing"),
        ("rate(emotalk_queue_depth[5m])", "emotalk_queue_depth under rate"),
        ("rate(emotalk_retries_total{reason='Bored'}[5m])", "no reason Bored"),
    ],
)
def test_the_check_would_notice_a_wrong_one(wrong: str, problem: str) -> None:
    assert problems(ask(wrong)) == [problem]


def test_what_is_no_promql_is_noticed() -> None:
    with pytest.raises(ValueError, match=r"expected|unexpected|unclosed"):
        ask("sum by (partition (emotalk_queue_depth)")


@pytest.mark.parametrize("panel", panels(), ids=lambda panel: str(panel["title"]))
def test_every_legend_names_labels_that_its_series_have(panel: dict[str, Any]) -> None:
    for target in panel["targets"]:
        asked = ask(expressions()[f"{panel['title']} {target['refId']}"])
        there = [labels for labels, _ in asked.grouped] or [EXPORTED[one.name] for one in asked.selectors]
        for label in re.findall(r"{{(\w+)}}", target.get("legendFormat", "")):
            assert all(label in labels for labels in there), target["expr"]


def test_the_dashboard_shows_every_metric_of_ours() -> None:
    asked = {
        one.name
        for panel in panels()
        for target in panel["targets"]
        for one in ask(expressions()[f"{panel['title']} {target['refId']}"]).selectors
    }
    missing = [each.name for each in families() if each.name.startswith("emotalk") and not asked & set(each.series())]
    assert missing == ["emotalk_worker_deaths_total"]  # kept for one version; the same stands under its new name


def kept(dashboard: dict[str, Any]) -> dict[str, Any]:
    """The dashboard as Grafana's own schema understands it: what the schema does not know is lost."""
    again: dict[str, Any] = json.loads(JSONEncoder().encode(Dashboard.from_json(dashboard)))
    return again


def lost(said: Any, understood: Any, where: str = "") -> list[str]:
    if isinstance(said, dict) and isinstance(understood, dict):
        return [each for name in said for each in lost(said[name], understood.get(name), f"{where}.{name}")]
    if isinstance(said, list) and isinstance(understood, list) and len(said) == len(understood):
        pairs = enumerate(zip(said, understood, strict=True))
        return [each for place, pair in pairs for each in lost(*pair, f"{where}[{place}]")]
    return [] if said == understood else [where]


def test_grafana_s_schema_knows_everything_that_the_dashboard_says() -> None:
    dashboard = parsed("grafana/emotalk.json")
    assert lost(dashboard, kept(dashboard)) == []


def test_the_schema_would_notice_a_misspelt_key() -> None:
    dashboard = parsed("grafana/emotalk.json")
    dashboard["panels"][6]["gridPosition"] = dashboard["panels"][6].pop("gridPos")
    assert ".panels[6].gridPosition" in lost(dashboard, kept(dashboard))


def test_no_two_panels_lie_on_each_other_or_share_an_id() -> None:
    places = [panel["gridPos"] for panel in panels()]
    cells = [(x, y) for p in places for x in range(p["x"], p["x"] + p["w"]) for y in range(p["y"], p["y"] + p["h"])]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24
    assert len({panel["id"] for panel in panels()}) == len(panels())


def test_the_alert_rules_have_the_form_that_prometheus_reads() -> None:
    validator = Draft202012Validator(RULES)
    rules = parsed("alerts.yml")
    assert [error.message for error in validator.iter_errors(rules)] == []
    rules["groups"][0]["rules"][0]["four"] = rules["groups"][0]["rules"][0].pop("for")
    assert list(validator.iter_errors(rules))


def test_every_alert_has_its_runbook_and_every_runbook_its_alert() -> None:
    document = (ROOT / "docs" / "metrics.md").read_text("utf-8")
    written = re.findall(r"^### (EmoTalk\w+)$", document, re.M)
    assert sorted(written) == sorted(alert["alert"] for alert in alerts())
    for alert in alerts():
        assert alert["annotations"]["runbook_url"] == f"docs/metrics.md#{alert['alert'].lower()}"


def test_every_alert_is_tried_where_it_must_fire_and_where_it_must_not() -> None:
    healthy, broken = parsed("alerts_test.yml")["tests"]
    names = {alert["alert"] for alert in alerts()}
    assert {case["alertname"] for case in healthy["alert_rule_test"] if "exp_alerts" not in case} == names
    assert {case["alertname"] for case in broken["alert_rule_test"] if case.get("exp_alerts")} == names


def mounted(service: str) -> dict[str, str]:
    """Path inside the container → file of this repository."""
    volumes = [volume.split(":") for volume in compose_file()["services"][service]["volumes"]]
    return {inside: outside for outside, inside, *_ in volumes if outside.startswith("./")}


@pytest.mark.parametrize("service", ["prometheus", "grafana"])
def test_what_watches_is_started_on_demand_and_published_on_this_machine_only(service: str) -> None:
    described = compose_file()["services"][service]
    assert described["profiles"] == ["observability"]
    assert all(port.startswith("127.0.0.1:") for port in described["ports"])
    assert all((ROOT / path).is_file() for path in mounted(service).values())


def test_prometheus_asks_the_service_where_it_answers_and_finds_its_rules() -> None:
    [scrape] = parsed("prometheus.yml")["scrape_configs"]
    [[target]] = [config["targets"] for config in scrape["static_configs"]]
    environment = {name: str(value) for name, value in compose_file()["services"]["emotalk"]["environment"].items()}
    settings = Settings.load(environment, {}, {})
    assert target == f"emotalk:{settings.metrics_port}"
    assert settings.metrics_host == "0.0.0.0"
    assert scrape["job_name"] == "emotalk"
    for rules in parsed("prometheus.yml")["rule_files"]:
        assert Path(mounted("prometheus")[f"/etc/prometheus/{rules}"]) == (FOLDER / rules).relative_to(ROOT)


def test_grafana_finds_its_dashboard_and_the_source_that_every_panel_names() -> None:
    [source] = parsed("grafana/datasources.yml")["datasources"]
    [provider] = parsed("grafana/dashboards.yml")["providers"]
    assert {panel["datasource"]["uid"] for panel in panels()} == {source["uid"]}
    assert source["url"] == "http://prometheus:9090"
    folder = provider["options"]["path"]
    assert [path for path in mounted("grafana") if path.startswith(folder)] == [f"{folder}/emotalk.json"]
