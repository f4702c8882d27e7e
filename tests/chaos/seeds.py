"""The seeds that CI plays: those that have found a defect.

A campaign's script is drawn from its seed, but processes are not: a seed raises the odds of what it found, no more.
So a defect that is understood also gets a test of its own beside the code that had it; the lines here say which.

    sqlite 21   a window that hung in native code at once had the log's three minutes, and outlived its server
                tests/unit/test_worker.py: from each window on …
    sqlite 293592 (3 minutes)
                poison that was buried while its client was cut off was begun anew by the client's own repetition
                tests/integration/test_jobs.py: poison that was buried …
    kafka 11    every request hung: one handle was polled and asked at once (found by others in the same hour)
    kafka 31    a worker that was fenced took it for an outage and never joined again
                tests/unit/test_kafka_consumer.py: a membership that met a fatal error …
                a server that answered UNAVAILABLE was asked for ever
                tests/unit/test_client.py: a server that answers and takes nothing …
    kafka 32    a worker that asked a broker in its first moment died of StopIteration
                tests/unit/test_kafka_topics.py: a broker that answers before it knows of itself …
"""

KEPT: dict[str, tuple[int, ...]] = {"sqlite": (21,), "kafka": (31,), "cluster": (1,)}
