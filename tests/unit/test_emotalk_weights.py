"""The weights that inference uses: all of them, in their shapes, and nothing else."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from emotalk.engines.emotalk.weights import encoder_heads, load_weights
from emotalk.errors import CheckpointError
from tests.parity.seeded_checkpoint import Array, pickled_dict, pickled_tensor, save, tensors, write_archive

LAYER = "audio_encoder_emo.wav2vec2.encoder.layers.1.attention.k_proj.weight"
UNUSED = ("lm_head.", "masked_spec_embed", "audio_encoder_emo.classifier.")

Tensors = Mapping[str, Array]


@pytest.fixture(scope="module")
def seeded() -> Tensors:
    return dict(tensors())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "tiny.pth"


def test_every_used_tensor_is_read_as_it_is_and_no_unused_one(path: Path, seeded: Tensors) -> None:
    weights = load_weights(save(path, seeded.items()))
    used = {name for name in seeded if not any(mark in name for mark in UNUSED)}
    assert set(weights.tensors) == used
    assert all(np.array_equal(weights[name], seeded[name]) for name in used)


def test_a_checkpoint_without_the_unused_tensors_is_complete(path: Path, seeded: Tensors) -> None:
    used = {name: x for name, x in seeded.items() if not any(mark in name for mark in UNUSED)}
    assert set(load_weights(save(path, used.items())).tensors) == set(used)


@pytest.mark.parametrize(
    "name",
    [
        "bs_map_r.bias",
        "obj_vector_person.weight",
        "audio_encoder_cont.feature_extractor.conv_layers.6.conv.weight",
        "audio_encoder_emo.wav2vec2.encoder.pos_conv_embed.conv.weight_g",
        "audio_encoder_cont.encoder.layers.0.feed_forward.intermediate_dense.weight",
        "transformer_decoder.layers.0.multihead_attn.in_proj_weight",
        LAYER,
    ],
)
def test_a_missing_tensor_is_named(path: Path, seeded: Tensors, name: str) -> None:
    save(path, ((key, x) for key, x in seeded.items() if key != name))
    with pytest.raises(CheckpointError, match=rf"tiny\.pth: tensor {name} is missing"):
        load_weights(path)


def test_a_layer_that_only_one_encoder_has_is_missed_in_the_other(path: Path, seeded: Tensors) -> None:
    last = "audio_encoder_cont.encoder.layers.1."
    save(path, ((key, x) for key, x in seeded.items() if not key.startswith(last)))
    with pytest.raises(CheckpointError, match=rf"tensor {last}attention\.q_proj\.weight is missing"):
        load_weights(path)


def test_a_misshapen_tensor_is_named_with_both_shapes(path: Path, seeded: Tensors) -> None:
    save(path, ((key, x[:, 1:] if key == LAYER else x) for key, x in seeded.items()))
    with pytest.raises(CheckpointError, match=rf"tensor {LAYER}: expected shape \[64, 64\], found \[64, 63\]"):
        load_weights(path)


@pytest.mark.parametrize(
    ("name", "shape"), [("obj_vector_level.weight", (32, 3)), ("obj_vector_person.weight", (32, 25))]
)
def test_a_checkpoint_for_other_styles_is_refused(path: Path, seeded: Tensors, name: str, shape: tuple[int]) -> None:
    save(path, ((key, np.zeros(shape, np.float32) if key == name else x) for key, x in seeded.items()))
    with pytest.raises(CheckpointError, match=f"tensor {name}: expected shape"):
        load_weights(path)


def test_half_precision_reads_as_the_rounded_numbers(path: Path, seeded: Tensors) -> None:
    weights = load_weights(save(path, ((key, x.astype(np.float16)) for key, x in seeded.items())))
    assert np.array_equal(weights[LAYER], seeded[LAYER].astype(np.float16).astype(np.float32))


def test_the_same_weights_have_the_same_digest_and_one_other_number_another(path: Path, seeded: Tensors) -> None:
    first = load_weights(save(path, seeded.items())).digest
    assert load_weights(save(path, seeded.items())).digest == first
    changed = dict(seeded) | {LAYER: seeded[LAYER] + np.eye(64, dtype=np.float32) * 1e-6}
    assert load_weights(save(path, changed.items())).digest != first


def test_an_encoder_has_sixteen_heads_unless_they_got_narrower_than_sixteen() -> None:
    assert [encoder_heads(hidden) for hidden in (1024, 256, 64, 16)] == [16, 16, 4, 1]


def test_tensors_that_share_one_run_of_bytes_cannot_claim_more_than_the_file_has(path: Path, seeded: Tensors) -> None:
    largest = max(x.size for x in seeded.values())
    views = {
        key: pickled_tensor("0", largest, x.shape, tuple(stride // 4 for stride in x.strides))
        for key, x in seeded.items()
    }
    write_archive(path, [("0", bytes(4 * largest))], [pickled_dict(views.items())])
    with pytest.raises(CheckpointError, match="claim more bytes than the file has"):
        load_weights(path)
