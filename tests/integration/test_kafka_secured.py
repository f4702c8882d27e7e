"""A real broker behind TLS and SASL: what is passed through to it, and what is said where it does not let us in."""

import contextlib
import json
import logging
import re
import subprocess
import sys
import time
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
import trustme
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from emotalk.client import EmoTalkClient, Request
from emotalk.errors import ConfigurationError, EmoTalkError, QueueLost, QueueUnavailable
from emotalk.queues.base import Record
from emotalk.queues.kafka import KafkaQueue
from tests.integration.served import PATIENCE, command, environment, eventually, outside, speech
from tests.kafka.broker import Broker, free_ports
from tests.kafka.lent import lent

pytestmark = pytest.mark.kafka

PASSWORD, OTHER = "horse;battery=staple", "wrong-horse-battery"
NOBODY = 19
"""A port of this machine on which nobody listens."""
MODULE = "org.apache.kafka.common.security.plain.PlainLoginModule required"
TOKEN_MODULE = "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required"
SCRAM_MODULE = "org.apache.kafka.common.security.scram.ScramLoginModule required"


@dataclass(frozen=True)
class Secured:
    """The broker's listeners: in the clear for setting up, TLS and SASL, tokens, certificates."""

    broker: Broker
    address: str
    ca: Path
    stranger: Path
    tokens: str
    certificates: str
    away: str

    def options(self, mechanism: str = "PLAIN", **changed: str) -> dict[str, str]:
        given = {
            "security.protocol": "SASL_SSL",
            "sasl.mechanism": mechanism,
            "sasl.username": "emotalk",
            "sasl.password": PASSWORD,
            "ssl.ca.location": str(self.ca),
        }
        return given | {name.replace("_", "."): value for name, value in changed.items()}


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    folder = tmp_path_factory.mktemp("papers")
    authority, stranger = trustme.CA(), trustme.CA()
    authority.cert_pem.write_to_path(folder / "ca.pem")
    stranger.cert_pem.write_to_path(folder / "stranger.pem")
    leaf = authority.issue_cert("localhost", "127.0.0.1")
    (folder / "broker.pem").write_bytes(pkcs8(leaf) + b"".join(blob.bytes() for blob in leaf.cert_chain_pems))
    ours = authority.issue_cert("emotalk.example", common_name="emotalk")
    (folder / "ours.pem").write_bytes(b"".join(blob.bytes() for blob in ours.cert_chain_pems))
    (folder / "ours.key").write_bytes(ours.private_key_pem.bytes())
    plain, secret, token, mutual, away, controller = free_ports(6)
    names = {"PLAINTEXT": plain, "SECRET": secret, "TOKEN": token, "MUTUAL": mutual}
    listeners = ",".join(f"{name}://127.0.0.1:{port}" for name, port in names.items())
    properties = {
        "listeners": f"{listeners},AWAY://127.0.0.1:{away},CONTROLLER://127.0.0.1:{controller}",
        "advertised.listeners": f"{listeners},AWAY://127.0.0.1:{NOBODY}",
        "controller.quorum.voters": f"1@127.0.0.1:{controller}",
        "listener.security.protocol.map": (
            "PLAINTEXT:PLAINTEXT,AWAY:PLAINTEXT,SECRET:SASL_SSL,TOKEN:SASL_PLAINTEXT,MUTUAL:SSL,CONTROLLER:PLAINTEXT"
        ),
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(folder / "broker.pem"),
        "listener.name.secret.sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-512",
        "listener.name.secret.plain.sasl.jaas.config": (
            f'{MODULE} user_emotalk="{PASSWORD}" user_tenant="{PASSWORD}";'
        ),
        "listener.name.token.sasl.enabled.mechanisms": "OAUTHBEARER",
        "listener.name.token.oauthbearer.sasl.jaas.config": (f'{TOKEN_MODULE} unsecuredLoginStringClaim_sub="broker";'),
        "listener.name.mutual.ssl.client.auth": "required",
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(folder / "ca.pem"),
        "ssl.principal.mapping.rules": "RULE:.*CN=([^,]+).*/$1/",
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": "User:ANONYMOUS;User:emotalk",
        "listener.name.secret.scram-sha-512.sasl.jaas.config": f"{SCRAM_MODULE};",
    }
    for broker in lent(Broker(properties)):
        info = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096)
        user = UserScramCredentialUpsertion("emotalk", info, PASSWORD.encode())
        admin = AdminClient({"bootstrap.servers": broker.bootstrap})  # held until it has answered
        [done] = admin.alter_user_scram_credentials([user]).values()
        done.result(20)
        papers = folder / "ca.pem", folder / "stranger.pem"
        yield Secured(
            broker, f"localhost:{secret}", *papers, f"localhost:{token}", f"localhost:{mutual}", f"localhost:{away}"
        )


def pkcs8(leaf: trustme.LeafCert) -> bytes:
    """The only form of a key that Java reads from a PEM file."""
    key = load_pem_private_key(leaf.private_key_pem.bytes(), None)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-512"])
def test_a_request_goes_through_tls_and_sasl_from_client_to_worker_and_back(
    secured: Secured, tmp_path: Path, mechanism: str
) -> None:
    config = tmp_path / "kafka.properties"
    config.write_text("# ours\n" + "".join(f"{name}={value}\n" for name, value in secured.options(mechanism).items()))
    arguments = ("--kafka-servers", secured.address, "--kafka-config", str(config), "--engine", "tone", "--port", "0")
    with (
        outside(tmp_path, "serve", *arguments) as server,
        EmoTalkClient("127.0.0.1", server.port, timeout=60) as client,
    ):
        assert sum(len(chunk.frames) for chunk in client.stream(Request(speech(1.0)))) == 30
    assert PASSWORD not in "".join(server.log)


def test_the_environment_will_do_and_doctor_shows_all_but_the_password(secured: Secured, tmp_path: Path) -> None:
    variables = {
        "EMOTALK_QUEUE": f"kafka://{secured.address}",
        "EMOTALK_KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
        "EMOTALK_KAFKA_SASL_MECHANISM": "PLAIN",
        "EMOTALK_KAFKA_SASL_USERNAME": "emotalk",
        "EMOTALK_KAFKA_SASL_PASSWORD": PASSWORD,
        "EMOTALK_KAFKA_SSL_CA": str(secured.ca),
    }
    asked = with_environment(tmp_path, variables, "doctor", "--json", "--engine", "tone", "--port", "0")
    assert f"kafka://{secured.address} answers" in asked.stdout
    assert "sasl.username=emotalk" in asked.stdout
    assert "sasl.password=***" in asked.stdout
    assert PASSWORD not in asked.stdout + asked.stderr
    assert with_environment(tmp_path, variables, "jobs", "list").returncode == 0


def with_environment(home: Path, variables: Mapping[str, str], *arguments: str) -> "subprocess.CompletedProcess[str]":
    line = [sys.executable, "-m", "emotalk", *arguments]
    return subprocess.run(
        line, env={**environment(home), **variables}, cwd=home, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"sasl_password": OTHER}, "[Aa]uthentication failed"),
        ({"sasl_mechanism": "SCRAM-SHA-256"}, "mechanism"),
        ({"security_protocol": "PLAINTEXT"}, "it speaks TLS"),
        ({"security_protocol": "SASL_PLAINTEXT"}, "it speaks TLS"),
        ({"ssl_ca_location": "STRANGER"}, "certificate verify failed"),
    ],
    ids=["password", "mechanism", "no TLS", "no TLS but SASL", "authority"],
)
def test_where_the_broker_does_not_let_us_in_it_is_said_why_and_the_password_is_not(
    secured: Secured, monkeypatch: pytest.MonkeyPatch, changed: dict[str, str], says: str
) -> None:
    monkeypatch.setattr("emotalk.queues.kafka.client.reach._REACH_SECONDS", 3.0)
    changed = {name: str(secured.stranger) if value == "STRANGER" else value for name, value in changed.items()}
    queue = KafkaQueue(secured.address, settings=secured.options(**changed))
    with pytest.raises(ConfigurationError, match=f"(?s)does not let us in: .*({says})") as caught:
        queue.prepare()
    queue.close()
    assert PASSWORD not in str(caught.value)
    assert OTHER not in str(caught.value)


def test_a_password_that_stops_to_hold_is_told_in_the_log_of_whoever_works(
    secured: Secured, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger("emotalk"), "propagate", True)
    KafkaQueue(secured.address, settings=secured.options()).prepare()
    queue = KafkaQueue(secured.address, settings=secured.options(sasl_password=OTHER))

    consumer = queue.consumer("")
    for _ in range(20):
        with contextlib.suppress(EmoTalkError):
            consumer.claim(0.5)
        if "kafka does not let us in" in caplog.text:
            break
    assert "kafka does not let us in" in caplog.text
    assert OTHER not in caplog.text

    queue.close()


def test_a_secret_on_the_command_line_works_and_is_warned_of(secured: Secured, tmp_path: Path) -> None:
    words = [word for pair in secured.options().items() for word in ("--kafka-option", "=".join(pair))]
    done = command(tmp_path, "jobs", "list", "--queue", f"kafka://{secured.address}", *words)
    assert done.returncode == 0, done.stderr
    assert "a secret on the command line" in done.stderr
    assert PASSWORD not in done.stderr


def goes_through(queue: KafkaQueue, name: str = "one") -> bool:
    """Is a request stored, claimed and answered?"""
    queue.prepare()
    queue.producer().append(Record(name, name, "digest", b"voice"))
    worker = queue.consumer("")
    claim = worker.claim(PATIENCE)
    assert claim is not None
    worker.begin(claim, 1)
    worker.publish(claim, [b"EMTK answer"])
    worker.complete(claim)
    queue.close()
    return True


def test_a_certificate_of_ours_lets_us_in_and_without_one_it_is_said(
    secured: Secured, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = secured.ca.parent
    trusting = {"security.protocol": "SSL", "ssl.ca.location": str(secured.ca)}
    ours = {"ssl.certificate.location": str(folder / "ours.pem"), "ssl.key.location": str(folder / "ours.key")}
    assert goes_through(KafkaQueue(secured.certificates, prefix="mutual.", settings=trusting | ours))
    monkeypatch.setattr("emotalk.queues.kafka.client.reach._REACH_SECONDS", 3.0)
    queue = KafkaQueue(secured.certificates, prefix="mutual.", settings=trusting)
    with pytest.raises(ConfigurationError, match=r"does not let us in: .*[Cc]ertificate"):
        queue.prepare()


def test_a_broker_that_sends_its_clients_where_nobody_answers_is_named_with_that_address(
    secured: Secured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("emotalk.queues.kafka.client.reach._ASK_SECONDS", 2.0)
    queue = KafkaQueue(secured.away)
    with pytest.raises(QueueUnavailable, match=rf"127\.0\.0\.1:{NOBODY}, where nobody answers.*advertised\.listeners"):
        queue.prepare()


def test_a_token_lets_us_in(secured: Secured) -> None:
    by_token = {
        "security.protocol": "SASL_PLAINTEXT",
        "sasl.mechanism": "OAUTHBEARER",
        "enable.sasl.oauthbearer.unsecure.jwt": "true",
        "sasl.oauthbearer.config": "principal=emotalk",
    }
    assert goes_through(KafkaQueue(secured.tokens, prefix="unsecured.", settings=by_token))


@contextlib.contextmanager
def token_server(secret: str) -> Iterator[str]:
    """Where client credentials are changed for a token, as an identity provider does."""

    class Tokens(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            """A token that says who it is for, and is good for an hour."""
            asked = self.rfile.read(int(self.headers["Content-Length"])).decode()
            known = b64decode(self.headers.get("Authorization", "").removeprefix("Basic ")).decode()
            well = known == f"emotalk:{secret}" and "grant_type=client_credentials" in asked
            now = int(time.time())
            claims = {"sub": "emotalk", "iat": now, "exp": now + 3600}
            parts = [
                urlsafe_b64encode(json.dumps(each).encode()).decode().rstrip("=") for each in ({"alg": "none"}, claims)
            ]
            body = json.dumps({"access_token": ".".join((*parts, "")), "token_type": "Bearer", "expires_in": 3600})
            self.send_response(200 if well else 401)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(body.encode() if well else b'{"error": "invalid_client"}')

        def log_message(self, *_: object) -> None:
            """Silent."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Tokens) as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/token"
        server.shutdown()


def test_client_credentials_are_changed_for_a_token_and_a_wrong_secret_is_said_without_being_told(
    secured: Secured, monkeypatch: pytest.MonkeyPatch
) -> None:
    with token_server(PASSWORD) as endpoint:
        by_oidc = {
            "security.protocol": "SASL_PLAINTEXT",
            "sasl.mechanism": "OAUTHBEARER",
            "sasl.oauthbearer.method": "oidc",
            "sasl.oauthbearer.client.id": "emotalk",
            "sasl.oauthbearer.client.secret": PASSWORD,
            "sasl.oauthbearer.token.endpoint.url": endpoint,
        }
        assert goes_through(KafkaQueue(secured.tokens, prefix="oidc.", settings=by_oidc))
        monkeypatch.setattr("emotalk.queues.kafka.client.reach._REACH_SECONDS", 3.0)
        queue = KafkaQueue(secured.tokens, settings=by_oidc | {"sasl.oauthbearer.client.secret": OTHER})
        with pytest.raises(ConfigurationError, match="does not let us in") as caught:
            queue.prepare()
        assert OTHER not in str(caught.value)


TENANT = "tenant."
RIGHTS = ("Create", "Describe", "DescribeConfigs", "AlterConfigs", "Read", "Write", "Delete", "Alter")


class Rules:
    """The broker's access rules for the user `tenant`."""

    def __init__(self, broker: Broker) -> None:
        self._admin = AdminClient({"bootstrap.servers": broker.bootstrap})

    @staticmethod
    def _rule(kind: ResourceType, right: str, allow: bool) -> AclBinding:
        operation = AclOperation[re.sub(r"(?<=[a-z])(?=[A-Z])", "_", right).upper()]
        word = AclPermissionType.ALLOW if allow else AclPermissionType.DENY
        return AclBinding(kind, TENANT, ResourcePatternType.PREFIXED, "User:tenant", "*", operation, word)

    def allow(self, kind: ResourceType, *rights: str) -> None:
        for answer in self._admin.create_acls([self._rule(kind, right, allow=True) for right in rights]).values():
            answer.result(PATIENCE)

    def delete(self, topic: str) -> None:
        for answer in self._admin.delete_topics([topic]).values():
            answer.result(PATIENCE)

    @contextlib.contextmanager
    def denied(self, kind: ResourceType, right: str) -> Iterator[None]:
        rule = self._rule(kind, right, allow=False)
        for answer in self._admin.create_acls([rule]).values():
            answer.result(PATIENCE)
        try:
            yield
        finally:
            found = AclBindingFilter(
                kind, TENANT, ResourcePatternType.PREFIXED, "User:tenant", "*", rule.operation, rule.permission_type
            )
            for gone in self._admin.delete_acls([found]).values():
                gone.result(PATIENCE)


@pytest.fixture(scope="module")
def rules(secured: Secured) -> Rules:
    """All that docs/kafka.md lists, and not one more."""
    rules = Rules(secured.broker)
    rules.allow(ResourceType.TOPIC, *RIGHTS)
    rules.allow(ResourceType.GROUP, "Read")
    return rules


def tenant(secured: Secured, prefix: str = TENANT, **options: int) -> KafkaQueue:
    return KafkaQueue(secured.address, prefix=prefix, settings=secured.options(sasl_username="tenant"), **options)  # type: ignore[arg-type]


@pytest.mark.usefixtures("rules")
def test_the_rights_that_the_documents_list_are_enough_for_all_that_a_deployment_does(secured: Secured) -> None:
    documents = (Path(__file__).resolve().parents[2] / "docs" / "kafka.md").read_text("utf-8")
    assert all(f"--operation {right}" in documents for right in RIGHTS)
    assert goes_through(tenant(secured))
    queue = tenant(secured, partitions=2)
    queue.prepare()
    worker, ledger = queue.consumer(""), queue.ledger()
    queue.producer().append(Record("two", "two", "digest", b"voice"))
    claim = worker.claim(PATIENCE)
    assert claim is not None
    worker.bury(claim, b"EMTK letter", "error", [b"EMTK failure"])
    worker.housekeep()
    assert {row.request_id: row.state for row in ledger.rows()} == {"one": "done", "two": "dead"}
    assert ledger.delete("two") == 1
    assert queue.meter().read().dead_letters == 0
    queue.close()


@pytest.mark.parametrize("right", ["Read", "Write", "Describe"])
def test_a_right_without_which_nothing_goes_is_named_at_the_start_with_the_command_that_grants_it(
    secured: Secured, rules: Rules, right: str
) -> None:
    tenant(secured).prepare()
    with rules.denied(ResourceType.TOPIC, right):
        refusal = refused(tenant(secured))
    assert f"{right} on the topic tenant.audio-jobs" in refusal
    assert f"--operation {right} --topic tenant. --resource-pattern-type prefixed" in refusal
    assert "--allow-principal User:tenant" in refusal
    with rules.denied(ResourceType.GROUP, "Read"):
        refusal = refused(tenant(secured))
    assert "--operation Read --group tenant. --resource-pattern-type prefixed" in refusal


def test_a_right_that_is_needed_for_one_thing_only_is_named_when_that_is_done(
    secured: Secured, rules: Rules, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger("emotalk"), "propagate", True)
    tenant(secured).prepare()
    with rules.denied(ResourceType.TOPIC, "Create"):
        refusal = refused(tenant(secured, f"{TENANT}more."))
    assert "--operation Create --topic tenant.more.audio-requests" in refusal
    assert "kafka-topics.sh" in refusal
    with rules.denied(ResourceType.TOPIC, "Alter"):
        assert "--operation Alter --topic tenant.audio-requests" in refused(tenant(secured, partitions=9))
    with rules.denied(ResourceType.TOPIC, "Delete"):
        tenant(secured).prepare()
    assert any("--operation Delete --topic tenant." in vars(each).get("fix", "") for each in caplog.records)
    caplog.clear()
    with rules.denied(ResourceType.TOPIC, "DescribeConfigs"):
        assert goes_through(tenant(secured), "another")
    assert caplog.text.count("the settings of the topics are not told") == 1
    eight = tenant(secured, f"{TENANT}eight.", record_mib=8)
    eight.prepare()
    with rules.denied(ResourceType.TOPIC, "AlterConfigs"):
        refusal = refused(tenant(secured, f"{TENANT}eight."))
    assert "--operation AlterConfigs" in refusal
    assert "--max-message-mib 8" in refusal


def test_topics_that_are_deleted_and_may_not_be_made_again_are_an_outage_that_names_what_heals_it(
    secured: Secured, rules: Rules
) -> None:
    queue = tenant(secured, f"{TENANT}gone.")
    queue.prepare()
    producer, worker, results = queue.producer(), queue.consumer(""), queue.results()
    producer.append(Record("one", "one", "digest", b"voice"))
    with rules.denied(ResourceType.TOPIC, "Create"):
        rules.delete(f"{TENANT}gone.audio-requests")
        for look in (producer.ping, lambda: worker.claim(0.1), lambda: results.poll(0.1)):
            lost = eventually(lambda look=look: loss_of(look))
            assert "tenant.gone.audio-requests" in lost
            assert "--operation Create --topic tenant.gone.audio-requests" in lost
    eventually(lambda: not loss_of(producer.ping))
    assert not producer.append(Record("one", "one", "digest", b"voice")).repeated
    claim = worker.claim(PATIENCE)
    assert claim is not None
    assert claim.request.request_id == "one"
    queue.close()


def test_a_right_that_is_withdrawn_from_a_living_server_is_said_by_its_probe_until_it_is_back(
    secured: Secured, rules: Rules
) -> None:
    queue = tenant(secured)
    queue.prepare()
    producer = queue.producer()
    producer.ping()
    for right in ("Write", "Describe"):
        with rules.denied(ResourceType.TOPIC, right):
            assert f"--operation {right} --topic tenant." in eventually(lambda: denial_of(producer.ping))
        eventually(lambda: not denial_of(producer.ping))
    queue.close()


def denial_of(ask: Callable[[], object]) -> str:
    """What a person must mend; nothing where it goes."""
    try:
        ask()
    except ConfigurationError as denied:
        return str(denied)
    except EmoTalkError:
        pass
    return ""


def loss_of(look: Callable[[], object]) -> str:
    """What is said of a log that is lost; nothing where it is there."""
    try:
        look()
    except QueueLost as lost:
        return str(lost)
    except EmoTalkError:
        pass
    return ""


def refused(queue: KafkaQueue) -> str:
    with pytest.raises(ConfigurationError) as caught:
        queue.prepare()
    queue.close()
    return str(caught.value)
