"""Sound that waits: the same bytes wherever they lie, and no more memory than was said."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emotalk.errors import ServerUnavailable
from emotalk.live.spool import Spool

SOUND = bytes(range(256)) * 8


@given(st.lists(st.integers(0, 200), max_size=30), st.integers(0, 300), st.data())
def test_any_stretch_that_is_kept_reads_as_it_was_written(sizes: list[int], memory: int, data: st.DataObject) -> None:
    spool, written, forgotten = Spool(memory), b"", 0
    for size in sizes:
        piece = SOUND[len(written) % 256 :][:size]
        spool.append(piece)
        written += piece
        assert spool.end == len(written)
        assert len(spool._recent) <= memory
        forgotten = data.draw(st.integers(forgotten, len(written)))
        spool.forget(forgotten)
        start = data.draw(st.integers(forgotten, len(written)))
        stop = data.draw(st.integers(start, len(written) + 10))
        assert spool.read(start, stop) == written[start:stop]
    spool.close()


def test_who_is_read_as_fast_as_he_speaks_never_reaches_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.TemporaryFile", lambda: pytest.fail("a file was opened"))
    spool = Spool(100)
    for start in range(0, 10_000, 50):
        spool.append(SOUND[:50])
        spool.forget(start)


def test_the_file_goes_when_it_has_been_read() -> None:
    spool = Spool(10)
    spool.append(SOUND[:100])
    assert spool._file is not None
    file = spool._file
    spool.forget(100)
    assert file.closed
    spool.append(SOUND[:4])
    assert spool.read(100, 104) == SOUND[:4]


def test_a_full_disk_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def full() -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tempfile.TemporaryFile", full)
    with pytest.raises(ServerUnavailable, match="No space left"):
        Spool(10).append(SOUND)
