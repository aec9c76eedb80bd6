// How a number was made: the panel of a cell. The address #cell/FIXTURE/METHOD/MEASURE opens it on any page.
"use strict";
(() => {
  const { el, load, measures, better, root } = interpmark;
  const panel = document.getElementById("panel");
  const GOOD = { lower: "lower is better", higher: "higher is better", one: "1 is best", context: "good in no direction by itself" };
  let opener = null;

  const parts = () => {
    // Only the letters of a slug: an address from elsewhere must not name a script outside data/cells.
    const match = /^#cell\/([a-z0-9_][a-z0-9._-]*)\/([a-z0-9_][a-z0-9._~-]*)(?:\/([A-Za-z0-9._-]+))?$/.exec(location.hash);
    return match ? match.slice(1) : null;
  };

  async function follow() {
    const asked = parts();
    if (!asked) {
      if (panel.open) panel.close();
      return;
    }
    const [slug, id, measure] = asked;
    try {
      const data = await load(`cells/${slug}`);
      if (!Object.hasOwn(data.rows, id)) throw new Error(`there is no result ${id} on ${data.fixture}`);
      show(data, id, measure);
    } catch (error) {
      fill([el("p", { class: "failure", role: "alert" }, `This link leads nowhere: ${error.message}.`)], "Not found");
    }
  }

  function fill(children, title, quiet = "") {
    const close = el("button", { type: "button", class: "close", "aria-label": "Close", onclick: () => panel.close() }, "×");
    panel.replaceChildren(
      el("header", {}, el("div", {}, el("h2", { id: "panel-title", tabindex: "-1" }, title), el("p", { class: "quiet" }, quiet)), close),
      el("div", { class: "body" }, ...children),
    );
    if (!panel.open) {
      opener = document.activeElement;
      panel.showModal();
    }
  }

  function show(data, id, asked) {
    const row = data.rows[id];
    const state = { cell: 0, measure: asked };
    const scored = (list) => list.filter((estimate) => estimate.status === "ok" && measures[estimate.measure]?.group === "score");
    if (!state.measure) state.measure = (scored(row.cells[0].estimates)[0] ?? row.cells[0].estimates[0])?.measure;

    function draw() {
      const cell = row.cells[state.cell];
      fill([
        row.outdated ? el("p", { class: "warning" }, "An older result: its fixture has newer ones that it may not be compared with.") : null,
        cell.error ? failure(cell.error) : null,
        row.cells.length > 1 ? interpmark.select("seed", row.cells.map((one, index) => [index, `seed ${one.seed}`]), state.cell, (index) => {
          state.cell = Number(index);
          draw();
        }) : null,
        row.pooled ? pooled(row, state) : null,
        ...headline(cell, row, state),
        histogram(cell.histograms[state.measure]),
        table(cell, data.slug, id, row.kind, state),
        commands(cell),
        claims(cell.claims),
        samples(cell.samples),
        made(cell, data.shared),
      ], row.method, data.fixture);
      const link = row.page && el("a", { href: `${root}methods/${row.page}.html` }, "all its results");
      panel.querySelector("header .quiet").append(...(link ? [" · ", link] : []));
      interpmark.plotHistogram(panel.querySelector(".histogram"), cell.histograms[state.measure]);
    }

    draw();
  }

  function failure(error) {
    return el("section", { class: "failure" },
      el("p", {}, el("b", {}, error.kind), ` ${error.message}`),
      error.advice ? el("p", {}, error.advice) : null,
      error.traceback ? el("details", {}, el("summary", {}, "Traceback"), el("pre", { tabindex: "0" }, error.traceback)) : null);
  }

  function pooled(row, state) {
    const found = row.pooled.find((estimate) => estimate.measure === state.measure && estimate.status === "ok");
    return found ? el("p", { class: "quiet" }, `Mean over seeds ${row.seeds.join(", ")}: ${found.text} ${found.interval}. This seed:`) : null;
  }

  function headline(cell, { kind, ranks }, state) {
    const estimate = cell.estimates.find((one) => one.measure === state.measure);
    if (!estimate) return [];
    const known = measures[estimate.measure];
    const title = el("h3", {}, known?.title ?? estimate.measure);
    const about = known ? `${known.summary}. ${GOOD[better(estimate.measure, kind)]}; definition version ${known.version}.` : "";
    if (estimate.status !== "ok") return [title, el("p", { class: "failure" }, `${estimate.status}: ${estimate.reason}`), el("p", { class: "quiet" }, about)];
    return [
      title,
      el("p", { class: "big" }, el("b", {}, estimate.text), " ", el("span", { class: "interval" }, estimate.interval),
        el("small", {}, ` ${estimate.unit}, ${estimate.n} example${estimate.n === 1 ? "" : "s"}`)),
      ranks[estimate.measure] ? el("p", {}, ranks[estimate.measure]) : null,
      el("p", { class: "quiet" }, about),
    ];
  }

  function histogram(found) {
    if (!found) return null;
    const total = found.series[0][1].reduce((sum, count) => sum + count, 0);
    return el("figure", { class: "small" },
      el("div", { class: "canvas histogram", role: "img", "aria-label": `Histogram: ${found.title}` }),
      el("figcaption", {}, `${found.title}; ${total} examples`));
  }

  function table(cell, slug, id, kind, state) {
    const rows = cell.estimates.map((estimate) => {
      const address = `#cell/${slug}/${id}/${estimate.measure}`;
      const title = measures[estimate.measure]?.title ?? estimate.measure;
      const value = estimate.status === "ok"
        ? [estimate.text, " ", el("span", { class: "interval" }, estimate.interval)]
        : [el("span", { class: "quiet", title: estimate.reason }, estimate.status)];
      return el("tr", {},
        el("th", { scope: "row" }, el("a", { href: address, "aria-current": estimate.measure === state.measure ? "true" : null }, title)),
        el("td", { class: "num" }, value),
        el("td", { class: "quiet" }, estimate.unit));
    });
    return el("details", { open: true, class: "estimates" }, el("summary", {}, "All measures of this cell"),
      el("table", {}, el("caption", { class: "hidden" }, "Measures"), el("tbody", {}, rows)));
  }

  function commands(cell) {
    const text = el("pre", { tabindex: "0" }, cell.command);
    const copy = el("button", { type: "button", class: "copy", onclick: async () => {
      try {
        await navigator.clipboard.writeText(cell.command);
        copy.textContent = "copied";
      } catch {
        // No clipboard in a folder's page: the text is selected, Ctrl+C copies it.
        getSelection().selectAllChildren(text);
        copy.textContent = "selected";
      }
    } }, "copy");
    return el("section", { class: "command" }, el("h3", {}, "Make it again"), text, copy,
      el("p", { class: "quiet" }, "A method or concept of your own also needs its --interp-method FILE or --interp-concept FILE."));
  }

  function claims(found) {
    if (!found.length) return null;
    return el("section", {}, el("h3", {}, "Claims, checked on the data that it was fitted on"),
      el("ul", { class: "claims" }, found.map((claim) =>
        el("li", {}, el("span", { class: claim.holds ? "good" : "bad" }, claim.holds ? "holds" : "broken"), " ", el("b", {}, claim.name), ` ${claim.message}`))));
  }

  function samples(found) {
    if (!found.length) return null;
    return el("details", {}, el("summary", {}, "Generated texts"), found.map((sample) =>
      el("dl", { class: "sample" }, el("dt", {}, sample.prompt), el("dd", {}, el("b", {}, "unedited "), sample.unedited), el("dd", {}, el("b", {}, "edited "), sample.edited))));
  }

  function made(cell, shared) {
    const all = { ...shared, ...cell.provenance };
    return el("details", { class: "provenance", open: true }, el("summary", {}, "Provenance"),
      el("dl", {}, cell.order.map((name) => [el("dt", {}, name), el("dd", {}, all[name])])));
  }

  panel.addEventListener("close", () => {
    if (parts()) history.replaceState(null, "", location.pathname + location.search);
    opener?.focus?.();
    opener = null;
  });
  // A click beside the panel closes it.
  panel.addEventListener("click", (event) => {
    if (event.target === panel) panel.close();
  });
  window.addEventListener("hashchange", follow);
  interpmark.follow = follow;
})();
