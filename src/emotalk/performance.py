"""How a clip is performed, as far as its caller may ask. The sound, the gains and the engine are not part of it.

Every entrance is made of these fields: gRPC, HTTP, WebSocket, the client, the flags, the digest and the record.
CONTRIBUTING.md, "Add a parameter of a performance", says how to add one.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, get_type_hints

from emotalk.chunking import DEFAULT_DURATION, DEFAULT_OVERLAP, Chunking
from emotalk.errors import InvalidRequest
from emotalk.face import EMOTION_LEVELS, PERSONS, Style
from emotalk.feelings import FEELINGS, EmotionKey, check_keys, meaning, read_keys


@dataclass(frozen=True)
class Parameter:
    """What the entrances know of one field of a performance.

    `fix`: the sentence for a value that cannot be used. `between`: its limits, both included. `read`: text or JSON →
    value, for kinds that are not int, float, bool, str or Literal; raises InvalidRequest. `live`: a microphone may ask
    for it. `record`: the version of job records that carries it; 0: the worker does not need it. `flag`: its name on
    the command line, where that is another.
    """

    name: str
    kind: Any
    default: Any
    help: str
    fix: str
    metavar: str | None
    between: tuple[float, float] | None
    read: Callable[[Any], Any] | None
    live: bool
    record: int
    flag: str


def parameter(
    default: Any,
    help: str,
    fix: str,
    *,
    metavar: str | None = None,
    between: tuple[float, float] | None = None,
    read: Callable[[Any], Any] | None = None,
    live: bool = True,
    record: int = 2,
    flag: str = "",
) -> Any:
    """A field of Performance; see Parameter. The first five may be given by place, later ones by name alone."""
    known = {"help": help, "fix": fix, "metavar": metavar, "between": between, "read": read}
    return field(default=default, kw_only=record != 1, metadata={**known, "live": live, "record": record, "flag": flag})


@dataclass(frozen=True)
class Performance:
    """Durations in seconds. Holds whatever was asked; `check` says whether it can be."""

    emotion_level: int = parameter(
        1, "0 calm, 1 strong", "Use 0 (calm) or 1 (strong)", metavar="N", between=(0, EMOTION_LEVELS - 1), record=1
    )
    person_id: int = parameter(
        0, "speaking style, 0..23", f"Use 0..{PERSONS - 1}", metavar="N", between=(0, PERSONS - 1), record=1
    )
    post_processing: bool = parameter(True, "smoothing, gains, blinks and clamp", "Use true or false", record=1)
    chunk_duration: float = parameter(
        DEFAULT_DURATION,
        "seconds of one chunk, 1..120",
        "Use 1..120 seconds",
        metavar="S",
        between=(1, 120),
        live=False,
        record=1,
    )
    chunk_overlap: float = parameter(
        DEFAULT_OVERLAP,
        "seconds that neighbouring chunks share, under half a chunk; 0: none",
        "Use seconds, less than half of the duration, or 0 for none",
        metavar="S",
        between=(0, 60),
        live=False,
        record=1,
    )
    head: bool = parameter(
        False,
        "the turn of the head with each frame: yaw, pitch and roll in degrees (docs/head.md)",
        "Use on or off",
        metavar="on|off",
    )

    audio_format: str = parameter(
        "",
        "of samples without a header: pcm16le:16000, mulaw:8000, KIND:RATE[:CHANNELS]",
        "Use KIND:RATE or KIND:RATE:CHANNELS, e.g. pcm16le:16000",
        metavar="KIND:RATE",
        live=False,
        record=0,
        flag="raw",
    )
    lenient: bool = parameter(
        False,
        "animate what a damaged file still holds, and say what is missing",
        "Use true or false",
        live=False,
        record=0,
    )
    emotion: str = parameter(
        "",
        f"auto: feelings as they are heard (shy: only where sure; bold: sooner), off, or NAME[=0..1] with NAME one of "
        f"{', '.join(FEELINGS)}; default: auto where the engine draws no feelings itself",
        "Use auto, shy, bold, off or NAME[=0..1]",
        metavar="WHICH",
    )
    emotions: tuple[EmotionKey, ...] = parameter(
        (),
        'key frames of feelings: [{"time": 0, "joy": 0.8}, …], or a file of them (.json, .csv)',
        'Use [{"time": 0, "joy": 0.8}, …] with rising times and strengths 0..1',
        metavar="FILE",
        read=read_keys,
    )
    emotion_strength: float = parameter(
        0.6, "of all feelings, 0..1", "Use 0 (none) to 1 (full)", metavar="X", between=(0, 1)
    )
    preferred_emotion_strength: float = parameter(
        1.0, "the caller's feelings (1) against those that are heard (0)", "Use 0..1", metavar="X", between=(0, 1)
    )

    def __post_init__(self) -> None:
        """Key frames as JSON has them become ours. Raises InvalidRequest."""
        if not (isinstance(self.emotions, tuple) and all(isinstance(key, EmotionKey) for key in self.emotions)):
            object.__setattr__(self, "emotions", read_keys(self.emotions))

    @property
    def style(self) -> Style:
        """Who speaks, and how. Raises InvalidRequest."""
        return Style(self.emotion_level, self.person_id)

    @property
    def chunking(self) -> Chunking:
        """Windows on the grid of 0.1 s. Raises InvalidRequest."""
        return Chunking.of(self.chunk_duration, self.chunk_overlap)

    def check(self, live: bool = False) -> None:
        """Raise InvalidRequest that names the first field that cannot be used; `live`: by a microphone."""
        _ = self.style, self.chunking, meaning(self.emotion)
        check_keys(self.emotions)
        for each in PARAMETERS:
            value = getattr(self, each.name)
            if each.between and not each.between[0] <= value <= each.between[1]:
                raise InvalidRequest(each.name, f"{value:g} is out of range", each.fix)
            if live and not each.live and value != each.default:
                raise InvalidRequest(each.name, "does not apply to live sound", "Send it with a file, or remove it")

    def for_worker(self) -> "Performance":
        """As a job has it: durations on the grid, without what the worker does not need. Raises InvalidRequest."""
        spent = {each.name: each.default for each in PARAMETERS if not each.record}
        return replace(self, chunk_duration=self.chunking.duration, chunk_overlap=self.chunking.overlap, **spent)

    def list_changed(self) -> dict[str, Any]:
        """The fields that differ from their defaults, by name, as plain values: dataclasses as dictionaries."""
        plain = asdict(self)
        return {each.name: plain[each.name] for each in PARAMETERS if getattr(self, each.name) != each.default}

    def later(self) -> dict[str, Any]:
        """What was asked beyond the first version's five parameters."""
        return {name: value for name, value in self.list_changed().items() if name not in FIRST}

    def identity(self) -> tuple[Any, ...]:
        """What tells two performances apart. An id that was sent before a parameter existed keeps its digest."""
        return (*(getattr(self, name) for name in FIRST), *self.later().items())


def _list_parameters() -> tuple[Parameter, ...]:
    kinds = get_type_hints(Performance)
    return tuple(Parameter(each.name, kinds[each.name], each.default, **each.metadata) for each in fields(Performance))


PARAMETERS = _list_parameters()
FIRST = tuple(each.name for each in PARAMETERS if each.record == 1)
