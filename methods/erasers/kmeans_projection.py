"""k-means projection: the directions between clusters of the activations are projected out, whatever the labels are.

x' = x − V Vᵀ (x − μ), V an orthonormal basis of the differences of the cluster means, which k-means finds. With two
clusters it is the unsupervised counterpart of mean projection, used as a direction finder by Tigges et al. (2023,
arXiv:2310.15154). Whether the clusters have to do with the concept is chance, or the concept's strength.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import lazy_loader

from interpmark.methods.affine import AffineEdit
from interpmark.methods.erasers.mean_projection import mean_directions
from interpmark.methods.errors import MethodError
from interpmark.methods.labels import is_classes
from interpmark.methods.registry import register

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = lazy_loader.load("torch")

_STARTS = 10


@register(
    "kmeans-projection",
    kind="eraser",
    claims={"idempotent", "affine", "mean-preserving", "orthogonal"},
    reference="arXiv:2310.15154",
)
@dataclass(frozen=True)
class KmeansProjection:
    """Project out the differences of the means of clusters.

    Attributes:
        clusters: How many clusters. None takes the number of classes, and two for real labels: all that is known of
            the labels.

    """

    clusters: int | None = None

    def __post_init__(self) -> None:
        if self.clusters is not None and self.clusters < 2:
            raise MethodError(f"clusters must be at least 2, or None, not {self.clusters}")

    def fit(self, x: Tensor, z: Tensor, *, seed: int) -> AffineEdit:
        """Fit on activations x `[n, d]`; of the labels only the number of classes counts.

        Raises:
            FitError: All activations are equal.

        """
        x = x.to(torch.float64)
        classes = max(2, len(set(z.tolist()))) if is_classes(z) else 2
        # From the clusters on the sums are ours: scikit-learn's centres depend on the threads in their last bits.
        basis = mean_directions(x, cluster(x - x.mean(0), self.clusters or classes, seed))
        return AffineEdit(basis, basis, center=x.mean(0))


def cluster(x: Tensor, clusters: int, seed: int) -> Tensor:
    """Return the cluster of each row, int64 `[n]`: the best of ten k-means runs."""
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning

    means = KMeans(min(clusters, len(x)), n_init=_STARTS, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # fewer distinct rows than clusters: fewer clusters
        found = means.fit_predict(x.cpu().numpy())
    return torch.from_numpy(found).to(device=x.device, dtype=torch.int64)
