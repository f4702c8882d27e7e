"""How a clip is performed, from the query or the fields of a form."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, create_model

from emotalk.client import Request
from emotalk.errors import InvalidRequest
from emotalk.performance import PARAMETERS, Parameter

BESIDE = ("format", "fps", "shapes")
"""What the query may have besides."""


def make_model(name: str, parameters: Iterable[Parameter]) -> Any:
    """A model that has these parameters as fields."""
    return create_model(name, **{each.name: _make_field(each) for each in parameters})  # type: ignore[call-overload]


def _make_field(each: Parameter) -> tuple[Any, Any]:
    low, high = each.between or (None, None)
    kind = Annotated[each.kind, BeforeValidator(each.read)] if each.read else each.kind
    return kind, Field(each.default, ge=low, le=high, description=each.help)


class PerformanceQuery(make_model("Asked", PARAMETERS), BaseModel):  # type: ignore[misc]
    """The parameters of a request; durations in seconds."""

    model_config = ConfigDict(extra="ignore")

    session_id: str = Field("", max_length=200, description="requests of one session keep their order")
    request_id: str = Field("", max_length=200, description="repeating an id is safe; empty: a new one")

    def request(self, audio: bytes) -> Request:
        """As the client wants it. Raises InvalidRequest for chunks that cannot be."""
        request = Request(audio, **{name: value for name, value in self if name != "request_id" or value})
        request.check()
        return request


def parse_performance(query: Mapping[str, Any], fields: Mapping[str, Any]) -> PerformanceQuery:
    """Fields of the form go over the query. Raises InvalidRequest naming the first that is wrong or none of ours."""
    known = tuple(PerformanceQuery.model_fields)
    refuse_unknown([*fields, *(name for name in query if name not in BESIDE)], known)
    try:
        return PerformanceQuery.model_validate({**query, **fields})
    except ValidationError as error:
        raise to_invalid_request(error.errors()[0]) from error


def to_invalid_request(violation: Mapping[str, Any], known: Iterable[str] = ()) -> InvalidRequest:
    """A violation as pydantic words it → ours; what a parameter's own `read` says goes before. `known`: all names."""
    if isinstance(own := violation.get("ctx", {}).get("error"), InvalidRequest):
        return own
    name = str(violation["loc"][-1]) if violation["loc"] else "request"
    if violation["type"] == "extra_forbidden":
        return _refuse_name(name, known)
    given = "it is missing" if violation["type"] == "missing" else f"{str(violation['input'])[:60]!r} cannot be used"
    return InvalidRequest(name, given, _FIXES.get(name, str(violation["msg"])))


def refuse_unknown(names: Iterable[str], known: Iterable[str]) -> None:
    """Raise InvalidRequest for the first name that is none of these: a misspelt one would count for nothing."""
    for name in names:
        if name not in known:
            raise _refuse_name(name, known)


def _refuse_name(name: str, known: Iterable[str]) -> InvalidRequest:
    return InvalidRequest(name[:60], "there is no such parameter", f"Use {', '.join(known)}")


_FIXES = {
    **{each.name: each.fix for each in PARAMETERS},
    "type": 'Send {"type": "start", "sample_rate": …} first',
    "sample_rate": "Use 8000..192000",
    "latency": "Use 0..5 seconds",
    "format": "Use json or binary",
    "feeling": "Use true or false",
    "encoding": "Use pcm16 or float32",
}
