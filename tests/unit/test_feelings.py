"""Feelings: what a caller may say, what a face does of it, and how it is said back through every way."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emotalk.cli.key_frames import text_of
from emotalk.client.exchange import Exchange
from emotalk.engines.base import Engine, HearingSession
from emotalk.engines.builtin import BuiltinEngine
from emotalk.errors import InvalidRequest
from emotalk.export import save
from emotalk.expression.feeling import Feeling, Score
from emotalk.expression.phrasing import Speech
from emotalk.expression.signs import CORNERS_LIMIT, draw, kept
from emotalk.face import ARKIT_NAMES, INDEX, FaceClip, Frames, Pcm, Style
from emotalk.feelings import FEELINGS, HEARD, TRACK_WIDTH, EmotionKey, FeelingTrack, check_keys, join_tracks, read_keys
from emotalk.head import load_head
from emotalk.jobs import Part
from emotalk.jobs.assembly import Assembly
from emotalk.jobs.codec import decode_part, encode_part
from emotalk.live.conversation import LiveChunk, Opening, pack_chunk, pack_feelings, unpack_chunk, unpack_feelings
from emotalk.performance import Performance
from emotalk.pipeline import FaceChunk, Pipeline
from emotalk.web.events import describe_chunk
from emotalk.wire.convert import to_response
from tests.streaming_tone import StreamingToneEngine
from tests.unit.voices import babble

MOUTH, FACE = BuiltinEngine(), StreamingToneEngine()
ENGINES: list[Engine] = [MOUTH, FACE]
EACH = pytest.mark.parametrize("engine", ENGINES, ids=["mouth", "face"])
SPOKEN = babble(seconds=4.0)
FULL = {"emotion_strength": 1.0}
STRENGTHS = st.dictionaries(st.sampled_from(FEELINGS), st.floats(0, 1))
KEYS = st.lists(st.tuples(st.integers(0, 500), STRENGTHS), unique_by=lambda key: key[0]).map(
    lambda rows: tuple(EmotionKey(time / 10, strengths) for time, strengths in sorted(rows, key=lambda row: row[0]))
)
TRACK = FeelingTrack(4, np.random.default_rng(0).random((20, TRACK_WIDTH), np.float32))


def chunks(engine: Engine, performance: Performance, *cuts: int, live: bool = False) -> list[FaceChunk]:
    pipeline, pushes = Pipeline(engine), np.split(SPOKEN, sorted(cuts))
    session = pipeline.live(performance, seed="x") if live else pipeline.open(performance, seed="x")
    return [chunk for push in pushes for chunk in session.push(push)] + session.finish()


def face(of: list[FaceChunk]) -> Frames:
    return np.concatenate([chunk.frames for chunk in of])


def track(of: list[FaceChunk]) -> FeelingTrack:
    return join_tracks([chunk.feelings for chunk in of])


@pytest.mark.parametrize(
    ("emotion", "named"),
    [("happiness", "happiness"), ("joy=2", "joy=2"), ("joy=much", "joy=much"), ("joy=nan", "joy=nan"), ("=1", "''")],
)
def test_an_emotion_that_cannot_be_is_refused_by_name(emotion: str, named: str) -> None:
    with pytest.raises(InvalidRequest, match=named) as caught:
        Performance(emotion=emotion).check()
    assert caught.value.field == "emotion"


@pytest.mark.parametrize(
    "rows",
    [
        "{", "3", '[{"joy": 1}]', '[{"time": "soon"}]', '[{"time": -1}]', '[{"time": 1}, {"time": 1}]',
        '[{"time": 0, "mirth": 1}]', '[{"time": 0, "joy": 1.5}]', '[{"time": 0, "joy": true}]', '[{"time": NaN}]',
        "[1]", "[" * 50_000, f'[{{"time": 1{"0" * 400}}}]',
    ],
)  # fmt: skip
def test_key_frames_that_cannot_be_are_refused_by_name(rows: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        read_keys(rows)
    assert caught.value.field == "emotions"


def test_key_frames_may_be_written_as_json_has_them() -> None:
    keys = [{"time": 0, "joy": 0.8}]
    assert Performance(emotions=keys) == Performance(emotions=(EmotionKey(0.0, {"joy": 0.8}),))
    with pytest.raises(InvalidRequest, match="'glee' is unknown"):
        Performance(emotions=({"time": 0, "glee": 1},))  # type: ignore[arg-type]


@given(KEYS)
def test_key_frames_are_read_back_from_the_json_that_says_them(keys: tuple[EmotionKey, ...]) -> None:
    check_keys(keys)
    assert read_keys(json.dumps([{"time": key.time, **key.strengths} for key in keys])) == keys


def test_a_table_and_json_say_the_same(tmp_path: Path) -> None:
    (tmp_path / "keys.csv").write_text("time,joy,anger\n0,0.8,\n2.5,,0.5\n")
    (tmp_path / "keys.json").write_text('[{"time": 0, "joy": 0.8}, {"time": 2.5, "anger": 0.5}]')
    table, document = (read_keys(text_of(str(tmp_path / name))) for name in ("keys.csv", "keys.json"))
    assert table == document
    for missing in ("none.csv", "none.json"):
        with pytest.raises(InvalidRequest, match=missing):
            text_of(str(tmp_path / missing))


SPREADSHEET = (EmotionKey(0.0, {"joy": 0.8}), EmotionKey(2.5, {"anger": 0.5}))


@pytest.mark.parametrize(
    "table",
    [
        "\ufefftime,joy,anger\n0,0.8,\n2.5,,0.5\n",
        "time;joy;anger\r\n0;0,8;\r\n2,5;;0,5\r\n;;\r\n",
        "Time\tJoy\tAnger\n0\t0,8\t\n2.5\t\t0.5\n",
        "\n time , joy , anger \n 0 , 0.8 \n\n 2.5 , , 0.5 \n",
    ],
)
def test_a_spreadsheet_s_table_is_read_as_it_saves_it(tmp_path: Path, table: str) -> None:
    (tmp_path / "keys.csv").write_text(table, encoding="utf-8", newline="")
    assert read_keys(text_of(str(tmp_path / "keys.csv"))) == SPREADSHEET


@pytest.mark.parametrize(
    ("table", "named"),
    [
        ("time,vui vẻ\n0,1\n", "vui vẻ"),
        ("time,joy\n0,much\n", "line 2: 'much'"),
        ("time,joy\n0,0,8\n", "line 2 has more cells"),
        ("time,joy\n1,1\n0,1\n", "time 0 does not come after 1"),
        ("joy\n1\n", "no column time"),
        ("time,joy,Joy\n0,1,0\n", "two columns joy"),
        ('time,joy\n0,"1\n', "unexpected end"),
        ("", "no key frames"),
        ("time,joy\n", "no key frames"),
        ("time,joy\n0,nan\n", "joy=nan"),
        ("time,joy\n0,1.5\n", "joy=1.5"),
    ],
)
def test_a_table_that_cannot_be_is_refused_by_what_is_wrong_in_it(tmp_path: Path, table: str, named: str) -> None:
    (tmp_path / "keys.csv").write_text(table, encoding="utf-8")
    with pytest.raises(InvalidRequest, match=named) as caught:
        read_keys(text_of(str(tmp_path / "keys.csv")))
    assert caught.value.field == "emotions"


@given(keys=KEYS.filter(bool), time=st.floats(0, 60))
def test_between_two_key_frames_every_strength_lies_between_theirs(keys: tuple[EmotionKey, ...], time: float) -> None:
    at = Score(keys).at(time)
    assert at is not None
    before = [key for key in keys if key.time <= time][-1:] or [keys[0]]
    after = [key for key in keys if key.time > time][:1] or [keys[-1]]
    low, high = (edge([before[0].row(), after[0].row()], axis=0) for edge in (np.min, np.max))
    assert (low - 1e-9 <= at).all()
    assert (at <= high + 1e-9).all()


def test_what_is_said_later_counts_from_then_on_and_never_before() -> None:
    score = Score(())

    def at(time: float, name: str) -> float | None:
        strengths = score.at(time)
        return None if strengths is None else float(strengths[FEELINGS.index(name)])

    assert score.at(1.0) is None
    score.go_on((EmotionKey(0.0, {"joy": 1.0}),), 2.0)
    assert score.at(1.99) is None
    assert at(2.0, "joy") == 1
    score.go_on((EmotionKey(4.0, {"anger": 1.0}),), 3.0)
    assert at(2.5, "joy") == 1
    assert at(3.5, "joy") == 0.5
    score.go_on((), 5.0)
    assert score.at(6.0) is None


@EACH
def test_strength_nought_changes_no_byte(engine: Engine) -> None:
    silent = face(chunks(engine, Performance(emotion="off")))
    for nothing in (Performance(emotion="joy", emotion_strength=0.0), Performance(emotion="joy=0")):
        assert np.array_equal(face(chunks(engine, nothing)), silent)


def test_an_engine_that_draws_feelings_keeps_its_face_unless_somebody_asks() -> None:
    own = chunks(FACE, Performance())
    assert np.array_equal(face(own), face(chunks(FACE, Performance(emotion="off"))))
    assert not len(track(own).rows)
    assert len(track(chunks(FACE, Performance(emotion="auto"))).rows) == 40
    assert len(track(chunks(MOUTH, Performance())).rows) == 40


@EACH
@settings(max_examples=5)
@given(cuts=st.lists(st.integers(0, len(SPOKEN)), max_size=4))
@pytest.mark.long
def test_any_pushes_give_the_same_feelings_and_bytes(engine: Engine, cuts: list[int]) -> None:
    for live in (False, True):
        asked = Performance(emotion="bold", emotions=(EmotionKey(1.0, {"joy": 1.0}),), preferred_emotion_strength=0.5)
        whole, cut = chunks(engine, asked, live=live), chunks(engine, asked, *cuts, live=live)
        assert np.array_equal(face(whole), face(cut))
        assert track(whole) == track(cut)


@EACH
@pytest.mark.parametrize("feeling", FEELINGS)
def test_lips_that_meet_stay_together_whatever_is_felt(engine: Engine, feeling: str) -> None:
    asked = [Performance(post_processing=False, emotion=e, **FULL) for e in ("off", feeling)]
    calm, felt = (face(chunks(engine, each)) for each in asked)
    gap = calm[:, INDEX["jawOpen"]] - calm[:, INDEX["mouthClose"]]
    together = gap <= 0
    parting = [INDEX[n] for n in ARKIT_NAMES if n.startswith(("mouthUpperUp", "mouthStretch", "noseSneer"))]
    shut = [INDEX[n] for n in ("mouthClose", "mouthFunnel", "mouthPucker", "mouthRollLower", "mouthRollUpper")]
    assert np.array_equal(felt[together][:, parting], calm[together][:, parting])
    assert np.array_equal(felt[:, shut], calm[:, shut])
    assert np.abs(felt - calm).max() > 0.05


def _apart(face: Frames) -> float:
    """Millimetres from lip to lip on the packaged head."""
    return 1e3 * load_head().lip_gap(face[0])


MIXED = st.lists(st.floats(0, 1), min_size=10, max_size=10).map(lambda each: np.array([each]) / max(sum(each), 1))
NOBODY, SOMEBODY = np.ones(1, np.float32), np.zeros(1, np.float32)


def _lips(jaw: float, gap: float) -> Frames:
    face = np.zeros((1, 52), np.float32)
    face[0, INDEX["jawOpen"]], face[0, INDEX["mouthClose"]] = jaw, max(jaw - gap, 0)
    return face


@given(st.floats(0, 1), st.floats(0, 0.08), MIXED)
def test_no_mixture_of_feelings_parts_lips_that_meet_in_speech(jaw: float, gap: float, felt: Frames) -> None:
    calm = _lips(jaw, gap)
    assert _apart(draw(calm, felt.astype(np.float32), NOBODY * 0, SOMEBODY)) < _apart(calm) + 0.1


@given(st.floats(0.26, 1), st.floats(0.25, 1), MIXED, st.sampled_from([NOBODY, SOMEBODY]))
def test_no_mixture_of_feelings_holds_lips_shut_that_open(jaw: float, gap: float, felt: Frames, who: Frames) -> None:
    calm = _lips(jaw, gap)
    assert _apart(draw(calm, felt.astype(np.float32), NOBODY * 0, who)) > _apart(calm) - 0.1


ACTION_UNITS = {
    1: "browInnerUp", 2: "browOuterUp", 4: "browDown", 5: "eyeWide", 6: "cheekSquint", 7: "eyeSquint", 9: "noseSneer",
    12: "mouthSmile", 15: "mouthFrown", 20: "mouthStretch",
}  # fmt: skip
PROTOTYPES = {
    "joy": (6, 12), "anger": (4, 5, 7, 9), "sadness": (1, 4, 15), "fear": (1, 2, 4, 5, 20), "disgust": (9, 15),
    "amazement": (1, 2, 5), "pain": (4, 6, 7, 9),
}  # fmt: skip
"""EMFACS, as psychologists wrote it down: not made of our weights."""


def recognised(more: Frames) -> str:
    """The prototype that is most like what a feeling adds to a face, by the cosine of their action units."""
    units = np.array([max(more[:, [i for n, i in INDEX.items() if n.startswith(name)]].mean(0)) for name in UNITS])
    rows = {name: np.array([unit in units for unit in ACTION_UNITS]) for name, units in PROTOTYPES.items()}
    return max(rows, key=lambda name: float(units @ rows[name] / np.sqrt(rows[name].sum())))


UNITS = tuple(ACTION_UNITS.values())


@EACH
@pytest.mark.parametrize("strength", [0.3, 1.0])
def test_whoever_knows_the_signs_recognises_each_feeling_on_a_speaking_face(engine: Engine, strength: float) -> None:
    def drawn(emotion: str) -> Frames:
        return face(chunks(engine, Performance(post_processing=False, emotion=emotion, emotion_strength=strength)))

    calm = drawn("off")
    for feeling in PROTOTYPES:
        felt = drawn(feeling)
        assert recognised((felt - calm)[30:]) == feeling


@given(st.lists(st.floats(0, 1, width=32), min_size=10, max_size=10), st.floats(0, 1, width=32))
def test_corners_stay_within_their_limit_and_the_face_within_its_range(strengths: list[float], smile: float) -> None:
    before = np.zeros((1, 52), np.float32)
    before[0, INDEX["mouthSmileLeft"]] = smile
    drawn = draw(before, np.array([strengths], np.float32), np.ones(1, np.float32), np.ones(1, np.float32))
    assert ((drawn >= 0) & (drawn <= 1)).all()
    assert drawn[0, INDEX["mouthSmileLeft"]] <= max(CORNERS_LIMIT + 1e-6, smile)


def test_a_feeling_comes_and_goes_without_a_jump() -> None:
    keys = (
        EmotionKey(0.0),
        EmotionKey(1.0),
        EmotionKey(1.001, {"joy": 1.0}),
        EmotionKey(2.0, {"joy": 1.0}),
        EmotionKey(2.001),
    )
    drawn = track(chunks(MOUTH, Performance(emotion="off", emotions=keys, **FULL)))
    assert not len(drawn.rows)
    drawn = track(chunks(MOUTH, Performance(emotions=keys, **FULL)))
    joy = drawn.rows[:, 6 + FEELINGS.index("joy")]
    assert joy[:9].max() < 0.01
    assert joy[14] > 0.8
    assert 0.1 < joy[24] < 0.9
    assert np.abs(np.diff(joy)).max() < 0.6


def test_who_speaks_live_can_say_what_is_felt_from_now_on() -> None:
    session = Pipeline(MOUTH).live(Performance(**FULL), seed="x")
    half = len(SPOKEN) // 2
    out = session.push(SPOKEN[:half])
    session.feel((EmotionKey(0.0, {"anger": 1.0}),))
    out += session.push(SPOKEN[half:]) + session.finish()
    anger = track(out).rows[:, 6 + FEELINGS.index("anger")]
    assert anger[:20].max() == 0
    assert anger[21] > 0.05
    assert anger[26] > 0.8


def test_a_stream_without_feelings_says_so_to_who_sends_them() -> None:
    session = Pipeline(MOUTH).live(Performance(emotion="off"), seed="x")
    with pytest.raises(InvalidRequest, match="emotions"):
        session.feel((EmotionKey(0.0, {"joy": 1.0}),))


@given(start=st.integers(0, 90), length=st.integers(0, 60))
def test_a_track_is_cut_where_its_frames_are_and_joined_again(start: int, length: int) -> None:
    pieces = [TRACK.of_frames(*span) for span in ((0, start), (start, start + length), (start + length, 1000))]
    assert join_tracks(pieces) == TRACK


def test_a_track_comes_back_through_log_wire_live_engine_and_client() -> None:
    frames = np.zeros((60, 52), np.float32)
    part = Part("one", "a", 0, 12, 72, True, frames, feelings=TRACK)
    assert decode_part(encode_part(part)).feelings == TRACK
    assembly = Assembly()
    assembly.add(Part("one", "a", 0, 0, 72, False, frames[:12]))
    answer = assembly.add(part)
    assert answer is not None
    assert answer.feelings == TRACK
    opening = Opening("one", Performance(), 16_000)
    assert unpack_chunk(pack_chunk(LiveChunk(0, 12, frames, True, TRACK), opening)).feelings == TRACK
    known = Exchange(10.0, 1.0, from_frame=12).take(to_response("one", 0, 12, frames, True, TRACK))
    assert known is not None
    assert known.feelings == TRACK
    later = Exchange(10.0, 1.0, from_frame=18).take(to_response("one", 0, 12, frames, True, TRACK))
    assert later is not None
    assert later.feelings == FeelingTrack(6, TRACK.rows[2:])
    assert describe_chunk(known)["feeling"]["first_step"] == 4


def test_key_frames_reach_the_live_engine_as_they_were_said() -> None:
    for keys in ((), (EmotionKey(1.5, {"joy": 0.25}),)):
        assert unpack_feelings(pack_feelings(keys)) == keys


def test_files_say_what_was_heard_and_drawn(tmp_path: Path) -> None:
    clip = FaceClip(np.zeros((60, 52), np.float32), feelings=FeelingTrack(0, TRACK.rows))
    for name in ("clip.json", "clip.npz"):
        save(clip, tmp_path / name)
    document = json.loads((tmp_path / "clip.json").read_text())["feeling"]
    assert document["rate"] == 10
    assert document["names"] == list(HEARD)
    assert document["drawn_names"] == list(FEELINGS)
    assert np.allclose(document["activation"], TRACK.rows[:, 0], atol=1e-4)
    assert np.shape(document["probabilities"]) == (20, 5)
    assert np.shape(document["drawn"]) == (20, 10)
    with np.load(tmp_path / "clip.npz") as arrays:
        assert arrays["feeling_drawn"].shape == (20, 10)
        assert arrays["feeling_names"].tolist() == list(HEARD)


def test_a_file_of_a_face_without_feelings_is_what_it_was(tmp_path: Path) -> None:
    save(FaceClip(np.zeros((3, 52), np.float32)), tmp_path / "clip.json")
    assert "feeling" not in json.loads((tmp_path / "clip.json").read_text())


def silent(seconds: float) -> Pcm:
    return np.zeros(round(seconds * 16_000), np.float32)


def test_all_of_it_is_gone_three_seconds_after_the_last_word() -> None:
    for emotion in ("off", "joy"):
        session = Pipeline(MOUTH).open(Performance(emotion=emotion, post_processing=False, **FULL), seed="x")
        out = session.push(np.concatenate([SPOKEN, silent(4.0)])) + session.finish()
        rest = face(out)[-25:]
        assert rest[:, INDEX["mouthSmileLeft"]].max() < 0.02


@EACH
def test_a_sad_head_hangs_and_moves_less(engine: Engine) -> None:
    calm, sad = (
        face(chunks(engine, Performance(emotion=emotion, head=True, **FULL)))[60:, 52:] for emotion in ("joy", "grief")
    )
    assert sad[:, 1].mean() > calm[:, 1].mean() + 3
    assert (sad.std(axis=0) < 0.8 * calm.std(axis=0)).all()


def test_a_feeling_pushes_aside_what_is_drawn_by_chance_but_for_its_own_signs() -> None:
    strengths = np.zeros((3, len(FEELINGS)), np.float32)
    strengths[1, FEELINGS.index("joy")] = strengths[2, FEELINGS.index("anger")] = 0.5
    of = kept(strengths, np.zeros(3, np.float32))
    smile, brows = of[:, INDEX["mouthSmileLeft"]], of[:, INDEX["browDownRight"]]
    assert smile.tolist() == [1, 1, 0]
    assert brows.tolist() == [1, 0, 1]


@given(cut=st.integers(0, 40))
def test_how_much_stays_is_a_frame_s_own_wherever_frames_are_cut(cut: int) -> None:
    chance = np.random.default_rng(cut)
    strengths, stirred = chance.random((40, len(FEELINGS)), np.float32) / 50, chance.random(40, np.float32) / 5
    whole = kept(strengths, stirred)
    pieces = [
        kept(strengths[a:b], stirred[a:b]) for a, b in ((0, cut), (cut, min(cut + 1, 40)), (min(cut + 1, 40), 40))
    ]
    assert whole.tobytes() == np.concatenate(pieces).tobytes()
    assert ((whole >= 0) & (whole <= 1)).all()


def test_an_ear_that_is_ahead_says_the_same_sooner_and_the_mouth_s_range_keeps_its_time() -> None:
    session = MOUTH.open(Style())
    assert isinstance(session, HearingSession)
    frames = len(session.push(SPOKEN)) // 3 * 3
    states, voice, none = session.states[:frames], session.voice[:frames], np.zeros(frames)
    speech = Speech(none, none, none, none + 1, none > 0, none.astype(int), none.astype(int))

    def felt(ahead: int) -> tuple[np.ndarray, np.ndarray]:
        feeling = Feeling((), "shy", 0.6, 1.0)
        feeling.hear_ahead(states[:ahead], voice[:ahead])
        stirring = feeling.go_on(speech, states[ahead:], voice[ahead:]).stirring
        return feeling.track().rows[:, : 1 + len(HEARD)], stirring

    (usual, stirring), (sooner, kept_in_time) = felt(0), felt(21)
    assert np.array_equal(sooner[:-7], usual[7:])
    assert np.array_equal(kept_in_time, stirring)
