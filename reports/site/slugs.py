"""Names as parts of addresses: short, readable, safe as file names, and distinct."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable

_UNSAFE = re.compile(r"[^a-z0-9._]+")
_LONGEST = 80
# Windows gives these names to devices, whatever their ending.
_DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)")


def slugs(names: Iterable[str]) -> dict[str, str]:
    """Return name -> slug, distinct also where the file system does not tell capitals.

    `gender@smollm2-135m/resid_post.26:last` becomes `gender-smollm2-135m-resid_post.26-last`. Names that would share
    a slug, and names that leave none, get a hash of the name at the end.
    """
    plain = {name: _plain(name) for name in dict.fromkeys(names)}
    shared = Counter(plain.values())
    return {name: slug if slug and shared[slug] == 1 else _hashed(name, slug) for name, slug in plain.items()}


def _plain(name: str) -> str:
    slug = _UNSAFE.sub("-", name.lower()).strip("-.")
    return "" if len(slug) > _LONGEST or _DEVICES.match(slug) else slug


def _hashed(name: str, slug: str) -> str:
    mark = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:10]
    return f"{slug}-{mark}" if slug else f"x-{mark}"
