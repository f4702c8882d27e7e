"""The queue on Kafka: four topics and a consumer group, through confluent-kafka.

    server                                                                                          worker
    producer ──► audio-requests       key: session, else id    kept until done, deleted hourly ──► consumer
       └───────► audio-jobs           key: id NUL accepted ┐   compacted; deleted 24 h later          │
                 (one partition)      key: id              ├◄─ how far its run has come ──────────────┤
    ledger ────►                      key: id NUL wish     ┘   cancelled or put aside by hand         │
    results ◄─── blendshape-results   key: id                  24 h ◄─────────────────────────────────┤
    ledger ◄──── audio-requests.dead  key: id                  compacted; until deleted by hand ◄─────┘

    producer · consumer · results · ledger · meter     the ports of queues/base.py
    client                                             how brokers are spoken to: settings, topics, records, errors
    claims                                             the workers' group: who owns which partition, and how far it is
    job_notes                                          where each job stands: the topic of jobs, written and read

Why a topic of jobs: docs/decisions/0027. Why attempts are counted in commits: docs/decisions/0007.
What is waited for: docs/decisions/0040.

confluent-kafka, because its librdkafka has what this needs and pure Python clients lack in part: idempotent producing,
cooperative rebalancing, static membership, commit metadata, pausing that survives a rebalance.
"""

import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing

from emotalk.limits import MAX_RECORD_MIB
from emotalk.queues.base import GROUP, JobRow
from emotalk.queues.kafka.client.cluster import Cluster
from emotalk.queues.kafka.client.identity import Identity
from emotalk.queues.kafka.client.topics import check_rights, prepare_topics
from emotalk.queues.kafka.consumer import KafkaConsumer
from emotalk.queues.kafka.job_notes.register import Register
from emotalk.queues.kafka.ledger import KafkaLedger
from emotalk.queues.kafka.meter import KafkaMeter
from emotalk.queues.kafka.producer import KafkaProducer
from emotalk.queues.kafka.results import KafkaResults
from emotalk.queues.kafka_options import check_options, check_prefix

__all__ = ["KafkaQueue"]


class KafkaQueue:
    """The queue at `bootstrap` ("host:port[,host:port…]").

    `partitions`: the request topic has at least so many. `replication` (default: three, or as many as there are
    brokers) counts when topics are created. `max_waiting` bounds the unfinished requests, as they were a second ago at
    most. `settings` go to every librdkafka client (security, time-outs). `prefix` goes before topic and group names.
    `record_mib`: the largest record that the broker takes. `clock` gives seconds since 1970.
    """

    def __init__(
        self,
        bootstrap: str,
        *,
        replication: int | None = None,
        partitions: int = 1,
        group: str = GROUP,
        settings: Mapping[str, str] | None = None,
        max_poll_interval_ms: int = 300_000,
        prefix: str = "",
        clock: Callable[[], float] = time.time,
        max_waiting: int = 0,
        record_mib: int = MAX_RECORD_MIB,
    ) -> None:
        check_options(settings or {})
        check_prefix(prefix)
        self.url = f"kafka://{bootstrap}"
        self._cluster = Cluster(bootstrap, dict(settings or {}), prefix, group, record_mib)
        self._partitions, self._replication, self._max_poll = partitions, replication, max_poll_interval_ms
        self._max_waiting = max_waiting
        self._identity = Identity(self._cluster, self._make)
        self._register = Register(self._cluster, self._identity, clock)
        self._opened = ExitStack()

    def prepare(self, create: bool = True) -> None:
        """See Queue.prepare: reach a broker, create missing topics, mend the settings of the others."""
        prepare_topics(self._cluster, self._partitions, self._replication, create)
        self._identity.look()

    def _make(self, partitions: int) -> None:
        """What is missing, with as many partitions as were seen: under living processes they must not become more."""
        prepare_topics(self._cluster, partitions or self._partitions, self._replication, create=True)

    def check_rights(self) -> None:
        """See Guarded.check_rights."""
        check_rights(self._cluster)

    def producer(self) -> KafkaProducer:
        """See Queue.producer."""
        return self._opened.enter_context(closing(KafkaProducer(self._cluster, self._register, self._max_waiting)))

    def consumer(self, name: str) -> KafkaConsumer:
        """See Queue.consumer. An empty name makes a member that leaves at once when it closes; see KafkaConsumer."""
        return self._opened.enter_context(closing(KafkaConsumer(self._cluster, self._register, name, self._max_poll)))

    def results(self) -> KafkaResults:
        """See Queue.results."""
        return self._opened.enter_context(closing(KafkaResults(self._cluster, self._identity)))

    def meter(self) -> KafkaMeter:
        """See Queue.meter."""
        return self._opened.enter_context(closing(KafkaMeter(self._cluster, self._register)))

    def ledger(self) -> KafkaLedger:
        """See Queue.ledger."""
        return self._opened.enter_context(closing(KafkaLedger(self._cluster, self._register)))

    def jobs(self) -> list[JobRow]:
        """See Queue.jobs."""
        with closing(KafkaLedger(self._cluster, self._register)) as ledger:
            return ledger.rows()

    def close(self) -> None:
        """See Queue.close."""
        self._opened.close()
        self._register.close()
