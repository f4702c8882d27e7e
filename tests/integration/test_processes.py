"""Server and worker as a user starts them: killed, stopped, alone and beside each other, on the embedded queue."""

import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import numpy as np
import pytest

from emotalk.client import Chunk, EmoTalkClient, Request
from emotalk.face import Frames
from emotalk.timebase import frame_count
from emotalk.wire import emotalk_pb2, emotalk_pb2_grpc
from tests.integration.served import PATIENCE, Outside, command, eventually, frames_of, gone, outside, speech

SERVE = ("serve", "--port", "0", "--engine", "tone", "--queue", "sqlite")


def whole(chunks: list[Chunk]) -> Frames:
    """Every frame of an answer; they follow each other without a gap, and only the last chunk is final."""
    firsts = np.cumsum([0, *(len(chunk.frames) for chunk in chunks)])[:-1]
    assert [chunk.first_frame for chunk in chunks] == firsts.tolist()
    assert [chunk.is_final for chunk in chunks] == [False] * (len(chunks) - 1) + [True]
    return np.concatenate([chunk.frames for chunk in chunks])


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Outside]:
    with outside(tmp_path, *SERVE) as one:
        assert one.port
        yield one


def test_a_killed_worker_is_replaced_and_every_client_gets_each_frame_once(server: Outside) -> None:
    clients, seconds, killed = 6, 120, threading.Event()
    victim = server.worker_pid

    def ask(number: int) -> tuple[int, bytes]:
        chunks = []
        with EmoTalkClient(port=server.port) as client:
            for chunk in client.stream(Request(speech(seconds + number), request_id=f"{number}")):
                chunks.append(chunk)
                if not killed.is_set():
                    killed.set()
                    os.kill(victim, signal.SIGKILL)
        frames = whole(chunks)
        return len(frames), frames.tobytes()

    with ThreadPoolExecutor(clients) as pool:
        answers = list(pool.map(ask, range(clients)))
        repeated = list(pool.map(ask, range(clients)))
    assert [count for count, _ in answers] == [30 * (seconds + n) for n in range(clients)]
    assert repeated == answers
    assert server.says(r"worker warm pid=(\d+)", times=2) != str(victim)
    assert server.says(r"worker died exit_code=(\S+)") == "-9"
    assert server.process.poll() is None
    assert len(server.find(r"finish request_id=(\S+)")) == clients


def test_a_worker_killed_in_the_middle_counts_an_attempt_and_the_next_one_gives_the_same_bytes(server: Outside) -> None:
    def ask(request_id: str) -> bytes:
        with EmoTalkClient(port=server.port) as client:
            long = Request(speech(1200.0), request_id=request_id, post_processing=False)
            return whole(list(client.stream(long))).tobytes()

    with ThreadPoolExecutor(1) as pool:
        disturbed = pool.submit(ask, "disturbed")
        server.says("(start) request_id=disturbed attempt=1")
        os.kill(server.worker_pid, signal.SIGKILL)
        server.says("(start) request_id=disturbed attempt=2")
        assert disturbed.result(PATIENCE) == ask("calm")
    assert server.says(r"finish request_id=calm attempt=(\d)") == "1"


def test_when_the_server_is_killed_its_worker_ends_by_itself_and_the_next_server_answers(tmp_path: Path) -> None:
    asked = emotalk_pb2.AudioRequest(request_id="survivor", audio_data=speech(1200.0))
    with outside(tmp_path, *SERVE) as first:
        worker = first.worker_pid
        with grpc.insecure_channel(f"localhost:{first.port}") as channel:
            call = emotalk_pb2_grpc.EmoTalkServiceStub(channel).ProcessAudio(asked)
            first.says("(start) ")
            first.process.kill()
            with pytest.raises(grpc.RpcError) as broken:
                list(call)
        assert broken.value.code() is grpc.StatusCode.UNAVAILABLE
        eventually(lambda: gone(worker))
    with outside(tmp_path, *SERVE) as second, grpc.insecure_channel(f"localhost:{second.port}") as channel:
        again = emotalk_pb2_grpc.EmoTalkServiceStub(channel).ProcessAudio(asked, timeout=PATIENCE)
        assert len(frames_of(list(again))) == 36_000
        assert second.find(r"start request_id=survivor attempt=(\d)") in ([], ["1"]), "done, or given back uncounted"


def test_told_to_stop_the_server_finishes_what_is_in_hand_and_leaves_no_worker(server: Outside) -> None:
    worker = server.worker_pid
    with EmoTalkClient(port=server.port, patience=0) as client:
        chunks = client.stream(Request(speech(600.0)), lambda _: server.process.send_signal(signal.SIGTERM))
        assert len(whole(list(chunks))) == 18_000
    assert server.wait() == 0
    log = "".join(server.log)
    assert log.index(" draining ") < log.index(" finish ") < log.index(" stopped")
    assert gone(worker)


def test_a_worker_that_cannot_start_ends_the_server_with_its_own_exit_code(tmp_path: Path) -> None:
    with outside(tmp_path, "serve", "--port", "0", "--model-path", "nowhere.pth") as server:
        assert server.wait() == 3
    log = "".join(server.log)
    assert "nowhere.pth" in log
    assert "Traceback" not in log
    assert "serving" not in log


def test_a_server_without_a_worker_is_served_by_one_that_stands_alone(tmp_path: Path) -> None:
    with outside(tmp_path, *SERVE, "--no-worker") as server, EmoTalkClient(port=server.port) as client:
        with ThreadPoolExecutor(1) as pool:
            answer = pool.submit(lambda: whole(list(client.stream(Request(speech(3.0))))))
            server.says("(accept) ")
            assert not answer.done()
            with outside(tmp_path, "work", "--engine", "tone") as worker:
                assert len(answer.result(PATIENCE)) == 90
                assert worker.end() == 0
        assert server.end() == 0


def test_of_two_workers_one_works_and_the_other_stands_by_and_says_so(tmp_path: Path) -> None:
    with (
        outside(tmp_path, *SERVE, "--no-worker") as server,
        outside(tmp_path, "work", "--engine", "builtin") as one,
        outside(tmp_path, "work", "--engine", "builtin") as other,
        EmoTalkClient(port=server.port) as client,
    ):
        for worker in (one, other):
            worker.says("(working) ")
        reading = client.stream(Request(speech(900.0)))
        assert len(next(reading).frames) == 733
        eventually(lambda: one.find("(standing by)") + other.find("(standing by)"))
        assert len(one.find("(start) ") + other.find("(start) ")) == 1


def test_two_servers_cannot_share_a_port_and_the_second_says_so_at_once(server: Outside, tmp_path: Path) -> None:
    done = command(tmp_path, "serve", "--port", str(server.port), "--engine", "tone")
    assert done.returncode == 2
    assert f"{server.port} cannot be bound" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(("engine", "shaped"), [("builtin", True), ("tone", False)], ids=["builtin shaped", "tone raw"])
def test_animate_and_the_served_answer_agree_to_the_byte(tmp_path: Path, engine: str, shaped: bool) -> None:
    (tmp_path / "in.wav").write_bytes(speech(8.35))
    how = [
        "--chunk-duration",
        "3",
        "--emotion-level",
        "0",
        "--person-id",
        "4",
        *([] if shaped else ["--no-post-processing"]),
    ]
    alone = command(tmp_path, "animate", "in.wav", "-o", "alone.npy", "--engine", engine, "--seed", "the id", *how)
    assert alone.returncode == 0, alone.stderr
    with outside(tmp_path, "serve", "--port", "0", "--engine", engine) as server:
        sent = command(
            tmp_path, "send", "in.wav", "-o", "sent.npy", "--port", str(server.port), "--request-id", "the id", *how
        )
    assert sent.returncode == 0, sent.stderr
    frames = np.load(tmp_path / "alone.npy")
    assert frames.shape == (frame_count(round(8.35 * 16_000)), 52)
    assert frames.tobytes() == np.load(tmp_path / "sent.npy").tobytes()
