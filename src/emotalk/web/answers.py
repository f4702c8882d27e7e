"""In which form an animation is wanted, and the file of that form."""

import tempfile
from pathlib import Path, PurePath
from typing import Any

from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse

from emotalk.client import Chunk
from emotalk.errors import InvalidRequest
from emotalk.export import save
from emotalk.export.form import Form
from emotalk.face import FaceClip
from emotalk.web.load import Load
from emotalk.web.problems import Problem

EVENTS = "events"
EVENT_STREAM = "text/event-stream"

MEDIA_TYPES = {
    "json": "application/json",
    "csv": "text/csv",
    "npy": "application/x-npy",
    "npz": "application/x-npz",
    "livelink.csv": "text/x-livelink-csv",
    "glb": "model/gltf-binary",
    "usda": "model/vnd.usda",
    EVENTS: EVENT_STREAM,
}
"""Form → media type; the first is what `*/*` gets."""


def refuse_curves(request: Request) -> None:
    """Raise InvalidRequest for `?fps=` or `?shapes=` of a job: its animation may be fetched in many forms."""
    for name in _list_curves(request):
        raise InvalidRequest(name, "this is for the animation, not for the job", "Send it to /v1/jobs/{id}/animation")


def read_form(request: Request, name: str) -> Form:
    """`?fps=` and `?shapes=`, for an animation in the form `name`. Raises InvalidRequest."""
    query = _list_curves(request)
    if query and name == EVENTS:
        raise InvalidRequest(next(iter(query)), "events have 52 shapes at 30 fps", "Remove it, or use another format")
    form = Form(**query)
    form.check(f".{name}")
    return form


def _list_curves(request: Request) -> dict[str, str]:
    return {key: request.query_params[key] for key in ("fps", "shapes") if key in request.query_params}


def negotiate_format(request: Request) -> str:
    """The form by `?format=`, else by `Accept`. Raises InvalidRequest, Problem."""
    if name := request.query_params.get("format", "").lower():
        if name not in MEDIA_TYPES:
            raise InvalidRequest("format", f"'{name[:40]}' is unknown", f"Use one of {', '.join(MEDIA_TYPES)}")
        return name
    for accepted in _sort_by_preference(request.headers.get("accept", "*/*")):
        for name, media_type in MEDIA_TYPES.items():
            if accepted in (media_type, "*/*", media_type.partition("/")[0] + "/*"):
                return name
    fix = f"Use one of {', '.join(MEDIA_TYPES.values())}, or ?format="
    raise Problem(
        406, "NotAcceptable", f"Accept: an animation is not available in any of these formats. {fix}.", "Accept", fix
    )


def _sort_by_preference(header: str) -> list[str]:
    weighed = []
    for item in header.split(","):
        media_type, *options = (part.strip().lower() for part in item.split(";"))
        weight = next((option[2:] for option in options if option.startswith("q=")), "1")
        weighed.append((_read_number(weight), media_type))
    return [media_type for weight, media_type in sorted(weighed, key=lambda pair: -pair[0]) if weight > 0]


def _read_number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


async def make_file(
    load: Load, name: str, chunks: list[Chunk], sound: str, headers: dict[str, str], form: Form
) -> FileResponse:
    """The finished animation as a file to download, called after its sound."""
    folder = tempfile.TemporaryDirectory(prefix="emotalk-web-")
    title = PurePath(sound.replace("\\", "/")).name
    stem = PurePath(title).stem or "animation"
    path = Path(folder.name) / f"animation.{name}"
    sound_file = Path(title) if title else None
    clip = FaceClip.of([chunk.columns for chunk in chunks], sound_file, [chunk.feelings for chunk in chunks])
    async with load.files:
        await run_in_threadpool(lambda: save(form.of(clip), path))
    options: dict[str, Any] = {"media_type": MEDIA_TYPES[name], "filename": f"{stem}.{name}", "headers": headers}
    return FileResponse(path, **options, background=BackgroundTask(folder.cleanup))
