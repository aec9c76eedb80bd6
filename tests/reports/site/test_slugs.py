"""Names become addresses that are safe, readable and distinct."""

import re

from hypothesis import given
from hypothesis import strategies as st

from interpmark.reports.site.slugs import slugs


def test_a_fixtures_address_reads_like_its_name() -> None:
    name = "gender@smollm2-135m/resid_post.26:last"
    assert slugs([name]) == {name: "gender-smollm2-135m-resid_post.26-last"}


@given(st.lists(st.text(max_size=100), unique=True, max_size=12))
def test_addresses_are_safe_file_names_and_distinct_without_capitals(names: list[str]) -> None:
    found = slugs(names)
    assert set(found) == set(names)
    # What the panel's script takes as a permalink.
    assert all(re.fullmatch(r"[a-z0-9_][a-z0-9._-]*", slug) for slug in found.values())
    assert len({slug.casefold() for slug in found.values()}) == len(names)


def test_names_that_differ_in_punctuation_alone_keep_apart() -> None:
    found = slugs(["a(b)", "a[b]"])
    assert len(set(found.values())) == 2


def test_a_device_name_of_windows_is_no_address() -> None:
    assert slugs(["con"])["con"] != "con"
