"""Which sound is accepted, by length and shape: the refusals that every container shares."""

from emotalk.errors import AudioError, AudioTooLong, UnsupportedAudio
from emotalk.limits import Limits

LOWEST_RATE, HIGHEST_RATE = 8_000, 192_000
CONVERT = "Convert it, for example with: ffmpeg -i INPUT -vn -ac 1 -ar 16000 output.wav"


def check_length(frames: int, rate: int, limits: Limits) -> None:
    """Raise AudioTooLong if `frames` at `rate` Hz last longer than the limit."""
    if frames > limits.max_seconds * rate:
        raise AudioTooLong(
            f"the clip lasts {frames / rate:.1f} s, the limit is {limits.max_seconds:g} s", _tell_longer(limits)
        )


def make_endless_error(frames: int, rate: int, limits: Limits) -> AudioError:
    """The refusal of a clip that was left after `frames`, because it had passed the limit without an end in sight."""
    return AudioTooLong(
        f"the clip lasts longer than the limit of {limits.max_seconds:g} s (left after {frames / rate:.1f} s)",
        _tell_longer(limits),
    )


def _tell_longer(limits: Limits) -> str:
    return f"Cut it into parts, or allow more than {limits.max_seconds:g} with --max-seconds"


def check_shape(rate: int, channels: int) -> None:
    """Raise UnsupportedAudio unless the sound is mono or stereo at 8 000..192 000 Hz."""
    if not LOWEST_RATE <= rate <= HIGHEST_RATE:
        raise UnsupportedAudio(f"{rate} Hz is outside {LOWEST_RATE}..{HIGHEST_RATE} Hz", CONVERT)
    if channels not in (1, 2):
        raise UnsupportedAudio(f"it has {channels} channels, only mono and stereo are supported", CONVERT)
