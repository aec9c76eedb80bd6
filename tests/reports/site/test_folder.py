"""A site is written into a folder that may hold other things, and only its own files are replaced."""

import json
from pathlib import Path

import pytest

from interpmark.reports.site.folder import MARK, SiteFolder


def written(root: Path, *names: str) -> None:
    folder = SiteFolder(root)
    for name in names:
        folder.write(name, name)
    folder.finish()


def test_pages_of_what_is_gone_are_removed_and_other_files_stay(tmp_path: Path) -> None:
    written(tmp_path, "index.html", "methods/old.html")
    (tmp_path / "CNAME").write_text("example.org")
    written(tmp_path, "index.html", "methods/new.html")
    left = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert left == {"index.html", "methods/new.html", "CNAME", MARK}


def test_somebody_elses_page_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("mine")
    with pytest.raises(ValueError, match="not a page that interpmark wrote"):
        SiteFolder(tmp_path)
    assert (tmp_path / "index.html").read_text() == "mine"


def test_a_store_is_no_folder_for_a_site(tmp_path: Path) -> None:
    (tmp_path / "store.json").write_text("{}")
    with pytest.raises(ValueError, match="is a store; name a folder of its own"):
        SiteFolder(tmp_path)


def test_a_changed_list_removes_nothing_outside_the_folder(tmp_path: Path) -> None:
    outside = tmp_path / "outside.txt"
    outside.write_text("mine")
    site = tmp_path / "site"
    written(site, "index.html")
    (site / MARK).write_text(json.dumps({"files": ["../outside.txt"]}))
    written(site, "index.html")
    assert outside.exists()
