"""What the ear is taught by: a voice's own calm, lessons of another network, and actors who are left out."""

import numpy as np
import pytest

from training.discriminant import Discriminant, Lessons

FEELINGS = ("anger", "joy", "fear", "neutral", "boredom", "sadness")
WIDTH = 12


def actors(count: int, stirring: float = 6.0) -> Lessons:
    """Each says each feeling three times, in four steps; who is stirred is higher in the first number."""
    chance = np.random.default_rng(count)
    of = [(f"{voice}", feeling) for voice in range(count) for feeling in FEELINGS for _ in range(3)]
    clips = chance.standard_normal((len(of), WIDTH)).astype(np.float32)
    clips[:, 0] += [stirring * (feeling in FEELINGS[:3]) for _, feeling in of]
    steps = np.repeat(clips, 4, 0) + (chance.standard_normal((4 * len(of), WIDTH)) / 4).astype(np.float32)
    voice, feeling = (np.array(each) for each in zip(*of, strict=True))
    return Lessons(steps, np.repeat(np.arange(len(of)), 4), clips, voice, feeling)


def test_a_lesson_of_another_network_is_moved_to_this_one_s_usual_calm() -> None:
    mine, theirs = actors(4), actors(3).moved(np.full(WIDTH, 7, np.float32))
    moved = theirs.moved(mine.usual() - theirs.usual())
    assert moved.usual() == pytest.approx(mine.usual(), abs=1e-4)
    assert moved.steps - moved.clips[moved.clip] == pytest.approx(theirs.steps - theirs.clips[theirs.clip], abs=1e-4)


def test_a_voice_s_own_calm_leans_to_the_usual() -> None:
    taught = actors(2).moved(np.full(WIDTH, 5, np.float32))
    own = taught.calm(np.zeros(WIDTH, np.float32))
    assert np.all(own[0, 1:] < 5)
    assert own.mean(0)[1:] == pytest.approx(np.full(WIDTH - 1, 5 * 12 / (12 + 40)), abs=0.5)


def test_a_stirred_voice_that_was_never_heard_is_told_from_a_calm_one() -> None:
    taught = actors(6)
    usual, scale = taught.usual(), taught.clips.std(0)
    discriminant = Discriminant([(1.0, taught), (0.2, taught)], actors(20, 0.0), usual, scale)
    weights, bias = discriminant.head(["0", "1", "2", "3", "4"])
    last = taught.voice == "5"
    said = (taught.clips[last] - usual) / scale @ weights + bias
    stirred = np.isin(taught.feeling[last], FEELINGS[:3])
    assert said[stirred].min() > said[~stirred].max()


def test_a_head_is_learnt_from_the_voices_that_are_named_alone() -> None:
    taught = actors(4)
    other = Lessons(
        taught.steps, taught.clip, taught.clips, taught.voice, np.where(taught.voice == "3", "joy", taught.feeling)
    )
    heads = [
        Discriminant([(1.0, each)], actors(9, 0.0), taught.usual(), taught.clips.std(0)).head(["0", "1", "2"])
        for each in (taught, other)
    ]
    assert np.array_equal(heads[0][0], heads[1][0])
    assert heads[0][1] == heads[1][1]
