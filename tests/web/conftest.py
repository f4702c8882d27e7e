"""The window in front of a real server with the tone engine, both in this process."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from emotalk.client import AsyncEmoTalkClient, Credentials
from emotalk.engines.tone import ToneEngine
from emotalk.web.app import Allowed, make_application
from emotalk.web.upstream import Upstream
from tests.integration.served import Inside
from tests.integration.test_live import tone_relay

Browse = Callable[..., TestClient]


def window(port: int, doors: Allowed | None = None, **options: Any) -> TestClient:
    """A browser of sorts, in front of the server at `port`."""

    def connect(token: str) -> AsyncEmoTalkClient:
        return AsyncEmoTalkClient("127.0.0.1", port, credentials=Credentials(token=token), patience=1.0)

    return TestClient(
        make_application(Upstream(connect), doors or Allowed()), base_url="http://localhost:8000", **options
    )


@pytest.fixture(scope="session")
def server() -> Iterator[Inside]:
    with Inside(engine=ToneEngine(), relay=tone_relay()) as inside:
        yield inside


@pytest.fixture(scope="session")
def browser(server: Inside) -> Iterator[TestClient]:
    with window(server.server.port, raise_server_exceptions=False) as client:
        yield client


@pytest.fixture(scope="session")
def speech_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tests.integration.served import speech

    path = tmp_path_factory.mktemp("sound") / "speech.wav"
    path.write_bytes(speech(2.0))
    return path
