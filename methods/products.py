"""Products of many rows with a few columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


def transposed_product(rows: Tensor, columns: Tensor) -> Tensor:
    """Return rowsᵀ columns `[d, k]` for rows `[n, d]` and columns `[n, k]`.

    Between 2 and 15 columns, BLAS takes up to twenty times as long for it as for its transpose, columnsᵀ rows.
    """
    return rows.T @ columns if columns.shape[1] == 1 else (columns.T @ rows).T
