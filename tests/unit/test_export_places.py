"""Where a file goes: links, modes, mounts and names of every kind are kept, and nothing is lost at the end."""

import errno
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from unittest import mock

import numpy as np
import pytest

from emotalk.export import check_place, save
from emotalk.face import FaceClip

CLIP = FaceClip(np.zeros((4, 52), np.float32))


def test_a_link_stays_a_link_and_what_it_leads_to_is_written(tmp_path: Path) -> None:
    target, link = tmp_path / "there" / "face.npy", tmp_path / "link.npy"
    target.parent.mkdir()
    link.symlink_to(target)
    save(CLIP, link)
    save(CLIP, link)
    assert link.is_symlink()
    assert np.load(target).shape == (4, 52)


def test_a_pipe_is_written_to_and_stays_a_pipe(tmp_path: Path) -> None:
    pipe, link, whole = tmp_path / "pipe", tmp_path / "face.csv", tmp_path / "whole.csv"
    os.mkfifo(pipe)
    link.symlink_to(pipe)
    with ThreadPoolExecutor(1) as thread:
        read = thread.submit(pipe.read_bytes)
        check_place(link)
        save(CLIP, link)
        save(CLIP, whole)
        assert read.result() == whole.read_bytes()
    assert pipe.is_fifo()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["face.csv", "pipe", "whole.csv"]


def test_links_in_a_ring_are_refused_before_the_work(tmp_path: Path) -> None:
    ring = tmp_path / "face.npy"
    ring.symlink_to(ring)
    with pytest.raises(OSError, match="links"):
        check_place(ring)


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o666])
def test_the_mode_of_a_file_that_is_there_is_kept(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "face.npy"
    path.touch()
    path.chmod(mode)
    save(CLIP, path)
    assert path.stat().st_mode & 0o777 == mode


def test_a_new_file_gets_the_mode_that_the_umask_leaves(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        save(CLIP, tmp_path / "face.npy")
    finally:
        os.umask(before)
    assert (tmp_path / "face.npy").stat().st_mode & 0o777 == 0o640


def test_a_disk_that_knows_no_modes_gets_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(errno.EPERM, "no modes here")

    monkeypatch.setattr(Path, "chmod", refuse)
    save(CLIP, tmp_path / "face.npy")
    assert np.load(tmp_path / "face.npy").shape == (4, 52)


def test_a_file_that_is_a_mount_of_its_own_is_written_in_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EBUSY, "a mount")

    path = tmp_path / "face.npy"
    path.write_bytes(b"old")
    number = path.stat().st_ino
    monkeypatch.setattr(Path, "replace", refuse)
    save(CLIP, path)
    assert path.stat().st_ino == number
    assert np.load(path).shape == (4, 52)


@pytest.mark.parametrize("name", ["a" * 251 + ".npy", "mặt nói.npy", "a b'c\"d.npy", "-.npy"])
def test_names_of_every_kind_are_written(tmp_path: Path, name: str) -> None:
    check_place(tmp_path / name)
    save(CLIP, tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_name_that_no_disk_takes_is_refused_before_the_work(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="too long"):
        check_place(tmp_path / ("a" * 300 + ".npy"))


@pytest.mark.parametrize("suffix", [".usda", ".glb", ".json", ".npz", ".csv", ".livelink.csv"])
@pytest.mark.long
def test_a_sound_whose_name_is_not_utf_8_can_be_named(tmp_path: Path, suffix: str) -> None:
    sound = Path(os.fsdecode(b"caf\xe9.wav"))
    save(FaceClip(CLIP.frames, sound), tmp_path / f"face{suffix}")
    assert (tmp_path / f"face{suffix}").stat().st_size


def test_what_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    def broken(*_: object) -> None:
        raise OSError(errno.ENOSPC, "the disk is full")

    with mock.patch.object(np, "save", broken), pytest.raises(OSError, match="disk is full") as full:
        save(CLIP, tmp_path / "face.npy")
    assert full.value.filename == str(tmp_path / "face.npy")
    assert list(tmp_path.iterdir()) == []
