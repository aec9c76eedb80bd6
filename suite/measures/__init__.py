"""The measures: functions that score an edit against the unedited reference.

Each returns estimates and the per-example scores behind them. They see activations, log-probabilities and labels, and
never the method.
"""

from .behavior import behavior_change, behavior_change_transfer, behavior_off_target, class_offsets, facts_change
from .edit_norm import edit_norm, edit_norm_off_target
from .perplexity import perplexity_damage
from .residual_accuracy import residual_accuracy, unedited_accuracy
from .smallest_guard import SmallestGuard, smallest_guard

__all__ = [
    "SmallestGuard",
    "behavior_change",
    "behavior_change_transfer",
    "behavior_off_target",
    "class_offsets",
    "edit_norm",
    "edit_norm_off_target",
    "facts_change",
    "perplexity_damage",
    "residual_accuracy",
    "smallest_guard",
    "unedited_accuracy",
]
