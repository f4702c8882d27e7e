"""The peer: EmoTalk in torch, fp32, assembled from transformers' Wav2Vec2Model as the published code does it.

    .cache/peers/bin/python -m bench.peers.emotalk_torch CHECKPOINT [--reference DIR] [--threads N]

Eager attention, every attention map kept, a mask of 5000 × 5000 built at start: what the reference pays, this pays. The
decoder is torch's own. `--reference DIR` runs a user's own copy of the published code instead (its licence keeps it out
of this project). Speaks the protocol of `bench/lane.py`; the environment is made by `prepare.sh`.
"""

import argparse
import math
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import Wav2Vec2Config, Wav2Vec2Model

from bench.lane import Animate, serve

FPS, RATE, FEATURES_PER_SECOND = 30, 16_000, 50
LONGEST = 5000
PERIOD = 30
HEADS = 4


def encoder(state: dict[str, Tensor], prefix: str) -> Wav2Vec2Model:
    """The wav2vec2 under a prefix of the checkpoint, its widths read from the tensors."""
    own = {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}
    hidden, conv = own["feature_projection.projection.weight"].shape
    layers = sum(key.startswith("encoder.layers.") and key.endswith("final_layer_norm.weight") for key in own)
    config = Wav2Vec2Config(
        hidden_size=hidden,
        num_hidden_layers=layers,
        num_attention_heads=min(16, hidden // 16),
        intermediate_size=own["encoder.layers.0.feed_forward.intermediate_dense.weight"].shape[0],
        conv_dim=[conv] * 7,
        conv_bias=True,
        feat_extract_norm="layer",
        do_stable_layer_norm=True,
        attn_implementation="eager",
    )
    model = Wav2Vec2Model(config)
    # Older spellings of weight norm are renamed by torch's own hook; lm_head is no part of the model.
    missing, _ = model.load_state_dict(own, strict=False)
    assert set(missing) <= {"masked_spec_embed"}, missing
    return model


def resampled(x: Tensor, length: int) -> Tensor:
    """[1, t, c] → [1, length, c], linear, ends aligned."""
    return functional.interpolate(x.transpose(1, 2), size=length, align_corners=True, mode="linear").transpose(1, 2)


class Peer(nn.Module):
    """The whole network."""

    def __init__(self, state: dict[str, Tensor]) -> None:
        super().__init__()
        self.content = encoder(state, "audio_encoder_cont.")
        self.emotion = encoder(state, "audio_encoder_emo.wav2vec2.")
        for name in ("audio_feature_map_cont", "audio_feature_map_emo", "audio_feature_map_emo2"):
            setattr(self, name, _linear(state, name))
        self.obj_vector_level, self.obj_vector_person = (_linear(state, f"obj_vector_{n}") for n in ("level", "person"))
        self.bs_map_r = _linear(state, "bs_map_r")
        width = self.bs_map_r.in_features
        layer = nn.TransformerDecoderLayer(width, HEADS, dim_feedforward=width, batch_first=True)
        self.transformer_decoder = nn.TransformerDecoder(layer, 1)
        prefix = "transformer_decoder."
        self.transformer_decoder.load_state_dict(
            {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}
        )
        self.mask = _biased_mask()

    def forward(self, audio: Tensor, level: int, person: int) -> Tensor:
        """Normalised samples [1, n] → [frames, 52]."""
        frames = math.ceil(audio.shape[1] * FPS / RATE)
        content = self._encoded(self.content, audio, lambda rows: frames)
        emotion = self._encoded(self.emotion, audio, lambda rows: int(rows / FEATURES_PER_SECOND * FPS))
        emotion = self.audio_feature_map_emo(resampled(emotion, frames))
        styles = torch.cat(
            [self.obj_vector_level(_one_hot(level, 2)), self.obj_vector_person(_one_hot(person, 24))], dim=1
        )
        hidden = torch.cat(
            [
                self.audio_feature_map_cont(content),
                functional.relu(self.audio_feature_map_emo2(emotion)),
                styles[None].expand(1, frames, -1),
            ],
            dim=2,
        )
        own_frame_only = ~torch.eye(frames, dtype=torch.bool)
        mask = self.mask[:, :frames, :frames]
        return self.bs_map_r(self.transformer_decoder(hidden, emotion, tgt_mask=mask, memory_mask=own_frame_only))[0]

    def _encoded(self, model: Wav2Vec2Model, audio: Tensor, rows: Any) -> Tensor:
        features = model.feature_extractor(audio).transpose(1, 2)
        projected, _ = model.feature_projection(resampled(features, rows(features.shape[1])))
        return model.encoder(projected, output_attentions=True)[0]


def _linear(state: dict[str, Tensor], name: str) -> nn.Linear:
    weight = state[f"{name}.weight"]
    layer = nn.Linear(weight.shape[1], weight.shape[0])
    layer.load_state_dict({"weight": weight, "bias": state[f"{name}.bias"]})
    return layer


def _one_hot(index: int, count: int) -> Tensor:
    return functional.one_hot(torch.tensor([index]), count).float()


def _biased_mask() -> Tensor:
    """[heads, 5000, 5000]: causal, minus slope per second back."""
    back = torch.arange(LONGEST)[:, None] - torch.arange(LONGEST)[None]
    slopes = torch.tensor([2.0 ** (-2 * (head + 1)) for head in range(HEADS)])
    bias = -slopes[:, None, None] * torch.div(back, PERIOD, rounding_mode="floor")
    return bias.masked_fill(back < 0, float("-inf"))


def _normalised(audio: Any) -> Tensor:
    return torch.from_numpy(((audio - audio.mean()) / np.sqrt(audio.var() + 1e-7)).astype(np.float32))[None]


def assembled(checkpoint: Path) -> Animate:
    """The peer on a checkpoint."""
    model = Peer(torch.load(checkpoint, map_location="cpu", weights_only=True)).eval()

    @torch.no_grad()
    def animate(audio: Any, level: int, person: int) -> Any:
        return model(_normalised(audio), level, person).numpy()

    return animate


def published(folder: Path, checkpoint: Path) -> Animate:
    """A user's own copy of the published code, run from its folder as its demo does."""
    import os

    os.chdir(folder)
    sys.path.insert(0, str(folder))
    from model import EmoTalk  # type: ignore[import-not-found]

    settings = {"bs_dim": 52, "feature_dim": 832, "period": PERIOD, "max_seq_len": LONGEST, "batch_size": 1}
    model = EmoTalk(argparse.Namespace(device="cpu", num_workers=0, **settings))
    model.load_state_dict(torch.load(checkpoint, map_location="cpu", weights_only=True), strict=False)
    model.eval()

    @torch.no_grad()
    def animate(audio: Any, level: int, person: int) -> Any:
        return model.predict(_normalised(audio), torch.tensor([level]), torch.tensor([person])).squeeze(0).numpy()

    return animate


def main() -> None:
    """Load, then answer until asked no more."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--reference", type=Path, metavar="DIR", help="the published code, a copy of your own")
    parser.add_argument("--threads", type=int)
    chosen = parser.parse_args()
    if chosen.threads:
        torch.set_num_threads(chosen.threads)
    began = time.perf_counter()
    checkpoint = chosen.checkpoint.resolve()
    animate = published(chosen.reference.resolve(), checkpoint) if chosen.reference else assembled(checkpoint)
    serve(animate, began, "published code" if chosen.reference else "torch fp32 (peer)")


if __name__ == "__main__":
    main()
