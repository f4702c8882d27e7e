"""The client: speech in, frames out, over gRPC.

    with EmoTalkClient("localhost", 50051) as client:
        for chunk in client.process_audio_file("speech.wav"):
            print(chunk["chunk_index"], len(chunk["frames"]))

A request that the server cannot take now (UNAVAILABLE) is sent again, with growing pauses, under the same request id.
Once it is accepted the sound is not sent again: a broken stream is resumed from the next missing frame. Nothing else is
repeated, and frames that were seen are not handed out twice.
"""

from emotalk.client.asynchronous import AsyncEmoTalkClient
from emotalk.client.blocking import EmoTalkClient
from emotalk.client.credentials import Credentials
from emotalk.client.exchange import DEFAULT_TIMEOUT, Chunk, Request, whole
from emotalk.client.job import JobStatus
from emotalk.client.live import Live, Said

__all__ = [
    "DEFAULT_TIMEOUT",
    "AsyncEmoTalkClient",
    "Chunk",
    "Credentials",
    "EmoTalkClient",
    "Job",
    "JobStatus",
    "Live",
    "Request",
    "Said",
    "whole",
]

Job = JobStatus
"""Its name until 0.2."""
