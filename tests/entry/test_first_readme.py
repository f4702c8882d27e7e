"""The commands of the first version's README, typed as there and in its order, in an empty environment.

Only ports differ, since the usual ones may be taken, and the address: tests listen on loopback.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from emotalk.audio import open_audio
from emotalk.face import INDEX
from emotalk.timebase import frame_count
from tests.entry.compose import outside
from tests.entry.house import ROOT, House, Running
from tests.kafka.broker import Broker, free_ports

ANGRY = "./audio/angry1.wav"
FRAMES = frame_count(open_audio(ROOT / "audio" / "angry1.wav").samples or 0)
CLIENT = ("python", "grpc_client.py", "--audio", ANGRY, "--emotion_level", "1", "--person_id", "0")
CHUNKS = ("--chunk_duration", "25.0", "--chunk_overlap", "0.5")
AS_A_LIBRARY = """
import json, sys
from grpc_client import EmoTalkClient
client = EmoTalkClient(host="localhost", port=int(sys.argv[1]))
results = client.process_audio_file(
    audio_path="./audio/angry1.wav", emotion_level=1, person_id=0, post_processing=True,
    chunk_duration=25.0, chunk_overlap=0.5,
)
client.close()
print(json.dumps(results))
"""

pytestmark = pytest.mark.kafka


@pytest.fixture(scope="module")
def port() -> str:
    return str(free_ports(1)[0])


@pytest.fixture(scope="module")
def server(house: House, composed: Broker, port: str) -> Iterator[Running]:
    where = ("--host", "127.0.0.1", "--port", port, "--kafka_servers", outside(composed))
    with house.running("python", "grpc_server.py", *where, until="serving") as running:
        yield running


def test_requirements_txt_alone_brings_both_engines_and_the_compiler(house: House):
    house.get("python", "-c", "import grpc_tools, openvino, onnxruntime, confluent_kafka")
    house.get("pip", "check")


def test_generate_grpc_leaves_the_tree_byte_for_byte_unchanged(house: House):
    before = _tree(house.folder)
    house.get("./generate_grpc.sh")
    assert _tree(house.folder) == before


def test_the_server_says_that_it_serves_from_kafka(server: Running, composed: Broker):
    assert f"kafka://{outside(composed)}" in server.lines[-1]


def test_the_client_writes_every_frame_where_it_is_told(house: House, server: Running, port: str):
    said = house.get(*CLIENT, *CHUNKS, "--output", "out.npy", "--port", port)
    assert f"out.npy: {FRAMES} frames" in said
    frames = np.load(house.folder / "out.npy")
    assert frames.dtype == np.float32
    assert frames.shape == (FRAMES, 52)
    assert frames.max() > 0.2


def test_the_client_writes_output_npy_where_it_is_told_nothing(house: House, server: Running, port: str):
    house.get("python", "grpc_client.py", "--audio", ANGRY, "--host", "localhost", "--port", port)
    assert np.load(house.folder / "output.npy").shape == (FRAMES, 52)


def test_without_post_processing_nobody_blinks(house: House, server: Running, port: str):
    # The request's id seeds the blinks: with a new one each time, now and then nobody would blink in seven seconds.
    for output, more in {"raw.npy": ("--no_post_processing",), "shaped.npy": ()}.items():
        house.get(*CLIENT, *CHUNKS, *more, "--output", output, "--request-id", output, "--port", port)
    raw, shaped = (np.load(house.folder / name)[:, INDEX["eyeBlinkLeft"]] for name in ("raw.npy", "shaped.npy"))
    assert raw.max() == 0.0
    assert shaped.max() > 0.5


def test_the_client_is_a_library_as_the_first_version_showed_it(house: House, server: Running, port: str):
    chunks = json.loads(house.get("python", "-c", AS_A_LIBRARY, port))
    assert [chunk["chunk_index"] for chunk in chunks] == list(range(len(chunks)))
    frames = [frame for chunk in chunks for frame in chunk["frames"]]
    assert [frame["frame_number"] for frame in frames] == list(range(FRAMES))
    assert all(frame["timecode"] == frame["frame_number"] / 30 for frame in frames)
    assert {len(frame["blendshapes"]) for frame in frames} == {52}


def test_a_second_worker_stands_by_and_says_so(house: House, server: Running, composed: Broker):
    consumer = ("python", "kafka_consumer.py", "--kafka_servers", outside(composed))
    with house.running(*consumer, until="standing by") as running:
        assert running.process.poll() is None
    assert running.process.returncode == 0


def test_the_producer_prints_id_partition_and_offset_and_waits_for_the_result(
    house: House, server: Running, composed: Broker
):
    said = house.get("python", "kafka_producer.py", "--audio", ANGRY, "--kafka_servers", outside(composed)).splitlines()
    assert said[0].startswith("request_id ")
    assert ", partition 0, offset " in said[0]
    assert said[-1] == f"done: {FRAMES} frames at 30 fps"


def test_the_producer_needs_no_file_and_takes_several_servers(house: House, server: Running, composed: Broker):
    servers = f"{outside(composed)},{outside(composed)}"
    assert f"done: {FRAMES} frames" in house.get("python", "kafka_producer.py", "--kafka_servers", servers)


def _tree(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}
