"""A face played to an avatar: paced by the clock, and understood by receivers that decode it on their own."""

import json
import math
import socket
import struct
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from queue import Queue
from threading import Thread
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pylivelinkface import FaceBlendShape, PyLiveLinkFace
from websockets.sync.server import serve

from emotalk.errors import ConfigurationError, ReceiverGone
from emotalk.export.form import Form
from emotalk.face import ARKIT_NAMES, FaceClip
from emotalk.play import connect, play
from emotalk.timebase import RATES, timecode

VALUES = [round(i / 51, 6) for i in range(52)]


class Stage:
    """A clock that sleeping moves, and a receiver that notes when each frame came."""

    def __init__(self, late: dict[int, float] | None = None) -> None:
        self.now, self.late = 100.0, late or {}
        self.seen: list[Any] = []

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.now += seconds

    def send(self, frame: int, seconds: float, values: Sequence[float], head: Sequence[float] | None = None) -> None:
        self.seen.append((frame, self.now - 100.0))
        self.now += self.late.get(frame, 0.0)

    def close(self) -> None:
        pass

    def play(self, frames: int) -> list[tuple[int, float]]:
        sent = play(FaceClip(np.zeros((frames, 52), np.float32)), [self], clock=self.clock, sleep=self.sleep)
        return self.seen[:sent]


def test_each_frame_is_sent_when_it_is_due_and_nothing_adds_up_over_ten_minutes() -> None:
    seen = Stage(dict.fromkeys(range(18_000), 0.01)).play(18_000)
    assert [frame for frame, _ in seen] == list(range(18_000))
    assert max(abs(at - timecode(frame)) for frame, at in seen) < 1e-6


def test_who_wakes_late_shows_the_frame_of_now_and_leaves_out_those_that_have_passed() -> None:
    seen = Stage({3: 0.5}).play(40)
    assert [frame for frame, _ in seen] == [0, 1, 2, 3, *range(18, 40)]
    assert all(-1e-6 < at - timecode(frame) < timecode(1) for frame, at in seen)


@given(st.dictionaries(st.integers(0, 59), st.floats(0, 3)), st.integers(1, 60))
def test_frames_rise_the_last_one_is_always_shown_and_none_comes_early(late: dict[int, float], frames: int) -> None:
    seen = Stage(late).play(frames)
    numbers = [frame for frame, _ in seen]
    assert numbers == sorted(set(numbers))
    assert numbers[-1] == frames - 1
    assert all(at - timecode(frame) > -1e-6 for frame, at in seen)


class Watched(Stage):
    """Notes the faces too; who sleeps until `stop` is interrupted there."""

    def __init__(self, stop: float | None = None) -> None:
        super().__init__()
        self.stop = stop
        self.faces: list[list[float]] = []

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        if self.stop is not None and self.now - 100 > self.stop:
            self.stop = None
            raise KeyboardInterrupt

    def send(self, frame: int, seconds: float, values: Sequence[float], head: Sequence[float] | None = None) -> None:
        super().send(frame, seconds, values, head)
        self.faces.append([*values, *(head or ())])

    def watch(self, clip: FaceClip, loop: bool = False) -> None:
        with suppress(KeyboardInterrupt):
            play(clip, [self], loop, self.clock, self.sleep)


OPEN = FaceClip(np.full((30, 52), 0.6, np.float32), head=np.full((30, 3), 9, np.float32))


@pytest.mark.parametrize("stop", [None, 0.4])
def test_every_ending_brings_face_and_head_to_rest_without_a_jump(stop: float | None) -> None:
    stage = Watched(stop)
    stage.watch(OPEN)
    faces = np.array(stage.faces)
    assert not faces[-1].any()
    assert np.abs(np.diff(faces[:, 0])).max() < 0.2
    assert (np.diff(faces[:, 0]) <= 1e-6).all()
    numbers = [frame for frame, _ in stage.seen]
    assert numbers == list(range(len(numbers)))
    assert all(at == pytest.approx(timecode(frame)) for frame, at in stage.seen)


def test_a_face_at_rest_is_sent_more_than_once_for_a_datagram_may_be_lost() -> None:
    stage = Watched()
    stage.watch(OPEN)
    assert sum(not any(face) for face in stage.faces) >= 3


def test_a_receiver_that_has_gone_keeps_no_other_from_coming_to_rest() -> None:
    class Gone(Watched):
        def send(self, *_: Any) -> None:
            raise ReceiverGone("to: ws://a has hung up")

    stage = Watched()
    with pytest.raises(ReceiverGone):
        play(OPEN, [stage, Gone()], clock=stage.clock, sleep=stage.sleep)
    assert not any(stage.faces[-1])


@pytest.mark.parametrize(("fps", "seconds"), [("24", 60), ("29.97", 3600), ("30", 60), ("120", 60)])
@pytest.mark.long
def test_a_loop_has_no_seam_and_after_an_hour_it_is_where_it_was(fps: str, seconds: int) -> None:
    rate, count = RATES[fps], 7
    clip = FaceClip(np.repeat(np.arange(count, dtype=np.float32)[:, None] / 10, 52, axis=1), fps=rate)
    stage = Watched(seconds)
    stage.watch(clip, loop=True)
    numbers = [frame for frame, _ in stage.seen]
    assert numbers == list(range(len(numbers)))
    assert max(abs(at - frame / rate) for frame, at in stage.seen) < 1e-6
    played = int(seconds * rate)
    assert [round(face[0] * 10) for face in stage.faces[:played]] == [n % count for n in range(played)]


@contextmanager
def _ear() -> Iterator[tuple[socket.socket, int]]:
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as ear:
        ear.bind(("127.0.0.1", 0))
        ear.settimeout(10)
        yield ear, ear.getsockname()[1]


def _osc(packet: bytes) -> list[tuple[str, list[Any]]]:
    """OSC 1.0 read from its specification: strings end with zeros up to a multiple of four."""

    def text(at: int) -> tuple[str, int]:
        end = packet.index(b"\0", at)
        return packet[at:end].decode(), at + (end - at) // 4 * 4 + 4

    if packet.startswith(b"#bundle\0"):
        messages, at = [], 16
        while at < len(packet):
            (size,) = struct.unpack_from("!i", packet, at)
            messages += _osc(packet[at + 4 : at + 4 + size])
            at += 4 + size
        return messages
    address, at = text(0)
    tags, at = text(at)
    values: list[Any] = []
    for tag in tags[1:]:
        if tag == "s":
            value, at = text(at)
        else:
            (value,), at = struct.unpack_from({"i": "!i", "f": "!f"}[tag], packet, at), at + 4
        values.append(value)
    assert at == len(packet)
    return [(address, values)]


def _packets(ear: socket.socket) -> list[bytes]:
    """All that came, up to the good-bye."""
    packets = [ear.recv(65536)]
    while _osc(packets[-1])[-1] != ("/VMC/Ext/OK", [0]):
        packets.append(ear.recv(65536))
    return packets


def test_no_network_cuts_a_datagram_of_vmc_in_two() -> None:
    with _ear() as (ear, port):
        with closing(connect(f"vmc://127.0.0.1:{port}")) as receiver:
            receiver.send(12, 0.4, VALUES, [1, 2, 3])
        packets = _packets(ear)
    assert max(map(len, packets)) <= 1200
    assert len(packets) <= 4


@pytest.mark.parametrize(("options", "first"), [("", "BrowDownLeft"), ("?names=camel", "browDownLeft")])
def test_vmc_sends_all_shapes_and_then_applies_them(options: str, first: str) -> None:
    with _ear() as (ear, port):
        with closing(connect(f"vmc://127.0.0.1:{port}{options}")) as receiver:
            receiver.send(12, 0.4, VALUES)
        packets = _packets(ear)
    messages, good_bye = [message for packet in packets[:-1] for message in _osc(packet)], _osc(packets[-1])
    assert messages[0] == ("/VMC/Ext/OK", [1])
    assert messages[1] == ("/VMC/Ext/T", [pytest.approx(0.4)])
    assert messages[-1] == ("/VMC/Ext/Blend/Apply", [])
    shapes = messages[2:-1]
    assert {address for address, _ in shapes} == {"/VMC/Ext/Blend/Val"}
    assert shapes[0][1][0] == first
    assert [name.lower() for _, (name, _) in shapes] == [name.lower() for name in ARKIT_NAMES]
    assert [value for _, (_, value) in shapes] == pytest.approx(VALUES)
    assert good_bye == [("/VMC/Ext/OK", [0])]


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ("", ["A", "I", "U", "E", "O", "Blink", "Blink_L", "Blink_R"]),
        ("?names=vrm1", ["aa", "ih", "ou", "ee", "oh", "blink", "blinkLeft", "blinkRight"]),
    ],
)
def test_vmc_sends_vowels_by_vrm_0_s_names_as_the_protocol_wants_or_by_vrm_1_s(options: str, names: list[str]) -> None:
    clip = Form("", "vrm").of(FaceClip(np.zeros((1, 52), np.float32)))
    with _ear() as (ear, port):
        with closing(connect(f"vmc://127.0.0.1:{port}{options}", clip.fps, clip.names)) as receiver:
            receiver.send(0, 0.0, clip.frames[0].tolist())
        messages = [message for packet in _packets(ear) for message in _osc(packet)]
    assert [values[0] for address, values in messages if address == "/VMC/Ext/Blend/Val"] == names


@pytest.mark.parametrize("scheme", ["livelink", "ifacialmocap"])
def test_what_carries_the_52_alone_refuses_visemes(scheme: str) -> None:
    with pytest.raises(ConfigurationError, match="--shapes arkit"):
        connect(f"{scheme}://127.0.0.1", names=("aa",))


def test_vmc_turns_the_head_bone_in_unity_s_space() -> None:
    turns = {(10, 0, 0): (0, -1, 0), (0, 10, 0): (1, 0, 0), (0, 0, 10): (0, 0, -1)}  # left, down, right shoulder
    for turn, axis in turns.items():
        with _ear() as (ear, port):
            with closing(connect(f"vmc://127.0.0.1:{port}")) as receiver:
                receiver.send(12, 0.4, VALUES, turn)
            heard: list[tuple[str, list[Any]]] = []
            while not heard or heard[-1][0] != "/VMC/Ext/OK" or heard[-1][1] != [0]:
                heard += _osc(ear.recv(65536))
        [(bone, *place)] = [values for address, values in heard if address == "/VMC/Ext/Bone/Pos"]
        assert (bone, place[:3]) == ("Head", [0, 0, 0])
        half = math.radians(10) / 2
        assert place[3:] == pytest.approx([*(math.sin(half) * each for each in axis), math.cos(half)])


def test_live_link_turns_head_and_eyes_in_radians_where_the_clip_has_a_head() -> None:
    with _ear() as (ear, port):
        with closing(connect(f"livelink://127.0.0.1:{port}")) as receiver:
            receiver.send(31, 31 / 30, VALUES, [20, 10, -5])
            receiver.send(32, 32 / 30, VALUES)
        faces = [PyLiveLinkFace.decode(ear.recv(65536))[1] for _ in range(2)]
    seen = [
        [face.get_blendshape(FaceBlendShape[name]) for name in ("HeadYaw", "HeadPitch", "HeadRoll")] for face in faces
    ]
    assert seen[0] == pytest.approx(np.radians([20, -10, -5]).tolist())
    assert seen[1] == [0, 0, 0]
    assert faces[0].get_blendshape(FaceBlendShape.LeftEyePitch) != 0


def test_live_link_says_its_frame_rate() -> None:
    with _ear() as (ear, port):
        with closing(connect(f"livelink://127.0.0.1:{port}?subject=N", RATES["29.97"])) as receiver:
            receiver.send(31, 31 * 1.001 / 30, VALUES)
        packet = ear.recv(65536)
    assert struct.unpack_from("!IfII", packet, 46) == (31, 0.0, 30_000, 1001)


def test_ifacialmocap_sends_what_its_receivers_split_at_bars_dashes_and_one_equals_sign() -> None:
    values = dict.fromkeys(ARKIT_NAMES, 0.0) | {"jawOpen": 0.256, "mouthSmileLeft": 1.0, "mouthLeft": 0.5}
    values |= {"eyeLookOutLeft": 0.5, "eyeLookDownRight": 0.2}
    with _ear() as (ear, port):
        with closing(connect(f"ifacialmocap://127.0.0.1:{port}")) as receiver:
            receiver.send(0, 0.0, list(values.values()), [10, -5, 2])
        packet = ear.recv(65536)
    assert len(packet) <= 1200
    faces, turns = packet.decode("ascii").split("=")
    shapes = {name: int(value) for name, value in (part.split("-") for part in faces.split("|")[:-1])}
    assert shapes.pop("trackingStatus") == 1
    assert len(shapes) == 52
    assert {name: value for name, value in shapes.items() if value} == {
        "jawOpen": 26, "mouthSmile_L": 100, "mouthLeft": 50, "eyeLookOut_L": 50, "eyeLookDown_R": 20,
    }  # fmt: skip
    assert {"jawLeft", "jawRight", "mouthRight", "browDown_L", "eyeBlink_R", "browInnerUp"} < shapes.keys()
    angles = {name: [*map(float, at.split(","))] for name, at in (part.split("#") for part in turns.split("|")[:-1])}
    assert angles == {"head": [-5, 10, 2, 0, 0, 0], "rightEye": [6, 0, 0], "leftEye": [0, 15, 0]}


def test_live_link_packets_are_understood_by_another_projects_reader() -> None:
    with _ear() as (ear, port):
        with closing(connect(f"livelink://127.0.0.1:{port}?subject=Ngoc")) as receiver:
            receiver.send(31, 31 / 30, VALUES)
        packet = ear.recv(65536)
    understood, face = PyLiveLinkFace.decode(packet)
    assert understood
    assert face.name == "Ngoc"
    for i, name in enumerate(ARKIT_NAMES):
        shape = FaceBlendShape[name[0].upper() + name[1:]]
        assert face.get_blendshape(shape) == pytest.approx(VALUES[i]), name
    assert struct.unpack_from("!IfIIB", packet, 45 + len("Ngoc")) == (31, 0.0, 30, 1, 61)
    assert len(packet) == 45 + len("Ngoc") + 17 + 61 * 4


def test_a_websocket_gets_one_message_a_frame() -> None:
    heard: Queue[str] = Queue()
    with serve(lambda connection: [heard.put(message) for message in connection], "127.0.0.1", 0) as server:
        listener = Thread(target=server.serve_forever)
        listener.start()
        with closing(connect(f"ws://127.0.0.1:{server.socket.getsockname()[1]}/face")) as receiver:
            receiver.send(3, 0.1, VALUES)
        message = json.loads(heard.get(timeout=10))
        server.shutdown()
        listener.join()
    assert message["frame_number"] == 3
    assert message["timecode"] == 0.1
    assert list(message["blendshapes"]) == list(ARKIT_NAMES)
    assert list(message["blendshapes"].values()) == pytest.approx(VALUES, abs=1e-6)


def test_a_websocket_that_nobody_listens_on_is_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(ReceiverGone, match=r"ws://127\.0\.0\.1"):
            connect(f"ws://127.0.0.1:{taken.getsockname()[1]}")


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("http://localhost", "vmc://HOST:39539"),
        ("localhost:39539", "vmc://HOST:39539"),
        ("vmc://127.0.0.1:99999", "vmc://HOST:PORT"),
        ("vmc://127.0.0.1?names=latin", "pascal or camel or vrm1"),
        ("vmc://127.0.0.1?name=camel", "names"),
        ("livelink://127.0.0.1?subject=", "a name"),
        ("ifacialmocap://127.0.0.1?names=camel", "not an option of ifacialmocap"),
        ("livelink://no.such.host.invalid", "livelink://HOST:PORT"),
        ("ws://127.0.0.1:99999/", "ws://HOST:PORT/PATH"),
        ("ws://", "ws://HOST:PORT/PATH"),
    ],
)
def test_an_address_that_is_none_is_refused_with_what_is_wrong(address: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        connect(address)
