"""What training listens to: windows of whole utterances with their targets, damaged anew in every draw."""

from itertools import islice

import numpy as np
import pytest

from emotalk.engines.builtin.plan import ROW_SAMPLES
from training.corpus import Utterance
from training.rules import COLUMN
from training.sounds import BATCH, LENGTHS, Batch, Part, Sounds
from training.windows import ROWS, Window, windows

SAMPLES = (ROWS - 1) * ROW_SAMPLES


def utterance(seconds: float = 9.0) -> Utterance:
    """A tone while the mouth says AA, nothing while it says M: a second each, in turn."""
    time = np.arange(round(seconds * 16_000)) / 16_000
    sound = np.sin(2 * np.pi * 200 * time) * (time % 2 < 1)
    phones = [(float(s), s + 1.0, "M" if s % 2 else "AA") for s in range(int(seconds))]
    return Utterance("readers", "one", sound.astype(np.float32), phones)


def part_of(found: list[Window]) -> Part:
    return [{name: np.stack([window[name] for window in found]) for name in found[0]}]


@pytest.fixture(scope="module")
def parts() -> dict[str, Part]:
    voiceless = {name: Utterance(name, name, np.full(70_000, 0.1, np.float32), []) for name in ("noise", "music")}
    utterances = {"readers": utterance(), **voiceless}
    return {name: part_of(list(windows(one, 0))) for name, one in utterances.items()}


@pytest.mark.parametrize("version", range(6))
def test_a_window_is_loud_where_its_targets_open_the_mouth(version: int) -> None:
    for window in windows(utterance(), version):
        loud = np.abs(window["sound"].astype(float)).reshape(ROWS - 1, -1).max(1) > 1_000
        jaw = window["curves"][:-1, COLUMN["jawOpen"]] / 255
        assert jaw[loud].mean() > jaw[~loud].mean() + 0.15


def test_the_windows_of_an_utterance_hold_all_of_it_and_are_of_one_size() -> None:
    found = list(windows(utterance(9.0), 0))
    assert {window["sound"].shape for window in found} == {(SAMPLES,)}
    assert {window["curves"].shape for window in found} == {(ROWS, 15)}
    assert len(found) >= 3


def test_a_version_is_the_same_each_time_and_another_version_is_another() -> None:
    first, again, other = (list(windows(utterance(), version)) for version in (1, 1, 3))
    assert all(np.array_equal(a["sound"], b["sound"]) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first[0]["sound"], other[0]["sound"])


@pytest.fixture(scope="module")
def batches(parts: dict[str, Part]) -> list[Batch]:
    """Three of one seed; drawing them is what costs time here."""
    return drawn(parts, 1)


def drawn(parts: dict[str, Part], seed: int, count: int = 3) -> list[Batch]:
    return list(islice(Sounds(parts, seed), count))


@pytest.mark.long
def test_the_same_seed_draws_the_same_batches(parts: dict[str, Part]) -> None:
    first, other = drawn(parts, 5, 2), drawn(parts, 6, 1)
    for one, same in zip(first, drawn(parts, 5, 2), strict=True):
        assert all(np.array_equal(one[name], same[name]) for name in one)
    assert not np.array_equal(first[0]["sound"][:, :99], other[0]["sound"][:, :99])


@pytest.mark.long
def test_a_batch_has_one_length_and_a_row_of_targets_every_20_ms(batches: list[Batch]) -> None:
    for batch in batches:
        rows = batch["classes"].shape[1]
        assert rows in LENGTHS
        assert batch["sound"].shape == batch["clean"].shape == (BATCH, (rows - 1) * ROW_SAMPLES)
        assert batch["curves"].shape == (BATCH, rows, 15)
        assert 0 <= batch["curves"].min() <= batch["curves"].max() <= 1


def test_what_is_damaged_still_lies_at_the_time_of_the_clean_sound(batches: list[Batch]) -> None:
    batch = batches[0]
    envelope = lambda x: np.abs(x.reshape(len(x), -1, ROW_SAMPLES)).max(2)  # noqa: E731
    clean, heard = (envelope(batch[name][batch["spoken"]]) for name in ("clean", "sound"))
    changing = clean.std(1) > 0.2
    alike = [np.corrcoef(a, b)[0, 1] for a, b in zip(clean[changing], heard[changing], strict=True)]
    assert np.median(alike) > 0.5


def test_where_nobody_speaks_the_batch_says_so_and_the_mouth_is_to_stay_shut(batches: list[Batch]) -> None:
    silent = np.concatenate([batch["curves"][~batch["spoken"]].reshape(-1, 15) for batch in batches])
    assert len(silent)
    assert silent[:, COLUMN["jawOpen"]].max() < 0.05
