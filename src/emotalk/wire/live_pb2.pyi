from emotalk.wire import emotalk_pb2 as _emotalk_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Felt(_message.Message):
    __slots__ = ("emotions",)
    EMOTIONS_FIELD_NUMBER: _ClassVar[int]
    emotions: _containers.RepeatedCompositeFieldContainer[_emotalk_pb2.EmotionKey]
    def __init__(self, emotions: _Optional[_Iterable[_Union[_emotalk_pb2.EmotionKey, _Mapping]]] = ...) -> None: ...

class Opening(_message.Message):
    __slots__ = ("request_id", "sample_rate", "encoding", "latency", "as_clip", "performance", "adjustment", "as_response", "trace")
    class TraceEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    SAMPLE_RATE_FIELD_NUMBER: _ClassVar[int]
    ENCODING_FIELD_NUMBER: _ClassVar[int]
    LATENCY_FIELD_NUMBER: _ClassVar[int]
    AS_CLIP_FIELD_NUMBER: _ClassVar[int]
    PERFORMANCE_FIELD_NUMBER: _ClassVar[int]
    ADJUSTMENT_FIELD_NUMBER: _ClassVar[int]
    AS_RESPONSE_FIELD_NUMBER: _ClassVar[int]
    TRACE_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    sample_rate: int
    encoding: str
    latency: float
    as_clip: bool
    performance: _emotalk_pb2.Performance
    adjustment: Adjustment
    as_response: bool
    trace: _containers.ScalarMap[str, str]
    def __init__(self, request_id: _Optional[str] = ..., sample_rate: _Optional[int] = ..., encoding: _Optional[str] = ..., latency: _Optional[float] = ..., as_clip: bool = ..., performance: _Optional[_Union[_emotalk_pb2.Performance, _Mapping]] = ..., adjustment: _Optional[_Union[Adjustment, _Mapping]] = ..., as_response: bool = ..., trace: _Optional[_Mapping[str, str]] = ...) -> None: ...

class Adjustment(_message.Message):
    __slots__ = ("upper_strength", "lower_strength", "upper_smoothing", "lower_smoothing", "blink_strength", "blink_offset", "eyelid_offset", "lip_offset", "multipliers", "offsets", "clamp")
    UPPER_STRENGTH_FIELD_NUMBER: _ClassVar[int]
    LOWER_STRENGTH_FIELD_NUMBER: _ClassVar[int]
    UPPER_SMOOTHING_FIELD_NUMBER: _ClassVar[int]
    LOWER_SMOOTHING_FIELD_NUMBER: _ClassVar[int]
    BLINK_STRENGTH_FIELD_NUMBER: _ClassVar[int]
    BLINK_OFFSET_FIELD_NUMBER: _ClassVar[int]
    EYELID_OFFSET_FIELD_NUMBER: _ClassVar[int]
    LIP_OFFSET_FIELD_NUMBER: _ClassVar[int]
    MULTIPLIERS_FIELD_NUMBER: _ClassVar[int]
    OFFSETS_FIELD_NUMBER: _ClassVar[int]
    CLAMP_FIELD_NUMBER: _ClassVar[int]
    upper_strength: float
    lower_strength: float
    upper_smoothing: float
    lower_smoothing: float
    blink_strength: float
    blink_offset: float
    eyelid_offset: float
    lip_offset: float
    multipliers: _containers.RepeatedScalarFieldContainer[float]
    offsets: _containers.RepeatedScalarFieldContainer[float]
    clamp: bool
    def __init__(self, upper_strength: _Optional[float] = ..., lower_strength: _Optional[float] = ..., upper_smoothing: _Optional[float] = ..., lower_smoothing: _Optional[float] = ..., blink_strength: _Optional[float] = ..., blink_offset: _Optional[float] = ..., eyelid_offset: _Optional[float] = ..., lip_offset: _Optional[float] = ..., multipliers: _Optional[_Iterable[float]] = ..., offsets: _Optional[_Iterable[float]] = ..., clamp: bool = ...) -> None: ...

class Drawn(_message.Message):
    __slots__ = ("index", "first_frame", "frames", "is_final", "columns", "first_step", "feelings")
    INDEX_FIELD_NUMBER: _ClassVar[int]
    FIRST_FRAME_FIELD_NUMBER: _ClassVar[int]
    FRAMES_FIELD_NUMBER: _ClassVar[int]
    IS_FINAL_FIELD_NUMBER: _ClassVar[int]
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    FIRST_STEP_FIELD_NUMBER: _ClassVar[int]
    FEELINGS_FIELD_NUMBER: _ClassVar[int]
    index: int
    first_frame: int
    frames: bytes
    is_final: bool
    columns: int
    first_step: int
    feelings: bytes
    def __init__(self, index: _Optional[int] = ..., first_frame: _Optional[int] = ..., frames: _Optional[bytes] = ..., is_final: bool = ..., columns: _Optional[int] = ..., first_step: _Optional[int] = ..., feelings: _Optional[bytes] = ...) -> None: ...
