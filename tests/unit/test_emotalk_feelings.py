"""EmoTalk draws its own feelings; others are laid over them only where somebody asks."""

import numpy as np
import pytest

from emotalk.engines.emotalk import EmoTalkEngine
from emotalk.face import INDEX, Frames
from emotalk.feelings import FEELINGS, EmotionKey, FeelingTrack, join_tracks
from emotalk.performance import Performance
from emotalk.pipeline import Pipeline
from tests.parity.seeded_checkpoint import write_checkpoint
from tests.unit.voices import babble

SPOKEN = babble(seconds=3.0)
pytest.importorskip("openvino")


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Pipeline:
    checkpoint = write_checkpoint(tmp_path_factory.mktemp("weights") / "seeded.pth")
    return Pipeline(EmoTalkEngine(checkpoint, device="cpu", threads=1, warm=False))


def perform(pipeline: Pipeline, **asked: object) -> tuple[Frames, FeelingTrack]:
    session = pipeline.open(Performance(post_processing=False, **asked), seed="x")
    chunks = session.push(SPOKEN) + session.finish()
    return np.concatenate([chunk.frames for chunk in chunks]), join_tracks([chunk.feelings for chunk in chunks])


@pytest.fixture(scope="module")
def own(pipeline: Pipeline) -> Frames:
    return perform(pipeline)[0]


@pytest.mark.parametrize(
    "asked",
    [{"emotion": "off"}, {"emotion": "auto", "emotion_strength": 0.0}, {"emotion": "joy", "emotion_strength": 0.0}],
)
def test_without_feelings_no_byte_changes(pipeline: Pipeline, own: Frames, asked: dict) -> None:
    frames, track = perform(pipeline, **asked)
    assert np.array_equal(frames, own)
    assert not len(track.rows)


def test_a_feeling_that_is_asked_for_is_drawn_and_said_back(pipeline: Pipeline, own: Frames) -> None:
    frames, track = perform(pipeline, emotion="joy=0.8", emotion_strength=1.0)
    assert track.rows[-1, 6 + FEELINGS.index("joy")] == pytest.approx(0.8, abs=0.05)
    more = frames - own
    assert more[45:, INDEX["cheekSquintLeft"]].max() > 0
    assert not more[:, [INDEX["mouthClose"], INDEX["mouthPucker"], INDEX["jawOpen"]]].any()


def test_it_is_heard_where_somebody_asks_and_key_frames_go_over_it(pipeline: Pipeline) -> None:
    _, heard = perform(pipeline, emotion="auto")
    assert len(heard.rows) == 30
    assert np.allclose(heard.rows[:, 1:6].sum(axis=1), 1, atol=1e-4)
    _, said = perform(pipeline, emotion="auto", emotions=(EmotionKey(1.0, {"anger": 1.0}),), emotion_strength=1.0)
    assert said.rows[-1, 6 + FEELINGS.index("anger")] > 0.5
    assert np.array_equal(said.rows[:, :6], heard.rows[:, :6])
