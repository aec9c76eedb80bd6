"""Mirroring along the directions that an eraser projects out: swapping beside projecting, on the same scale.

An eraser of orthonormal directions W maps x to x − W Wᵀ(x − μ). Its mirror maps x to x − 2 W Wᵀ(x − μ): the coordinates
along W change their sign about the mean, which for balanced classes lies half way between the class means. A projection
that takes half of the way is the point where both classes meet; the mirror goes the whole way, to the other class.

    pytest suite --interp-method docs/results/mirror.py --interp-methods 'inlp,mirror(of=inlp)'
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from interpmark.methods import AffineEdit, get_method, register


@register("mirror", kind="eraser", claims={"affine", "mean-preserving"}, supports={"binary"})
@dataclass(frozen=True)
class Mirror:
    """Mirror at the mean what another eraser projects out.

    Attributes:
        of: The eraser, one that projects orthogonally and needs no subject.

    """

    of: str = "mean-projection"

    @property
    def builds_on(self) -> tuple[str, ...]:
        """The methods whose code this one's result depends on."""
        return (self.of,)

    def fit(self, x: Tensor, z: Tensor, *, seed: int) -> AffineEdit:
        """Fit the eraser and double what it takes away."""
        edit = get_method(self.of).build().fit(x, z, seed=seed)
        return AffineEdit(edit.read, 2 * edit.write, center=x.mean(0))
