"""A server and a worker in one process, made to be killed; it prints each fact once the queue has promised it."""

import sys
from itertools import count
from pathlib import Path

from emotalk.queues.base import Record
from emotalk.queues.sqlite import SqliteQueue

queue = SqliteQueue(Path(sys.argv[1]))
producer, consumer = queue.producer(), queue.consumer("worker")
first = int(sys.argv[2])
for number in count(first):
    producer.append(Record(f"{number}", "key", "digest", b"voice %d" % number * 1000, {}))
    print("appended", number, flush=True)
    if number % 3 == 0:  # the queue grows: there is always something in it
        continue
    claim = consumer.claim(0)
    assert claim is not None
    consumer.begin(claim, claim.attempts + 1)
    consumer.publish(claim, [b"a", b"b", b"c"])
    print("published", claim.request.request_id, flush=True)
    consumer.complete(claim)
    print("completed", claim.request.request_id, flush=True)
