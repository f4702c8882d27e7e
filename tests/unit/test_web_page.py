"""The page's own files: what a browser gets, once and again."""

import asyncio
import gzip
from pathlib import Path

import pytest

from emotalk.head import HEAD_GLB
from emotalk.web.page import STATIC, Page


def ask(path: str, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of one request to the page."""
    sent: list[dict] = []

    async def send(message: dict) -> None:
        sent.append(message)

    async def receive() -> dict:
        return {"type": "http.request", "body": b""}

    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "method": method, "path": path, "headers": raw}
    asyncio.run(Page()(scope, receive, send))
    told = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], told, b"".join(message.get("body", b"") for message in sent[1:])


def test_the_page_is_at_the_root_and_loads_nothing_from_elsewhere():
    status, headers, body = ask("/")
    assert status == 200
    assert headers["content-type"].startswith("text/html")
    assert b"viewer.js" in body
    assert b"//" not in body.replace(b"<!doctype", b"")
    assert "default-src 'self'" in headers["content-security-policy"]


def test_the_head_is_the_packages_head():
    status, headers, body = ask("/head.glb")
    assert (status, headers["content-type"]) == (200, "model/gltf-binary")
    assert body == HEAD_GLB.read_bytes()


@pytest.mark.parametrize("path", sorted(f"/{file.name}" for file in STATIC.iterdir()))
def test_every_file_of_the_page_is_served_with_a_type(path: str):
    status, headers, body = ask(path)
    assert status == 200
    assert headers["content-type"] != "application/octet-stream"
    assert body == (STATIC / path[1:]).read_bytes()


def test_who_reads_no_page_and_asks_for_its_icon_by_the_old_name_gets_it():
    assert ask("/favicon.ico") == ask("/icon.svg")
    assert ask("/favicon.ico")[1]["content-type"] == "image/svg+xml"


def test_page_and_head_together_are_less_than_three_megabytes_compressed():
    total = 0
    for path in ("/", "/viewer.js", "/three.core.js", "/index.css", "/head.glb"):
        _, headers, body = ask(path, accept_encoding="gzip, br")
        assert headers["content-encoding"] == "gzip"
        assert gzip.decompress(body) == ask(path)[2]
        total += len(body)
    assert total < 3_000_000


def test_a_browser_that_has_a_file_does_not_get_it_again():
    etag = ask("/viewer.js")[1]["etag"]
    assert ask("/viewer.js", if_none_match=etag)[::2] == (304, b"")
    assert ask("/viewer.js", if_none_match='"another"')[0] == 200


@pytest.mark.parametrize("path", ["/../app.py", "/%2e%2e/app.py", "/nothing", "//etc/passwd"])
def test_what_is_not_part_of_the_page_is_not_there(path: str):
    status, headers, _ = ask(path)
    assert (status, headers["content-type"]) == (404, "application/problem+json")


def test_the_page_can_only_be_read():
    assert ask("/", "POST")[0] == 405


def test_a_websocket_that_is_nowhere_is_closed():
    sent: list[dict] = []

    async def send(message: dict) -> None:
        sent.append(message)

    asyncio.run(Page()({"type": "websocket", "path": "/nothing"}, None, send))
    assert [message["type"] for message in sent] == ["websocket.close"]


def test_the_pages_files_are_small_enough_to_be_committed():
    assert sum(file.stat().st_size for file in Path(STATIC).iterdir()) < 2_000_000
