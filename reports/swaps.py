"""All pairs of many paired scores, tested by swapping the two within clusters at random.

Where two methods do not differ, swapping them within a cluster changes nothing but a sign: p is the share of random
signs that make a sum as large as the one found. Where clusters are few, all signs are counted. Elsewhere most pairs
need few draws: where two methods clearly differ, Hoeffding's inequality bounds p from above (a sum t of differences d
with random signs has p at most 2 exp(-t² / 2 Σd²)), and where they clearly do not, drawing ends when enough sums were
as large (Besag and Clifford, "Sequential Monte Carlo p-values", Biometrika 1991).
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_CHUNK = 1000
_DRAWS = 5000
_ENOUGH = 50
_COUNTED = 12


def pair_p_values(parts: Floats, noise: Floats, target: Floats | None = None, *, seed: int = 0) -> Floats:
    """Return two-sided p-values of all pairs, `[m, m]`, symmetric, with 1 on the diagonal.

    Args:
        parts: What each cluster adds to each score, `[m, clusters]`.
        noise: What of a part rounding may change, `[clusters]`: scores that differ by no more in any cluster are equal.
        target: What each cluster would add to a score at its target, `[clusters]`; None where there is no target. With
            one, the distances to it are compared: a is nearer than b when b - a and a + b - 2 target have one sign, and
            the larger p of the two counts.
        seed: Draws the signs.

    """
    first, second = np.triu_indices(len(parts), 1)
    p_values = np.ones((len(parts), len(parts)))
    if not len(first):
        return p_values
    contrasts = [parts[first] - parts[second]]  # each [pairs, clusters]
    if target is not None:
        contrasts.append(parts[first] + parts[second] - 2 * target)
    p = np.max([_p(contrast, seed) for contrast in contrasts], axis=0)
    p[_equal(parts[first], parts[second], noise)] = 1.0
    p_values[first, second] = p_values[second, first] = p
    return p_values


def smallest_p(clusters: int, tests: int) -> float:
    """Return the smallest p that so many clusters can give, when so many tests are made at once."""
    return 2.0 / 2**clusters if clusters <= _COUNTED else 1 / (_draws(tests) + 1)


def _draws(tests: int) -> int:
    """As many as Holm's correction needs: the smallest p times the tests is at most 0.05 / 2."""
    return _CHUNK * math.ceil(max(_DRAWS, 40 * tests) / _CHUNK)


def _p(contrasts: Floats, seed: int) -> Floats:
    """Test that sums over clusters are zero, `[tests, clusters]` to `[tests]`."""
    tests, clusters = contrasts.shape
    sums = np.abs(contrasts.sum(axis=1))
    least = sums * (1 - 1e-9)
    if clusters <= _COUNTED:
        return np.asarray(_as_large(contrasts, _every_sign(clusters), least) / 2**clusters)
    squares = (contrasts**2).sum(axis=1)
    p = np.minimum(2 * np.exp(-(sums**2) / (2 * np.maximum(squares, np.finfo(float).tiny))), 1.0)
    draws = _draws(tests)
    left = np.flatnonzero(p > 1 / (draws + 1))
    found = np.zeros(tests, dtype=np.int64)
    for chunk in range(draws // _CHUNK):
        if not len(left):
            break
        found[left] += _as_large(contrasts[left], _signs(clusters, seed, chunk), least[left])
        p[left] = (found[left] + 1) / (_CHUNK * (chunk + 1) + 1)
        left = left[found[left] < _ENOUGH]
    return np.asarray(p)


def _as_large(contrasts: Floats, signs: Floats, least: Floats) -> NDArray[np.int64]:
    return np.asarray((np.abs(signs @ contrasts.T) >= least).sum(axis=0))


def _equal(one: Floats, other: Floats, noise: Floats) -> NDArray[np.bool_]:
    size = np.maximum(np.abs(one), np.abs(other))
    return np.asarray((np.abs(one - other) <= 1e-6 * size + noise).all(axis=1))


@lru_cache(maxsize=8)
def _every_sign(clusters: int) -> Floats:
    bits = (np.arange(2**clusters)[:, None] >> np.arange(clusters)) & 1
    return np.asarray(2.0 * bits - 1)


@lru_cache(maxsize=32)
def _signs(clusters: int, seed: int, chunk: int) -> Floats:
    drawn = np.random.default_rng([seed, chunk]).integers(2, size=(_CHUNK, clusters), dtype=np.int8)
    return np.asarray(2.0 * drawn - 1)
