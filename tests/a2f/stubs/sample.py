"""A client of Audio2Face-3D made of its published stubs alone. Says what it got as JSON.

python sample.py ADDRESS RATE PCM_FILE [CONFIGURATION.json]
"""

import json
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from threading import Event
from typing import Any

warnings.simplefilter("ignore")
import grpc  # noqa: E402
from nvidia_ace import audio_pb2  # noqa: E402
from nvidia_audio2face_3d import (  # noqa: E402
    a2x_export_config_pb2,
    a2x_export_config_pb2_grpc,
    audio2face_pb2_grpc,
    messages_pb2,
)

address, rate, path = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
asked: dict[str, Any] = json.loads(sys.argv[4]) if len(sys.argv) > 4 else {}
sound, done = path.read_bytes(), Event()
Stream = messages_pb2.AudioWithEmotionStream


def messages() -> Iterator[Any]:
    told = audio_pb2.AudioHeader(channel_count=1, samples_per_second=rate, bits_per_sample=16)
    header = messages_pb2.AudioWithEmotionStreamHeader(
        audio_header=told,
        face_params=messages_pb2.FaceParameters(float_params=asked.get("face_parameters", {})),
        emotion_post_processing_params=messages_pb2.EmotionPostProcessingParameters(
            **asked.get("post_processing_parameters", {})
        ),
        blendshape_params=messages_pb2.BlendShapeParameters(
            bs_weight_multipliers=asked.get("multipliers", {}), bs_weight_offsets=asked.get("offsets", {})
        ),
    )
    yield Stream(audio_stream_header=header)
    keys = [
        messages_pb2.EmotionWithTimeCode(time_code=float(time), emotion=values)
        for time, values in asked.get("emotions", {}).items()
    ]
    for at in range(0, len(sound) + 1, 2 * rate):
        piece = messages_pb2.AudioWithEmotion(audio_buffer=sound[at : at + 2 * rate], emotions=[] if at else keys)
        yield Stream(audio_with_emotion=piece)
    yield Stream(end_of_audio=Stream.EndOfAudio())
    done.wait(120)  # it never closes its side


channel = grpc.insecure_channel(address)
stub = audio2face_pb2_grpc.A2FControllerServiceStub(channel)
answers = list(stub.ProcessAudioStream(messages(), timeout=120))
done.set()
names, frames, echo, emotions, statuses, events = [], [], b"", [], [], 0
for answer in answers:
    kind = answer.WhichOneof("stream_part")
    if kind == "animation_data_stream_header":
        names = list(answer.animation_data_stream_header.skel_animation_header.blend_shapes)
        told = answer.animation_data_stream_header.audio_header
    elif kind == "animation_data":
        data = answer.animation_data
        frames += [[each.time_code, *each.values] for each in data.skel_animation.blend_shape_weights]
        echo += data.audio.audio_buffer
        aggregate = messages_pb2.EmotionAggregate.FromString(data.metadata["emotion_aggregate"].value)
        emotions += [dict(each.emotion) for each in aggregate.a2f_smoothed_output]
        assert not aggregate.a2e_output
    elif kind == "status":
        statuses.append([answer.status.code, answer.status.message])
    elif kind == "event":
        events += 1
configs = a2x_export_config_pb2_grpc.A2XExportConfigServiceStub(channel).GetConfigs(
    a2x_export_config_pb2.ConfigsTypeRequest(config_type=a2x_export_config_pb2.ConfigsTypeRequest.YAML), timeout=60
)
print(
    json.dumps(
        {
            "names": names,
            "rate": told.samples_per_second,
            "bits": told.bits_per_sample,
            "frames": frames,
            "echo": echo[: len(sound)] == sound,
            "echoed": len(echo),
            "emotions": emotions,
            "statuses": statuses,
            "events": events,
            "configs": [each.name for each in configs],
        }
    )
)
