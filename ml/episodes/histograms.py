"""How often each of D numbers came, so that quantiles are those of all frames, not of batches.

A histogram grows with every batch in bounded memory, and it does not show in which batches. It is
exact while a number has taken at most BINS different values; then values are rounded, to as many
bits as leave BINS bins. Between the values of a bin a quantile is interpolated by rank.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

BINS = 1 << 14
EXACT = 53
"""Bits of a float64: with so many nothing is rounded."""
FINEST = 2.0**-20
"""Width of the bins around 0; a value below it, a micrometre, is as good as 0."""


@dataclass(frozen=True, slots=True, eq=False)
class Histogram:
    """One number's values, ascending, and how often each came; a value stands for its bin.

    The bin of a value that was rounded reaches from it away from 0.
    """

    values: np.ndarray = field(default_factory=lambda: np.zeros(0))  # (K,), K at most BINS
    counts: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))  # (K,)
    bits: int = EXACT

    def added(self, values: np.ndarray, counts: np.ndarray | None = None) -> "Histogram":
        """With more values (N,), each of which came ``counts`` times, or once."""
        values = _rounded(values.astype(np.float64) + 0.0, self.bits)
        if counts is None:
            values, counts = np.unique(values, return_counts=True)
        grown = _merged(
            np.concatenate([self.values, values]), np.concatenate([self.counts, counts]), self.bits
        )
        while len(grown.values) > BINS:
            bits = 20 if grown.bits == EXACT else grown.bits - 1
            grown = _merged(_rounded(grown.values, bits), grown.counts, bits)
        return grown

    def quantiles(self, shares: Iterable[float]) -> np.ndarray:
        """The values below which these shares lie, as ``numpy.quantile`` has them."""
        at = np.array(list(shares)) * (self.counts.sum() - 1)
        low = np.floor(at)
        first, second = self._ranked(low), self._ranked(np.ceil(at))
        return first + (at - low) * (second - first)

    def _ranked(self, rank: np.ndarray) -> np.ndarray:
        """The values at places of the ascending order of all, places counted from 0."""
        before = np.cumsum(self.counts) - self.counts
        bin_of = np.searchsorted(before, rank, side="right") - 1
        value = self.values[bin_of]
        if self.bits == EXACT:
            return value
        width = np.where(value == 0.0, 0.0, np.sign(value) * _width(value, self.bits))
        share = (rank - before[bin_of] + 0.5) / self.counts[bin_of]
        return value + width * np.where(value < 0.0, 1.0 - share, share)


def _width(values: np.ndarray, bits: int) -> np.ndarray:
    """Width of the bins of values that are rounded to so many bits."""
    exponent = np.frexp(values)[1] - 1
    finest = int(np.log2(FINEST))
    return np.ldexp(1.0, np.maximum(exponent - bits, finest))


def _rounded(values: np.ndarray, bits: int) -> np.ndarray:
    """Values rounded towards 0. With fewer bits it is the same as with more and then with fewer."""
    if bits == EXACT:
        return values
    width = _width(values, bits)
    return np.trunc(values / width) * width + 0.0


def _merged(values: np.ndarray, counts: np.ndarray, bits: int) -> Histogram:
    """The histogram of values in any order, some of them more than once."""
    order = np.argsort(values, kind="stable")
    values, counts = values[order], counts[order]
    first = np.flatnonzero(np.diff(values, prepend=np.nan) != 0.0)
    counts = np.add.reduceat(counts, first) if len(first) else counts
    return Histogram(values[first], counts.astype(np.int64), bits)


@dataclass(frozen=True, slots=True, eq=False)
class Histograms:
    """The histograms of a dataset's numbers."""

    each: tuple[Histogram, ...]

    @classmethod
    def empty(cls, n: int) -> "Histograms":
        """Of ``n`` numbers that have not come yet."""
        return cls((Histogram(),) * n)

    @property
    def n_rows(self) -> int:
        """How often the first number came."""
        return int(self.each[0].counts.sum())

    def added(self, rows: np.ndarray, first: int = 0) -> "Histograms":
        """With the rows (N, n) of n of the numbers, the first of which is ``first``."""
        end = first + rows.shape[1]
        grown = (h.added(rows[:, i]) for i, h in enumerate(self.each[first:end]))
        return Histograms((*self.each[:first], *grown, *self.each[end:]))

    def quantiles(self, shares: Iterable[float]) -> np.ndarray:
        """(D, Q) of each number; 0 where it has not come yet."""
        shares = list(shares)
        none = np.zeros(len(shares))
        return np.stack([h.quantiles(shares) if len(h.counts) else none for h in self.each])

    def write(self, path: Path) -> None:
        """Write them as a table of value and count, the number's place first."""
        lengths = [len(histogram.values) for histogram in self.each]
        table = pa.table(
            {
                "number": pa.array(np.repeat(np.arange(len(lengths)), lengths), pa.int32()),
                "value": pa.array(np.concatenate([h.values for h in self.each])),
                "count": pa.array(np.concatenate([h.counts for h in self.each])),
            }
        ).replace_schema_metadata({"bits": json.dumps([h.bits for h in self.each])})
        with path.open("wb") as file:
            pq.write_table(
                table,
                file,
                compression="zstd",
                use_dictionary=["number"],
                use_byte_stream_split=["value"],
                write_statistics=False,
                write_page_checksum=True,
            )

    @classmethod
    def of_columns(cls, columns: dict[str, np.ndarray], bits: object, n: int) -> "Histograms":
        """Those of the columns and the bits that ``write`` wrote. Raises ValueError otherwise."""
        number, value, count = (columns[name] for name in ("number", "value", "count"))
        if not isinstance(bits, list) or any(own not in range(1, EXACT + 1) for own in bits):
            raise ValueError("not the bits of histograms")
        ends = np.searchsorted(number, np.arange(n + 1))
        each = tuple(
            Histogram(value[low:high], count[low:high], own)
            for low, high, own in zip(ends[:-1], ends[1:], bits, strict=True)
        )
        ordered = (np.diff(number) >= 0).all() and len(number) == ends[-1]
        for h in each:
            ordered = ordered and (np.diff(h.values) > 0.0).all() and len(h.values) <= BINS
        if not ordered or (count < 1).any():
            raise ValueError("values out of order, or too many")
        return cls(each)
