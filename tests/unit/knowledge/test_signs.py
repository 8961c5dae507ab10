"""Signs of vectors: packed, kept, counted and the nearest taken."""

import numpy as np
import pytest

from freehold.knowledge.signs import BLOCK, are_signs, differing, least, read, signs_of, written

DIMENSIONS = [1, 40, 64, 100, 384]


@pytest.mark.parametrize("dimensions", DIMENSIONS)
def test_differing_signs_are_counted(dimensions):
    rows = np.random.default_rng(0).normal(size=(30, dimensions))
    counted = differing(signs_of(rows), signs_of(rows[3:4]))
    assert counted.tolist() == ((rows > 0) != (rows[3] > 0)).sum(axis=1).tolist()


def test_more_than_one_block_is_counted():
    rows = np.random.default_rng(0).integers(-1, 2, size=(BLOCK + 7, 3))
    counted = differing(signs_of(rows), signs_of(rows[-1:]))
    assert counted.tolist() == ((rows > 0) != (rows[-1] > 0)).sum(axis=1).tolist()


@pytest.mark.parametrize("dimensions", DIMENSIONS)
def test_they_come_back_from_the_store_as_they_were(dimensions):
    signs = signs_of(np.random.default_rng(1).normal(size=(5, dimensions)))
    kept = written(signs)
    assert len(kept) == 5
    assert all(are_signs(packed, dimensions) for packed in kept)
    assert (read(kept, dimensions) == signs).all()
    assert read([], dimensions).shape == (signs.shape[0], 0)
    assert not are_signs(kept[0][:-1], dimensions)
    assert not are_signs(None, dimensions)


@pytest.mark.parametrize("count", [0, 1, 5, 199, 200, 500])
def test_the_least_are_taken_the_earlier_among_equals(count):
    distances = np.random.default_rng(2).integers(0, 12, size=200).astype(np.uint16)
    expected = np.sort(np.argsort(distances, kind="stable")[:count])
    assert least(distances, count).tolist() == expected.tolist()
