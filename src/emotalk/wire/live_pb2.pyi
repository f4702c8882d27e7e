from emotalk.wire import emotalk_pb2 as _emotalk_pb2
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Spoken(_message.Message):
    __slots__ = ("opening", "audio")
    OPENING_FIELD_NUMBER: _ClassVar[int]
    AUDIO_FIELD_NUMBER: _ClassVar[int]
    opening: Opening
    audio: bytes
    def __init__(self, opening: _Optional[_Union[Opening, _Mapping]] = ..., audio: _Optional[bytes] = ...) -> None: ...

class Opening(_message.Message):
    __slots__ = ("request_id", "sample_rate", "encoding", "latency", "as_clip", "performance")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    SAMPLE_RATE_FIELD_NUMBER: _ClassVar[int]
    ENCODING_FIELD_NUMBER: _ClassVar[int]
    LATENCY_FIELD_NUMBER: _ClassVar[int]
    AS_CLIP_FIELD_NUMBER: _ClassVar[int]
    PERFORMANCE_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    sample_rate: int
    encoding: str
    latency: float
    as_clip: bool
    performance: _emotalk_pb2.Performance
    def __init__(self, request_id: _Optional[str] = ..., sample_rate: _Optional[int] = ..., encoding: _Optional[str] = ..., latency: _Optional[float] = ..., as_clip: bool = ..., performance: _Optional[_Union[_emotalk_pb2.Performance, _Mapping]] = ...) -> None: ...

class Drawn(_message.Message):
    __slots__ = ("index", "first_frame", "frames", "is_final", "columns")
    INDEX_FIELD_NUMBER: _ClassVar[int]
    FIRST_FRAME_FIELD_NUMBER: _ClassVar[int]
    FRAMES_FIELD_NUMBER: _ClassVar[int]
    IS_FINAL_FIELD_NUMBER: _ClassVar[int]
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    index: int
    first_frame: int
    frames: bytes
    is_final: bool
    columns: int
    def __init__(self, index: _Optional[int] = ..., first_frame: _Optional[int] = ..., frames: _Optional[bytes] = ..., is_final: bool = ..., columns: _Optional[int] = ...) -> None: ...
