"""Which partition a key goes to: murmur2 as Java clients and librdkafka's murmur2_random count it."""

from struct import Struct

_SEED, _M, _R = 0x9747B28C, 0x5BD1E995, 24
_MASK = 0xFFFFFFFF
_WORDS = Struct("<I")


def partition_of(key: str, partitions: int) -> int:
    """The partition of `key` among so many."""
    if partitions == 1:
        return 0
    return (_murmur2(key.encode()) & 0x7FFFFFFF) % partitions


def _murmur2(data: bytes) -> int:
    hashed = _SEED ^ len(data)
    whole = len(data) & ~3
    for (word,) in _WORDS.iter_unpack(data[:whole]):
        word = word * _M & _MASK
        word = (word ^ word >> _R) * _M & _MASK
        hashed = hashed * _M & _MASK ^ word
    if rest := data[whole:]:
        hashed = (hashed ^ int.from_bytes(rest, "little")) * _M & _MASK
    hashed = (hashed ^ hashed >> 13) * _M & _MASK
    return hashed ^ hashed >> 15
