"""Which engine a name and a path mean. Heavy runtimes are imported only by the engine that needs them."""

import logging
from pathlib import Path

from emotalk.engines.base import Device, Engine, EngineCard, Precision, WindowEngine
from emotalk.errors import ConfigurationError, DeviceUnavailable

log = logging.getLogger(__name__)


def open_engine(
    name: str, model_path: str, device: Device, precision: Precision, default_checkpoint: Path
) -> Engine | WindowEngine:
    """Load and warm an engine. `name` is auto, builtin, emotalk, tone or sleep; `model_path` implies emotalk.

    auto means emotalk where the default checkpoint lies, else the built-in engine; the log says which, and whose.
    Raises ConfigurationError, CheckpointError, DeviceUnavailable.
    """
    engine = _build(choose(name, model_path, default_checkpoint), model_path, device, precision, default_checkpoint)
    log.info("loaded", extra=_list_facts(engine.card))
    return engine


def check_engine(name: str, model_path: str, device: Device, precision: Precision, default_checkpoint: Path) -> None:
    """Raise what `open_engine` would raise at once (names, device, precision, a missing file); loads nothing."""
    chosen = choose(name, model_path, default_checkpoint)
    if chosen == "emotalk":
        from emotalk.engines.emotalk import check

        return check(Path(model_path or default_checkpoint), device, precision)
    _check_processor_only(chosen, device, precision)


def _check_processor_only(name: str, device: Device, precision: Precision) -> None:
    if precision in ("bf16", "fp16"):
        raise ConfigurationError(f"precision: the engine '{name}' computes in fp32 only. Use auto or fp32.")
    if device == "cuda":
        raise DeviceUnavailable(f"device: the {name} engine runs on the CPU only. Use --device cpu or auto.")


def choose(name: str, model_path: str, default_checkpoint: Path) -> str:
    """The engine that `open_engine` would open, by name. Raises ConfigurationError."""
    if name not in ("auto", "emotalk") and model_path:
        raise ConfigurationError(f"model_path: the engine '{name}' reads no checkpoint. Leave it out, or use emotalk.")
    if name != "auto":
        return name
    return "emotalk" if model_path or default_checkpoint.is_file() else "builtin"


def _build(
    name: str, model_path: str, device: Device, precision: Precision, default_checkpoint: Path
) -> Engine | WindowEngine:
    if name == "emotalk":
        from emotalk.engines.emotalk import EmoTalkEngine

        return EmoTalkEngine(Path(model_path or default_checkpoint), device=device, precision=precision)
    _check_processor_only(name, device, precision)
    if name == "builtin":
        from emotalk.engines.builtin import BuiltinEngine

        return BuiltinEngine(device=device)
    if name == "sleep":
        from emotalk.engines.sleep import SleepEngine

        return SleepEngine()
    from emotalk.engines.tone import ToneEngine

    return ToneEngine()


def _list_facts(card: EngineCard) -> dict[str, str]:
    return {
        "engine": card.name,
        "licence": card.licence,
        "device": card.device,
        "precision": card.precision,
        "fingerprint": card.fingerprint,
    }
