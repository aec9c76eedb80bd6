"""The measures: functions that score an edit against the unedited reference.

Each returns estimates and the per-example scores behind them. They see activations, log-probabilities and labels, and
never the method.
"""

from .behavior import behavior_change, behavior_change_transfer, behavior_off_target, class_offsets, facts_change
from .edit_norm import edit_norm, edit_norm_off_target, edit_size, site_edit_norms
from .group_effects import class_effects, template_effects
from .matched import Swept, effect_at_damage
from .nonlinear import nonlinear_accuracy
from .perplexity import perplexity_damage
from .residual_accuracy import Readers, residual_accuracy, train_readers, training, unedited_accuracy
from .side_effects import Answered, side_effects
from .smallest_guard import SmallestGuard, smallest_guard
from .steering import Answers, log_odds, steering_effect
from .swap import swap_success

__all__ = [
    "Answered",
    "Answers",
    "Readers",
    "SmallestGuard",
    "Swept",
    "behavior_change",
    "behavior_change_transfer",
    "behavior_off_target",
    "class_effects",
    "class_offsets",
    "edit_norm",
    "edit_norm_off_target",
    "edit_size",
    "effect_at_damage",
    "facts_change",
    "log_odds",
    "nonlinear_accuracy",
    "perplexity_damage",
    "residual_accuracy",
    "side_effects",
    "site_edit_norms",
    "smallest_guard",
    "steering_effect",
    "swap_success",
    "template_effects",
    "train_readers",
    "training",
    "unedited_accuracy",
]
