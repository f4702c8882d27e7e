"""The command line: words in, files, sentences and exit codes out; never a traceback."""

import asyncio
import json
import os
import re
import socket
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import numpy as np
import pytest

from emotalk.cli import doctor
from emotalk.cli.exits import Exit
from emotalk.cli.main import main
from emotalk.face import ARKIT_NAMES
from emotalk.jobs.codec import encode_job
from emotalk.jobs.intake import as_request
from emotalk.queues.base import Record
from emotalk.queues.sqlite import SqliteQueue
from tests.integration.served import PATIENCE, Inside, command, environment, outside, speech
from tests.unit.stage import job

COMMANDS = ("animate", "serve", "work", "send", "submit", "jobs", "health", "doctor")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of its own, with a sound in it. Commands run inside it, in this process: starting one takes a second."""
    for name in [name for name in os.environ if name.startswith("EMOTALK_")]:
        monkeypatch.delenv(name)
    for name, value in environment(tmp_path).items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in.wav").write_bytes(speech(2.0))
    return tmp_path


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    """The exit code and the one sentence on standard error."""
    try:
        code = main(words)
    except SystemExit as ended:  # argparse's own refusals
        code = int(ended.code or 0)
    told = capsys.readouterr().err
    assert "Traceback" not in told
    return code, told


def test_animate_writes_every_kind_by_its_suffix_and_says_where(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("a.npy", "deep/er/a.csv", "a.json"):
        assert main(["animate", "in.wav", "-o", name, "--engine", "tone"]) == Exit.OK
        assert f"{name}: 60 frames at 30 fps" in capsys.readouterr().out
    frames = np.load("a.npy")
    assert frames.shape == (60, 52)
    rows = Path("deep/er/a.csv").read_text().splitlines()
    assert (rows[0].split(","), len(rows)) == (["timecode", *ARKIT_NAMES], 61)
    assert np.array_equal(
        np.array([f["blendshapes"] for f in json.loads(Path("a.json").read_text())["frames"]], np.float32), frames
    )


def test_animate_ends_with_one_short_line_and_the_path_of_the_card_is_for_who_looks_closer(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["animate", "in.wav", "-o", "a.npy", "--log-level", "debug"]) == Exit.OK
    said = capsys.readouterr()
    assert said.out == "a.npy: 60 frames at 30 fps, engine builtin on cpu, MIT and Apache-2.0\n"
    [card] = re.findall(r" DEBUG licences path=(\S+)", said.err)
    assert "silero_vad" in Path(card).read_text("utf-8")


def test_animate_gives_the_same_bytes_twice_and_the_seed_decides_the_blinks(home: Path) -> None:
    for name, more in (("a", []), ("b", []), ("c", ["--seed", "7"]), ("d", ["--seed", "7"])):
        assert main(["animate", "in.wav", "-o", f"{name}.npy", "--engine", "tone", *more]) == Exit.OK
    a, b, c, d = (Path(f"{name}.npy").read_bytes() for name in "abcd")
    assert a == b != c == d


def test_flags_are_understood_in_both_spellings(home: Path) -> None:
    dashed = ["--chunk-duration", "1", "--chunk-overlap", "0.2", "--emotion-level", "0", "--person-id", "7"]
    dashed.append("--no-post-processing")
    underscored = [f"--{word[2:].replace('-', '_')}" if word.startswith("--") else word for word in dashed]
    for name, words in (("dashes", dashed), ("underscores", underscored)):
        assert main(["animate", "in.wav", "-o", f"{name}.npy", "--engine", "tone", *words]) == Exit.OK
    assert Path("dashes.npy").read_bytes() == Path("underscores.npy").read_bytes()
    assert np.load("dashes.npy")[0, ARKIT_NAMES.index("mouthSmileLeft")] == np.float32(7 / 24)


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        ("animate in.wav -o out.fbx --engine tone", Exit.USAGE, r"\.npy, \.csv, \.json"),
        ("animate nowhere.wav -o out.npy --engine tone", Exit.INPUT, r"nowhere\.wav"),
        ("animate . -o out.npy --engine tone", Exit.INPUT, "directory|folder|file"),
        ("animate in.wav -o out.npy --engine tone --person-id 24", Exit.INPUT, r"person_id: 24.*0\.\.23"),
        ("animate in.wav -o out.npy --engine tone --emotion-level 2", Exit.INPUT, "emotion_level: 2"),
        ("animate in.wav -o out.npy --engine tone --chunk-duration 0", Exit.INPUT, r"chunk_duration.*1\.\.120"),
        ("animate in.wav -o out.npy --engine tone --chunk-overlap 12.5", Exit.INPUT, "chunk_overlap.*half a chunk"),
        ("animate in.wav -o out.npy --engine tone --max-seconds 1", Exit.INPUT, "2.0 s, the limit is 1 s"),
        ("animate in.wav -o out.npy --engine tone --gains jawOpened=2", Exit.USAGE, "jawOpened.*not a blendshape"),
        ("animate in.wav -o out.npy --engine tone --device cuda", Exit.ENGINE, "CPU only"),
        ("animate in.wav -o out.npy --model-path nowhere.pth", Exit.ENGINE, r"nowhere\.pth"),
        ("animate in.wav -o out.npy --model-path in.wav", Exit.ENGINE, r"in\.wav"),
        ("animate in.wav -o out.npy --engine tone --model-path x.pth", Exit.USAGE, "model_path"),
        ("serve --engine tone --queue carrier-pigeon", Exit.USAGE, "sqlite:///PATH, kafka://HOST:PORT or memory://"),
        ("animate in.wav -o /proc/out.npy --engine tone", Exit.INPUT, "/proc: .*Check the path"),
        ("send in.wav -o /proc/out.npy --port 1", Exit.INPUT, "/proc: .*Check the path"),
        ("serve --engine tone --port 70000", Exit.USAGE, "port: 70000"),
        ("serve --engine tone --host 192.0.2.1", Exit.USAGE, r"host: 192\.0\.2\.1:50051 cannot be bound \(.+--host"),
        ("serve --engine tone --queue sqlite --kafka-servers a:1", Exit.USAGE, "two queues"),
        ("serve --engine tone --kafka-servers=", Exit.USAGE, "queue: 'kafka://' is not a queue"),
        ("send --port 1", Exit.USAGE, "no file was named"),
        ("send nowhere.wav --port 1", Exit.INPUT, r"nowhere\.wav"),
        ("send in.wav --port 1 -o out.fbx", Exit.USAGE, r"out\.fbx"),
        ("health localhost:1", Exit.UNAVAILABLE, "."),
        ("health nonsense", Exit.USAGE, "HOST:PORT"),
        ("health http://localhost:1", Exit.USAGE, r"host: 'http://localhost' is not a host\..*without http://"),
        ("send in.wav --host localhost:50051", Exit.USAGE, "host: 'localhost:50051' is not a host"),
        ("send in.wav --port 99999", Exit.USAGE, r"port: 99999 is out of range\. Use 1\.\.65535"),
        ("send in.wav --port 1 --timeout nan", Exit.USAGE, "'nan' is not a number of seconds"),
        ("submit --audio in.wav --timeout -1", Exit.USAGE, "'-1' is not a number of seconds"),
        (
            "serve --engine tone --drain-seconds inf",
            Exit.USAGE,
            r"drain_seconds: inf is out of range\. Use 0\.\.1000000000",
        ),
        (
            "animate in.wav -o out.npy --engine tone --offsets jawOpen=1e99",
            Exit.USAGE,
            "offset: jawOpen = 1e.99 is out of",
        ),
        ("jobs list one", Exit.USAGE, r"request_id: jobs list shows all.*jobs show ID"),
        ("jobs delete one --all", Exit.USAGE, "all: it means every dead letter, and an ID is named"),
        ("jobs show nobody", Exit.INPUT, "emotalk jobs list"),
        ("animate", Exit.USAGE, "required"),
        ("animate -in.wav -o out.npy", Exit.USAGE, r"for a file write \./-in\.wav"),
        ("animate in.wav -o -out.npy", Exit.USAGE, r"for a file write \./-out\.npy"),
        ("send -in.wav --port 1", Exit.USAGE, r"for a file write \./-in\.wav"),
        ("health a\udcffb:1", Exit.INPUT, r"a.udcffb.*is not text in UTF-8"),
        ("send in.wav --port 1 --session-id a\udcffb", Exit.INPUT, "session_id: .*cannot be used"),
        ("serve --engine tone --host a\udcffb", Exit.USAGE, "host: .*not the name of a host"),
        ("serve --engine tone --host=", Exit.USAGE, r"host: it is empty\. Use 127\.0\.0\.1"),
        ("dance", Exit.USAGE, "invalid choice"),
        ("animate in.wav -o out.npy --persn 3", Exit.USAGE, r"usage: emotalk animate[^$]*--persn 3"),
        ("play face.glb --to vmc://127.0.0.1", Exit.USAGE, r"\.glb is written, but not read\. Use one of \.npy"),
        ("jobs", Exit.USAGE, r"required: \{list,show"),
        ("animate in.wav -o out.npy --engine magic", Exit.USAGE, "invalid choice"),
        ("animate in.wav -o out.npy --gains jawOpen", Exit.USAGE, "NAME=NUMBER"),
    ],
)
def test_each_mistake_has_its_exit_code_and_a_sentence_that_helps(
    home: Path, capsys: pytest.CaptureFixture[str], words: str, code: Exit, sentence: str
) -> None:
    got, told = refused(capsys, *words.split())
    assert got == code, told
    assert re.search(sentence, told), told
    assert not list(home.glob("out*"))


@pytest.mark.parametrize("name", ["stdin", "stdout", "stderr"])
def test_a_standard_stream_that_the_caller_closed_is_not_missed(
    home: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(sys, name, None)
    assert main(["animate", "in.wav", "-o", "out.npy", "--engine", "tone"]) == Exit.OK
    assert (home / "out.npy").exists()


def test_sound_that_cannot_be_read_is_refused_with_what_to_do(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home / "broken.wav").write_bytes(speech(1.0)[:-1000])
    (home / "text.wav").write_text("this is no sound")
    (home / "empty.wav").touch()
    for name in ("broken.wav", "text.wav", "empty.wav"):
        code, told = refused(capsys, "animate", name, "-o", "out.npy", "--engine", "tone")
        assert code == Exit.INPUT
        assert told.count("\n") == 1


def test_a_variable_in_the_environment_is_named_when_it_cannot_be_read(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("EMOTALK_PORT", "high")
    code, told = refused(capsys, "serve")
    assert (code, "EMOTALK_PORT" in told) == (Exit.USAGE, True)


@pytest.mark.parametrize("name", COMMANDS)
def test_help_shows_every_flag_once_with_its_default_and_unit(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([name, "--help-all"])
    assert ended.value.code == 0
    told = capsys.readouterr().out
    assert not re.search(r"--\w+_\w+", told), "the old spellings work unseen"
    for line in re.findall(r"(?m)^  --.* S .*(?:\n {10,}.*)*", told):
        assert "second" in line, line
    assert "EMOTALK_" in told


def test_help_says_the_defaults_that_the_commands_have(capsys: pytest.CaptureFixture[str]) -> None:
    for name, level in (("animate", "warning"), ("play", "warning"), ("jobs", "warning"), ("serve", "info")):
        with pytest.raises(SystemExit):
            main([name, "--help"])
        told = " ".join(capsys.readouterr().out.split())
        assert re.search(rf"--log-level \{{[\w,]+\}} [\w ]+ \(default {level}\)", told), name


@pytest.mark.parametrize("name", COMMANDS)
def test_the_short_help_shows_ten_flags_at_most_and_says_where_the_others_are(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    told = {}
    for asked in ("--help", "--help-all"):
        with pytest.raises(SystemExit):
            main([name, asked])
        told[asked] = capsys.readouterr().out
    short, full = (set(re.findall(r"(?m)^  (?:-\w, )?(--[\w-]+)", text)) for text in told.values())
    assert short <= full
    assert len(short - {"--help", "--help-all"}) <= 10
    assert (f"emotalk {name} --help-all" in told["--help"]) == (short < full)


def test_a_file_of_settings_is_heard_by_a_command_and_a_wrong_one_is_refused(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (home / "emotalk.toml").write_text('engine = "tone"\n[gains]\njawOpen = 0.0\n')
    assert main(["animate", "in.wav", "-o", "out.npy", "--config", "emotalk.toml"]) == Exit.OK
    assert np.load("out.npy")[:, ARKIT_NAMES.index("jawOpen")].max() == 0
    (home / "emotalk.toml").write_text("engin = 'tone'")
    code, told = refused(capsys, "animate", "in.wav", "-o", "out.npy", "--config", "emotalk.toml")
    assert (code, told.count("\n")) == (Exit.USAGE, 1)
    assert re.search(r"emotalk\.toml.*'engin'.*'engine'", told)


def test_version_names_the_program_and_its_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert re.fullmatch(r"emotalk \d+\.\d+\.\d+\S*\n", capsys.readouterr().out)


def test_as_a_process_it_says_nothing_but_its_result_where_nobody_looks(home: Path) -> None:
    done = command(home, "animate", "in.wav", "-o", "out.npy", "--engine", "tone")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("out.npy: 60 frames")
    wrong = command(home, "animate", "in.wav", "-o", "out.npy", "--engine", "tone", "--person-id", "99")
    assert (wrong.returncode, wrong.stdout) == (Exit.INPUT, "")
    assert wrong.stderr == "emotalk: person_id: 99 is out of range. Use 0..23.\n"


def test_doctor_says_what_works_here_for_people_and_for_programs(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["doctor", "--engine", "tone", "--port", "0"]) == Exit.OK
    assert "engine" in capsys.readouterr().out
    assert main(["doctor", "--json", "--engine", "tone", "--port", "0"]) == Exit.OK
    findings = {finding["what"]: finding for finding in json.loads(capsys.readouterr().out)}
    assert {"versions", "cpu", "cuda", "engine", "port", "disk"} <= set(findings)
    assert findings["engine"]["well"]


def test_doctor_says_why_the_port_cannot_be_had(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--engine", "tone", "--host", "192.0.2.1", "--port", "0"]) == Exit.FAILED
    assert re.search(r"FAIL port: 192\.0\.2\.1:0 cannot be bound \(.+\)", capsys.readouterr().out)


def test_doctor_asks_no_broker_where_nobody_listens(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as mute:  # bound, and it does not listen
        mute.bind(("127.0.0.1", 0))
        place = f"127.0.0.1:{mute.getsockname()[1]}"
        monkeypatch.setattr(doctor, "DEFAULT_KAFKA", place)
        assert main(["doctor", "--engine", "tone", "--port", "0"]) == Exit.OK
    assert f"-    broker: nobody listens at {place} (optional)\n" in capsys.readouterr().out


def port_as_doctor_sees_it(capsys: pytest.CaptureFixture[str], port: int, *words: str) -> tuple[int, str]:
    """Its exit code, and its line about the port."""
    code = main(["doctor", "--engine", "tone", "--port", str(port), *words])
    return code, next(line for line in capsys.readouterr().out.splitlines() if " port: " in line)


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_doctor_knows_our_own_server_at_the_port_and_how_it_is(
    home: Path, capsys: pytest.CaptureFixture[str], host: str
) -> None:
    with Inside() as server:
        port = server.server.port
        ours = f"ok   port: {host}:{port}: our own server runs there, "
        assert port_as_doctor_sees_it(capsys, port, "--host", host) == (Exit.OK, f"{ours}ready")
        asyncio.run_coroutine_threadsafe(server.server._readiness.drain(), server.loop).result(PATIENCE)
        code, line = port_as_doctor_sees_it(capsys, port, "--host", host)
        assert (code, line) == (Exit.OK, f"{ours}but it is not ready: its log says why")


def test_doctor_fails_where_a_stranger_has_the_port(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as stranger:
        Thread(target=stranger.serve_forever, daemon=True).start()
        code, line = port_as_doctor_sees_it(capsys, stranger.server_port)
        stranger.shutdown()
    assert code == Exit.FAILED
    assert re.fullmatch(rf"FAIL port: 127\.0\.0\.1:{stranger.server_port} cannot be bound \(.+\); use --port", line)


def test_doctor_fails_where_the_service_would(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--json", "--model-path", "nowhere.pth", "--port", "0"]) == Exit.FAILED
    findings = {finding["what"]: finding for finding in json.loads(capsys.readouterr().out)}
    assert not findings["engine"]["well"]
    assert "nowhere.pth" in findings["engine"]["text"]


def test_jobs_shows_what_is_queued_and_what_is_buried_with_its_reason(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    address = f"sqlite:///{home}/jobs.db"
    assert main(["jobs", "list", "--queue", address, "--json"]) == Exit.OK
    assert json.loads(capsys.readouterr().out) == []
    queue = SqliteQueue(home / "jobs.db")
    producer = queue.producer()
    producer.append(Record("alien", "k", "d", b"noise", {"seconds": "1.5", "submitted_at": "1.0"}))
    with outside(home, "work", "--engine", "tone", "--queue", address) as worker:
        worker.says("(job buried) ")
        assert worker.end() == 0
    producer.append(Record("waiting", "k", "d", encode_job(job("waiting")), {"seconds": "3", "submitted_at": "2.0"}))
    queue.close()
    assert main(["jobs", "list", "--queue", address]) == Exit.OK
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["STATE", "queued", "dead"]
    assert main(["jobs", "show", "alien", "--queue", address, "--json"]) == Exit.OK
    facts = json.loads(capsys.readouterr().out)
    assert (facts["state"], facts["origin"], facts["bytes"]) == ("dead", "0:0", 5)
    assert (facts["seconds"], facts["submitted_at"]) == (1.5, 1.0)
    assert "ForeignRecord" in facts["error"]


def test_send_prints_each_chunk_and_saves_and_health_answers(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home / "long.wav").write_bytes(speech(30.0))
    with outside(home, "serve", "--port", "0", "--engine", "tone") as server:
        port = str(server.port)
        assert main(["send", "--audio", "long.wav", "--output", "out.npy", "--port", port]) == Exit.OK
        told = capsys.readouterr()
        assert told.out.splitlines()[:2] == ["chunk 0: frames 0..732", "chunk 1: frames 733..899 (final)"]
        assert "0 before it" in told.err
        assert np.load("out.npy").shape == (900, 52)
        assert main(["health", f"localhost:{port}"]) == Exit.OK
        assert capsys.readouterr().out == "SERVING\n"
        code, sentence = refused(capsys, "send", "in.wav", "--port", port, "--person-id", "99")
        assert (code, "0..23" in sentence) == (Exit.INPUT, True)
        assert server.end() == 0


def test_submit_puts_it_into_the_queue_and_waits_for_the_answer(home: Path) -> None:
    with outside(home, "work", "--engine", "tone"):
        first = command(home, "submit", "--audio", "in.wav", "--request-id", "one", "-o", "one.npy")
        again = command(home, "submit", "--audio", "in.wav", "--request-id", "one", "-o", "two.npy")
    assert first.returncode == again.returncode == 0, first.stderr + again.stderr
    assert first.stdout.startswith("request_id one, partition 0, offset 0\n")
    assert np.load(home / "one.npy").tobytes() == np.load(home / "two.npy").tobytes()


def test_submit_without_a_worker_says_at_once_what_it_waits_for(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, told = refused(capsys, "submit", "--audio", "in.wav", "--request-id", "one", "--timeout", "0")
    queued, over = told.splitlines()
    assert queued.startswith("emotalk: one is queued, 0 before it, and waits for a worker.")
    assert (code, "no result of one within 0 s" in over) == (Exit.DEADLINE, True)


def test_the_log_is_lines_of_json_where_asked(home: Path) -> None:
    with outside(home, "work", "--engine", "tone", "--log-format", "json") as worker:
        worker.says('"event": "(working)"')
        assert worker.end() == 0
    events = [json.loads(line) for line in worker.log]
    assert [event["event"] for event in events] == ["loaded", "working", "stopped"]
    assert events[0]["licence"] == "MIT"


def test_a_worker_that_meets_a_newer_record_ends_and_leaves_it(home: Path) -> None:
    newer = bytearray(encode_job(job()))
    newer[5] = 200
    queue = SqliteQueue(home / "q.db")
    queue.producer().append(Record("newer", "k", "d", bytes(newer), {}))
    with outside(home, "work", "--engine", "tone", "--queue", f"sqlite:///{home}/q.db") as worker:
        assert worker.wait() == Exit.NEWER_RECORD
    (row,) = queue.jobs()
    assert (row.state, row.attempts) == ("queued", 0)
    queue.close()


def test_a_job_is_cancelled_put_aside_tried_again_and_deleted_by_hand(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    address = f"sqlite:///{home}/jobs.db"
    queue = SqliteQueue(home / "jobs.db")
    producer = queue.producer()
    for name in ("one", "two", "three"):
        producer.append(as_request(job(name), "ipv4:192.0.2.7:50000"))

    def jobs(*words: str) -> str:
        assert main(["jobs", *words, "--queue", address]) == Exit.OK
        return capsys.readouterr().out

    assert jobs("cancel", "one") == jobs("cancel", "one") == "one: cancelled\n"
    assert jobs("bury", "two", "three", "--reason", "too loud") == "two: dead\nthree: dead\n"
    lines = [line.split() for line in jobs("list").splitlines()]
    assert [line[0] for line in lines] == ["STATE", "cancelled", "dead", "dead"]
    assert "too loud" in jobs("list")
    shown = jobs("show", "two")
    for fact in ("192.0.2.7", "0:1", "JobFailed: too loud", "2027-01-15"):
        assert fact in shown
    assert jobs("retry", "two") == "two: queued again at 0:3, run 2\n"
    assert "queued" in jobs("show", "two")
    assert jobs("delete", "three") == "three: dead letter deleted\n"
    for words, code in (
        (("retry", "three"), Exit.INPUT),  # its letter is gone
        (("retry", "one"), Exit.INPUT),
        (("bury", "one"), Exit.INPUT),
        (("delete", "three"), Exit.INPUT),
        (("cancel", "nobody"), Exit.INPUT),
        (("cancel",), Exit.USAGE),
        (("cancel", "--all"), Exit.USAGE),
    ):
        assert refused(capsys, "jobs", *words, "--queue", address)[0] == code, words
    assert b"fLaC" in (home / "jobs.db").read_bytes() + (home / "jobs.db-wal").read_bytes()  # two waits
    with outside(home, "work", "--engine", "tone", "--queue", address) as worker:
        worker.says("(finish) ")
        assert worker.end() == 0
    assert json.loads(jobs("show", "two", "--json").splitlines()[0])["state"] in ("done", "failed")
    assert {row.request_id: row.state for row in queue.jobs() if row.epoch == 2} == {"two": "done"}
    queue.close()


def test_looking_at_jobs_makes_no_file_where_there_is_none(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    address = f"sqlite:///{home}/typo.db"
    assert main(["jobs", "list", "--queue", address]) == Exit.OK
    told = capsys.readouterr()
    assert "typo.db" in told.err
    assert told.out.splitlines()[1:] == []
    for words in (("show", "one"), ("retry", "--all"), ("cancel", "one"), ("delete", "one")):
        code, sentence = refused(capsys, "jobs", *words, "--queue", address)
        assert (code, "typo.db" in sentence) == (Exit.INPUT, True)
    assert not (home / "typo.db").exists()


@pytest.mark.parametrize(("typed", "named"), [(".venv/bin/emotalk", ".venv/bin/emotalk"), ("main.py", "-m emotalk")])
def test_a_command_in_a_sentence_is_spelt_as_it_must_be_typed_where_no_environment_is_active(
    typed: str, named: str, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", [typed])
    monkeypatch.setenv("PATH", str(home))
    _, told = refused(capsys, "jobs", "show", "nobody")
    assert f"{named} jobs list" in told
    (home / "emotalk").touch(0o755)
    _, told = refused(capsys, "jobs", "show", "nobody")
    assert ": emotalk jobs list" in told
