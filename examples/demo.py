"""What `make demo` does: a server of its own, speech sent to it, the answer as files and as a picture.

python examples/demo.py [SOUND]
"""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import numpy as np
from picture import draw

from emotalk import ARKIT_NAMES, Chunk, EmoTalkClient, FaceClip, Request
from emotalk.export import save
from emotalk.timebase import timecode

ROOT = Path(__file__).resolve().parents[1]
SPEECH = ROOT / "examples" / "speech.wav"
FOLDER = ROOT / "demo"
LONGEST_END = 60.0
CLIPS = ("output.npy", "output.csv", "output.glb")
JAW = ARKIT_NAMES.index("jawOpen")


def main() -> None:
    """Serve, send, save, draw, and say where."""
    sound = Path(sys.argv[1]) if len(sys.argv) > 1 else SPEECH
    FOLDER.mkdir(exist_ok=True)
    print(f"server: starting on the queue {FOLDER / 'queue.db'}; its log: {FOLDER / 'server.log'}", flush=True)
    with _server() as port, EmoTalkClient("localhost", port) as client:
        # Short chunks, so that one sees the answer arrive while the rest is still to come.
        request = Request(sound.read_bytes(), chunk_duration=4.0)
        print(f"client: sending {sound} to localhost:{port}", flush=True)
        blocks = [_shown(chunk).frames for chunk in client.stream(request)]
    clip = FaceClip(np.concatenate(blocks), sound)
    for name in CLIPS:
        save(clip, FOLDER / name)
    draw(sound, clip, FOLDER / "curves.png")
    print(f"done: {len(clip.frames)} frames of {len(ARKIT_NAMES)} blendshapes at 30 fps, written to")
    for name in (*CLIPS, "curves.png"):
        print(f"  {FOLDER / name}")
    print("output.glb is the speaking head, for Blender or any glTF viewer. To see it speak in a browser:")
    print(f"  {Path(sys.executable).parent / 'emotalk'} serve    and then http://localhost:8000/")


def _shown(chunk: Chunk) -> Chunk:
    last = chunk.first_frame + len(chunk.frames) - 1
    when = f"{timecode(chunk.first_frame):6.2f}..{timecode(last):6.2f} s"
    jaw = chunk.frames[:, JAW]
    print(
        f"  chunk {chunk.index}: frames {chunk.first_frame:3}..{last:3}, {when}, jawOpen up to {jaw.max():.2f}",
        flush=True,
    )
    return chunk


@contextmanager
def _server() -> Iterator[int]:
    """A server on a free port, on a queue of its own; stopped at the end."""
    queue = f"sqlite:///{FOLDER / 'queue.db'}"
    # The port is read from the log, whatever the environment says of logs.
    log_as_read = ["--log-level", "info", "--log-format", "text"]
    command = [sys.executable, "-m", "emotalk", "serve", "--queue", queue, "--port", "0", "--no-web", *log_as_read]
    with (FOLDER / "server.log").open("w") as log:
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=ROOT)
        try:
            yield _port(process, log)
        finally:
            process.terminate()
            process.wait(LONGEST_END)


def _port(process: "subprocess.Popen[str]", log) -> int:
    assert process.stderr is not None
    for line in process.stderr:
        log.write(line)
        if " serving " in line:
            # Somebody must go on reading, or the server would wait for room in the pipe.
            Thread(target=log.writelines, args=(process.stderr,), daemon=True).start()
            return int(line.split("address=")[1].split()[0].rpartition(":")[2])
    log.flush()
    raise SystemExit(f"the server did not start:\n{(FOLDER / 'server.log').read_text()}")


if __name__ == "__main__":
    main()
