"""Valid bytes → nearly valid ones: what a fuzzer without a view into the code can do."""

import random
import struct
from collections.abc import Sequence
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

MOST_CHANGES = 8
_NUMBERS = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, *(2**n - d for n in (31, 32, 63, 64) for d in (0, 1)))
_FLOATS = (0.0, -0.0, 1e-45, 0.05, 0.1, -1.0, 3.4e38, float("inf"), float("-inf"), float("nan"))
_TEXTS = ("", "\0", "a\nb", "../../etc/passwd", "\u202eabc", "é" * 200, "x" * 5000, "%s%n", "jawOpen", '{"a":1}')

_UNSIGNED = (FieldDescriptor.CPPTYPE_UINT32, FieldDescriptor.CPPTYPE_UINT64)
_WIDE = (FieldDescriptor.CPPTYPE_INT64, FieldDescriptor.CPPTYPE_UINT64)


def mutated(corpus: Sequence[bytes], draw: random.Random) -> bytes:
    """One of the corpus, changed in one to eight places; the same for the same state of `draw`."""
    data = bytearray(draw.choice(corpus))
    for _ in range(draw.randint(1, MOST_CHANGES)):
        draw.choice(_CHANGES)(data, draw, corpus)
    return bytes(data)


def with_other_fields(message: Message, draw: random.Random) -> Message:
    """The same message with one to four of its fields changed: it still parses, and says something else."""
    for _ in range(draw.randint(1, 4)):
        field: Any = draw.choice(message.DESCRIPTOR.fields)
        if draw.random() < 0.15:
            message.ClearField(field.name)
        elif field.message_type is None and not field.is_repeated:
            setattr(message, field.name, _other(field, getattr(message, field.name), draw))
    return message


def _other(field: FieldDescriptor, value: Any, draw: random.Random) -> Any:
    if field.cpp_type in (FieldDescriptor.CPPTYPE_FLOAT, FieldDescriptor.CPPTYPE_DOUBLE):
        return draw.choice(_FLOATS)
    if field.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
        return not value
    if field.type == FieldDescriptor.TYPE_BYTES:
        return mutated([value], draw)
    if field.cpp_type == FieldDescriptor.CPPTYPE_STRING:
        return draw.choice(_TEXTS)
    unsigned, wide = field.cpp_type in _UNSIGNED, field.cpp_type in _WIDE
    bits = (64 if wide else 32) - (0 if unsigned else 1)
    return draw.choice((0, 1, 2, 7, 2**bits - 1, *(() if unsigned else (-1, -(2**bits)))))


def _place(data: bytearray, draw: random.Random) -> int:
    """Headers are where the decisions fall: half of all changes go there."""
    return draw.randrange(min(len(data), 128) if draw.random() < 0.5 else len(data)) if data else 0


def _flip(data: bytearray, draw: random.Random, _: Sequence[bytes]) -> None:
    if data:
        data[_place(data, draw)] ^= 1 << draw.randrange(8)


def _number(data: bytearray, draw: random.Random, _: Sequence[bytes]) -> None:
    form = draw.choice(("<B", "<H", "<I", "<Q", ">H", ">I", ">Q"))
    size = struct.calcsize(form)
    number = draw.choice(_NUMBERS) if draw.random() < 0.7 else draw.getrandbits(8 * size)
    at = _place(data, draw)
    data[at : at + size] = struct.pack(form, number % 2 ** (8 * size))


def _cut(data: bytearray, draw: random.Random, _: Sequence[bytes]) -> None:
    at = _place(data, draw)
    del data[at : at + draw.choice((1, 2, 4, 16, 256, len(data)))]


def _repeat(data: bytearray, draw: random.Random, _: Sequence[bytes]) -> None:
    at = _place(data, draw)
    data[at:at] = data[at : at + draw.choice((1, 4, 64, 1024))] * draw.choice((1, 2, 16))


def _noise(data: bytearray, draw: random.Random, _: Sequence[bytes]) -> None:
    at = _place(data, draw)
    data[at : at + draw.choice((0, 4))] = draw.randbytes(draw.choice((1, 4, 32)))


def _splice(data: bytearray, draw: random.Random, corpus: Sequence[bytes]) -> None:
    other = draw.choice(corpus)
    data[_place(data, draw) :] = other[draw.randrange(len(other)) if other else 0 :]


_CHANGES = (_flip, _flip, _number, _number, _cut, _repeat, _noise, _splice)
