"""Clients in the field were compiled from these names and numbers: they may be added to, never changed."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from google.protobuf.descriptor import FieldDescriptor

from emotalk.audio import open_audio
from emotalk.timebase import frame_count
from emotalk.wire import emotalk_pb2

ROOT = Path(__file__).parents[2]
SPEECH = ROOT / "audio" / "angry1.wav"
SECONDS = 120.0

PUBLISHED = """
syntax = "proto3";
package emotalk;
service EmoTalkService {
  rpc ProcessAudio(AudioRequest) returns (stream BlendshapeResponse);
  rpc HealthCheck(HealthCheckRequest) returns (HealthCheckResponse);
}
message AudioRequest {
  string request_id = 1; bytes audio_data = 2; int32 emotion_level = 3; int32 person_id = 4;
  bool post_processing = 5; float chunk_duration = 6; float chunk_overlap = 7;
}
message BlendshapeResponse {
  string request_id = 1; int32 chunk_index = 2; repeated BlendshapeFrame frames = 3; bool is_final = 4;
  string error_message = 5;
}
message BlendshapeFrame { double timecode = 1; int32 frame_number = 2; repeated float blendshapes = 3; }
message HealthCheckRequest { string service = 1; }
message HealthCheckResponse {
  enum ServingStatus { UNKNOWN = 0; SERVING = 1; NOT_SERVING = 2; }
  ServingStatus status = 1;
}
"""
ADDED = """
message StreamResultsRequest { string request_id = 1; int32 from_frame = 2; }
message GetJobRequest { string request_id = 1; }
message CancelJobRequest { string request_id = 1; }
message Job {
  enum State { STATE_UNKNOWN = 0; QUEUED = 1; RUNNING = 2; DONE = 3; FAILED = 4; BURIED = 5; CANCELLED = 6; }
  string request_id = 1; State state = 2; optional int32 queue_position = 3; int32 frames_done = 4;
  int32 frames_total = 5; double audio_seconds = 6; int32 attempts = 7; int32 epoch = 8; string error_message = 9;
  double submitted_at = 10; double started_at = 11; double finished_at = 12;
}
message AudioFrame { AudioSettings settings = 1; bytes audio = 2; }
message AudioSettings {
  enum Encoding { PCM16 = 0; FLOAT32 = 1; }
  int32 sample_rate = 1; Encoding encoding = 2; optional int32 emotion_level = 3; int32 person_id = 4;
  optional bool post_processing = 5; optional float latency_hint = 6; string request_id = 7;
  Performance performance = 8;
}
message AudioRequest { string session_id = 8; Performance performance = 9; }
message Performance {
  optional int32 emotion_level = 1; optional int32 person_id = 2; optional bool post_processing = 3;
  optional float chunk_duration = 4; optional float chunk_overlap = 5;
  optional bool head = 6;
}
message Head { float yaw = 1; float pitch = 2; float roll = 3; }
message BlendshapeFrame { Head head = 4; }
"""
CALLS = {
    "ProcessAudio": ("AudioRequest", "BlendshapeResponse", False, True),
    "HealthCheck": ("HealthCheckRequest", "HealthCheckResponse", False, False),
    "SubmitAudio": ("AudioRequest", "Job", False, False),
    "StreamResults": ("StreamResultsRequest", "BlendshapeResponse", False, True),
    "GetJob": ("GetJobRequest", "Job", False, False),
    "CancelJob": ("CancelJobRequest", "Job", False, False),
    "StreamAudio": ("AudioFrame", "BlendshapeResponse", True, True),
}
CLIENT = """
import json, sys
import grpc, published_pb2 as wire, published_pb2_grpc as stubs
channel = grpc.insecure_channel(sys.argv[1])
stub = stubs.EmoTalkServiceStub(channel)
health = [stub.HealthCheck(wire.HealthCheckRequest(service=name), timeout=60).status for name in ("", "emotalk")]
request = wire.AudioRequest(
    request_id="field", audio_data=open(sys.argv[2], "rb").read(), emotion_level=1, person_id=0,
    post_processing=True, chunk_duration=2.0, chunk_overlap=0.5,
)
answer = list(stub.ProcessAudio(request, timeout=60))
try:
    list(stub.ProcessAudio(wire.AudioRequest(audio_data=b"no sound"), timeout=60))
    refusal = ""
except grpc.RpcError as error:
    refusal = error.code().name
print(json.dumps({
    "health": health, "refusal": refusal,
    "responses": [[each.request_id, each.chunk_index, each.is_final, each.error_message] for each in answer],
    "frames": [[f.frame_number, f.timecode, len(f.blendshapes)] for each in answer for f in each.frames],
}))
"""
FIELD = re.compile(r"(repeated )?(\w+) (\w+) = (\d+);")


def _published_fields() -> Iterator[tuple[str, bool, str, str, int]]:
    without_enums = re.sub(r"enum \w+ \{.*?\}", "", PUBLISHED + ADDED, flags=re.DOTALL)
    for message, body in re.findall(r"message (\w+) \{(.*?)\}", without_enums, re.DOTALL):
        for repeated, kind, name, number in FIELD.findall(body):
            yield message, bool(repeated), kind, name, int(number)


@pytest.mark.parametrize("published", list(_published_fields()), ids=lambda field: f"{field[0]}.{field[3]}")
def test_a_published_field_keeps_its_name_number_and_type(published: tuple[str, bool, str, str, int]):
    message, repeated, kind, name, number = published
    field = emotalk_pb2.DESCRIPTOR.message_types_by_name[message].fields_by_number[number]
    assert field.name == name
    assert field.is_repeated == repeated
    assert _kind(field) == kind


def test_every_published_field_is_looked_at():
    assert len(list(_published_fields())) == 55


@pytest.mark.parametrize(
    ("message", "enumeration", "numbers"),
    [
        ("HealthCheckResponse", "ServingStatus", ["UNKNOWN", "SERVING", "NOT_SERVING"]),
        ("Job", "State", ["STATE_UNKNOWN", "QUEUED", "RUNNING", "DONE", "FAILED", "BURIED", "CANCELLED"]),
        ("AudioSettings", "Encoding", ["PCM16", "FLOAT32"]),
    ],
)
def test_an_enumeration_keeps_its_numbers(message: str, enumeration: str, numbers: list[str]):
    values = emotalk_pb2.DESCRIPTOR.message_types_by_name[message].enum_types_by_name[enumeration].values_by_name
    assert {name: value.number for name, value in values.items()} == {name: n for n, name in enumerate(numbers)}


def test_the_calls_keep_their_names_and_shapes():
    service = emotalk_pb2.DESCRIPTOR.services_by_name["EmoTalkService"]
    shapes = {
        call.name: (call.input_type.name, call.output_type.name, call.client_streaming, call.server_streaming)
        for call in service.methods
    }
    assert service.full_name == "emotalk.EmoTalkService"
    assert {name: shapes.get(name) for name in CALLS} == CALLS


@pytest.fixture
def port() -> Iterator[str]:
    """The port of a server with the queue in memory and the test engine."""
    words = ("serve", "--queue", "memory://", "--engine", "tone", "--port", "0", "--log-format", "json")
    process = subprocess.Popen([sys.executable, "-m", "emotalk", *words], stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    facts = (json.loads(line) for line in process.stderr)
    try:
        yield next(fact["address"].rpartition(":")[2] for fact in facts if "address" in fact)
    finally:
        process.terminate()
        process.communicate(timeout=SECONDS)


def test_a_client_compiled_from_the_published_names_alone_works_unchanged(tmp_path: Path, port: str):
    (tmp_path / "published.proto").write_text(PUBLISHED)
    (tmp_path / "field.py").write_text(CLIENT)
    compiler = (sys.executable, "-m", "grpc_tools.protoc", "-I.", "--python_out=.", "--grpc_python_out=.")
    subprocess.run([*compiler, "published.proto"], cwd=tmp_path, check=True, timeout=SECONDS)
    # A process of its own: two definitions of one package do not fit into one descriptor pool.
    words = (sys.executable, "field.py", f"127.0.0.1:{port}", str(SPEECH))
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=SECONDS)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    count = frame_count(open_audio(SPEECH).samples or 0)
    assert said["health"] == [1, 1]
    assert said["refusal"] == "INVALID_ARGUMENT"
    assert said["frames"] == [[number, number / 30, 52] for number in range(count)]
    last = len(said["responses"]) - 1
    assert last > 0
    assert said["responses"] == [["field", index, index == last, ""] for index in range(last + 1)]


def _kind(field: FieldDescriptor) -> str:
    if field.message_type is not None:
        return str(field.message_type.name)
    if field.enum_type is not None:
        return str(field.enum_type.name)
    names = {value: name for name, value in vars(FieldDescriptor).items() if name.startswith("TYPE_")}
    return names[field.type].removeprefix("TYPE_").lower()
