"""deploy/helm/emotalk by the real helm: what it renders is Kubernetes', its flags and ports are the program's."""

import json
import os
import re
from functools import cache
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from docs import chart
from emotalk.cli.main import _build_parser
from emotalk.cli.settings_from_flags import load_settings
from emotalk.queues.base import GROUP, REQUESTS_TOPIC
from emotalk.settings import PREFIX, SETTINGS, Settings
from tests.deploy.crds.lent import GROUPS, faults
from tests.deploy.helm import CHART, KUBERNETES, Manifest, container, pods, refused, rendered, run, the
from tests.deploy.matrix import MATRIX, REFUSED
from tests.entry.observability import alerts

OLDEST = "1.27.0"
# What KEDA's scaler for Kafka knows, by its own page.
SCALER = frozenset(
    (
        "bootstrapServers consumerGroup topic lagThreshold activationLagThreshold offsetResetPolicy allowIdleConsumers "
        "scaleToZeroOnInvalidOffset excludePersistentLag limitToPartitionsWithLag version partitionLimitation sasl tls "
        "unsafeSsl"
    ).split()
)
CREDENTIALS = frozenset("sasl username password tls ca cert key keyPassword".split())

everywhere = pytest.mark.parametrize("case", MATRIX)


@cache
def manifests(case: str) -> list[Manifest]:
    return rendered(MATRIX[case])


def settings_of(pod: Manifest, case: str) -> Settings:
    """What the program makes of a container's arguments and variables."""
    parsed = _build_parser().parse_args(container(pod)["args"])
    given = the("ConfigMap", "-settings", manifests(case))["data"] or {}
    told = {each["name"]: each["value"] for each in container(pod)["env"] if "value" in each}
    with pytest.MonkeyPatch.context() as patch:
        for name in [each for each in os.environ if each.startswith(PREFIX)]:
            patch.delenv(name)
        for name, value in {**given, **told}.items():
            patch.setenv(name, value)
        return load_settings(parsed)


def workloads(case: str) -> list[tuple[str, Manifest]]:
    """Servers and workers."""
    return [(name, pod) for name, pod in pods(manifests(case)) if not name.endswith("-health")]


@everywhere
def test_helm_lint_finds_nothing(case: str) -> None:
    done = run("lint", "--strict", values=MATRIX[case])
    assert not done.returncode, done.stdout + done.stderr


@everywhere
@pytest.mark.parametrize("version", [OLDEST, KUBERNETES])
def test_every_manifest_is_what_kubernetes_schema_allows(case: str, version: str) -> None:
    for each in manifests(case):
        if not each["apiVersion"].startswith(GROUPS):
            kubernetes_validate.validate(each, version, strict=True)


def test_what_keda_and_the_prometheus_operator_read_is_what_their_types_allow() -> None:
    custom = [each for case in MATRIX for each in manifests(case) if each["apiVersion"].startswith(GROUPS)]
    assert {each["kind"] for each in custom} == {
        "ScaledObject",
        "TriggerAuthentication",
        "ServiceMonitor",
        "PrometheusRule",
    }
    assert faults(custom) == []


def test_their_types_would_notice_a_wrong_value_and_a_misspelt_key() -> None:
    spoilt = json.loads(json.dumps(the("ScaledObject", "-workers", manifests("keda"))))
    spoilt["spec"]["fallback"]["replicas"] = "3"
    spoilt["spec"]["trigger"] = []
    assert len(faults([spoilt])) == 2


def test_kubernetes_schema_would_notice_a_misspelt_key() -> None:
    spoilt = json.loads(json.dumps(the("Deployment", "-servers", manifests("defaults"))))
    spoilt["spec"]["template"]["spec"]["enableServiceLink"] = False
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(spoilt, KUBERNETES, strict=True)


@everywhere
def test_every_flag_is_one_of_the_program_and_its_values_are_taken(case: str) -> None:
    for name, pod in workloads(case):
        settings = settings_of(pod, case)
        assert settings.queue == "kafka://kafka-0.kafka:9092,kafka-1.kafka:9094"
        assert (settings.metrics_host, settings.metrics_port) == ("0.0.0.0", 9464), name


@everywhere
def test_every_variable_is_one_of_the_program_with_the_value_that_was_given(case: str) -> None:
    data = the("ConfigMap", "-settings", manifests(case))["data"] or {}
    assert data.keys() <= {each.variable for each in SETTINGS.values()}
    given = MATRIX[case].get("settings", {})
    assert {name: SETTINGS[name].parse(data[SETTINGS[name].variable]) for name in given} == given


@everywhere
def test_every_port_that_is_named_is_a_container_s_and_the_program_listens_there(case: str) -> None:
    for _, pod in workloads(case):
        ports = {each["name"]: each["containerPort"] for each in container(pod)["ports"]}
        settings = settings_of(pod, case)
        listening = {"metrics": settings.metrics_port}
        if container(pod)["name"] == "server":
            listening |= {"grpc": settings.port} | ({"http": settings.web_port} if settings.web else {})
            listening |= {"a2f": settings.a2f_port} if settings.a2f_port else {}
        assert ports == listening
    served = {port["name"] for _, pod in workloads(case) for port in container(pod)["ports"]}
    for each in manifests(case):
        if each["kind"] == "Service":
            assert {port["targetPort"] for port in each["spec"]["ports"]} <= served
        if each["kind"] == "NetworkPolicy":
            assert {port["port"] for rule in each["spec"]["ingress"] for port in rule["ports"]} <= served


@everywhere
def test_every_probe_asks_what_the_program_answers(case: str) -> None:
    for _, pod in workloads(case):
        settings, own = settings_of(pod, case), container(pod)
        ports = {each["name"] for each in own["ports"]}
        probes = [own[name] for name in ("startupProbe", "readinessProbe", "livenessProbe") if name in own]
        for probe in probes:
            if "grpc" in probe:
                assert probe["grpc"]["port"] == settings.port
                assert not settings.tls_cert, "Kubernetes' probe speaks no TLS"
            elif "exec" in probe:
                _is_a_health_check(probe["exec"]["command"], settings)
            elif "httpGet" in probe:
                assert (probe["httpGet"]["path"], probe["httpGet"]["port"]) == ("/metrics", "metrics")
            else:
                assert probe["tcpSocket"]["port"] in ports
        assert len(probes) >= 2


def _is_a_health_check(words: list[str], settings: Settings) -> None:
    assert words[:3] == ["emotalk", "health", f"localhost:{settings.port}"]
    parsed = _build_parser().parse_args(words[1:])
    assert parsed.tls_ca
    assert bool(parsed.tls_cert) == bool(settings.tls_client_ca)


@everywhere
def test_what_drains_has_ended_before_it_is_killed(case: str) -> None:
    for _, pod in workloads(case):
        hook = container(pod).get("lifecycle", {}).get("preStop", {}).get("exec", {}).get("command", ["sleep", "0"])
        assert pod["terminationGracePeriodSeconds"] >= int(hook[1]) + settings_of(pod, case).drain_seconds + 5


@everywhere
def test_every_file_that_a_flag_names_is_mounted(case: str) -> None:
    for _, pod in pods(manifests(case)):
        own = container(pod)
        words = own["args"] + own.get("readinessProbe", {}).get("exec", {}).get("command", [])
        words += [each.get("value", "") for each in own.get("env", [])]
        mounts = {each["mountPath"]: each["name"] for each in own.get("volumeMounts", [])}
        assert set(mounts.values()) == {each["name"] for each in pod.get("volumes", [])}
        for word in words:
            if (file := "/etc/emotalk/" + word.partition("/etc/emotalk/")[2]) != "/etc/emotalk/":
                assert str(Path(file).parent) in mounts, word


@everywhere
def test_no_pod_needs_root_a_user_of_its_own_a_writable_root_or_a_token(case: str) -> None:
    for name, pod in pods(manifests(case)):
        own, whole = container(pod)["securityContext"], pod["securityContext"]
        assert whole["runAsNonRoot"], name
        assert whole.get("runAsUser") == MATRIX[case].get("podSecurityContext", {}).get("runAsUser")
        assert whole["seccompProfile"] == {"type": "RuntimeDefault"}
        assert own["capabilities"] == {"drop": ["ALL"]}
        assert (own["readOnlyRootFilesystem"], own["allowPrivilegeEscalation"]) == (True, False)
        assert pod["automountServiceAccountToken"] is False


@everywhere
def test_no_service_s_variables_can_be_taken_for_settings(case: str) -> None:
    # A service named emotalk makes EMOTALK_PORT=tcp://… in every pod that does not refuse it.
    assert all(pod["enableServiceLinks"] is False for _, pod in pods(manifests(case)))


@everywhere
def test_scratch_space_is_a_volume(case: str) -> None:
    for _, pod in workloads(case):
        [folder] = [each["value"] for each in container(pod)["env"] if each["name"] == "TMPDIR"]
        [mount] = [each for each in container(pod)["volumeMounts"] if each["mountPath"] == folder]
        assert [each for each in pod["volumes"] if each["name"] == mount["name"] and "emptyDir" in each]


@everywhere
def test_every_selector_finds_pods_and_servers_are_not_taken_for_workers(case: str) -> None:
    labels = {
        each["metadata"]["name"]: each["spec"]["template"]["metadata"]["labels"]
        for each in manifests(case)
        if each["kind"] in ("Deployment", "StatefulSet")
    }
    for each in manifests(case):
        spec = each.get("spec", {})
        wanted = spec.get("selector") or spec.get("podSelector")
        if each["kind"] == "ServiceMonitor" or wanted is None:
            continue
        wanted = wanted.get("matchLabels", wanted)
        found = [name for name, own in labels.items() if wanted.items() <= own.items()]
        assert len(found) == (2 if each["metadata"]["name"].endswith("-metrics") else 1), each["metadata"]["name"]


@everywhere
def test_secrets_are_named_and_never_shown(case: str) -> None:
    for each in manifests(case):
        if each["kind"] == "Secret":
            assert set(each["stringData"]) == {"sasl", "tls"}
    for _, pod in workloads(case):
        variables = {each["name"]: each for each in container(pod)["env"]}
        secret = [SETTINGS[name].variable for name in ("kafka_sasl_password", "kafka_sasl_username")]
        assert all("secretKeyRef" in variables[name]["valueFrom"] for name in secret if name in variables)


@everywhere
def test_a_network_policy_lets_out_what_the_program_needs(case: str) -> None:
    policies = [each for each in manifests(case) if each["kind"] == "NetworkPolicy"]
    assert len(policies) == (2 if MATRIX[case].get("networkPolicy", {}).get("enabled", True) else 0)
    for each in policies:
        open_ports = {port["port"] for rule in each["spec"]["egress"] for port in rule["ports"]}
        wanted = MATRIX[case].get("networkPolicy", {}).get("kafkaPorts", [9092, 9094])
        assert open_ports == {53, *wanted} | ({4317} if "tracing" in MATRIX[case] else set())


@pytest.mark.parametrize("case", [name for name in MATRIX if "keda" in MATRIX[name].get("workers", {})])
def test_keda_reads_the_lag_of_the_workers_group(case: str) -> None:
    scaled = the("ScaledObject", "-workers", manifests(case))["spec"]
    target = scaled["scaleTargetRef"]
    assert the(target["kind"], target["name"], manifests(case))["spec"].get("replicas") is None
    [trigger] = scaled["triggers"]
    known = trigger["metadata"]
    [worker] = [pod for name, pod in workloads(case) if name.endswith("-workers")]
    prefix = settings_of(worker, case).kafka_prefix
    assert (trigger["type"], known["consumerGroup"], known["topic"]) == (
        "kafka",
        prefix + GROUP,
        prefix + REQUESTS_TOPIC,
    )
    assert known["bootstrapServers"] == "kafka-0.kafka:9092,kafka-1.kafka:9094"
    assert known.keys() <= SCALER
    assert scaled["fallback"]["replicas"] >= 1
    secured = [each for each in manifests(case) if each["kind"] == "TriggerAuthentication"]
    named = [each["metadata"]["name"] for each in secured] or [MATRIX[case]["workers"]["keda"].get("authentication")]
    assert trigger.get("authenticationRef", {}).get("name") == named[0]
    kafka = MATRIX[case].get("kafka", {})
    assert bool(secured) == bool(kafka.get("sasl") or kafka.get("tls"))
    for each in secured:
        assert {row["parameter"] for row in each["spec"]["secretTargetRef"]} <= CREDENTIALS


@everywhere
def test_a_worker_has_a_name_where_its_pod_keeps_one(case: str) -> None:
    named = MATRIX[case].get("workers", {}).get("kind") == "StatefulSet"
    [worker] = [pod for name, pod in workloads(case) if name.endswith("-workers")]
    assert settings_of(worker, case).worker_name == ("$(POD_NAME)" if named else "")
    assert ("POD_NAME" in [each["name"] for each in container(worker)["env"]]) == named


def test_kafka_s_security_reaches_the_program() -> None:
    [server] = [pod for name, pod in workloads("everything") if name.endswith("-servers")]
    settings = settings_of(server, "everything")
    assert (settings.kafka_security_protocol, settings.kafka_sasl_mechanism) == ("SASL_SSL", "SCRAM-SHA-512")
    assert dict(settings.kafka_option) | {"metadata.max.age.ms": "1000000", "socket.keepalive.enable": "true"} == dict(
        settings.kafka_option
    )


def test_the_alerts_are_the_repository_s_and_ask_for_the_job_that_is_scraped() -> None:
    found = manifests("watched and fenced")
    monitor, rules = (the(kind, "", found)["spec"] for kind in ("ServiceMonitor", "PrometheusRule"))
    assert [rule for group in rules["groups"] for rule in group["rules"]] == alerts()
    [endpoint] = monitor["endpoints"]
    [relabelled] = endpoint["relabelings"]
    assert relabelled == {"targetLabel": "job", "replacement": "emotalk"}
    wanted = monitor["selector"]["matchLabels"].items()
    [service] = [each for each in found if each["kind"] == "Service" and wanted <= each["metadata"]["labels"].items()]
    assert endpoint["port"] in {port["name"] for port in service["spec"]["ports"]}


@pytest.mark.parametrize(("values", "words"), REFUSED, ids=[" ".join(words) for _, words in REFUSED])
def test_wrong_values_are_refused_with_their_name_and_the_fix(values: dict[str, Any], words: tuple[str, ...]) -> None:
    said = refused(values)
    assert [word for word in words if word not in said] == [], said


def test_the_schema_and_the_alerts_are_those_of_the_program() -> None:
    assert chart.SCHEMA.read_text() == chart.schema(chart.SCHEMA.read_text()), "run: make docs"
    assert chart.ALERTS.read_bytes() == (chart.ROOT / "deploy" / "observability" / "alerts.yml").read_bytes()


def test_every_value_has_a_default_a_place_in_the_schema_and_a_use() -> None:
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    templates = "".join(each.read_text() for each in (CHART / "templates").rglob("*.*"))
    described = json.loads((CHART / "values.schema.json").read_text())["properties"]
    described.pop("global")
    for path in _paths(values, described):
        assert path.rpartition(".")[2] in templates, f"{path} is not used"


def _paths(values: dict[str, Any], described: dict[str, Any], above: str = "") -> list[str]:
    assert values.keys() == described.keys(), above
    found = []
    for name, value in values.items():
        below = described[name].get("properties") if name != "settings" else None
        found += _paths(value, below, f"{above}{name}.") if below else [f"{above}{name}"]
    return found


def test_the_page_s_values_are_taken_and_make_what_its_commands_name() -> None:
    page = (chart.ROOT / "docs" / "kubernetes.md").read_text("utf-8")
    [values] = re.findall(r"^```yaml\n(.*?)^```", page, re.M | re.S)
    names = {each["metadata"]["name"] for each in rendered(yaml.safe_load(values))}
    for command in re.findall(r"(?:deployment|scaledobject|service)[/ ](face-[\w-]+)", page):
        assert command in names, command
