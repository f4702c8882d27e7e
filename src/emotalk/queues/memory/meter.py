"""What a queue in memory looks like from outside."""

from emotalk.queues.base import LaneReading, Reading
from emotalk.queues.memory.store import Lane, Store


class MemoryMeter:
    """See Meter."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def read(self) -> Reading:
        """See Meter.read."""
        with self._store.hold():
            lanes = [self._read_lane(number, lane) for number, lane in enumerate(self._store.lanes)]
            return Reading(lanes, self._store.letters())

    @staticmethod
    def _read_lane(number: int, lane: Lane) -> LaneReading:
        waiting = [lane.jobs[place] for place in range(lane.head, lane.next) if lane.jobs[place].waits]
        return LaneReading(number, len(waiting), waiting[0].appended_at if waiting else None)

    def close(self) -> None:
        """See Meter.close."""
