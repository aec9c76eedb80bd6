"""The site in a real Chromium, opened from its folder."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from interpmark.reports.site import publish

from .conftest import HOSTILE, METHODS, card

FIXTURE = "gender-smollm2-135m-resid_post.26-last"
PAGES = [
    "index.html",
    "results.html",
    f"fixtures/{FIXTURE}.html",
    "methods/leace.html",
    "subjects/smollm2-135m.html",
    "history.html",
]
AXE = Path(__file__).parent / "axe" / "axe.min.js"


def visit(chrome: Any, site: Path, address: str) -> None:
    """Open a page anew and wait until its scripts have run."""
    chrome.get("about:blank")
    messages(chrome)  # those of the page before are not this one's
    chrome.get(f"{site.as_uri()}/{address}")
    until(chrome, "return document.documentElement.dataset.ready")


def until(chrome: Any, condition: str) -> Any:
    """Wait until a script returns something true."""
    from selenium.webdriver.support.ui import WebDriverWait

    return WebDriverWait(chrome, 20).until(lambda browser: browser.execute_script(condition))


def messages(chrome: Any) -> list[str]:
    """What the console says, which includes violations of the policy."""
    return [entry["message"] for entry in chrome.get_log("browser")]


def methods(chrome: Any) -> list[str]:
    """The first table's rows that can be seen, from the top."""
    rows = "[...document.querySelector('table.results').tBodies[0].rows]"
    return list(chrome.execute_script(f"return {rows}.map(row => row.querySelector('a').textContent)"))


def shows(chrome: Any, expected: list[str], order: Callable[[list[str]], list[str]] = list) -> None:
    """Wait for the first table's rows: it answers a click or a key after the event."""
    from selenium.common.exceptions import TimeoutException
    from selenium.webdriver.support.ui import WebDriverWait

    try:
        WebDriverWait(chrome, 20).until(lambda browser: order(methods(browser)) == expected)
    except TimeoutException:
        assert order(methods(chrome)) == expected


@pytest.mark.parametrize("page", PAGES)
def test_no_page_breaks_its_policy_or_raises(chrome: Any, site: Path, page: str) -> None:
    visit(chrome, site, page)
    # A plot is drawn when it comes near, so each is scrolled to in its turn.
    until(
        chrome,
        "const plots = [...document.querySelectorAll('.plot:not([hidden]) .canvas')];"
        "const left = plots.find(plot => !plot.querySelector('.main-svg')); left?.scrollIntoView(); return !left",
    )
    chrome.execute_script(f"location.hash = '#cell/{FIXTURE}/leace/edit_norm'")
    until(chrome, "return document.querySelector('#panel .main-svg')")
    assert messages(chrome) == []


def test_an_inline_script_would_not_run(chrome: Any, site: Path) -> None:
    visit(chrome, site, "index.html")
    chrome.execute_script(
        "const s = document.createElement('script'); s.textContent = 'window.ran = true'; document.head.append(s)"
    )
    assert chrome.execute_script("return window.ran") is None
    assert any("Content Security Policy" in message for message in messages(chrome))


def test_a_click_on_a_header_sorts_and_controls_stay_below(chrome: Any, site: Path) -> None:
    visit(chrome, site, f"fixtures/{FIXTURE}.html")
    header = chrome.find_element("css selector", "th[data-measure=edit_norm]")
    header.click()
    rising = sorted(METHODS, key=METHODS.__getitem__, reverse=True)  # the edit norm falls with the accuracy here
    shows(chrome, [*rising, "broken", "identity", "oracle-leace"])
    header.click()
    shows(chrome, [*reversed(rising), "broken", "identity", "oracle-leace"])


def test_the_keyboard_sorts_and_opens_a_panel(chrome: Any, site: Path) -> None:
    from selenium.webdriver.common.keys import Keys

    visit(chrome, site, f"fixtures/{FIXTURE}.html")
    header = "th[data-measure=edit_norm]"
    chrome.find_element("css selector", f"{header} [tabindex='0'], {header}[tabindex='0']").send_keys(Keys.ENTER)
    shows(chrome, [max(METHODS, key=METHODS.__getitem__)], lambda rows: rows[:1])
    opener = chrome.find_element("css selector", "tr[data-id=leace] .open")
    opener.send_keys(Keys.ENTER)
    until(chrome, "return document.getElementById('panel').open")
    chrome.switch_to.active_element.send_keys(Keys.ESCAPE)
    until(chrome, "return !document.getElementById('panel').open")
    assert chrome.switch_to.active_element == opener
    assert "#cell" not in chrome.current_url


def test_all_results_are_filtered_by_what_is_chosen(chrome: Any, site: Path) -> None:
    from selenium.webdriver.support.ui import Select

    visit(chrome, site, "results.html")
    assert methods(chrome)[-2:] == ["identity", "oracle-leace"]
    assert len(methods(chrome)) == 2 * len(METHODS) + 3
    chrome.find_element("css selector", ".filters input[type=search]").send_keys("inlp")
    shows(chrome, ["inlp(rank=16)", "inlp(rank=16)", "inlp(rank=4)", "inlp(rank=4)"], sorted)
    visit(chrome, site, "results.html")
    Select(chrome.find_element("css selector", ".filters select")).select_by_visible_text("steerers")
    shows(chrome, ["caa", "repe"], sorted)


def test_the_search_box_and_the_roles_filter(chrome: Any, site: Path) -> None:
    visit(chrome, site, f"fixtures/{FIXTURE}.html")
    chrome.find_element("css selector", ".toolbar input[type=search]").send_keys("inlp")
    shows(chrome, ["inlp(rank=16)", "inlp(rank=4)"], sorted)
    visit(chrome, site, f"fixtures/{FIXTURE}.html")
    chrome.find_element("css selector", "input[data-role=control]").click()
    shows(chrome, ["oracle-leace"], lambda rows: [name for name in rows if name in ("identity", "oracle-leace")])


def test_a_number_opens_its_panel_and_the_address_opens_it_again(chrome: Any, site: Path) -> None:
    visit(chrome, site, f"fixtures/{FIXTURE}.html")
    chrome.find_element("css selector", "tr[data-id='inlp-rank-4'] td:nth-child(3) a.value").click()
    drawn = "return document.querySelector('#panel[open] .main-svg .ytick text')"  # its axes are text of the panel too
    until(chrome, drawn)
    address = chrome.current_url
    assert address.endswith(f"#cell/{FIXTURE}/inlp-rank-4/edit_norm")
    read = "return document.getElementById('panel').innerText"
    first = chrome.execute_script(read)
    for fact in ("inlp(rank=4)", "edit norm", "0.30", "--interp-methods 'inlp(rank=4)'", "c0ffee", "guards-linearly"):
        assert fact in first
    chrome.get("about:blank")
    chrome.get(address)
    until(chrome, drawn)
    assert chrome.execute_script(read) == first


@pytest.mark.parametrize("hash", ["#cell/nowhere/leace", f"#cell/{FIXTURE}/__proto__", "#cell/..%2f..%2fassets/x"])
def test_a_bad_address_loads_nothing_else(chrome: Any, site: Path, hash: str) -> None:
    visit(chrome, site, f"index.html{hash}")
    sources = chrome.execute_script("return [...document.scripts].map(s => s.src)")
    assert all("%2f" not in source and ".." not in source for source in sources)
    if "%" not in hash:
        assert "leads nowhere" in until(chrome, "return document.getElementById('panel').innerText")


def test_a_hostile_name_is_shown_and_not_run(chrome: Any, site: Path) -> None:
    for page in PAGES:
        visit(chrome, site, page)
        assert chrome.execute_script("return document.querySelectorAll('script:not([src]):not([type])').length") == 0
        assert messages(chrome) == []
    visit(chrome, site, f"fixtures/{FIXTURE}.html")
    assert HOSTILE in methods(chrome)
    chrome.find_element("link text", HOSTILE).click()
    assert HOSTILE in until(chrome, "return document.querySelector('#panel[open]')?.innerText")
    assert messages(chrome) == []


def test_dark_follows_the_system_and_a_choice_is_kept(chrome: Any, site: Path) -> None:
    def luminance() -> int:
        colour = chrome.execute_script("return getComputedStyle(document.body).backgroundColor")
        return sum(int(part) for part in colour.removeprefix("rgb(").removesuffix(")").split(",")[:3])

    def system(theme: str) -> None:
        features = [{"name": "prefers-color-scheme", "value": theme}]
        chrome.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})

    visit(chrome, site, "index.html")
    system("light")
    assert luminance() > 600
    system("dark")
    assert luminance() < 150
    button = chrome.find_element("id", "theme")
    button.click()
    assert button.text == "Theme: light"
    assert luminance() > 600
    visit(chrome, site, f"fixtures/{FIXTURE}.html")
    assert luminance() > 600
    chrome.execute_script("localStorage.clear()")
    system("light")


def test_a_phone_shows_no_page_wider_than_itself(open_browser: Callable[..., Any], site: Path) -> None:
    phone = open_browser(390, 844)
    for page in PAGES:
        visit(phone, site, page)
        assert phone.execute_script("return document.documentElement.scrollWidth") <= 390, page


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("page", [*PAGES, f"fixtures/{FIXTURE}.html#cell/{FIXTURE}/leace"])
def test_axe_finds_nothing_serious(chrome: Any, site: Path, page: str, theme: str) -> None:
    features = [{"name": "prefers-color-scheme", "value": theme}, {"name": "prefers-reduced-motion", "value": "reduce"}]
    chrome.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    visit(chrome, site, page)
    if "#" in page:
        until(chrome, "return document.querySelector('#panel[open] .main-svg')")
    chrome.execute_script(AXE.read_text(encoding="utf-8"))
    found = chrome.execute_async_script("axe.run(document).then(arguments[arguments.length - 1])")
    assert len(found["passes"]) > 10
    serious = [one for one in found["violations"] if one["impact"] in {"serious", "critical"}]
    told = [f"{one['id']}: {one['help']}: {node['html'][:200]}" for one in serious for node in one["nodes"][:3]]
    assert told == []


@pytest.mark.slow
def test_two_thousand_cells_stay_responsive(
    open_browser: Callable[..., Any], tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    concepts = [f"concept-{index}" for index in range(20)]
    many = [
        card(f"method-{m}(rank={m % 5 + 1})", 0.5 + m / 120, concept=concept, block=block)
        for m in range(50)
        for concept in concepts
        for block in (15, 26)
    ]
    start = time.perf_counter()
    done = publish(many, tmp_path / "site")
    figures: dict[str, object] = {"cells": done.cells, "publish_seconds": round(time.perf_counter() - start, 1)}
    figures["megabytes"] = round(done.bytes / 1e6, 1)
    read = [*(tmp_path / "site").glob("*/*.js"), tmp_path / "site/index.html"]
    figures["megabytes_read_by_the_overview"] = round(sum(path.stat().st_size for path in read) / 1e6, 1)
    browser = open_browser()
    for page in ("index.html", "results.html", "fixtures/concept-0-smollm2-135m-resid_post.26-last.html"):
        visit(browser, tmp_path / "site", page)
        ready = browser.execute_script("return performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd")
        figures[f"{page}_ready_ms"] = round(ready)
    visit(browser, tmp_path / "site", "results.html")
    figures["sort_ms"] = round(
        browser.execute_async_script(
            "const done = arguments[0], start = performance.now(), table = document.querySelector('table.all');"
            "const first = table.tBodies[0].rows[0].textContent;"
            "const look = () => table.tBodies[0].rows[0].textContent === first ? requestAnimationFrame(look)"
            " : requestAnimationFrame(() => done(performance.now() - start));"
            "const header = table.tHead.rows[0].cells[3]; header.click(); look()"
        )
    )
    browser.find_element("css selector", ".filters input[type=search]").send_keys("method-7(")
    info = until(browser, "const i = document.querySelector('.dt-info')?.textContent; return /filtered/.test(i) && i")
    assert "of 40 " in info
    assert done.cells == 2000
    for name, value in figures.items():
        record_property(name, value)
    print(json.dumps(figures))
