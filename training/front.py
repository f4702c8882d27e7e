"""What the network hears: a window of sound → its log-mel, at a level of its own, and the recogniser's states.

Stateless, all of it: the same window gives the same rows, whoever pushed it in whatever pieces. Row r of a window is at
sample 320 · r of it; the log-mel has a frame every 160 samples.
"""

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from training.recogniser import Recogniser, read_weights
from training.sizes import QUIETEST, USUAL_POWER

RECOGNISER = Path("packages/hama/assets/asr_waveform.hama")
"""Its weights, under DATA."""


class Front(nn.Module):
    """Sound float32 [batch, 320 · (rows - 1)] → log-mel [batch, 80, 2 · rows - 1], states twice [batch, rows, 144]."""

    def __init__(self, weights: Path) -> None:
        super().__init__()
        file = {k: torch.from_numpy(v.copy()) for k, v in read_weights(weights).items() if "stft" in k or k == "mel_fb"}
        self.register_buffer("waves", torch.cat([file["stft_real_kernel"], file["stft_imag_kernel"]]))
        self.register_buffer("bands", file["mel_fb"].T[:, :, None].contiguous())
        self.recogniser = Recogniser.of(weights)

    def mel(self, sound: Tensor) -> Tensor:
        """Log-mel at the usual level."""
        padded = functional.pad(sound[:, None], (200, 200), mode="reflect")
        real, imaginary = functional.conv1d(padded, self.waves, stride=160).chunk(2, 1)
        mel = functional.conv1d(real * real + imaginary * imaginary, self.bands)
        power = mel.mean(1)
        level = torch.sqrt((power * power).mean(-1, keepdim=True))[:, None]
        return torch.log((mel * (USUAL_POWER / level.clamp_min(QUIETEST))).clamp_min(1e-10))

    def forward(self, sound: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """See the class."""
        logmel = self.mel(sound)
        return logmel, *self.recogniser(logmel)
