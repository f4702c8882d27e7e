"""What clients hear where the queue has no room or a client does not read, over real gRPC."""

import io
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
import soundfile
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_status import rpc_status

from emotalk.queues.base import Queue
from emotalk.queues.memory import MemoryQueue
from emotalk.queues.sqlite import SqliteQueue
from emotalk.wire import emotalk_pb2, emotalk_pb2_grpc
from tests.integration.served import PATIENCE, Inside, eventually, frames_of, outside, speech

MiB = 2**20
SERVING, NOT_SERVING = (getattr(emotalk_pb2.HealthCheckResponse, name) for name in ("SERVING", "NOT_SERVING"))


@pytest.fixture(autouse=True)
def _probed_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("emotalk.server.health.PROBE_SECONDS", 0.02)


def refusal_of(call: Any) -> grpc.RpcError:
    try:
        list(call)
    except grpc.RpcError as error:
        return error
    raise AssertionError("it was not refused")


def retry_seconds(error: grpc.RpcError) -> int:
    """After how many seconds the client is told to try again."""
    status, wait = rpc_status.from_call(error), error_details_pb2.RetryInfo()
    assert status is not None
    assert any(packed.Unpack(wait) for packed in status.details)
    return int(wait.retry_delay.seconds)


def both_healths(server: Inside) -> tuple[int, int]:
    """Ours and the standard one, which have the same numbers."""
    ours = server.stub.HealthCheck(emotalk_pb2.HealthCheckRequest()).status
    return ours, health_pb2_grpc.HealthStub(server.channel).Check(health_pb2.HealthCheckRequest()).status


def full(folder: Path) -> dict[str, Callable[[], Queue]]:
    return {
        "jobs in memory": lambda: MemoryQueue(max_waiting=2),
        "jobs in a file": lambda: SqliteQueue(folder / "q.db", max_waiting=2),
        "bytes in a file": lambda: SqliteQueue(folder / "q.db", max_bytes=MiB),
    }


@pytest.mark.parametrize("bound", list(full(Path())))
def test_a_full_queue_refuses_at_once_says_so_to_balancers_and_recovers_when_work_is_done(
    bound: str, tmp_path: Path
) -> None:
    noise = np.random.default_rng(0).uniform(-1, 1, 16_000 * 16)
    sound = io.BytesIO()
    soundfile.write(sound, noise, 16_000, "PCM_16", format="WAV")
    with Inside(full(tmp_path)[bound]()) as server:
        assert both_healths(server) == (SERVING, SERVING)
        accepted, refused = [], None
        while refused is None:
            call = server.ask(sound.getvalue())
            if call.initial_metadata():
                accepted.append(call)
            else:
                refused = refusal_of(call)
        assert refused.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert retry_seconds(refused) > 0
        assert 1 <= len(accepted) <= 2
        eventually(lambda: both_healths(server) == (NOT_SERVING, NOT_SERVING))
        server.work()
        for call in accepted:
            assert len(frames_of(list(call))) == 16 * 30
        assert server.ask(silence(1.0)).initial_metadata(), "there is room again"
        eventually(lambda: both_healths(server) == (SERVING, SERVING))


def silence(seconds: float) -> bytes:
    """A FLAC that takes no room."""
    file = io.BytesIO()
    soundfile.write(file, np.zeros(round(16_000 * seconds), np.float32), 16_000, "PCM_16", format="FLAC")
    return file.getvalue()


def resident(pid: int) -> int:
    """Bytes of memory that the process holds."""
    [line] = [line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS")]
    return int(line.split()[1]) * 1024


def test_clients_that_read_nothing_cost_bounded_memory_and_nobody_elses_time(tmp_path: Path) -> None:
    """Twelve of them, each owed 11 MB; when one of them reads at last, all of it is there."""
    sound, owed, stalled = silence(1800), 1800 * 30, 12
    serve = ("serve", "--port", "0", "--queue", "sqlite", "--engine", "tone")
    with outside(tmp_path, *serve) as server, grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        stub = emotalk_pb2_grpc.EmoTalkServiceStub(channel)

        def ask(request_id: str, audio: bytes) -> Any:
            return stub.ProcessAudio(emotalk_pb2.AudioRequest(request_id=request_id, audio_data=audio))

        assert len(frames_of(list(ask("long", sound)))) == owed
        before = resident(server.process.pid)
        silent = [ask("long", sound) for _ in range(stalled)]
        assert all(call.initial_metadata() for call in silent)
        with ThreadPoolExecutor(1) as other:
            answer = other.submit(lambda: list(ask("other", speech(20.0)))).result(PATIENCE)
        assert len(frames_of(answer)) == 600
        grown = resident(server.process.pid) - before
        assert grown < stalled * 6 * MiB, f"{grown / MiB:.0f} MiB"
        assert len(frames_of(list(silent[-1]))) == owed
        for call in silent:
            call.cancel()
