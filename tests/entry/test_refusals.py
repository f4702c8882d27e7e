"""What the root commands say, and with which exit code, where something is missing. None of it needs a broker."""

import pytest

from tests.entry.house import House
from tests.kafka.broker import free_ports

DOORS = ("grpc_server.py", "kafka_consumer.py", "kafka_producer.py")
CHECKPOINT = "./pretrain_model/EmoTalk.pth"


@pytest.fixture
def nowhere() -> str:
    """An address on which nobody listens."""
    return f"localhost:{free_ports(1)[0]}"


@pytest.mark.parametrize("door", DOORS)
def test_without_a_broker_a_door_names_both_ways_out_and_ends(house: House, nowhere: str, door: str):
    done = house.run("python", door, "--kafka_servers", nowhere)
    assert done.returncode == 5
    assert nowhere in done.stderr
    assert "docker-compose up -d" in done.stderr
    assert "--queue sqlite" in done.stderr
    assert ("every interface" in done.stderr) == (door == "grpc_server.py")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("door", ["grpc_server.py", "kafka_consumer.py"])
@pytest.mark.parametrize("model", [(), ("--model_path", CHECKPOINT)], ids=["builtin", "emotalk"])
def test_cuda_where_there_is_none_is_one_sentence_and_exit_code_3(house: House, door: str, model: tuple[str, ...]):
    done = house.run("python", door, "--device", "cuda", *model)
    assert done.returncode == 3
    [sentence] = [line for line in done.stderr.splitlines() if line.startswith("emotalk:")]
    assert "device" in sentence
    assert "--device cpu" in sentence
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("door", ["grpc_server.py", "kafka_consumer.py"])
@pytest.mark.parametrize("spelling", ["--model_path", "--model-path"])
def test_a_missing_checkpoint_is_named_in_both_spellings(house: House, door: str, spelling: str):
    done = house.run("python", door, spelling, "no/such/EmoTalk.pth")
    assert done.returncode == 3
    assert "no/such/EmoTalk.pth" in done.stderr


def test_the_client_says_which_server_does_not_answer(house: House, nowhere: str):
    port = nowhere.rpartition(":")[2]
    done = house.run("python", "grpc_client.py", "--audio", "./audio/angry1.wav", "--port", port)
    assert done.returncode == 5
    assert port in done.stderr


def test_the_client_says_which_file_is_not_there(house: House):
    done = house.run("python", "grpc_client.py", "--audio", "no/such.wav")
    assert done.returncode == 4
    assert "no/such.wav" in done.stderr


@pytest.mark.parametrize("door", ["grpc_client.py", *DOORS])
def test_help_names_the_file_and_its_defaults(house: House, door: str):
    said = house.get("python", door, "--help")
    assert said.startswith(f"usage: {door}")
    assert ("kafka://localhost:9092" in said) == (door in DOORS)
