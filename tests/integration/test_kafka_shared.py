"""Somebody else's Kafka: names that are taken, small records, settings that are not told or not known."""

import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
import pytest
from confluent_kafka import Producer as BareProducer
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, NewTopic, ResourceType

from emotalk.client import EmoTalkClient, Request
from emotalk.errors import AudioTooLong, ConfigurationError, QueueUnavailable
from emotalk.queues.base import Record
from emotalk.queues.kafka import KafkaQueue
from emotalk.queues.kafka.client import topics, upkeep
from tests.integration.served import command, outside, speech
from tests.kafka.broker import Broker
from tests.unit.audio_files import wav

pytestmark = pytest.mark.kafka

MiB = 2**20
PATIENCE = 30.0
WEEK_MS = "604800000"
TOPICS = ("audio-requests", "blendshape-results", "audio-requests.dead", "audio-jobs")


@pytest.fixture
def prefix() -> str:
    return f"s-{uuid.uuid4().hex[:12]}."


@pytest.fixture
def admin(kafka_broker: Broker) -> AdminClient:
    return AdminClient({"bootstrap.servers": kafka_broker.bootstrap})


@pytest.fixture
def open_queue(kafka_broker: Broker, prefix: str) -> Iterator[Callable[..., KafkaQueue]]:
    opened: list[KafkaQueue] = []

    def open_one(**options: object) -> KafkaQueue:
        opened.append(KafkaQueue(kafka_broker.bootstrap, **{"prefix": prefix} | options))  # type: ignore[arg-type]
        opened[-1].prepare()
        return opened[-1]

    yield open_one
    for queue in opened:
        queue.close()


def make(admin: AdminClient, name: str, settings: Mapping[str, str], partitions: int = 1) -> None:
    [made] = admin.create_topics([NewTopic(name, partitions, 1, config=dict(settings))]).values()
    made.result(timeout=PATIENCE)


def alter(admin: AdminClient, name: str, settings: Mapping[str, str]) -> None:
    entries = [ConfigEntry(*each, incremental_operation=AlterConfigOpType.SET) for each in settings.items()]
    resource = ConfigResource(ResourceType.TOPIC, name, incremental_configs=entries)
    [altered] = admin.incremental_alter_configs([resource]).values()
    altered.result(timeout=PATIENCE)


def write(broker: Broker, topic: str, values: list[bytes], key: bytes | None = None) -> None:
    bare = BareProducer({"bootstrap.servers": broker.bootstrap})
    for number, value in enumerate(values):
        bare.produce(topic, value, key if key is not None else b"%d" % number)
    assert bare.flush(PATIENCE) == 0


def settings_of(admin: AdminClient, topic: str) -> dict[str, str]:
    [answer] = admin.describe_configs([ConfigResource(ResourceType.TOPIC, topic)]).values()
    return {name: entry.value for name, entry in answer.result(timeout=PATIENCE).items()}


def noise(seconds: float) -> bytes:
    """What no FLAC makes smaller."""
    return wav(np.random.default_rng(0).integers(-(2**15), 2**15, round(seconds * 16_000), np.int16).tobytes())


def request(name: str, payload: bytes = b"EMTK voice") -> Record:
    return Record(name, name, f"digest {name}", payload)


@pytest.mark.parametrize(
    ("topic", "value"),
    [
        ("audio-requests", b"twenty of them"),
        ("blendshape-results", b"\0\0\0\0\1avro"),
        ("audio-requests.dead", b"{}"),
        ("audio-jobs", b'{"version": 1, "state": "queued", "offset": 0}'),
    ],
)
def test_a_topic_with_somebody_elses_records_is_refused_by_name_and_nothing_of_it_is_changed(
    kafka_broker: Broker, admin: AdminClient, prefix: str, topic: str, value: bytes
) -> None:
    make(admin, prefix + topic, {"retention.ms": WEEK_MS}, partitions=2)
    write(kafka_broker, prefix + topic, [value] * 20)
    before = settings_of(admin, prefix + topic)
    with pytest.raises(ConfigurationError, match=f"{prefix}{topic} .*not EmoTalk's.*--kafka-prefix"):
        KafkaQueue(kafka_broker.bootstrap, prefix=prefix).prepare()
    assert settings_of(admin, prefix + topic) == before
    assert [name for name in admin.list_topics(timeout=PATIENCE).topics if name.startswith(prefix)] == [prefix + topic]


def test_a_slip_among_our_records_stops_nobody_but_then_no_setting_is_changed(
    kafka_broker: Broker, admin: AdminClient, prefix: str, open_queue: Callable[..., KafkaQueue]
) -> None:
    open_queue().producer().append(request("one"))
    write(kafka_broker, f"{prefix}audio-requests", [b"a slip"])
    open_queue()
    alter(admin, f"{prefix}audio-requests", {"retention.ms": WEEK_MS})
    with pytest.raises(ConfigurationError, match="not EmoTalk's"):
        open_queue()
    assert settings_of(admin, f"{prefix}audio-requests")["retention.ms"] == WEEK_MS


def test_settings_that_somebody_has_changed_are_mended_where_the_records_are_ours_and_it_is_said(
    admin: AdminClient,
    prefix: str,
    open_queue: Callable[..., KafkaQueue],
    caplog: pytest.LogCaptureFixture,
    kafka_broker: Broker,
) -> None:
    queue = open_queue()
    queue.producer().append(request("one"))
    write(kafka_broker, f"{prefix}blendshape-results", [b"EMTK a part of version 0.1"], key=b"one")
    for topic in TOPICS:
        alter(admin, prefix + topic, {"retention.ms": "7200000", "cleanup.policy": "delete"})
    KafkaQueue(kafka_broker.bootstrap, prefix=prefix).prepare(create=False)
    assert settings_of(admin, f"{prefix}audio-jobs")["cleanup.policy"] == "delete"
    open_queue()
    assert settings_of(admin, f"{prefix}audio-jobs")["cleanup.policy"] == "compact"
    assert settings_of(admin, f"{prefix}audio-requests")["retention.ms"] == "-1"
    assert "retention.ms=-1 (was 7200000)" in caplog.text


def test_two_deployments_on_one_cluster_never_meet(kafka_broker: Broker, tmp_path: Path, prefix: str) -> None:
    address = f"kafka://{kafka_broker.bootstrap}"
    common = ("--queue", address, "--port", "0", "--engine", "tone")
    with (
        outside(tmp_path, "serve", *common, "--kafka-prefix", f"{prefix}one.") as one,
        outside(tmp_path, "serve", *common, "--no-worker", EMOTALK_KAFKA_PREFIX=f"{prefix}two.") as two,
        EmoTalkClient("127.0.0.1", one.port, timeout=60) as client,
        EmoTalkClient("127.0.0.1", two.port, timeout=60) as other,
    ):
        other.submit(Request(speech(1.0), request_id="the same id"))
        assert sum(len(chunk.frames) for chunk in client.stream(Request(speech(2.0), request_id="the same id"))) == 60
        assert other.job("the same id").state == "queued"
    listed = command(tmp_path, "jobs", "list", "--queue", address, "--kafka-prefix", f"{prefix}one.")
    assert "done" in listed.stdout
    nowhere = command(tmp_path, "jobs", "list", "--queue", address, "--kafka-prefix", f"{prefix}three.")
    assert f"{prefix}three.audio-requests" in nowhere.stderr
    assert "--kafka-prefix" in nowhere.stderr


def test_a_broker_that_takes_one_mebibyte_serves_and_refuses_by_length_what_does_not_fit(
    kafka_broker: Broker, admin: AdminClient, tmp_path: Path, prefix: str
) -> None:
    """The topics are made by hand, as where nobody may alter them; Kafka's own default is 12 bytes more."""
    for topic, wanted in topics.list_settings(KafkaQueue(kafka_broker.bootstrap, prefix=prefix)._cluster).items():
        make(admin, topic, {**wanted, "max.message.bytes": str(MiB)})
    options = ("--kafka-prefix", prefix, "--max-message-mib", "1", "--engine", "tone", "--port", "0")
    with (
        outside(tmp_path, "serve", "--queue", f"kafka://{kafka_broker.bootstrap}", *options) as server,
        EmoTalkClient("127.0.0.1", server.port, timeout=60) as client,
    ):
        with pytest.raises(AudioTooLong, match=r"limit is 0\.94 MiB: about \d+ s of it fit.*--max-message-mib"):
            list(client.stream(Request(noise(60.0))))
        assert sum(len(chunk.frames) for chunk in client.stream(Request(noise(20.0)))) == 600
    assert {settings_of(admin, prefix + topic)["max.message.bytes"] for topic in TOPICS} == {str(MiB)}


def test_records_of_the_largest_size_go_in_come_out_and_are_buried(open_queue: Callable[..., KafkaQueue]) -> None:
    queue = open_queue(record_mib=1)
    worker, results, largest = queue.consumer(""), queue.results(), bytes(MiB - 64 * 2**10)
    queue.producer().append(request("a" * 200, largest))
    claim = worker.claim(PATIENCE)
    assert claim is not None
    worker.publish(claim, [bytes(70_000)] * 40)
    worker.bury(claim, largest + bytes(32 * 2**10), "why" * 600, [])
    heard: list[object] = []
    while len(heard) < 40 and (news := results.poll(PATIENCE)):
        heard += news
    assert len(heard) == 40
    [row] = queue.jobs()
    assert len(queue.ledger().payload(row)) == MiB - 32 * 2**10


def test_a_broker_that_lacks_a_setting_does_and_it_is_said_once(
    open_queue: Callable[..., KafkaQueue], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    real = topics.list_settings
    lacking = {"newer.than.this.broker": "1"}
    monkeypatch.setattr(topics, "OPTIONAL", (*upkeep.OPTIONAL, *lacking))
    monkeypatch.setattr(upkeep, "OPTIONAL", (*upkeep.OPTIONAL, *lacking))
    monkeypatch.setattr(
        topics, "list_settings", lambda cluster: {k: {**v, **lacking} for k, v in real(cluster).items()}
    )
    open_queue().producer().append(request("one"))
    caplog.clear()
    claim = open_queue().consumer("").claim(PATIENCE)
    assert claim is not None
    assert caplog.text.count("this broker lacks a setting") == 1


def test_where_our_quota_is_used_up_that_is_what_is_said_and_what_was_accepted_is_worked_on(
    open_queue: Callable[..., KafkaQueue], kafka_broker: Broker
) -> None:
    worker, slow = open_queue(), open_queue(settings={"client.id": f"slow-{uuid.uuid4().hex[:8]}"})
    kafka_broker.limit(slow._cluster.settings["client.id"], 5_000)
    producer = slow.producer()

    def write_on() -> None:
        for name in ("one", "two", "three"):  # how much is free at first is the broker's to say
            producer.append(request(name, b"EMTK" + bytes(100_000)))

    with pytest.raises(QueueUnavailable, match=r"quota .* is used up\. Try again in \d+ s"):
        write_on()
    producer.ping()
    claim = worker.consumer("").claim(PATIENCE)
    assert claim is not None
    assert claim.request.request_id == "one"
