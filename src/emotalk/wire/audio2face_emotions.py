"""Audio2Face-3D's emotions → what our face feels: key frames as they come, and how they weigh.

beginning_emotion ─ live_transition_time ─► key frames ─► max_emotions ─► emotion_contrast ─► Performance.emotions
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from emotalk.expression.feeling import Score
from emotalk.feelings import FEELINGS, MOST_KEYS, EmotionKey
from emotalk.performance import Performance
from emotalk.wire.a2f import a2f_pb2, emotion_with_timecode_pb2
from emotalk.wire.audio2face_parameters import Range, Remarks, shorten_float

_SHARE: Range = (0, 1)
_NUMBERS: Mapping[str, tuple[Range, float]] = {
    "emotion_contrast": ((0.3, 3), 1.0),
    "live_blend_coef": (_SHARE, 0.7),
    "preferred_emotion_strength": (_SHARE, 0.5),
    "emotion_strength": (_SHARE, 0.6),
    "max_emotions": ((1, 6), len(FEELINGS)),
}
"""Range, and what holds where nothing is said. (The original limits only what it hears, to 3.)"""
_LONGEST_TRANSITION = 30.0
_MOST = MOST_KEYS - 2
"""Two more may be made of them: what begins, and what is felt now."""
_ALIASES = {"out_of_breath": "outofbreath"}
"""As Maya-ACE writes it."""

Emotion = Mapping[str, float]


@dataclass(frozen=True)
class EmotionSettings:
    """How a caller's emotions weigh; `preferred`: are they drawn at all?"""

    numbers: Mapping[str, float]
    preferred: bool
    transition: float
    beginning: Emotion


def read_settings(
    processing: a2f_pb2.EmotionPostProcessingParameters, emotions: a2f_pb2.EmotionParameters, remarks: Remarks
) -> EmotionSettings:
    """What the header says of emotions."""
    numbers = {
        name: remarks.keep_within(name, shorten_float(getattr(processing, name)), limits, default)
        if processing.HasField(name)
        else default
        for name, (limits, default) in _NUMBERS.items()
    }
    if numbers["live_blend_coef"] != _NUMBERS["live_blend_coef"][1]:
        remarks.note_unused(["live_blend_coef"])
    transition = emotions.live_transition_time if emotions.HasField("live_transition_time") else 0.5
    return EmotionSettings(
        numbers,
        processing.enable_preferred_emotion if processing.HasField("enable_preferred_emotion") else True,
        remarks.keep_within("live_transition_time", shorten_float(transition), (0, _LONGEST_TRANSITION), 0.5),
        _check("beginning_emotion", emotions.beginning_emotion, remarks),
    )


@dataclass
class CallersEmotions:
    """The key frames of one call: they may come with any piece of its sound."""

    settings: EmotionSettings
    remarks: Remarks
    _sent: dict[float, Emotion] = field(default_factory=dict)
    _known: tuple[EmotionKey, ...] | None = None
    _news: bool = False

    def hear(self, emotions: Iterable[emotion_with_timecode_pb2.EmotionWithTimeCode]) -> None:
        """Key frames, in any order; of two at one time the later counts."""
        for key in emotions:
            if not math.isfinite(key.time_code):
                self.remarks.warn(f"emotions: time_code {key.time_code:g} is not a number; this key frame is ignored")
            elif len(self._sent) < _MOST:
                time = self.remarks.keep_within("emotions: time_code", key.time_code, (0, math.inf), 0.0)
                self._sent[time] = _check("emotions", key.emotion, self.remarks)
                self._known, self._news = None, True
            else:
                self.remarks.warn(f"emotions: more than {_MOST} key frames; the rest is ignored")

    @property
    def keys(self) -> tuple[EmotionKey, ...]:
        """By time, each once, weighed; what begins comes before all of them."""
        if self._known is None:
            self._known = self._sort()
        return self._known

    def _sort(self) -> tuple[EmotionKey, ...]:
        keys = self._sent
        if begin := self.settings.beginning:
            moved = {max(time, self.settings.transition): keys[time] for time in sorted(keys)}
            keys = {0.0: begin, **moved}
        return tuple(EmotionKey(time, self._weigh(keys[time])) for time in sorted(keys))

    def at(self, time: float) -> Emotion:
        """What was asked for at this time, all ten; nothing where nothing was."""
        row = Score(self.keys).at(time)
        return {} if row is None else dict(zip(FEELINGS, row.tolist(), strict=True))

    def performance(self) -> Performance:
        """How the clip is performed from its start on."""
        self._news = False
        numbers = self.settings.numbers
        return Performance(
            emotions=self.keys if self.settings.preferred else (),
            emotion_strength=numbers["emotion_strength"],
            preferred_emotion_strength=numbers["preferred_emotion_strength"],
        )

    def from_now(self, now: float) -> tuple[EmotionKey, ...] | None:
        """If key frames have come since this was last asked: what is to be felt from `now` (seconds) on."""
        if not (self._news and self.settings.preferred):
            return None
        self._news = False
        return (EmotionKey(now, dict(self.at(now))), *(key for key in self.keys if key.time > now))

    def _weigh(self, emotion: Emotion) -> dict[str, float]:
        """The strongest of them, with more or less contrast around a half."""
        most, contrast = int(self.settings.numbers["max_emotions"]), self.settings.numbers["emotion_contrast"]
        strongest = sorted(emotion, key=lambda name: -emotion[name])[:most]
        return {name: _apply_contrast(emotion[name], contrast) for name in strongest}


def _apply_contrast(strength: float, contrast: float) -> float:
    if contrast == 1:
        return strength
    more, less = math.pow(strength, contrast), math.pow(1 - strength, contrast)
    return more / (more + less)


def _check(where: str, emotion: Emotion, remarks: Remarks) -> Emotion:
    """Known names alone, each 0..1."""
    named = {_ALIASES.get(name, name): value for name, value in emotion.items()}
    remarks.note_unknown(where, named.keys() - set(FEELINGS))
    return {
        name: remarks.keep_within(f"{where}: {name}", shorten_float(named[name]), _SHARE, 0.0)
        for name in FEELINGS
        if name in named
    }
