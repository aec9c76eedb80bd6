"""Scripts of others are the bytes that were published, and their licences travel with them."""

import hashlib
from importlib.resources import files

import pytest

PUBLISHED = {
    "plotly-basic.min.js": "99784e3abfb07b142a15e521a439e6d9addceadb3f79553fd24c72774f0649ba",
    "dataTables.min.js": "38017a5586acd9c6eb6bbfe8b6938e1a25bdc717c5acfcb07e0c9d663282c59d",
}
VENDOR = files("interpmark.reports.site") / "vendor"


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_vendored_script_is_unchanged(name: str) -> None:
    assert hashlib.sha256((VENDOR / name).read_bytes()).hexdigest() == PUBLISHED[name]


def test_every_vendored_script_has_its_licence() -> None:
    scripts = {item.name for item in VENDOR.iterdir() if item.name.endswith(".js")}
    assert scripts == set(PUBLISHED)
    for name in scripts:
        library = name.split(".")[0].split("-")[0]
        text = (VENDOR / f"{library}.LICENSE.txt").read_text(encoding="utf-8")
        assert "MIT" in text
        assert "Permission is hereby granted" in text
