"""INLP's rounds, played by hand with scikit-learn's classifiers, and what they leave on rows that it has not seen."""

from collections.abc import Callable
from itertools import pairwise

import pytest
import torch
from sklearn.linear_model import LogisticRegression
from torch import Tensor

from interpmark.methods import AffineEdit, get_method

Data = tuple[Tensor, Tensor]
WEIGHT_DECAY = 1e-3


def fit(spec: str, x: Tensor, z: Tensor) -> AffineEdit:
    edit = get_method(spec).build().fit(x, z, seed=0)
    assert isinstance(edit, AffineEdit)
    return edit


def classifiers(x: Tensor, z: Tensor) -> Tensor:
    """Weights `[d, k]`: of one classifier for two classes, of one against the rest for each of more."""
    classes = z.unique().tolist()
    wanted = classes[1:] if len(classes) == 2 else classes
    readers = [
        LogisticRegression(C=1 / (WEIGHT_DECAY * len(x)), tol=1e-12, max_iter=10_000).fit(x.numpy(), (z == c).numpy())
        for c in wanted
    ]
    return torch.cat([torch.from_numpy(reader.coef_) for reader in readers]).T


@pytest.mark.parametrize(("data", "a_round"), [("binary", 1), ("multiclass", 5)])
def test_the_edit_is_the_product_of_the_rounds_nullspace_projections(
    data: str, a_round: int, request: pytest.FixtureRequest
) -> None:
    x, z = request.getfixturevalue(data)
    left = (x - x.mean(0)) / (x - x.mean(0)).square().mean().sqrt()
    product = torch.eye(24, dtype=torch.float64)
    spans: list[Tensor] = []
    for _ in range(3):
        span = torch.linalg.qr(classifiers(left, z)).Q  # [d, k]
        nullspace = torch.eye(24, dtype=torch.float64) - span @ span.T
        left, product = left @ nullspace, product @ nullspace
        spans.append(span)
    for i, span in enumerate(spans):
        assert float((span.T @ product).abs().max()) < 1e-6, "no classifier reads anything after the edit"
        assert all(float((span.T @ other).abs().max()) < 1e-6 for other in spans[:i]), "rounds are orthogonal"
    edit = fit(f"inlp(rank={3 * a_round})", x, z)
    assert edit.rank == sum(span.shape[1] for span in spans)
    torch.testing.assert_close(torch.eye(24) - edit.read @ edit.write.T, product, rtol=0, atol=1e-5)


def test_more_rounds_leave_no_more_to_read_on_new_rows(make_gaussian: Callable[..., Data]) -> None:
    x, z = make_gaussian(2400, 24, 2)
    seen, new = slice(0, 1200), slice(1200, None)

    def held_out(rows: Tensor) -> float:
        return float(LogisticRegression(C=1e3, max_iter=10_000).fit(rows[seen], z[seen]).score(rows[new], z[new]))

    scores = [held_out(x), *(held_out(fit(f"inlp(rank={r})", x[seen], z[seen])(x)) for r in (1, 2, 4, 8, 16))]
    noise = 2 * (0.25 / 1200) ** 0.5
    assert all(after <= before + noise for before, after in pairwise(scores)), scores
    assert scores[-1] < scores[0] - 0.2, scores
