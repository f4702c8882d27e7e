"""Which lane a key is worked on in: the same one in every process and after every restart; how many there may be.

Why so: docs/decisions/0008.
"""

from zlib import crc32

from emotalk.errors import QueueFull


def lane_of(key: str, lanes: int) -> int:
    """The partition of `key` among `lanes`. Not Python's `hash`, which differs from process to process."""
    return crc32(key.encode()) % lanes


def not_now(there: int, wanted: int, unfinished: int) -> dict[str, object]:
    """What the log says where the number of partitions cannot grow yet."""
    fix = "stop the servers, let the workers finish, and start again: else requests of one session could overtake"
    return {"partitions": there, "wanted": wanted, "unfinished": unfinished, "fix": fix}


def check_waiting(unfinished: int, most: int) -> None:
    """Raise QueueFull where one more request would be too many."""
    if unfinished >= most:
        raise QueueFull(f"the queue holds {unfinished} unfinished requests, its limit (max_waiting): try again later")
