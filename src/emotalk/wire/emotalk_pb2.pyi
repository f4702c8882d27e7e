from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class AudioRequest(_message.Message):
    __slots__ = ("request_id", "audio_data", "emotion_level", "person_id", "post_processing", "chunk_duration", "chunk_overlap", "session_id", "performance", "may_restart")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    AUDIO_DATA_FIELD_NUMBER: _ClassVar[int]
    EMOTION_LEVEL_FIELD_NUMBER: _ClassVar[int]
    PERSON_ID_FIELD_NUMBER: _ClassVar[int]
    POST_PROCESSING_FIELD_NUMBER: _ClassVar[int]
    CHUNK_DURATION_FIELD_NUMBER: _ClassVar[int]
    CHUNK_OVERLAP_FIELD_NUMBER: _ClassVar[int]
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    PERFORMANCE_FIELD_NUMBER: _ClassVar[int]
    MAY_RESTART_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    audio_data: bytes
    emotion_level: int
    person_id: int
    post_processing: bool
    chunk_duration: float
    chunk_overlap: float
    session_id: str
    performance: Performance
    may_restart: bool
    def __init__(self, request_id: _Optional[str] = ..., audio_data: _Optional[bytes] = ..., emotion_level: _Optional[int] = ..., person_id: _Optional[int] = ..., post_processing: bool = ..., chunk_duration: _Optional[float] = ..., chunk_overlap: _Optional[float] = ..., session_id: _Optional[str] = ..., performance: _Optional[_Union[Performance, _Mapping]] = ..., may_restart: bool = ...) -> None: ...

class Performance(_message.Message):
    __slots__ = ("emotion_level", "person_id", "post_processing", "chunk_duration", "chunk_overlap", "head", "audio_format", "lenient", "emotion", "emotions", "emotion_strength", "preferred_emotion_strength")
    EMOTION_LEVEL_FIELD_NUMBER: _ClassVar[int]
    PERSON_ID_FIELD_NUMBER: _ClassVar[int]
    POST_PROCESSING_FIELD_NUMBER: _ClassVar[int]
    CHUNK_DURATION_FIELD_NUMBER: _ClassVar[int]
    CHUNK_OVERLAP_FIELD_NUMBER: _ClassVar[int]
    HEAD_FIELD_NUMBER: _ClassVar[int]
    AUDIO_FORMAT_FIELD_NUMBER: _ClassVar[int]
    LENIENT_FIELD_NUMBER: _ClassVar[int]
    EMOTION_FIELD_NUMBER: _ClassVar[int]
    EMOTIONS_FIELD_NUMBER: _ClassVar[int]
    EMOTION_STRENGTH_FIELD_NUMBER: _ClassVar[int]
    PREFERRED_EMOTION_STRENGTH_FIELD_NUMBER: _ClassVar[int]
    emotion_level: int
    person_id: int
    post_processing: bool
    chunk_duration: float
    chunk_overlap: float
    head: bool
    audio_format: str
    lenient: bool
    emotion: str
    emotions: _containers.RepeatedCompositeFieldContainer[EmotionKey]
    emotion_strength: float
    preferred_emotion_strength: float
    def __init__(self, emotion_level: _Optional[int] = ..., person_id: _Optional[int] = ..., post_processing: bool = ..., chunk_duration: _Optional[float] = ..., chunk_overlap: _Optional[float] = ..., head: bool = ..., audio_format: _Optional[str] = ..., lenient: bool = ..., emotion: _Optional[str] = ..., emotions: _Optional[_Iterable[_Union[EmotionKey, _Mapping]]] = ..., emotion_strength: _Optional[float] = ..., preferred_emotion_strength: _Optional[float] = ...) -> None: ...

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

class FeelingTrack(_message.Message):
    __slots__ = ("first_step", "activation", "probabilities", "drawn")
    FIRST_STEP_FIELD_NUMBER: _ClassVar[int]
    ACTIVATION_FIELD_NUMBER: _ClassVar[int]
    PROBABILITIES_FIELD_NUMBER: _ClassVar[int]
    DRAWN_FIELD_NUMBER: _ClassVar[int]
    first_step: int
    activation: _containers.RepeatedScalarFieldContainer[float]
    probabilities: _containers.RepeatedScalarFieldContainer[float]
    drawn: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, first_step: _Optional[int] = ..., activation: _Optional[_Iterable[float]] = ..., probabilities: _Optional[_Iterable[float]] = ..., drawn: _Optional[_Iterable[float]] = ...) -> None: ...

class BlendshapeResponse(_message.Message):
    __slots__ = ("request_id", "chunk_index", "frames", "is_final", "error_message", "feelings", "restarted")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    CHUNK_INDEX_FIELD_NUMBER: _ClassVar[int]
    FRAMES_FIELD_NUMBER: _ClassVar[int]
    IS_FINAL_FIELD_NUMBER: _ClassVar[int]
    ERROR_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    FEELINGS_FIELD_NUMBER: _ClassVar[int]
    RESTARTED_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    chunk_index: int
    frames: _containers.RepeatedCompositeFieldContainer[BlendshapeFrame]
    is_final: bool
    error_message: str
    feelings: FeelingTrack
    restarted: bool
    def __init__(self, request_id: _Optional[str] = ..., chunk_index: _Optional[int] = ..., frames: _Optional[_Iterable[_Union[BlendshapeFrame, _Mapping]]] = ..., is_final: bool = ..., error_message: _Optional[str] = ..., feelings: _Optional[_Union[FeelingTrack, _Mapping]] = ..., restarted: bool = ...) -> None: ...

class BlendshapeFrame(_message.Message):
    __slots__ = ("timecode", "frame_number", "blendshapes", "head")
    TIMECODE_FIELD_NUMBER: _ClassVar[int]
    FRAME_NUMBER_FIELD_NUMBER: _ClassVar[int]
    BLENDSHAPES_FIELD_NUMBER: _ClassVar[int]
    HEAD_FIELD_NUMBER: _ClassVar[int]
    timecode: float
    frame_number: int
    blendshapes: _containers.RepeatedScalarFieldContainer[float]
    head: Head
    def __init__(self, timecode: _Optional[float] = ..., frame_number: _Optional[int] = ..., blendshapes: _Optional[_Iterable[float]] = ..., head: _Optional[_Union[Head, _Mapping]] = ...) -> None: ...

class Head(_message.Message):
    __slots__ = ("yaw", "pitch", "roll")
    YAW_FIELD_NUMBER: _ClassVar[int]
    PITCH_FIELD_NUMBER: _ClassVar[int]
    ROLL_FIELD_NUMBER: _ClassVar[int]
    yaw: float
    pitch: float
    roll: float
    def __init__(self, yaw: _Optional[float] = ..., pitch: _Optional[float] = ..., roll: _Optional[float] = ...) -> None: ...

class HealthCheckRequest(_message.Message):
    __slots__ = ("service",)
    SERVICE_FIELD_NUMBER: _ClassVar[int]
    service: str
    def __init__(self, service: _Optional[str] = ...) -> None: ...

class HealthCheckResponse(_message.Message):
    __slots__ = ("status",)
    class ServingStatus(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        UNKNOWN: _ClassVar[HealthCheckResponse.ServingStatus]
        SERVING: _ClassVar[HealthCheckResponse.ServingStatus]
        NOT_SERVING: _ClassVar[HealthCheckResponse.ServingStatus]
    UNKNOWN: HealthCheckResponse.ServingStatus
    SERVING: HealthCheckResponse.ServingStatus
    NOT_SERVING: HealthCheckResponse.ServingStatus
    STATUS_FIELD_NUMBER: _ClassVar[int]
    status: HealthCheckResponse.ServingStatus
    def __init__(self, status: _Optional[_Union[HealthCheckResponse.ServingStatus, str]] = ...) -> None: ...

class StreamResultsRequest(_message.Message):
    __slots__ = ("request_id", "from_frame", "may_restart")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    FROM_FRAME_FIELD_NUMBER: _ClassVar[int]
    MAY_RESTART_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    from_frame: int
    may_restart: bool
    def __init__(self, request_id: _Optional[str] = ..., from_frame: _Optional[int] = ..., may_restart: bool = ...) -> None: ...

class GetJobRequest(_message.Message):
    __slots__ = ("request_id",)
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    def __init__(self, request_id: _Optional[str] = ...) -> None: ...

class CancelJobRequest(_message.Message):
    __slots__ = ("request_id",)
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    def __init__(self, request_id: _Optional[str] = ...) -> None: ...

class Job(_message.Message):
    __slots__ = ("request_id", "state", "queue_position", "frames_done", "frames_total", "audio_seconds", "attempts", "epoch", "error_message", "submitted_at", "started_at", "finished_at", "missing")
    class State(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        STATE_UNKNOWN: _ClassVar[Job.State]
        QUEUED: _ClassVar[Job.State]
        RUNNING: _ClassVar[Job.State]
        DONE: _ClassVar[Job.State]
        FAILED: _ClassVar[Job.State]
        BURIED: _ClassVar[Job.State]
        CANCELLED: _ClassVar[Job.State]
    STATE_UNKNOWN: Job.State
    QUEUED: Job.State
    RUNNING: Job.State
    DONE: Job.State
    FAILED: Job.State
    BURIED: Job.State
    CANCELLED: Job.State
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    QUEUE_POSITION_FIELD_NUMBER: _ClassVar[int]
    FRAMES_DONE_FIELD_NUMBER: _ClassVar[int]
    FRAMES_TOTAL_FIELD_NUMBER: _ClassVar[int]
    AUDIO_SECONDS_FIELD_NUMBER: _ClassVar[int]
    ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    ERROR_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    SUBMITTED_AT_FIELD_NUMBER: _ClassVar[int]
    STARTED_AT_FIELD_NUMBER: _ClassVar[int]
    FINISHED_AT_FIELD_NUMBER: _ClassVar[int]
    MISSING_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    state: Job.State
    queue_position: int
    frames_done: int
    frames_total: int
    audio_seconds: float
    attempts: int
    epoch: int
    error_message: str
    submitted_at: float
    started_at: float
    finished_at: float
    missing: str
    def __init__(self, request_id: _Optional[str] = ..., state: _Optional[_Union[Job.State, str]] = ..., queue_position: _Optional[int] = ..., frames_done: _Optional[int] = ..., frames_total: _Optional[int] = ..., audio_seconds: _Optional[float] = ..., attempts: _Optional[int] = ..., epoch: _Optional[int] = ..., error_message: _Optional[str] = ..., submitted_at: _Optional[float] = ..., started_at: _Optional[float] = ..., finished_at: _Optional[float] = ..., missing: _Optional[str] = ...) -> None: ...

class AudioFrame(_message.Message):
    __slots__ = ("settings", "audio", "emotions", "feels")
    SETTINGS_FIELD_NUMBER: _ClassVar[int]
    AUDIO_FIELD_NUMBER: _ClassVar[int]
    EMOTIONS_FIELD_NUMBER: _ClassVar[int]
    FEELS_FIELD_NUMBER: _ClassVar[int]
    settings: AudioSettings
    audio: bytes
    emotions: _containers.RepeatedCompositeFieldContainer[EmotionKey]
    feels: bool
    def __init__(self, settings: _Optional[_Union[AudioSettings, _Mapping]] = ..., audio: _Optional[bytes] = ..., emotions: _Optional[_Iterable[_Union[EmotionKey, _Mapping]]] = ..., feels: bool = ...) -> None: ...

class AudioSettings(_message.Message):
    __slots__ = ("sample_rate", "encoding", "emotion_level", "person_id", "post_processing", "latency_hint", "request_id", "performance")
    class Encoding(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        PCM16: _ClassVar[AudioSettings.Encoding]
        FLOAT32: _ClassVar[AudioSettings.Encoding]
    PCM16: AudioSettings.Encoding
    FLOAT32: AudioSettings.Encoding
    SAMPLE_RATE_FIELD_NUMBER: _ClassVar[int]
    ENCODING_FIELD_NUMBER: _ClassVar[int]
    EMOTION_LEVEL_FIELD_NUMBER: _ClassVar[int]
    PERSON_ID_FIELD_NUMBER: _ClassVar[int]
    POST_PROCESSING_FIELD_NUMBER: _ClassVar[int]
    LATENCY_HINT_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    PERFORMANCE_FIELD_NUMBER: _ClassVar[int]
    sample_rate: int
    encoding: AudioSettings.Encoding
    emotion_level: int
    person_id: int
    post_processing: bool
    latency_hint: float
    request_id: str
    performance: Performance
    def __init__(self, sample_rate: _Optional[int] = ..., encoding: _Optional[_Union[AudioSettings.Encoding, str]] = ..., emotion_level: _Optional[int] = ..., person_id: _Optional[int] = ..., post_processing: bool = ..., latency_hint: _Optional[float] = ..., request_id: _Optional[str] = ..., performance: _Optional[_Union[Performance, _Mapping]] = ...) -> None: ...
