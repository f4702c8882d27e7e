"""What OpenAPI says of bodies and answers, where a function's signature cannot."""

from typing import Any
from urllib.parse import quote

from emotalk.export.visemes import KINDS
from emotalk.timebase import RATES
from emotalk.web import answers, problems
from emotalk.web.parameters import PerformanceQuery
from emotalk.web.uploads import FIELD, FORM

Responses = dict[int | str, dict[str, Any]]

_BINARY = {"type": "string", "format": "binary"}
_FIELDS = PerformanceQuery.model_json_schema()["properties"]

SOUND: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "A WAV, FLAC, OGG or MP3 file: as a form, or as the bare body. Fields go over the query.",
        "content": {
            FORM: {"schema": {"type": "object", "required": [FIELD], "properties": {FIELD: _BINARY, **_FIELDS}}},
            "application/octet-stream": {"schema": _BINARY},
            "audio/*": {"schema": _BINARY},
        },
    }
}

_CHOICES = {
    "format": ("the form of the animation; missing: the header `Accept` decides", tuple(answers.MEDIA_TYPES)),
    "fps": ("frames a second; missing: 30; not of events", tuple(RATES)),
    "shapes": ("what the curves are; missing: the 52 of ARKit; not of events", KINDS),
}
FORMED: dict[str, Any] = {
    "parameters": [
        {"in": "query", "name": name, "description": what, "schema": {"type": "string", "enum": list(known)}}
        for name, (what, known) in _CHOICES.items()
    ]
}

_MEANINGS = {
    400: "A parameter cannot be used: `field` and `fix` say which and how to mend it",
    401: "The service wants a bearer token, or does not know this one",
    403: "The page's origin is not allowed (`--web-origins`)",
    404: "No such job, or its results are no longer kept",
    406: "An animation is not available in any of these formats",
    408: "The body did not arrive in time",
    409: "The id belongs to another request, or the job was cancelled",
    413: "The body is too large",
    421: "The header `Host` is not a name of this service (`--web-hosts`)",
    422: "The sound cannot be used",
    429: "The queue is full, or this client has enough in it: `Retry-After`",
    502: "The job was given up; its dead letter is kept",
    503: "The service or its queue does not answer: `Retry-After`",
    504: "It took too long; the job goes on",
}


def list_failures(*statuses: int) -> Responses:
    """These failures, as problem documents."""
    content = {problems.MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {status: {"description": _MEANINGS[status], "content": content} for status in statuses}


def list_forms(posts: bool = False) -> Responses:
    """An animation in any of its forms, or what can go wrong."""
    forms = {media_type: {"schema": _BINARY} for media_type in answers.MEDIA_TYPES.values()}
    forms["application/json"] = {"schema": {"$ref": "#/components/schemas/Animation"}}
    forms[answers.EVENT_STREAM] = {"schema": {"type": "string"}}
    failures = (400, 401, 403, 406, 408, 409, 413, 421, 422, 429, 502, 503, 504)
    return {
        200: {"description": "The animation", "content": forms},
        **list_failures(*(failures if posts else (400, 401, 404, 406, 409, 421, 502, 503, 504))),
    }


def quote_header(text: str) -> str:
    """An id as a header or a part of a path: percent-encoded."""
    return quote(text, safe="")


SCHEMAS: dict[str, Any] = {
    "Problem": {
        "type": "object",
        "description": "RFC 9457",
        "required": ["type", "title", "status", "detail"],
        "properties": {
            **{name: {"type": "string"} for name in ("type", "title", "detail", "field", "fix")},
            "status": {"type": "integer"},
        },
    },
    "Animation": {
        "type": "object",
        "required": ["fps", "names", "frames"],
        "properties": {
            "fps": {"type": "number", "description": "30, or what `fps` asked for"},
            "names": {"type": "array", "items": {"type": "string"}, "description": "52, or what `shapes` asked for"},
            "frames": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["timecode", "frame_number", "blendshapes"],
                    "properties": {
                        "timecode": {"type": "number"},
                        "frame_number": {"type": "integer"},
                        "blendshapes": {"type": "array", "items": {"type": "number"}, "description": "one a name"},
                        "head": {
                            "type": "object",
                            "description": "degrees, where it was asked for",
                            "properties": {name: {"type": "number"} for name in ("yaw", "pitch", "roll")},
                        },
                    },
                },
            },
        },
    },
}
