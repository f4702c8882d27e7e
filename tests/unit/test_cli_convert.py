"""emotalk convert: one command, one file, one sentence."""

from pathlib import Path

import pytest

from emotalk.cli.exits import Exit
from emotalk.cli.main import main
from emotalk.engines.emotalk import find_weights
from emotalk.engines.emotalk.converted import open_converted
from tests.parity.seeded_checkpoint import write_checkpoint


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    return write_checkpoint(tmp_path / "EmoTalk.pth")


def test_it_writes_beside_the_checkpoint_and_says_where(checkpoint: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = checkpoint.read_bytes()
    assert main(["convert", str(checkpoint)]) == Exit.OK
    out = checkpoint.with_name("EmoTalk.bf16.safetensors")
    assert len(open_converted(find_weights(checkpoint), out).tensors) > 100
    assert checkpoint.read_bytes() == before
    assert capsys.readouterr().out.startswith(f"{out}: 0.03 GB, bf16, made from {checkpoint}")


def test_written_elsewhere_it_says_where_it_must_lie(checkpoint: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = checkpoint.parent / "other" / "place"
    assert main(["convert", str(checkpoint), "-o", str(out)]) == Exit.OK
    assert out.is_file()
    assert f"looked for at {checkpoint.with_name('EmoTalk.bf16.safetensors')}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [(["EmoTalk.pth", "-o", "EmoTalk.pth"], "the checkpoint itself"), (["nowhere.pth"], "nowhere.pth: there are no")],
)
def test_what_cannot_be_is_one_sentence_and_an_exit_code(
    checkpoint: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    says: str,
) -> None:
    monkeypatch.chdir(checkpoint.parent)
    assert main(["convert", *arguments]) not in (Exit.OK, None)
    said = capsys.readouterr()
    assert says in said.err
    assert said.out == ""
    assert list(checkpoint.parent.iterdir()) == [checkpoint]
