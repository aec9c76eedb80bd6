"""Oracle LEACE (Belrose et al. 2023, arXiv:2306.03819, appendix; `OracleEraser`): the eraser that sees the labels.

x' = x − (z − z̄) Σzz⁺ Cov(z, x): the residual of the least-squares prediction of x from z. Its mean squared edit,
tr(Cov(x, z) Σzz⁺ Cov(z, x)), is the smallest of all maps after which x' is uncorrelated with z, so no method that does
not see the labels can edit less.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from interpmark.methods.edits import OracleEdit
from interpmark.methods.labels import label_matrix
from interpmark.methods.registry import register
from interpmark.methods.statistics import statistics
from interpmark.methods.whitening import whitening

if TYPE_CHECKING:
    from torch import Tensor


@register(
    "oracle-leace",
    kind="eraser",
    claims={"guards-linearly", "mean-preserving"},
    reference="arXiv:2306.03819",
    oracle=True,
)
class OracleLeace:
    """Subtract what the label predicts; needs the labels whenever it is applied."""

    def fit(self, x: Tensor, z: Tensor, *, seed: int) -> OracleEdit:
        """Fit on activations x `[n, d]` and labels z int64 `[n]` or float64 `[n, k]`."""
        moments = statistics(x, label_matrix(z).reshape(x.shape[0], -1))
        # relative to each label's own spread, so that neither a rare class nor a small unit counts as nothing
        w = whitening(moments.cov_zz, moments.mean_z)  # WᵀW inverts Σzz on its range
        return OracleEdit(w.read(w.whiten(moments.cov_xz.T)), moments.mean_z)
