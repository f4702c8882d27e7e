"""A child of the server, here its worker: warm or not, replaced when it dies, ended in order. Scripts play its part."""

import asyncio
import os
import stat
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from emotalk.supervision import keeper
from emotalk.supervision import leash as child_process
from emotalk.supervision.keeper import Keeper, ProcessRefused
from emotalk.supervision.leash import Child

Play = Callable[[str], Keeper]


@pytest.fixture
def play(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Play:
    """A worker that is this shell script; what it writes to $LOG can be read with `told`."""

    def written(script: str) -> Keeper:
        path = tmp_path / "worker.sh"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setattr(sys, "executable", str(path))
        return Keeper("worker-1", "worker", Child(("work",), {**os.environ, "LOG": str(tmp_path / "log")}))

    monkeypatch.setattr(keeper, "FIRST_PAUSE", 0.0)
    return written


def told(tmp_path: Path) -> list[str]:
    log = tmp_path / "log"
    return log.read_text().split() if log.exists() else []


async def until(look: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not look():
            await asyncio.sleep(0.01)


def run(story: Awaitable[None]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(30):
            await story

    asyncio.run(bounded())


def test_a_worker_is_warm_once_it_says_so_whatever_its_libraries_said_before(play: Play) -> None:
    async def story() -> None:
        child = play("echo chatter; echo more; echo ready; cat > /dev/null")
        assert not child.warm()
        await child.start()
        assert child.warm()
        await child.stop(0)

    run(story())


def test_a_worker_that_ends_before_it_is_warm_is_refused_with_its_exit_code(play: Play) -> None:
    async def story() -> None:
        with pytest.raises(ProcessRefused) as caught:
            await play("echo no; exit 3").start()
        assert caught.value.exit_code == 3

    run(story())


def test_a_worker_that_never_gets_warm_is_killed(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child_process, "WARMING_SECONDS", 0.1)

    async def story() -> None:
        with pytest.raises(ProcessRefused) as caught:
            await play("exec sleep 60").start()
        assert caught.value.exit_code == -9

    run(story())


def test_a_worker_that_dies_is_started_again_and_is_not_warm_meanwhile(play: Play, tmp_path: Path) -> None:
    async def story() -> None:
        child = play("echo born >> $LOG; echo ready; read line; exit 7")
        await child.start()
        for births in (2, 3):
            assert child._child._process is not None
            assert child._child._process.stdin is not None
            child._child._process.stdin.write(b"die\n")
            await until(lambda births=births: len(told(tmp_path)) == births and child.warm())
        await child.stop(0)

    run(story())


def test_asked_to_stop_the_worker_has_its_time(play: Play, tmp_path: Path) -> None:
    async def story() -> None:
        child = play("trap 'echo finished >> $LOG; exit 0' TERM; echo ready; while :; do sleep 0.01; done")
        await child.start()
        await child.stop(20)
        assert told(tmp_path) == ["finished"]
        assert not child.warm()

    run(story())


def test_a_worker_that_does_not_end_in_time_hears_a_second_word_and_gives_back(play: Play, tmp_path: Path) -> None:
    async def story() -> None:
        child = play("trap '' TERM; echo ready; cat > /dev/null; echo back >> $LOG")
        await child.start()
        await child.stop(0)
        assert told(tmp_path) == ["back"]

    run(story())


def test_a_worker_that_hears_nothing_is_killed_and_not_started_again(
    play: Play, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(child_process, "ENDING_SECONDS", 0.05)

    async def story() -> None:
        child = play("trap '' TERM; echo born >> $LOG; echo ready; while :; do sleep 0.01; done")
        await child.start()
        await child.stop(0)
        assert child._child._process is not None
        assert child._child._process.returncode == -9
        await asyncio.sleep(0)
        assert told(tmp_path) == ["born"]

    run(story())


def test_a_worker_that_dies_again_and_again_is_started_in_small_steps_for_others_wait_behind_its_poison(
    play: Play, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(keeper, "FIRST_PAUSE", 0.01)
    monkeypatch.setattr(keeper, "LONGEST_PAUSE", 0.03)

    async def story() -> None:
        child = play("echo born >> $LOG; echo ready; exit 7")
        await child.start()
        await until(lambda: len(told(tmp_path)) == 6)
        await child.stop(0)

    run(story())
    pauses = [record.fix for record in caplog.records if record.message == "worker died"]  # type: ignore[attr-defined]
    assert [text.split()[-2] for text in pauses[:5]] == ["0.01", "0.02", "0.03", "0.03", "0.03"]
