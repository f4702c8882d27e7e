from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Job(_message.Message):
    __slots__ = ("request_id", "session_id", "digest", "submitted_at", "samples", "emotion_level", "person_id", "post_processing", "chunk_steps", "overlap_steps", "gains", "offsets", "seed", "flac", "performance")
    class GainsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    class OffsetsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    SUBMITTED_AT_FIELD_NUMBER: _ClassVar[int]
    SAMPLES_FIELD_NUMBER: _ClassVar[int]
    EMOTION_LEVEL_FIELD_NUMBER: _ClassVar[int]
    PERSON_ID_FIELD_NUMBER: _ClassVar[int]
    POST_PROCESSING_FIELD_NUMBER: _ClassVar[int]
    CHUNK_STEPS_FIELD_NUMBER: _ClassVar[int]
    OVERLAP_STEPS_FIELD_NUMBER: _ClassVar[int]
    GAINS_FIELD_NUMBER: _ClassVar[int]
    OFFSETS_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    FLAC_FIELD_NUMBER: _ClassVar[int]
    PERFORMANCE_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    session_id: str
    digest: str
    submitted_at: float
    samples: int
    emotion_level: int
    person_id: int
    post_processing: bool
    chunk_steps: int
    overlap_steps: int
    gains: _containers.ScalarMap[str, float]
    offsets: _containers.ScalarMap[str, float]
    seed: str
    flac: bytes
    performance: Performance
    def __init__(self, request_id: _Optional[str] = ..., session_id: _Optional[str] = ..., digest: _Optional[str] = ..., submitted_at: _Optional[float] = ..., samples: _Optional[int] = ..., emotion_level: _Optional[int] = ..., person_id: _Optional[int] = ..., post_processing: bool = ..., chunk_steps: _Optional[int] = ..., overlap_steps: _Optional[int] = ..., gains: _Optional[_Mapping[str, float]] = ..., offsets: _Optional[_Mapping[str, float]] = ..., seed: _Optional[str] = ..., flac: _Optional[bytes] = ..., performance: _Optional[_Union[Performance, _Mapping]] = ...) -> None: ...

class Performance(_message.Message):
    __slots__ = ("head", "emotion", "emotions", "emotion_strength", "preferred_emotion_strength")
    HEAD_FIELD_NUMBER: _ClassVar[int]
    EMOTION_FIELD_NUMBER: _ClassVar[int]
    EMOTIONS_FIELD_NUMBER: _ClassVar[int]
    EMOTION_STRENGTH_FIELD_NUMBER: _ClassVar[int]
    PREFERRED_EMOTION_STRENGTH_FIELD_NUMBER: _ClassVar[int]
    head: bool
    emotion: str
    emotions: _containers.RepeatedCompositeFieldContainer[EmotionKey]
    emotion_strength: float
    preferred_emotion_strength: float
    def __init__(self, head: bool = ..., emotion: _Optional[str] = ..., emotions: _Optional[_Iterable[_Union[EmotionKey, _Mapping]]] = ..., emotion_strength: _Optional[float] = ..., preferred_emotion_strength: _Optional[float] = ...) -> None: ...

class EmotionKey(_message.Message):
    __slots__ = ("time", "strengths")
    class StrengthsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    TIME_FIELD_NUMBER: _ClassVar[int]
    STRENGTHS_FIELD_NUMBER: _ClassVar[int]
    time: float
    strengths: _containers.ScalarMap[str, float]
    def __init__(self, time: _Optional[float] = ..., strengths: _Optional[_Mapping[str, float]] = ...) -> None: ...

class Part(_message.Message):
    __slots__ = ("request_id", "fingerprint", "chunk_index", "first_frame", "total_frames", "ends_chunk", "frames", "failure", "digest", "epoch", "head", "first_step", "feelings")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    FINGERPRINT_FIELD_NUMBER: _ClassVar[int]
    CHUNK_INDEX_FIELD_NUMBER: _ClassVar[int]
    FIRST_FRAME_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FRAMES_FIELD_NUMBER: _ClassVar[int]
    ENDS_CHUNK_FIELD_NUMBER: _ClassVar[int]
    FRAMES_FIELD_NUMBER: _ClassVar[int]
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    HEAD_FIELD_NUMBER: _ClassVar[int]
    FIRST_STEP_FIELD_NUMBER: _ClassVar[int]
    FEELINGS_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    fingerprint: str
    chunk_index: int
    first_frame: int
    total_frames: int
    ends_chunk: bool
    frames: bytes
    failure: Failure
    digest: str
    epoch: int
    head: bytes
    first_step: int
    feelings: bytes
    def __init__(self, request_id: _Optional[str] = ..., fingerprint: _Optional[str] = ..., chunk_index: _Optional[int] = ..., first_frame: _Optional[int] = ..., total_frames: _Optional[int] = ..., ends_chunk: bool = ..., frames: _Optional[bytes] = ..., failure: _Optional[_Union[Failure, _Mapping]] = ..., digest: _Optional[str] = ..., epoch: _Optional[int] = ..., head: _Optional[bytes] = ..., first_step: _Optional[int] = ..., feelings: _Optional[bytes] = ...) -> None: ...

class Failure(_message.Message):
    __slots__ = ("kind", "message")
    KIND_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    kind: str
    message: str
    def __init__(self, kind: _Optional[str] = ..., message: _Optional[str] = ...) -> None: ...

class DeadLetter(_message.Message):
    __slots__ = ("request_id", "payload", "failure", "attempts", "buried_at", "partition", "offset")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    BURIED_AT_FIELD_NUMBER: _ClassVar[int]
    PARTITION_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    payload: bytes
    failure: Failure
    attempts: int
    buried_at: float
    partition: int
    offset: int
    def __init__(self, request_id: _Optional[str] = ..., payload: _Optional[bytes] = ..., failure: _Optional[_Union[Failure, _Mapping]] = ..., attempts: _Optional[int] = ..., buried_at: _Optional[float] = ..., partition: _Optional[int] = ..., offset: _Optional[int] = ...) -> None: ...
