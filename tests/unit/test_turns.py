"""Whoever has had least is next, and no more than said go at once."""

from threading import Event, Thread

import pytest

from emotalk.live.turns import ClipTurns

PATIENCE = 30.0


def test_the_first_turn_of_every_clip_comes_before_the_second_of_any() -> None:
    turns, order, busy, go = ClipTurns(1), [], Event(), Event()

    def hold() -> None:
        with turns.turn(0):
            busy.set()
            go.wait(PATIENCE)

    def take(name: str, had: int) -> None:
        with turns.turn(had):
            order.append(name)

    holder = Thread(target=hold)
    holder.start()
    busy.wait(PATIENCE)
    asked = [("a's second", 2), ("b's first", 0), ("a's third", 3), ("c's first", 0)]
    threads = []
    for number, (name, had) in enumerate(asked, 1):
        threads.append(Thread(target=take, args=(name, had)))
        threads[-1].start()
        while len(turns._waiting) < number:
            go.wait(0.001)
    go.set()
    for thread in (holder, *threads):
        thread.join(PATIENCE)
    assert order == ["b's first", "c's first", "a's second", "a's third"]


def test_a_turn_that_fails_is_given_back() -> None:
    turns = ClipTurns(1)
    for _ in range(3):
        with pytest.raises(ValueError, match="no face"), turns.turn(0):
            raise ValueError("no face")
    with turns.turn(0):
        assert turns._free == 0
    assert turns._free == 1
