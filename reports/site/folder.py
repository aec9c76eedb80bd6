"""The folder that a site is written into. It may hold other things, such as .git or CNAME: those are left alone."""

from __future__ import annotations

from os import PathLike
from pathlib import Path

from interpmark.reports.atomic import write_atomically
from interpmark.reports.jsontext import dumps, loads

MARK = "interpmark-site.json"
"""Names the files of the site, so that publishing again removes the pages of what is gone, and nothing else."""


class SiteFolder:
    """Collects files, each written whole; `finish` removes those of an earlier site that are not of this one.

    Raises ValueError when the folder is a store or holds somebody else's index.html.
    """

    def __init__(self, root: str | PathLike[str]) -> None:
        self.root = Path(root)
        if self.root.exists() and not self.root.is_dir():
            raise ValueError(f"{self.root} is a file; a site is a folder")
        if (self.root / "store.json").is_file():
            raise ValueError(f"{self.root} is a store; name a folder of its own for the site, as in --out site")
        self._earlier = self._listed()
        if not self._earlier and (self.root / "index.html").exists():
            raise ValueError(
                f"{self.root}/index.html is not a page that interpmark wrote; name another folder, or remove it"
            )
        self._written: set[str] = set()

    @property
    def files(self) -> tuple[str, ...]:
        """The files written so far, relative to the folder."""
        return tuple(sorted(self._written))

    def write(self, name: str, content: str | bytes) -> None:
        """Write a file; `name` is relative, with slashes."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, content)
        self._written.add(name)

    def finish(self) -> None:
        """Remove the earlier site's other files, and list this one's."""
        for name in self._earlier - self._written:
            path = self.root / name
            # The list is a file that anybody could have changed.
            if path.resolve().is_relative_to(self.root.resolve()):
                path.unlink(missing_ok=True)
        write_atomically(self.root / MARK, dumps({"files": sorted(self._written)}, indent=1))

    def _listed(self) -> set[str]:
        try:
            listed = loads((self.root / MARK).read_bytes())
        except FileNotFoundError:
            return set()
        except ValueError as error:
            raise ValueError(f"{self.root / MARK} is damaged ({error}); remove the folder, publish anew") from error
        names = listed.get("files") if isinstance(listed, dict) else None
        return {name for name in names or [] if isinstance(name, str)}
