"""How a clip is performed, from the query or the fields of a form."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from emotalk.chunking import DEFAULT_DURATION, DEFAULT_OVERLAP, Chunking
from emotalk.client import Request
from emotalk.errors import InvalidRequest
from emotalk.face import EMOTION_LEVELS, PERSONS

BESIDE = ("format",)
"""What the query may have besides."""


class PerformanceQuery(BaseModel):
    """The parameters of a request; durations in seconds."""

    model_config = ConfigDict(extra="ignore")

    emotion_level: int = Field(1, ge=0, lt=EMOTION_LEVELS, description="0 calm, 1 strong")
    person_id: int = Field(0, ge=0, lt=PERSONS, description="speaking style")
    post_processing: bool = Field(True, description="smooth, gains, blinks, clamp; false: the engine's raw output")
    chunk_duration: float = Field(DEFAULT_DURATION, ge=1, le=120, description="seconds of one chunk")
    chunk_overlap: float = Field(DEFAULT_OVERLAP, ge=0, lt=60, description="seconds that chunks share; 0: none")
    session_id: str = Field("", max_length=200, description="requests of one session keep their order")
    request_id: str = Field("", max_length=200, description="repeating an id is safe; empty: a new one")

    def request(self, audio: bytes) -> Request:
        """As the client wants it. Raises InvalidRequest for chunks that cannot be."""
        Chunking.of(self.chunk_duration, self.chunk_overlap)
        named = {name for name, value in self if name != "request_id" or value}
        return Request(audio, **self.model_dump(include=named))


def performance(query: Mapping[str, Any], fields: Mapping[str, Any]) -> PerformanceQuery:
    """Fields of the form go over the query. Raises InvalidRequest naming the first that is wrong or none of ours."""
    known = tuple(PerformanceQuery.model_fields)
    for name in (*fields, *(name for name in query if name not in BESIDE)):
        if name not in known:
            raise InvalidRequest(name[:60], "there is no such parameter", f"Use {', '.join(known)}")
    try:
        return PerformanceQuery.model_validate({**query, **fields})
    except ValidationError as error:
        raise invalid(error.errors()[0]) from error


def invalid(violation: Mapping[str, Any]) -> InvalidRequest:
    """A violation as pydantic words it → ours."""
    name = str(violation["loc"][-1]) if violation["loc"] else "request"
    given = f"{str(violation.get('input'))[:60]!r}"
    return InvalidRequest(name, f"{given} cannot be used", _FIXES.get(name, str(violation["msg"])))


_FIXES = {
    "emotion_level": "Use 0 (calm) or 1 (strong)",
    "person_id": f"Use 0..{PERSONS - 1}",
    "post_processing": "Use true or false",
    "chunk_duration": "Use 1..120 seconds",
    "chunk_overlap": "Use seconds, less than half of the duration, or 0 for none",
    "sample_rate": "Use 8000..192000",
    "encoding": "Use pcm16 or float32",
}
