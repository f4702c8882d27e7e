"""Audio2Face-3D's messages as its published facts have them: names and numbers, and nothing of our own .proto.

They live in a pool of their own, as they would in a stranger's program.
"""

import re
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_FACTS = """
== nvidia_ace.audio.v1
message AudioHeader {
  enum AudioFormat { AUDIO_FORMAT_PCM = 0; }
  AudioFormat audio_format = 1; uint32 channel_count = 2; uint32 samples_per_second = 3; uint32 bits_per_sample = 4;
}
== nvidia_ace.status.v1
message Status { enum Code { SUCCESS = 0; INFO = 1; WARNING = 2; ERROR = 3; } Code code = 1; string message = 2; }
== nvidia_ace.emotion_with_timecode.v1
message EmotionWithTimeCode { double time_code = 1; map<string, float> emotion = 2; }
== nvidia_ace.emotion_aggregate.v1
message EmotionAggregate {
  repeated nvidia_ace.emotion_with_timecode.v1.EmotionWithTimeCode input_emotions = 1;
  repeated nvidia_ace.emotion_with_timecode.v1.EmotionWithTimeCode a2e_output = 2;
  repeated nvidia_ace.emotion_with_timecode.v1.EmotionWithTimeCode a2f_smoothed_output = 3;
}
== nvidia_ace.a2f.v1
message AudioWithEmotion {
  bytes audio_buffer = 1; repeated nvidia_ace.emotion_with_timecode.v1.EmotionWithTimeCode emotions = 2;
}
message FloatArray { repeated float values = 1; }
message FaceParameters {
  map<string, float> float_params = 1; map<string, int32> integer_params = 2;
  map<string, FloatArray> float_array_params = 3;
}
message BlendShapeParameters {
  map<string, float> bs_weight_multipliers = 1; map<string, float> bs_weight_offsets = 2;
  optional bool enable_clamping_bs_weight = 3;
}
message EmotionParameters { optional float live_transition_time = 1; map<string, float> beginning_emotion = 2; }
message EmotionPostProcessingParameters {
  optional float emotion_contrast = 1; optional float live_blend_coef = 2; optional bool enable_preferred_emotion = 3;
  optional float preferred_emotion_strength = 4; optional float emotion_strength = 5; optional int32 max_emotions = 6;
}
== nvidia_ace.animation_data.v1
message SkelAnimationHeader { repeated string blend_shapes = 1; repeated string joints = 2; }
message FloatArrayWithTimeCode { double time_code = 1; repeated float values = 2; }
message SkelAnimation { repeated FloatArrayWithTimeCode blend_shape_weights = 1; }
message AudioWithTimeCode { double time_code = 1; bytes audio_buffer = 2; }
message AnimationData {
  optional SkelAnimation skel_animation = 1; optional AudioWithTimeCode audio = 2;
  map<string, google.protobuf.Any> metadata = 4;
}
== nvidia_ace.controller.v1
message AudioStreamHeader {
  nvidia_ace.audio.v1.AudioHeader audio_header = 1; nvidia_ace.a2f.v1.FaceParameters face_params = 2;
  nvidia_ace.a2f.v1.EmotionPostProcessingParameters emotion_post_processing_params = 3;
  nvidia_ace.a2f.v1.BlendShapeParameters blendshape_params = 4; nvidia_ace.a2f.v1.EmotionParameters emotion_params = 5;
}
message AudioStream {
  message EndOfAudio {}
  oneof stream_part {
    AudioStreamHeader audio_stream_header = 1; nvidia_ace.a2f.v1.AudioWithEmotion audio_with_emotion = 2;
    EndOfAudio end_of_audio = 3;
  }
}
enum EventType { END_OF_A2F_AUDIO_PROCESSING = 0; }
message Event { EventType event_type = 1; optional google.protobuf.Any metadata = 2; }
message AnimationDataStreamHeader {
  optional nvidia_ace.audio.v1.AudioHeader audio_header = 1;
  optional nvidia_ace.animation_data.v1.SkelAnimationHeader skel_animation_header = 2;
  double start_time_code_since_epoch = 3;
}
message AnimationDataStream {
  oneof stream_part {
    AnimationDataStreamHeader animation_data_stream_header = 1;
    nvidia_ace.animation_data.v1.AnimationData animation_data = 2; Event event = 3;
    nvidia_ace.status.v1.Status status = 4;
  }
}
== nvidia_ace.services.a2x_export_config.v1
message ConfigsTypeRequest { enum ConfigType { YAML = 0; JSON = 1; } ConfigType config_type = 1; }
message A2XConfig { string name = 1; string content = 2; }
"""
PROCESS = "/nvidia_ace.services.a2f_controller.v1.A2FControllerService/ProcessAudioStream"
CONFIGS = "/nvidia_ace.services.a2x_export_config.v1.A2XExportConfigService/GetConfigs"
EMOTIONS = "amazement anger cheekiness disgust fear grief joy outofbreath pain sadness".split()
BLEND_SHAPES = """
EyeBlinkLeft EyeLookDownLeft EyeLookInLeft EyeLookOutLeft EyeLookUpLeft EyeSquintLeft EyeWideLeft EyeBlinkRight
EyeLookDownRight EyeLookInRight EyeLookOutRight EyeLookUpRight EyeSquintRight EyeWideRight JawForward JawLeft JawRight
JawOpen MouthClose MouthFunnel MouthPucker MouthLeft MouthRight MouthSmileLeft MouthSmileRight MouthFrownLeft
MouthFrownRight MouthDimpleLeft MouthDimpleRight MouthStretchLeft MouthStretchRight MouthRollLower MouthRollUpper
MouthShrugLower MouthShrugUpper MouthPressLeft MouthPressRight MouthLowerDownLeft MouthLowerDownRight MouthUpperUpLeft
MouthUpperUpRight BrowDownLeft BrowDownRight BrowInnerUp BrowOuterUpLeft BrowOuterUpRight CheekPuff CheekSquintLeft
CheekSquintRight NoseSneerLeft NoseSneerRight TongueOut
""".split()


@cache
def _classes() -> dict[str, Any]:
    """Every message by its full name."""
    parts = re.findall(r"^== (\S+)\n(.*?)(?=^==|\Z)", _FACTS, re.M | re.S)
    with tempfile.TemporaryDirectory() as folder:
        for package, body in parts:
            used = {each for each, _ in parts if each in body} - {package}
            imports = "".join(f'import "{each}.proto";\n' for each in [*sorted(used), "google/protobuf/any"])
            text = f'syntax = "proto3";\npackage {package};\n{imports}{body}'
            Path(folder, f"{package}.proto").write_text(text, "utf-8")
        names = [f"{package}.proto" for package, _ in parts]
        words = [sys.executable, "-m", "grpc_tools.protoc", "-I.", "--include_imports", "--descriptor_set_out=all"]
        subprocess.run([*words, *names], cwd=folder, check=True, capture_output=True, timeout=60)
        files = descriptor_pb2.FileDescriptorSet.FromString(Path(folder, "all").read_bytes())
    pool = descriptor_pool.DescriptorPool()
    return message_factory.GetMessages(files.file, pool)


def message(name: str) -> Any:
    """A message's class, by its name without nvidia_ace and version: audio.AudioHeader."""
    package, _, own = name.rpartition(".")
    return _classes()[f"nvidia_ace.{package}.v1.{own}"]


AudioStream = message("controller.AudioStream")
Answer = message("controller.AnimationDataStream")
Aggregate = message("emotion_aggregate.EmotionAggregate")
ConfigsTypeRequest = message("services.a2x_export_config.ConfigsTypeRequest")
Config = message("services.a2x_export_config.A2XConfig")


def header(rate: int = 16_000, channels: int = 1, bits: int = 16, kind: int = 0, **parameters: Any) -> Any:
    """The first message; parameters as dictionaries by the header's field names."""
    sound = {"audio_format": kind, "channel_count": channels, "samples_per_second": rate, "bits_per_sample": bits}
    return AudioStream(audio_stream_header={"audio_header": sound, **parameters})


def piece(sound: bytes = b"", keys: dict[float, dict[str, float]] | None = None) -> Any:
    """Sound, and emotions by their time."""
    emotions = [{"time_code": time, "emotion": values} for time, values in (keys or {}).items()]
    return AudioStream(audio_with_emotion={"audio_buffer": sound, "emotions": emotions})


END = AudioStream(end_of_audio={})


def unpacked(answer: Any) -> Any:
    """The EmotionAggregate of a frame."""
    found = answer.animation_data.metadata["emotion_aggregate"]
    aggregate = Aggregate()
    assert found.TypeName() == aggregate.DESCRIPTOR.full_name
    aggregate.ParseFromString(found.value)
    return aggregate
