"""Audio2Face-3D's messages: read into our values, and made of them. Parameters: `audio2face_parameters.py`."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from emotalk.errors import InvalidRequest, UnsupportedAudio
from emotalk.face import INDEX, Frames
from emotalk.feelings import FEELINGS, FeelingTrack
from emotalk.shaping import Adjustment
from emotalk.timebase import FPS, timecode
from emotalk.wire.a2f import a2f_pb2, animation_data_pb2, audio_pb2, controller_pb2, emotion_aggregate_pb2, status_pb2
from emotalk.wire.audio2face_emotions import CallersEmotions, Emotion, read_settings
from emotalk.wire.audio2face_parameters import Remarks, read_adjustment, to_arkit

BLEND_SHAPES = tuple(
    "EyeBlinkLeft EyeLookDownLeft EyeLookInLeft EyeLookOutLeft EyeLookUpLeft EyeSquintLeft EyeWideLeft EyeBlinkRight"
    " EyeLookDownRight EyeLookInRight EyeLookOutRight EyeLookUpRight EyeSquintRight EyeWideRight JawForward JawLeft"
    " JawRight JawOpen MouthClose MouthFunnel MouthPucker MouthLeft MouthRight MouthSmileLeft MouthSmileRight"
    " MouthFrownLeft MouthFrownRight MouthDimpleLeft MouthDimpleRight MouthStretchLeft MouthStretchRight"
    " MouthRollLower MouthRollUpper MouthShrugLower MouthShrugUpper MouthPressLeft MouthPressRight MouthLowerDownLeft"
    " MouthLowerDownRight MouthUpperUpLeft MouthUpperUpRight BrowDownLeft BrowDownRight BrowInnerUp BrowOuterUpLeft"
    " BrowOuterUpRight CheekPuff CheekSquintLeft CheekSquintRight NoseSneerLeft NoseSneerRight TongueOut".split()
)
"""In the order of the original; the names are ARKit's, with a capital."""
_COLUMNS = [INDEX[to_arkit(name)] for name in BLEND_SHAPES]

RATES = (16_000, 144_000)
BITS = 16
SAMPLE_BYTES = BITS // 8
_FIX = "Send 16-bit PCM, mono, for example made with: ffmpeg -i INPUT -ac 1 -ar 16000 -sample_fmt s16 output.wav"
_NO_HEADER = "Send one audio_stream_header first, then the sound"
_EMOTIONS = "emotion_aggregate"

AudioStream: TypeAlias = controller_pb2.AudioStream
Answer: TypeAlias = controller_pb2.AnimationDataStream
_Code = status_pb2.Status

END = Answer(event=controller_pb2.Event(event_type=controller_pb2.END_OF_A2F_AUDIO_PROCESSING))


def to_status(code: status_pb2.Status.Code, sentence: str) -> Answer:
    """A word to the caller."""
    return Answer(status=_Code(code=code, message=sentence))


SUCCESS = to_status(_Code.SUCCESS, "all frames were sent")
UNFINISHED = to_status(_Code.WARNING, "the stream ended without end_of_audio; its sound was used as the whole clip")


def to_error(sentence: str) -> Answer:
    """What went wrong, before the call ends with a gRPC status."""
    return to_status(_Code.ERROR, sentence)


@dataclass(frozen=True)
class Asked:
    """What a call's header asks for; more emotions may come later."""

    rate: int
    adjustment: Adjustment | None
    emotions: CallersEmotions


def read_header(message: AudioStream | None) -> Asked:
    """A call's first message. Raises InvalidRequest for a missing header and for sound that cannot be used."""
    if message is None or not message.HasField("audio_stream_header"):
        raise InvalidRequest("audio_stream_header", "the first message is not one", _NO_HEADER)
    header, remarks = message.audio_stream_header, Remarks()
    if not header.HasField("audio_header"):
        raise UnsupportedAudio("nothing says what the sound is", _FIX, "audio_header")
    _check_sound(header.audio_header)
    adjustment = read_adjustment(header.face_params, header.blendshape_params, remarks)
    settings = read_settings(header.emotion_post_processing_params, header.emotion_params, remarks)
    return Asked(header.audio_header.samples_per_second, adjustment, CallersEmotions(settings, remarks))


def to_remarks(remarks: Remarks) -> Iterator[Answer]:
    """What has not been said yet."""
    return (to_status(code, sentence) for code, sentence in remarks.take_remarks())


def _check_sound(sound: audio_pb2.AudioHeader) -> None:
    if sound.audio_format != audio_pb2.AudioHeader.AUDIO_FORMAT_PCM:
        raise UnsupportedAudio(f"format {sound.audio_format} is not PCM", _FIX, "audio_format")
    if sound.channel_count != 1:
        raise UnsupportedAudio(f"{sound.channel_count} channels are not mono", _FIX, "channel_count")
    if sound.bits_per_sample != BITS:
        raise UnsupportedAudio(f"{sound.bits_per_sample} bits are not {BITS}", _FIX, "bits_per_sample")
    if not RATES[0] <= sound.samples_per_second <= RATES[1]:
        problem = f"{sound.samples_per_second} Hz is outside {RATES[0]}..{RATES[1]} Hz"
        raise UnsupportedAudio(problem, _FIX, "samples_per_second")


def read_piece(message: AudioStream) -> a2f_pb2.AudioWithEmotion | None:
    """Any later message: sound with emotions, None for the end. Raises InvalidRequest."""
    part = message.WhichOneof("stream_part")
    if part == "audio_stream_header":
        raise InvalidRequest("audio_stream_header", "it came a second time", _NO_HEADER)
    if part is None:
        raise InvalidRequest("stream_part", "the message is empty", "Send audio_with_emotion or end_of_audio")
    return None if part == "end_of_audio" else message.audio_with_emotion


def to_header(rate: int, epoch_seconds: float) -> Answer:
    """The first message of an answer."""
    pcm = audio_pb2.AudioHeader.AUDIO_FORMAT_PCM
    sound = audio_pb2.AudioHeader(audio_format=pcm, channel_count=1, samples_per_second=rate, bits_per_sample=BITS)
    names = animation_data_pb2.SkelAnimationHeader(blend_shapes=BLEND_SHAPES)
    header = controller_pb2.AnimationDataStreamHeader(
        audio_header=sound, skel_animation_header=names, start_time_code_since_epoch=epoch_seconds
    )
    return Answer(animation_data_stream_header=header)


def echo_start(frame: int, rate: int) -> int:
    """The byte at which the sound of a frame begins: frames are cut as evenly as whole samples allow."""
    return SAMPLE_BYTES * (frame * rate // FPS)


def to_frames(first_frame: int, frames: Frames) -> Iterator[tuple[int, list[float]]]:
    """float32 [n, 52] → each frame's number, and its values in the order of BLEND_SHAPES."""
    return enumerate(frames[:, _COLUMNS].tolist(), first_frame)


def read_drawn(track: FeelingTrack, step: int) -> Emotion:
    """What the face was drawn with at a step of the track, all ten."""
    return dict(zip(FEELINGS, track.rows[step, -len(FEELINGS) :].tolist(), strict=True))


def to_animation(frame: int, weights: list[float], sound: bytes, asked: Emotion, drawn: Emotion) -> Answer:
    """One frame, the sound that is heard while it is shown, the emotions asked for and those that are drawn."""
    answer, time = Answer(), timecode(frame)
    data = answer.animation_data
    data.skel_animation.blend_shape_weights.add(time_code=time, values=weights)
    data.audio.time_code, data.audio.audio_buffer = time, sound
    emotions = emotion_aggregate_pb2.EmotionAggregate()
    if asked:
        emotions.input_emotions.add(time_code=time, emotion=asked)
    emotions.a2f_smoothed_output.add(time_code=time, emotion=drawn)
    data.metadata[_EMOTIONS].Pack(emotions)
    return answer
