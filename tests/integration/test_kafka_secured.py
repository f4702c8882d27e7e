"""A real broker behind TLS and SASL: what is passed through to it, and what is said where it does not let us in."""

import contextlib
import logging
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme
from confluent_kafka.admin import AdminClient, ScramCredentialInfo, ScramMechanism, UserScramCredentialUpsertion
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from emotalk.client import EmoTalkClient, Request
from emotalk.errors import ConfigurationError, EmoTalkError
from emotalk.queues.kafka import KafkaQueue
from tests.integration.served import command, environment, outside, speech
from tests.kafka.broker import Broker, free_ports
from tests.kafka.lent import lent

pytestmark = pytest.mark.kafka

PASSWORD, OTHER = "horse;battery=staple", "wrong-horse-battery"
MODULE = "org.apache.kafka.common.security.plain.PlainLoginModule required"
SCRAM_MODULE = "org.apache.kafka.common.security.scram.ScramLoginModule required"


@dataclass(frozen=True)
class Secured:
    """The broker's two listeners: one in the clear for setting up, one with TLS and SASL."""

    broker: Broker
    address: str
    ca: Path
    stranger: Path

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
    plain, secret, controller = free_ports(3)
    listeners = f"PLAINTEXT://127.0.0.1:{plain},SECRET://127.0.0.1:{secret}"
    properties = {
        "listeners": f"{listeners},CONTROLLER://127.0.0.1:{controller}",
        "advertised.listeners": listeners,
        "controller.quorum.voters": f"1@127.0.0.1:{controller}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,SECRET:SASL_SSL,CONTROLLER:PLAINTEXT",
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(folder / "broker.pem"),
        "listener.name.secret.sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-512",
        "listener.name.secret.plain.sasl.jaas.config": f'{MODULE} user_emotalk="{PASSWORD}";',
        "listener.name.secret.scram-sha-512.sasl.jaas.config": f"{SCRAM_MODULE};",
    }
    for broker in lent(Broker(properties)):
        info = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096)
        user = UserScramCredentialUpsertion("emotalk", info, PASSWORD.encode())
        admin = AdminClient({"bootstrap.servers": broker.bootstrap})  # held until it has answered
        [done] = admin.alter_user_scram_credentials([user]).values()
        done.result(20)
        yield Secured(broker, f"localhost:{secret}", folder / "ca.pem", folder / "stranger.pem")


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
    monkeypatch.setattr("emotalk.queues.kafka.client.topics._REACH_SECONDS", 3.0)
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
