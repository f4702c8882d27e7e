"""bfloat16 in numpy: the nearest one, always."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from emotalk.engines.emotalk.narrow import is_narrowed, narrow, widen
from tests.parity.seeded_checkpoint import shapes

floats = arrays(np.float32, array_shapes(max_dims=3, max_side=6), elements=st.floats(width=32, allow_nan=False))


@given(floats)
def test_what_was_narrowed_once_is_never_changed_again(values: np.ndarray) -> None:
    bits = narrow(values)
    assert np.array_equal(narrow(widen(bits)), bits)


@given(floats)
def test_no_bfloat16_is_nearer_than_the_one_chosen(values: np.ndarray) -> None:
    values = values[np.abs(values) < 3e38].astype(np.float64)
    bits = narrow(values.astype(np.float32))
    chosen = np.abs(widen(bits).astype(np.float64) - values)
    for step in (-1, 1):
        with np.errstate(invalid="ignore"):
            neighbour = np.abs(widen((bits.astype(np.int64) + step).astype(np.uint16)).astype(np.float64) - values)
        assert np.all((chosen <= neighbour) | np.isnan(neighbour))


def test_a_tie_goes_to_the_even_one() -> None:
    ties = np.array([0x3F808000, 0x3F818000], np.uint32).view(np.float32)
    assert narrow(ties).tolist() == [0x3F80, 0x3F82]


def test_what_is_no_number_stays_none_and_infinity_stays_infinite() -> None:
    odd = np.array([0x7FFFFFFF, 0xFFFFFFFF, 0x7F800001], np.uint32).view(np.float32)
    assert np.isnan(widen(narrow(odd))).all()
    assert widen(narrow(np.array([np.inf, -np.inf], np.float32))).tolist() == [np.inf, -np.inf]


def test_widening_float32_changes_nothing() -> None:
    values = np.ones(3, np.float32)
    assert widen(values) is values


def test_the_large_matrices_of_the_encoders_are_narrowed_and_nothing_else() -> None:
    names = {name for name, _ in shapes("full")}
    narrowed = {name for name in names if is_narrowed(name)}
    assert len(narrowed) == 2 * (6 + 1 + 24 * 6)
    assert all(name.startswith("audio_encoder") and name.endswith(".weight") for name in narrowed)
    for kept in ("layer_norm", "pos_conv_embed", "conv_layers.0.", "classifier", "lm_head"):
        assert not any(kept in name for name in narrowed)


def test_nearly_all_bytes_are_narrowed() -> None:
    sizes = {name: int(np.prod(shape)) for name, shape in shapes("full") if "lm_head" not in name}
    assert sum(size for name, size in sizes.items() if is_narrowed(name)) > 0.95 * sum(sizes.values())
