"""A client of whatever version runs this file: one job after another on each of its threads, until its input ends.

    python caller.py PORT NAME SOUND

Writes a line of JSON for each job that has ended. It stands alone: yesterday's program runs it as well.
"""

import hashlib
import json
import sys
from itertools import count
from pathlib import Path
from threading import Event, Lock, Thread

from emotalk.client import EmoTalkClient, Request

THREADS, PATIENCE, TIMEOUT = 3, 120.0, 240.0


def main() -> None:
    """Ask until there is nobody to tell."""
    port, name, sound = sys.argv[1:]
    over, lock, audio = Event(), Lock(), Path(sound).read_bytes()

    def speak(number: int) -> None:
        client = EmoTalkClient("127.0.0.1", int(port), timeout=TIMEOUT, patience=PATIENCE)
        for turn in count():
            if over.is_set():
                return
            own = {"session_id": f"{name}-{number}", "request_id": f"{name}-{number}-{turn}"}
            # Without blinks, which differ by the request's id: so the digests can be compared.
            plain = {"post_processing": False, "chunk_duration": 1.0, "chunk_overlap": 0.2}
            found = ask(client, Request(audio, **plain, **own))  # type: ignore[arg-type]
            with lock:
                print(json.dumps(found), flush=True)

    threads = [Thread(target=speak, args=(each,)) for each in range(THREADS)]
    for each in threads:
        each.start()
    sys.stdin.read()
    over.set()
    for each in threads:
        each.join()


def ask(client: EmoTalkClient, request: Request) -> dict[str, object]:
    """One job: how many frames, whether they follow each other, and their digest."""
    digest, next_frame, gap = hashlib.sha256(), 0, False
    try:
        for chunk in client.stream(request):
            gap |= chunk.first_frame != next_frame
            next_frame = chunk.first_frame + len(chunk.frames)
            digest.update(chunk.frames.tobytes())
    except Exception as error:  # noqa: BLE001 - the test says what it thinks of it
        return {"id": request.request_id, "error": f"{type(error).__name__}: {error}"}
    return {"id": request.request_id, "frames": next_frame, "gap": gap, "digest": digest.hexdigest()}


if __name__ == "__main__":
    main()
