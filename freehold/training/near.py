"""Finds documents that are nearly the same: MinHash (Broder 1997) with locality-sensitive hashing.

Our own in sixty lines: a library (datasketch) would bring scipy, and be slower than numpy over whole
documents. Of two alike the later one goes. How alike two documents are is estimated from 128 hashes: at a
true share of 0.8 by about ±0.035; pairs under half alike are mostly not even compared.
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np
from numpy.typing import NDArray

from freehold.training.grams import Numbers, grams

HASHES, ROWS = 128, 8
"""Sixteen bands of eight: documents that share 0.8 meet in one with a chance of 95%, those of 0.5 with 6%."""
SHINGLE = 5
"""Words in a row that are compared."""
_AT_ONCE = 4096


class Near:
    """Documents met so far."""

    def __init__(self, alike: float) -> None:
        """`alike`: the share of runs in common from which two count as one."""
        random = np.random.default_rng(0)
        self._factors = random.integers(1, 2**63, HASHES, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
        self._offsets = random.integers(0, 2**63, HASHES, dtype=np.uint64)
        self._alike = alike
        self._signatures: list[NDArray[np.uint32]] = []
        self._bands: dict[bytes, list[int]] = defaultdict(list)

    def seen(self, words: Numbers) -> bool:
        """Whether a document like this one was met before; remembers it if not. `words`: of `Words`."""
        signature = self._signature(np.unique(grams(words, min(SHINGLE, max(1, len(words))))))
        keys = [
            bytes([band]) + signature[band * ROWS : (band + 1) * ROWS].tobytes()
            for band in range(HASHES // ROWS)
        ]
        for other in {number for key in keys for number in self._bands.get(key, ())}:
            if float((self._signatures[other] == signature).mean()) >= self._alike:
                return True
        for key in keys:
            self._bands[key].append(len(self._signatures))
        self._signatures.append(signature)
        return False

    def _signature(self, shingles: Numbers) -> NDArray[np.uint32]:
        """The least hash of the shingles under each of the hash functions; shape (HASHES,)."""
        least = np.full(HASHES, np.iinfo(np.uint32).max, dtype=np.uint32)
        for start in range(0, len(shingles), _AT_ONCE):
            some = shingles[start : start + _AT_ONCE]
            hashed = (some[None] * self._factors[:, None] + self._offsets[:, None]) >> np.uint64(32)
            least = np.minimum(least, hashed.min(axis=1).astype(np.uint32))
        return least
