"""What a method can be, what it can claim, and what labels it can take: the closed vocabularies of the registry."""

from collections.abc import Mapping
from types import MappingProxyType

KINDS: Mapping[str, str] = MappingProxyType(
    {
        "eraser": "removes a concept from activations",
        "steerer": "moves activations so that the subject behaves differently",
        "probe": "reads a concept from activations",
        "lens": "reads the subject's prediction from an intermediate site",
        "localizer": "names the sites or units that carry a concept",
        "weights": "edits the subject's weights",
    }
)

CLAIMS: Mapping[str, str] = MappingProxyType(
    {
        "guards-linearly": "on the fit data no linear predictor of the concept beats a constant: Cov(x', z) = 0",
        "idempotent": "editing twice is editing once",
        "affine": "the edit is an affine map of the activations",
        "minimal-edit": "the mean squared edit on the fit data is the smallest that an affine guard can make (LEACE's)",
        "mean-preserving": "the mean of the fit data stays where it was",
        "orthogonal": "the linear part is a symmetric projection: what is removed is orthogonal to what is kept",
    }
)

SCOPES: Mapping[str, str] = MappingProxyType(
    {
        "all": "every token of the prompt and every generated one",
        "prefill": "every token of the prompt, no generated one",
        "last": "the last token of the prompt, no generated one",
        "after-instruction": "from the last token of the instruction on, generated ones too",
    }
)
"""The positions that an edit touches while the subject runs. The prefix and padding are in no scope."""

LABELS: Mapping[str, str] = MappingProxyType(
    {
        "binary": "z int64 [n] with two classes",
        "multiclass": "z int64 [n] with more than two classes",
        "continuous": "z float64 [n, k]",
    }
)
