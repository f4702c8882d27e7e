"""The ear, taught and examined: `python -m training.feeling --emodb FOLDER --real FOLDER`. Writes heads and card.

Twice: for what the network of clips makes of a voice, and for what that of live streams makes of it. Each takes what
the other network hears in the same clips for lessons of less weight.

Leave one actor out, everywhere: who is judged was never heard. Judged are the heads themselves (whole clips and each
0.1 s), and the whole ear as it ships, in made-up sessions: somebody speaks calmly, then with a feeling, then calmly.
"""

import argparse
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import f1_score, roc_auc_score

from emotalk.engines.base import HearingSession, Latency
from emotalk.engines.builtin import BuiltinEngine
from emotalk.expression.ear import LIVE_SMOOTHED, MANNERS, SMOOTHED, Ear, Heads
from emotalk.expression.feeling import Feeling
from emotalk.expression.layer import AHEAD, ExpressedSession
from emotalk.expression.phrasing import Speech
from emotalk.expression.rules import Expression
from emotalk.face import BLENDSHAPES, INDEX, Frames, Style
from emotalk.feelings import HEARD
from emotalk.timebase import STEP_FRAMES as STEP
from training import lessons
from training.card import CARD, put
from training.discriminant import Lessons
from training.lessons import Spoken, Track
from training.teacher import SEVEN, Teacher

ROOT = Path(__file__).parents[1]
FOUR = ("anger", "joy", "neutral", "sadness")
_STIRRED = ("anger", "joy", "fear")
_NAMED = ("anger", "joy", "sadness")
_MEN = ("03", "10", "11", "12", "15")
_DRAWS = 2
_DRAWN = 3
"""Of the damaged copies, so many are judged, and heard by the other network, too."""
_PAUSE = np.zeros(2_400, np.float32)

Row = NDArray[np.float64]


@dataclass(frozen=True)
class SessionOf:
    """A made-up session: calm, then `feeling` from frame `start` to `stop`, then calm."""

    track: Track
    start: int
    stop: int


def valence(face: Frames) -> Row:
    """Smile less frown less lowered brows at each frame."""
    smile, frown, down = (face[:, INDEX[f"{name}Left"]] for name in ("mouthSmile", "mouthFrown", "browDown"))
    return np.asarray(smile - frown - down, np.float64)


def macro_f1(feelings: NDArray[np.str_], probabilities: Row, classes: Iterable[str] = FOUR) -> float:
    """Over these classes alone, the likeliest of them."""
    places, kept = [HEARD.index(c) for c in classes], np.isin(feelings, list(classes))
    guess = np.array(list(classes))[probabilities[kept][:, places].argmax(1)]
    return float(f1_score(feelings[kept], guess, average="macro"))


def activation_auc(feelings: NDArray[np.str_], activation: Row) -> float:
    """Anger, joy and fear against neutral."""
    kept = np.isin(feelings, [*_STIRRED, "neutral"])
    return float(roc_auc_score(feelings[kept] != "neutral", activation[kept]))


class Exam:
    """Heads that have never heard the actor whom they judge."""

    def __init__(self, teacher: Teacher) -> None:
        self.teacher, self.all = teacher, teacher.heads()
        self.without = {v: teacher.heads([w for w in teacher.voices if w != v]) for v in teacher.voices}

    def judged(self, rows: NDArray[np.float32], voices: NDArray[np.str_], calm: NDArray[np.float32]) -> Row:
        """Statistics [n, 576] and their calm → [n, 6], see Heads.judge."""
        return np.stack([self.without[v].judge(r, c) for r, v, c in zip(rows, voices, calm, strict=True)])

    def clips(self, given: Lessons, own: bool = False) -> tuple[float, float]:
        """Macro-F1 of four classes and AUC of the activation, clip by clip; `own`: the voice's calm is known."""
        calm = given.calm(self.teacher.usual) if own else np.tile(self.teacher.usual, (len(given.voice), 1))
        judged = self.judged(given.clips, given.voice, calm)
        return macro_f1(given.feeling, judged[:, 1:]), activation_auc(given.feeling, judged[:, 0])

    def across(self, given: Lessons) -> tuple[float, float, float]:
        """Men judged by what women taught, and women by men: the nearest that one corpus has to a strange language.

        Macro-F1 of four, AUC of joy against anger, AUC of the activation.
        """
        women = [voice for voice in self.teacher.voices if voice not in _MEN]
        by_women, by_men = self.teacher.heads(women), self.teacher.heads(_MEN)
        heads = [by_women if voice in _MEN else by_men for voice in given.voice.tolist()]
        judged = np.stack([h.judge(r, self.teacher.usual) for h, r in zip(heads, given.clips, strict=True)])
        valued = np.isin(given.feeling, ["anger", "joy"])
        lean = np.log(judged[valued, 1 + HEARD.index("joy")] / judged[valued, 1 + HEARD.index("anger")])
        sign = float(roc_auc_score(given.feeling[valued] == "joy", lean))
        return macro_f1(given.feeling, judged[:, 1:]), sign, activation_auc(given.feeling, judged[:, 0])

    def seven(self, given: Lessons) -> float:
        """Macro-F1 of all seven feelings of EmoDB, by a head of seven, the calm unknown."""
        guess = np.empty(len(given.voice), object)
        for voice in self.teacher.voices:
            weights, bias = self.teacher.head(SEVEN, [v for v in self.teacher.voices if v != voice])
            rows = given.clips[given.voice == voice] - self.teacher.usual
            guess[given.voice == voice] = np.array(list(SEVEN))[(rows @ weights + bias).argmax(1)]
        return float(f1_score(given.feeling, guess.tolist(), average="macro"))

    def steps(self, tracks: list[Track]) -> float:
        """Macro-F1 of four at each 0.1 s after the first second, by the whole ear: what it says, before the gate."""
        said, feelings = [], []
        for track in tracks:
            late = self._hear(track)[10:]
            said += [hearing.probabilities for hearing in late]
            feelings += [track.feeling] * len(late)
        return macro_f1(np.array(feelings), np.array(said))

    def named(self, track: Track, manner: str, heads: Heads | None = None) -> NDArray[np.str_]:
        """What is named at each step: "" for nothing."""
        return np.array([hearing.named for hearing in self._hear(track, manner, heads)])

    def signs(self, track: Track) -> Row:
        """See valence: this voice's feeling as it is drawn on a face at rest."""
        feeling = Feeling((), "shy", 1.0, 1.0, self.without[track.voice_name])
        count = len(track.voice) // STEP * STEP
        none = np.zeros(count)
        speech = Speech(none, none, none, none + 1, none > 0, none.astype(int), none.astype(int))
        states, voice = track.states.astype(np.float32), track.voice.astype(np.float32)
        felt = feeling.go_on(speech, states, voice)
        return valence(felt.draw(np.zeros((count, BLENDSHAPES), np.float32), np.zeros((count, 4), np.float32))[0])

    def sign(self, tracks: list[Track], start: int = 0) -> float:
        """AUC of joy against anger by what is drawn from frame `start` on."""
        valued = [track for track in tracks if track.feeling in ("joy", "anger")]
        drawn = [self.signs(track)[start:].mean() for track in valued]
        return float(roc_auc_score([track.feeling == "joy" for track in valued], drawn))

    def whole_face(self, engine: BuiltinEngine, clip: Spoken, strength: float) -> Row:
        """See valence: of all that a user gets, at its seed by name; the heads have never heard this actor."""
        session = engine.open(Style(), "clip", clip.name)
        assert isinstance(session, HearingSession)
        feeling = Feeling((), "shy", strength, 1.0, self.without[clip.voice])
        face = ExpressedSession(session, Expression(Style(), clip.name), feeling, session, AHEAD)
        return valence(np.concatenate([face.push(clip.sound), face.finish()]))

    def whole_faces(self, engine: BuiltinEngine, clips: list[Spoken], strength: float) -> float:
        """AUC of joy against anger by the whole face."""
        valued = [clip for clip in clips if clip.feeling in ("joy", "anger")]
        drawn = [self.whole_face(engine, clip, strength).mean() for clip in valued]
        return float(roc_auc_score([clip.feeling == "joy" for clip in valued], drawn))

    def _hear(self, track: Track, manner: str = "shy", heads: Heads | None = None) -> list:
        ear = Ear(MANNERS[manner], heads or self.without[track.voice_name])
        states, voice = track.states.astype(np.float32), track.voice.astype(np.float32)
        return [ear.step(states[i : i + STEP], voice[i : i + STEP]) for i in range(0, len(states), STEP)]


def sessions(clips: list[Spoken]) -> list[tuple[Spoken, int, int]]:
    """Three calm clips, three of a feeling, three calm ones, of every actor: sound, and the samples of the feeling."""
    out, draw = [], np.random.default_rng(1)
    for voice in sorted({clip.voice for clip in clips}) * _DRAWS:
        mine = {f: [c for c in clips if (c.voice, c.feeling) == (voice, f)] for f in (*_NAMED, "neutral")}
        for feeling in _NAMED:
            if len(mine["neutral"]) < 4 or len(mine[feeling]) < 2:
                continue
            calm, felt = (draw.permutation(len(mine[f])) for f in ("neutral", feeling))
            order = [[mine["neutral"][i] for i in calm[:3]], [mine[feeling][i] for i in felt[:3]]]
            order.append([mine["neutral"][i] for i in calm[3:6]])
            parts = [np.concatenate([s for clip in part for s in (_spoken(clip), _PAUSE)]) for part in order]
            start, stop = np.cumsum([len(part) for part in parts])[:2]
            out.append((Spoken(f"{voice}_{feeling}", voice, feeling, np.concatenate(parts)), int(start), int(stop)))
    return out


def _spoken(clip: Spoken) -> NDArray[np.float32]:
    """From where it is first loud to where it is last."""
    loud = np.flatnonzero(np.abs(clip.sound) > 0.003)
    return clip.sound[loud[0] : loud[-1] + 1]


def in_sessions(exam: Exam, played: list[SessionOf], manner: str, ahead: int = 0) -> dict[str, float]:
    """Shares of the steps: right and wrong from a second into the feeling; calm before it. Seconds and changes.

    `ahead`: by so many steps the ear is before the face.
    """
    named = [exam.named(each.track, manner) for each in played]
    sooner = [np.append(each[ahead:], np.repeat(each[-1:], ahead)) for each in named]
    rows = [_one_session(*both) for both in zip(sooner, played, strict=True)]
    found = {name: float(np.mean([row[name] for row in rows])) for name in ("right", "other", "calm", "changes")}
    return {**found, "lag": float(np.median([row["lag"] for row in rows]))}


def _one_session(named: NDArray[np.str_], of: SessionOf) -> dict[str, float]:
    at = (np.arange(len(named)) + 1) * STEP
    felt = (at > of.start) & (at <= of.stop)
    settled, right = felt & (at > of.start + 30), named == of.track.feeling
    first = at[felt & right]
    return {
        "right": right[settled].mean(),
        "other": (~right & (named != ""))[settled].mean(),
        "calm": (named[at <= of.start] == "").mean(),
        "lag": (first[0] - of.start) / 30 if len(first) else np.inf,
        "changes": (named[1:] != named[:-1]).sum() / (len(named) * STEP / 30),
    }


def table(
    exam: Exam,
    acted: list[Track],
    damaged: list[list[Track]],
    calm: list[Track],
    played: list[SessionOf],
    ahead: int,
    faces: Iterable[tuple[float, float]],
) -> str:
    """Everything that is needed and what was reached, in Markdown.

    `ahead`: by so many steps is the ear before the face; `faces`: strengths, and for each what Exam.whole_faces says.
    """
    known_lessons = lessons.lessons(acted)
    known, unknown = (exam.clips(known_lessons, own) for own in (True, False))
    spoilt = [exam.clips(lessons.lessons(each)) for each in damaged]
    rows = [
        ("EmoDB, leave one actor out: macro-F1 of anger, joy, neutral, sadness", "≥ .86", unknown[0]),
        ("… where the voice's calm is known", "≥ .89", known[0]),
        ("… of all seven", "≥ .82", exam.seven(known_lessons)),
        ("… of four, at each 0.1 s from 1 s of sound", "≥ .80", exam.steps(acted)),
        ("activation: AUC of anger, joy, fear against neutral", "≥ .98", unknown[1]),
        (
            "what is drawn: AUC of smile - frown - brows down, joy against anger, clips of 2 s, on a face at rest",
            "≥ .88",
            exam.sign(acted),
        ),
        ("… from 1 s of sound", "–", exam.sign(acted, 30)),
        *((f"… by the whole face that a user gets, at strength {strength:g}", "≥ .88", auc) for strength, auc in faces),
        *_of_damaged(spoilt),
        *(
            (f"men taught by women and women by men: {what}", "–", value)
            for what, value in zip(
                ("macro-F1 of four", "AUC of joy against anger", "activation"), exam.across(known_lessons), strict=True
            )
        ),
    ]
    for manner in MANNERS:
        quiet = [(exam.named(track, manner, exam.all) == "").mean() for track in calm]
        found = in_sessions(exam, played, manner, ahead)
        rows += [(f"{manner}: sessions, {what}", *goal) for what, goal in _goals(found).items()]
        rows.append(
            (
                f"{manner}: {len(calm)} calm readers, steps that stay neutral",
                "≥ .99 in the default",
                float(np.mean(quiet)),
            )
        )
    lines = ["| | needed | reached |", "|---|---|---|"]
    return "\n".join(lines + [f"| {name} | {goal} | {value:.3f} |" for name, goal, value in rows])


def _of_damaged(found: list[tuple[float, float]]) -> list[tuple[str, str, float]]:
    """Macro-F1 and AUC of each draw."""
    names = (("damaged speech: macro-F1 of four, mean of three draws", "≥ .84"), ("… activation", "–"))
    return [(*name, float(np.mean(values))) for name, values in zip(names, zip(*found, strict=True), strict=True)]


def _goals(found: Mapping[str, float]) -> dict[str, tuple[str, float]]:
    return {
        "steps with the right feeling": ("≥ .65 in one", found["right"]),
        "steps with another feeling": ("≤ .07", found["other"]),
        "calm before it": ("≥ .98", found["calm"]),
        "lag in seconds, median": ("≤ 1.3", found["lag"]),
        "changes a second": ("≤ .2", found["changes"]),
    }


def save(heads: Heads, path: Path) -> None:
    """In 32 bits: usual [576], activation [577], feelings [577, 5], the biases last."""
    path.parent.mkdir(exist_ok=True)
    np.savez(
        path,
        usual=heads.usual.astype(np.float32),
        activation=np.append(heads.activation, heads.activation_bias).astype(np.float32),
        feelings=np.vstack([heads.feelings, heads.feelings_bias]).astype(np.float32),
    )


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--emodb", type=Path, required=True, help="the folder of EmoDB, 16 kHz FLAC")
    parser.add_argument("--real", type=Path, required=True, help="the folder of real speech")
    parser.add_argument("--data", type=Path, default=Path("training-data"))
    parser.add_argument("--heads", type=Path, default=ROOT / "src/emotalk/expression/models", help="where they go")
    parser.add_argument("--card", type=Path, default=CARD)
    asked = parser.parse_args()
    clips = lessons.acted(asked.emodb)
    made_up = sessions(clips)

    def hear(name: str, make: Callable[[], Iterable[Spoken]], latency: Latency = "clip") -> list[Track]:
        return lessons.heard(asked.data, f"{latency}_{name}", make, latency)

    def damaged(count: int, latency: Latency) -> list[list[Track]]:
        return [hear(f"damaged{n}", lambda n=n: lessons.damaged(clips, n), latency) for n in range(count)]

    def taught(latency: Latency, other: Latency, smoothed: float, ahead: int) -> str:
        mine, theirs = (hear("acted", lambda: clips, each) for each in (latency, other))
        spoilt = damaged(lessons.COPIES[latency], latency)
        read = hear("read", lambda: lessons.read(asked.real), latency)
        played = hear("sessions", lambda: [session for session, _, _ in made_up], latency)
        spans = [SessionOf(t, a * 3 // 1_600, b * 3 // 1_600) for t, (_, a, b) in zip(played, made_up, strict=True)]
        heard_by_other = (lessons.lessons(theirs), map(lessons.lessons, damaged(_DRAWN, other)))
        teacher = Teacher(
            lessons.lessons(mine), map(lessons.lessons, spoilt), lessons.lessons(read), heard_by_other, smoothed
        )
        exam = Exam(teacher)
        save(exam.all, asked.heads / ("ear_live.npz" if latency == "live" else "ear.npz"))
        faces = [(strength, exam.whole_faces(BuiltinEngine(), clips, strength)) for strength in (0.6, 1.0) if ahead]
        calm = hear("readers", lambda: lessons.readers(asked.real), latency)
        return table(exam, mine, spoilt[:_DRAWN], calm, spans, ahead, faces)

    made = taught("clip", "live", SMOOTHED, AHEAD // STEP) + "\n\nLive:\n\n" + taught("live", "clip", LIVE_SMOOTHED, 0)
    put(made, "feeling", asked.card)
    print(made)


if __name__ == "__main__":
    main()
