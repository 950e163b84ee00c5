"""Quantiles of all values that ever came, in bounded memory."""

import numpy as np
import pytest

from ml.episodes.histograms import BINS, EXACT, Histogram, Histograms

SHARES = (0.0, 0.01, 0.1, 0.5, 0.9, 0.99, 1.0)


def test_few_different_values_are_exact():
    rng = np.random.default_rng(1)
    values = np.concatenate([rng.normal(size=3_000), np.zeros(50_000), -np.ones(7)])
    histogram = Histogram().added(values)
    assert histogram.bits == EXACT
    np.testing.assert_array_equal(histogram.quantiles(SHARES), np.quantile(values, SHARES))


@pytest.mark.parametrize(
    "draw",
    [
        lambda rng, n: rng.normal(size=n),
        lambda rng, n: rng.normal(1.0, 0.01, n),
        lambda rng, n: -rng.exponential(3.0, n),
        lambda rng, n: np.where(rng.random(n) < 0.6, 0.0, rng.normal(size=n)),
        lambda rng, n: np.arange(n, dtype=float),
        lambda rng, n: rng.normal(size=n) * 10.0 ** rng.uniform(-9, 6, n),
    ],
)
def test_many_values_are_rounded_by_little(draw):
    values = draw(np.random.default_rng(2), 120_000)
    histogram = Histogram().added(values)
    assert len(histogram.values) <= BINS
    assert histogram.counts.sum() == len(values)
    found, wanted = histogram.quantiles(SHARES[1:-1]), np.quantile(values, SHARES[1:-1])
    assert (np.abs(found - wanted) <= 2.0**-8 * np.abs(wanted) + 2.0**-19).all()


def test_batches_do_not_show():
    rng = np.random.default_rng(3)
    values = rng.normal(size=60_000).astype(np.float32).astype(float)
    whole, grown = Histogram().added(values), Histogram()
    for part in np.array_split(values, 13):
        grown = grown.added(part)
    assert grown.bits == whole.bits < EXACT
    np.testing.assert_array_equal(grown.values, whole.values)
    np.testing.assert_array_equal(grown.counts, whole.counts)


def test_histograms_of_several_numbers_grow_apart():
    rows = np.random.default_rng(4).normal(size=(500, 3))
    some = Histograms.empty(5).added(rows).added(rows[:, :1] + 9.0, first=4)
    found = some.quantiles(SHARES)
    np.testing.assert_array_equal(found[:3], np.quantile(rows, SHARES, axis=0).T)
    assert not found[3].any()
    assert found[4, 0] > 5.0
    assert some.n_rows == 500
