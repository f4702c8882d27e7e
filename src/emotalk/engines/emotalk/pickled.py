"""The pickle of a torch checkpoint, read as a description of tensors.

No unpickler runs: `pickletools` names the opcodes, and the table below knows those that `torch.save` writes, so a
hostile file finds nothing to call. Every opcode costs constant work, and what is declared is only believed after
`checkpoint.py` has measured it against the file.
"""

import pickletools
from collections.abc import Callable
from typing import Any, NamedTuple


class Storage(NamedTuple):
    """A run of `length` numbers of one `kind` ("FloatStorage", …) in the zip's entry data/`key`."""

    kind: str
    key: str
    length: int


class TensorRecord(NamedTuple):
    """A view of a storage; `offset` and `strides` count elements."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


class _Global(NamedTuple):
    module: str
    name: str


_MARK = object()
_LARGEST = 1 << 62


def describe(pickled: bytes) -> Any:
    """What the pickle holds: dicts, lists, texts, numbers and TensorRecords. Raises ValueError."""
    machine = _Machine()
    try:
        for opcode, argument, _ in pickletools.genops(pickled):
            if opcode.name not in _OPCODES:
                raise ValueError(f"its pickle uses {opcode.name}, which no checkpoint needs")
            _OPCODES[opcode.name](machine, argument)
        return machine.stack.pop()
    except (IndexError, KeyError) as error:
        raise ValueError("its pickle is damaged") from error


class _Machine:
    """A stack and a memo, as in pickle's own machine, and nothing else."""

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}

    def push(self, value: Any) -> None:
        self.stack.append(value)

    def remember(self, slot: int) -> None:
        self.memo[slot] = self.stack[-1]

    def pop_mark(self) -> list[Any]:
        """Everything above the topmost mark."""
        items = []
        while (item := self.stack.pop()) is not _MARK:
            items.append(item)
        return items[::-1]

    def pack(self, count: int) -> None:
        packed = tuple(self.stack.pop() for _ in range(count))
        self.push(packed[::-1])

    def global_name(self, argument: str) -> None:
        module, _, name = argument.partition(" ")
        known = (module, name) in _CALLS or (module == "torch" and name.endswith("Storage"))
        if not known:
            raise ValueError(f"its pickle asks for {module}.{name}; only tensors are read")
        self.push(_Global(module, name))

    def call(self) -> None:
        arguments, function = self.stack.pop(), self.stack.pop()
        if not isinstance(function, _Global) or function not in _CALLS or not isinstance(arguments, tuple):
            raise ValueError("its pickle makes a call that no checkpoint needs")
        self.push(_CALLS[function](*arguments[:5]) if arguments else {})

    def storage(self) -> None:
        match self.stack.pop():
            case ("storage", _Global("torch", kind), str(key), str(), int(length)):
                self.push(Storage(kind, key, _read_size(length)))
            case _:
                raise ValueError("its pickle refers to something that is not a storage")

    def set_items(self, items: list[Any]) -> None:
        target = self.stack[-1]
        if not isinstance(target, dict) or len(items) % 2:
            raise ValueError("its pickle is damaged")
        # Only texts and numbers: hashing nested tuples may take for ever.
        if not all(isinstance(key, str | int) for key in items[::2]):
            raise ValueError("its pickle has a key that is neither a text nor a number")
        target.update(zip(items[::2], items[1::2], strict=True))

    def extend(self, items: list[Any]) -> None:
        if not isinstance(self.stack[-1], list):
            raise ValueError("its pickle is damaged")
        self.stack[-1].extend(items)


def _make_tensor(*arguments: Any) -> TensorRecord:
    match arguments:
        case (Storage() as storage, int(offset), tuple(shape), tuple(strides), *_):
            return TensorRecord(
                storage, _read_size(offset), tuple(map(_read_size, shape)), tuple(map(_read_size, strides))
            )
    raise ValueError("its pickle describes an impossible tensor")


def _make_parameter(tensor: Any, *_: Any) -> Any:
    return tensor


def _ordered_dict(*_: Any) -> Any:
    raise ValueError("its pickle fills a dict in a way that no checkpoint needs")


def _read_size(value: Any) -> int:
    if not isinstance(value, int) or not 0 <= value <= _LARGEST:
        raise ValueError(f"its pickle gives a size of {value if isinstance(value, int) else type(value).__name__}")
    return value


_CALLS: dict[tuple[str, str], Callable[..., Any]] = {
    ("collections", "OrderedDict"): _ordered_dict,
    ("torch._utils", "_rebuild_tensor_v2"): _make_tensor,
    ("torch._utils", "_rebuild_parameter"): _make_parameter,
}

_OPCODES: dict[str, Callable[[_Machine, Any], object]] = {
    "PROTO": lambda machine, _: None,
    "STOP": lambda machine, _: None,
    "MARK": lambda machine, _: machine.push(_MARK),
    "NONE": lambda machine, _: machine.push(None),
    "NEWTRUE": lambda machine, _: machine.push(True),
    "NEWFALSE": lambda machine, _: machine.push(False),
    "BININT": _Machine.push,
    "BININT1": _Machine.push,
    "BININT2": _Machine.push,
    "LONG1": _Machine.push,
    "BINFLOAT": _Machine.push,
    "BINUNICODE": _Machine.push,
    "EMPTY_DICT": lambda machine, _: machine.push({}),
    "EMPTY_LIST": lambda machine, _: machine.push([]),
    "EMPTY_TUPLE": lambda machine, _: machine.push(()),
    "TUPLE1": lambda machine, _: machine.pack(1),
    "TUPLE2": lambda machine, _: machine.pack(2),
    "TUPLE3": lambda machine, _: machine.pack(3),
    "TUPLE": lambda machine, _: machine.push(tuple(machine.pop_mark())),
    "APPEND": lambda machine, _: machine.extend([machine.stack.pop()]),
    "APPENDS": lambda machine, _: machine.extend(machine.pop_mark()),
    "SETITEM": lambda machine, _: machine.set_items([machine.stack.pop(), machine.stack.pop()][::-1]),
    "SETITEMS": lambda machine, _: machine.set_items(machine.pop_mark()),
    "BINPUT": _Machine.remember,
    "LONG_BINPUT": _Machine.remember,
    "BINGET": lambda machine, slot: machine.push(machine.memo[slot]),
    "LONG_BINGET": lambda machine, slot: machine.push(machine.memo[slot]),
    "GLOBAL": _Machine.global_name,
    "BINPERSID": lambda machine, _: machine.storage(),
    "REDUCE": lambda machine, _: machine.call(),
    # A module's state dict carries `_metadata` as an attribute, which nothing here needs.
    "BUILD": lambda machine, _: machine.stack.pop(),
}
