"""Pages from templates: every text is escaped, and a page's policy runs nothing that the site did not bring."""

from __future__ import annotations

from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from interpmark.reports.estimate import Estimate
from interpmark.reports.measures import MEASURES
from interpmark.reports.numbers import estimate_text, interval_text, one_line, value_text

POLICY = "; ".join(
    [
        "default-src 'none'",
        # Chromium and Firefox take 'self' of a page in a folder to mean files. Inline scripts never run.
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "base-uri 'none'",
        "form-action 'none'",
    ]
)


class Pages:
    """Renders templates by name; `shared` is what every page is given."""

    def __init__(self, **shared: Any) -> None:
        self._environment = Environment(
            loader=PackageLoader("interpmark.reports.site"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters |= {
            "value_text": value_text,
            "interval_text": interval_text,
            "estimate_text": estimate_text,
            "one_line": one_line,
        }
        self._environment.globals |= {"MEASURES": MEASURES, "policy": POLICY} | shared
        self._environment.tests["scored"] = _is_scored

    def render(self, template: str, **values: Any) -> str:
        """Return a page."""
        return self._environment.get_template(f"{template}.html").render(**values)


def _is_scored(estimate: Estimate | None) -> bool:
    return estimate is not None and estimate.status == "ok"
