"""When a failed attempt is tried again: a pure function of how many there were and what went wrong."""

from dataclasses import dataclass

from emotalk.errors import EmoTalkError, EngineError

MAX_ATTEMPTS = 5
FIRST_DELAY = 1.0
LONGEST_DELAY = 30.0


@dataclass(frozen=True)
class Retry:
    """Try again after `delay` seconds. The wait blocks its partition, since order holds: 40 s in all at most."""

    delay: float


@dataclass(frozen=True)
class Bury:
    """Give up."""


def decide(attempts: int, error: EmoTalkError) -> Retry | Bury:
    """What follows attempt number `attempts` (1, 2, …) that ended in `error`."""
    if not error.retriable or attempts >= MAX_ATTEMPTS:
        return Bury()
    return Retry(min(LONGEST_DELAY, FIRST_DELAY * 3.0 ** (attempts - 1)))


def before(attempts: int) -> EngineError | None:
    """The error to bury a request with that has already been begun `attempts` times, or None if it may be begun again.

    An attempt that left no word took its process along: a crash in native code, the out-of-memory killer, the watchdog.
    """
    if attempts < MAX_ATTEMPTS:
        return None
    return EngineError(f"the worker died or hung in each of {attempts} attempts")
