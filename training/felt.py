"""What a feeling at strength 1 costs the lips: `python -m training.felt --lipsync FOLDER --capture FOLDER`.

By both yardsticks, on the development clips: phones (lipsync_eval.py) and people who were filmed (score.py). Figures
are differences to the same face without a feeling. Writes the table into docs/model-card.md.
"""

import argparse
import json
import subprocess
import sys
from hashlib import blake2b
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from emotalk.engines.base import Latency, MouthSession
from emotalk.engines.builtin import BuiltinEngine
from emotalk.face import Frames, Pcm, Style
from emotalk.feelings import FEELINGS
from emotalk.performance import Performance
from emotalk.pipeline import Pipeline
from training import development
from training.card import CARD, put
from training.people import Yardstick

PHONES = ("closure", "false", "net", "height", "roundcore", "silence", "r", "nonspeech")
PEOPLE = ("r0", "r_width", "contact_recall", "contact_false")

Reply = tuple[Frames, NDArray[np.float32]]


class Remembering:
    """An engine that hears a sound once: it takes whole clips, and what follows is drawn anew each time."""

    def __init__(self, engine: BuiltinEngine) -> None:
        self._engine, self.card, self._known = engine, engine.card, dict[bytes, list[Reply]]()

    def open(self, style: Style, latency: Latency = "clip", seed: str = "") -> "Replay":
        """See Engine.open."""
        return Replay(self)

    def hear(self, sound: Pcm) -> list[Reply]:
        """What a session answers to the whole sound, and at its end."""
        key = blake2b(sound.tobytes()).digest()
        if key not in self._known:
            session = self._engine.open(Style())
            assert isinstance(session, MouthSession)
            self._known[key] = [(verb(), session.voice) for verb in (lambda: session.push(sound), session.finish)]
        return self._known[key]


class Replay:
    """One clip: see MouthSession."""

    def __init__(self, engine: Remembering) -> None:
        self._engine, self._replies, self.voice = engine, list[Reply](), np.zeros(0, np.float32)

    def push(self, pcm: Pcm) -> Frames:
        """See EngineSession.push."""
        self._replies = list(self._engine.hear(pcm))
        return self.finish()

    def finish(self) -> Frames:
        """See EngineSession.finish."""
        frames, self.voice = self._replies.pop(0)
        return frames


class Felt:
    """The two yardsticks, and faces under any feeling."""

    def __init__(self, lipsync: Path, capture: Path) -> None:
        self._pipeline = Pipeline(Remembering(BuiltinEngine()))
        self._module, self._clips = development.scorer(lipsync), development.shared_clips(lipsync)
        self._people, self._capture = Yardstick(capture, "dev"), capture

    def figures(self, emotion: str) -> dict[str, float]:
        """Of both yardsticks, by name."""
        faces = [self._face(clip.sound, emotion) for clip in self._clips]
        return development.scored(self._module, self._clips, faces) | self._beside_people(emotion)

    def _face(self, sound: Pcm, emotion: str) -> Frames:
        session = self._pipeline.open(Performance(emotion=emotion, emotion_strength=1.0), seed="felt")
        return np.concatenate([chunk.frames for chunk in (*session.push(sound), *session.finish())])

    def _beside_people(self, emotion: str) -> dict[str, float]:
        at = self._capture
        with TemporaryDirectory() as folder:
            for name, sound in self._people.sounds():
                np.save(Path(folder) / f"{name}.npy", self._face(sound, emotion))
            given = {"pred": folder, "tracks": at / "tracks", "sources": at / "sources.json", "split": "dev"}
            given |= {"head": at / "head_linear.npz", "json": Path(folder) / "out.json"}
            words = [str(word) for name, value in given.items() for word in (f"--{name}", value)]
            subprocess.run([sys.executable, str(at / "score.py"), *words], check=True, capture_output=True)
            pooled = json.loads((Path(folder) / "out.json").read_text())["pooled"]
        return {name: pooled[name][0] for name in PEOPLE}


def table(felt: Felt) -> str:
    """In Markdown: a row a feeling, differences; the first row is the face without one."""
    calm, names = felt.figures("off"), PHONES + PEOPLE
    lines = [f"| | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
    lines.append(f"| without | {' | '.join(f'{calm[name]:.3f}' for name in names)} |")
    for feeling in FEELINGS:
        found = felt.figures(feeling)
        lines.append(f"| {feeling} | {' | '.join(f'{found[name] - calm[name]:+.3f}' for name in names)} |")
    return "\n".join(lines)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lipsync", type=Path, required=True, help="the folder with lipsync_eval.py, wav/ and phones/")
    parser.add_argument("--capture", type=Path, required=True, help="the folder with score.py, sound/ and tracks/")
    parser.add_argument("--card", type=Path, default=CARD)
    asked = parser.parse_args()
    made = table(Felt(asked.lipsync, asked.capture))
    put(made, "felt", asked.card)
    print(made)


if __name__ == "__main__":
    main()
