"""The regression gate: what changed between two runs, by rules on measures. Never imports torch."""

from interpmark.reports.gate.comparison import Comparison, compare
from interpmark.reports.gate.rules import DEFAULT_RULES, Rule, RuleError
from interpmark.reports.gate.verdicts import Change, Verdict

__all__ = ["DEFAULT_RULES", "Change", "Comparison", "Rule", "RuleError", "Verdict", "compare"]
