"""Which lane a key is worked on in: the same one in every process and after every restart."""

from zlib import crc32


def lane_of(key: str, lanes: int) -> int:
    """The partition of `key` among `lanes`. Not Python's `hash`, which differs from process to process."""
    return crc32(key.encode()) % lanes
