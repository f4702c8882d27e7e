"""The settings as Audio2Face-3D's clients know them: three files by the names of the original."""

from collections.abc import Mapping
from math import inf
from typing import Any

from emotalk.engines.catalog import choose
from emotalk.settings import DEFAULT_CHECKPOINT, Settings
from emotalk.timebase import FPS
from emotalk.wire.audio2face import BITS, BLEND_SHAPES, RATES
from emotalk.wire.audio2face_parameters import list_face_defaults, to_arkit


def make_configs(settings: Settings, places: int | None) -> dict[str, Mapping[str, Any]]:
    """Name without suffix → content; nothing in it is a secret. `places`: live ones, None while they are measured."""
    engine = choose(settings.engine, settings.model_path, DEFAULT_CHECKPOINT)
    return {
        "stylization_config": _describe_stylization(settings, engine),
        "deployment_config": _describe_deployment(settings, places),
        "advanced_config": {"engine": engine, "device": settings.device, "precision": settings.precision},
    }


def _describe_stylization(settings: Settings, engine: str) -> Mapping[str, Any]:
    multipliers = {name: settings.gains.get(to_arkit(name), 1.0) for name in BLEND_SHAPES}
    offsets = {name: settings.offsets.get(to_arkit(name), 0.0) for name in BLEND_SHAPES}
    return {
        "a2f": {"inference_model_id": engine},
        "face_params": list_face_defaults(),
        "blendshape_params": {
            "enable_clamping_bs_weight": False,
            "weight_multipliers": multipliers,
            "weight_offsets": offsets,
        },
    }


def _describe_deployment(settings: Settings, places: int | None) -> Mapping[str, Any]:
    common = {"stream_number": places, "max_audio_clip_seconds": settings.max_seconds}
    return {
        "common": {name: value for name, value in common.items() if value not in (None, inf)},
        "audio": {
            "bits_per_sample": BITS,
            "channel_count": 1,
            "min_samples_per_second": RATES[0],
            "max_samples_per_second": RATES[1],
        },
        "animation": {"frames_per_second": FPS},
        "grpc": {"port": settings.a2f_port or settings.port, "tls": bool(settings.tls_cert)},
    }
