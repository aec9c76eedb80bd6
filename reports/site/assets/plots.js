// Plots, where people would rather look than read. Each is shown only where its data are.
"use strict";
(() => {
  const { colour, select, measures, titled } = interpmark;
  // Okabe and Ito's colours, told apart by colour-blind readers; the yellow is too pale for a white page.
  const PALETTE = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#7a5cc4", "#8a6d3b"];
  const SYMBOLS = { method: "circle", control: "circle-open", oracle: "diamond" };
  const drawn = new Map();

  // Beside a wide plot, below a narrow one.
  const sized = (canvas, count) =>
    canvas.clientWidth > 760
      ? { height: 440, legend: { orientation: "v", x: 1.02, y: 1, font: { size: 12 } } }
      : {
          height: 380 + Math.ceil(count / 2) * 20,
          legend: { orientation: "h", x: 0, y: -0.2, yanchor: "top", font: { size: 11 }, entrywidthmode: "fraction", entrywidth: 0.48 },
        };

  function layout(x, y, more = {}) {
    const axis = (title) => ({
      title: { text: title, standoff: 10, font: { size: 13, color: colour("muted") } },
      gridcolor: colour("line"), linecolor: colour("line"), zerolinecolor: colour("line-strong"),
      tickfont: { size: 12 }, ticks: "outside", tickcolor: colour("line"), ticklen: 4, automargin: true,
    });
    const { xaxis = {}, yaxis = {}, ...rest } = more;
    return {
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
      font: { family: "system-ui, sans-serif", size: 12, color: colour("ink") },
      margin: { l: 56, r: 12, t: 8, b: 48 }, hovermode: "closest", dragmode: false,
      hoverlabel: { bgcolor: colour("surface"), bordercolor: colour("line-strong"), font: { color: colour("ink"), size: 12 } },
      xaxis: { ...axis(x), ...xaxis }, yaxis: { ...axis(y), ...yaxis }, ...rest,
    };
  }

  function draw(canvas, label, build) {
    drawn.set(canvas, () => {
      const { traces, layout: look } = build();
      canvas.setAttribute("role", "img");
      canvas.setAttribute("aria-label", label());
      return Plotly.react(canvas, traces, look, { displayModeBar: false, responsive: true, scrollZoom: false, showTips: false });
    });
    // A figure below the fold is drawn when it comes near: the page answers at once.
    near.observe(canvas);
  }

  const near = new IntersectionObserver((seen) => {
    for (const { target, isIntersecting } of seen) {
      if (!isIntersecting) continue;
      near.unobserve(target);
      drawn.get(target)?.();
      target.dataset.drawn = "true";
    }
  }, { rootMargin: "400px" });

  const redraw = (canvas) => (canvas.dataset.drawn ? drawn.get(canvas)() : undefined);
  document.addEventListener("themechange", () => {
    for (const canvas of drawn.keys()) {
      if (canvas.isConnected) redraw(canvas);
      else drawn.delete(canvas);
    }
  });

  const errors = (points) => ({
    type: "data", symmetric: false, thickness: 1.2, width: 0,
    array: points.map(([value, , high]) => high - value), arrayminus: points.map(([value, low]) => value - low),
  });
  const text = (string) => string.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
  const shown = (estimate) => `${estimate[3]} ${estimate[4]}`;

  // One colour a method, the same on every plot of a page.
  function colours(rows) {
    const names = [...new Set(rows.filter((row) => row.role === "method").map((row) => row.method))];
    return (row) => (row.role === "method" ? PALETTE[names.indexOf(row.method) % PALETTE.length] : colour("muted"));
  }
  const marker = (row, colourOf, index) => ({
    symbol: row.role === "method" ? ["circle", "square", "triangle-up"][Math.floor(index / PALETTE.length) % 3] : SYMBOLS[row.role],
    size: 9, color: colourOf(row), line: { width: 1.5, color: colourOf(row) },
  });

  function figureOf(name) {
    const figure = document.querySelector(`[data-plot="${name}"]`);
    return figure && { figure, controls: figure.querySelector(".controls"), canvas: figure.querySelector(".canvas") };
  }

  const usable = (data, rows, kind) =>
    data.columns[kind].filter((_, index) => rows.some((row) => row.kind === kind && row.e[index]));

  // --- trade-off ----------------------------------------------------------------------------------------------

  const AXES = { eraser: ["edit_norm", "residual_accuracy"], steerer: ["perplexity_damage", "steering_effect"] };

  function pareto(data) {
    const found = figureOf("pareto");
    const groups = data.fixtures.map((fixture, place) => ({ fixture, place }))
      .filter(({ fixture }) => !data.here || fixture.slug === data.here)
      .flatMap(({ fixture, place }) => Object.keys(data.columns).map((kind) => ({ fixture, place, kind })))
      .filter(({ place, kind }) => {
        const rows = data.rows.filter((row) => row.fixture === place && row.kind === kind);
        return rows.length > 1 && usable(data, rows, kind).length > 1;
      });
    if (!found || !groups.length) return;
    found.figure.hidden = false;
    // The deepest of the first concept: where the subject uses what is there.
    const start = groups.findLastIndex((group) => group.fixture.concept === groups[0].fixture.concept && group.kind === groups[0].kind);
    const state = { group: start, x: null, y: null };

    function update() {
      const { place, kind } = groups[state.group];
      const rows = data.rows.filter((row) => row.fixture === place && row.kind === kind);
      const columns = usable(data, rows, kind);
      const [x, y] = AXES[kind] ?? columns;
      if (!columns.includes(state.x)) state.x = columns.includes(x) ? x : columns[0];
      if (!columns.includes(state.y)) state.y = columns.includes(y) ? y : columns[1];
      const named = columns.map((measure) => [measure, titled(measure, kind)]);
      const set = (name) => (value) => {
        state[name] = name === "group" ? Number(value) : value;
        update();
      };
      const several = new Set(groups.map((group) => group.kind)).size > 1;
      found.controls.replaceChildren(
        groups.length > 1 ? select("fixture", groups.map((group, index) => [index, group.fixture.name + (several ? `, ${group.kind}s` : "")]), state.group, set("group")) : "",
        select("across", named, state.x, set("x")),
        select("up", named, state.y, set("y")),
      );
      if (found.canvas.dataset.drawn) redraw(found.canvas);
    }

    function build() {
      const { place, kind } = groups[state.group];
      const columns = data.columns[kind];
      const rows = data.rows.filter((row) => row.fixture === place && row.kind === kind);
      const colourOf = colours(rows);
      const pick = (row, measure) => row.e[columns.indexOf(measure)];
      const points = rows.map((row) => ({ row, x: pick(row, state.x), y: pick(row, state.y) })).filter((one) => one.x && one.y);
      const best = points.filter((point) => point.row.front);
      const methods = points.map((point) => point.row.method);
      const traces = points.map(({ row, x, y }) => ({
        type: "scatter", mode: "markers", name: text(row.method), x: [x[0]], y: [y[0]],
        error_x: { ...errors([x]), color: colourOf(row) }, error_y: { ...errors([y]), color: colourOf(row) },
        marker: marker(row, colourOf, methods.indexOf(row.method)),
        hovertemplate: `<b>${text(row.method)}</b><br>${text(measures[state.x].title)} ${shown(x)}<br>${text(measures[state.y].title)} ${shown(y)}<extra></extra>`,
      }));
      if (best.length) {
        traces.unshift({
          type: "scatter", mode: "markers", x: best.map((one) => one.x[0]), y: best.map((one) => one.y[0]),
          marker: { symbol: "circle-open", size: 18, color: colour("line-strong"), line: { width: 1.5 } }, hoverinfo: "skip", name: "Pareto front",
        });
      }
      const log = points.every((one) => one.x[0] >= 0) && Math.max(...points.map((one) => one.x[0])) > 20 * median(points.map((one) => one.x[0]).filter((value) => value > 0));
      return {
        traces,
        layout: layout(titled(state.x, kind), titled(state.y, kind), {
          ...sized(found.canvas, traces.length),
          xaxis: log ? { type: "log", dtick: 1 } : {},
        }),
      };
    }

    update();
    draw(found.canvas, () => `Scatter plot of ${measures[state.y].title} against ${measures[state.x].title}; the tables hold the numbers`, build);
  }

  function median(values) {
    const sorted = [...values].sort((a, b) => a - b);
    return sorted[Math.floor(sorted.length / 2)] ?? 0;
  }

  // --- a measure along blocks, or along ranks ------------------------------------------------------------------

  // Both are lines of a measure over a number; they differ in what a group of lines is.
  function lines(name, data, groups, { xTitle, xOf, logX, seriesOf, references }) {
    const found = figureOf(name);
    if (!found || !groups.length) return;
    found.figure.hidden = false;
    const state = { group: Math.max(groups.findIndex((group) => group.here), 0), measure: null };

    function update() {
      const group = groups[state.group];
      const columns = usable(data, group.rows, group.kind);
      if (!columns.includes(state.measure)) state.measure = columns.includes("residual_accuracy") ? "residual_accuracy" : columns[0];
      found.controls.replaceChildren(
        groups.length > 1 ? select(groups[0].what, groups.map((one, index) => [index, one.label]), state.group, (value) => {
          state.group = Number(value);
          update();
        }) : "",
        select("measure", columns.map((measure) => [measure, titled(measure, group.kind)]), state.measure, (value) => {
          state.measure = value;
          update();
        }),
      );
      if (found.canvas.dataset.drawn) redraw(found.canvas);
    }

    function build() {
      const group = groups[state.group];
      const index = data.columns[group.kind].indexOf(state.measure);
      const series = new Map();
      for (const row of group.rows) {
        if (!row.e[index]) continue;
        const key = seriesOf(row);
        if (!series.has(key)) series.set(key, []);
        series.get(key).push(row);
      }
      const names = [...series.keys()];
      const xs = [...new Set(group.rows.map(xOf))].sort((a, b) => a - b);
      const traces = [...series].map(([label, rows], place) => {
        rows.sort((a, b) => xOf(a) - xOf(b));
        const points = rows.map((row) => row.e[index]);
        const control = rows[0].role !== "method";
        const tone = control ? colour("muted") : PALETTE[place % PALETTE.length];
        // A little apart, so that intervals of one x do not cover each other.
        const aside = logX ? 0 : (place - (names.length - 1) / 2) * 0.004 * (xs.at(-1) - xs[0] || 1);
        return {
          type: "scatter", mode: "lines+markers", name: text(label), x: rows.map((row) => xOf(row) + aside), y: points.map((point) => point[0]),
          error_y: { ...errors(points), color: tone }, line: { color: tone, width: 1.5, dash: control ? "dot" : "solid" },
          marker: { color: tone, size: 7, symbol: control ? "circle-open" : ["circle", "square", "triangle-up"][Math.floor(place / PALETTE.length) % 3] },
          visible: control && names.length > 8 ? "legendonly" : true,
          hovertemplate: rows.map((row) => `<b>${text(row.method)}</b><br>${xTitle} ${xOf(row)}<br>${shown(row.e[index])}<extra></extra>`),
        };
      });
      return {
        traces,
        layout: layout(xTitle, titled(state.measure, group.kind), {
          ...sized(found.canvas, traces.length), showlegend: true,
          xaxis: { tickmode: "array", tickvals: xs, ticktext: xs.map(String), type: logX ? "log" : "linear" },
          shapes: references(group, state.measure),
        }),
      };
    }

    update();
    draw(found.canvas, () => `${measures[state.measure].title} by ${xTitle}; the tables hold the numbers`, build);
  }

  function grouped(rows, keyOf) {
    const groups = new Map();
    for (const row of rows) {
      const key = keyOf(row);
      if (!groups.has(key)) groups.set(key, []);
      groups.get(key).push(row);
    }
    return [...groups.values()];
  }

  function blocks(data) {
    const where = (row) => data.fixtures[row.fixture];
    const groups = grouped(
      data.rows.filter((row) => where(row).block !== null),
      (row) => JSON.stringify([where(row).concept, where(row).subject, where(row).slot, row.kind]),
    )
      .filter((rows) => new Set(rows.map((row) => where(row).block)).size > 1)
      .map((rows) => ({ rows, kind: rows[0].kind, what: "concept", label: `${where(rows[0]).concept}, ${where(rows[0]).subject}, ${rows[0].kind}s` }));
    lines("blocks", data, groups, {
      xTitle: "block", xOf: (row) => where(row).block, logX: false, seriesOf: (row) => row.method, references: () => [],
    });
  }

  function ranks(data) {
    const groups = grouped(
      data.rows.filter((row) => row.rank !== null && (!data.here || data.fixtures[row.fixture].slug === data.here)),
      (row) => JSON.stringify([row.fixture, row.kind]),
    )
      .filter((rows) => grouped(rows, (row) => row.family).some((family) => new Set(family.map((row) => row.rank)).size > 1))
      .map((rows) => ({ rows, kind: rows[0].kind, what: "fixture", label: data.fixtures[rows[0].fixture].name, fixture: data.fixtures[rows[0].fixture] }));
    const levels = [["unedited_accuracy", "dot"], ["majority_rate", "dash"]];
    const references = (group, measure) => (measure !== "residual_accuracy" ? [] : levels.filter(([name]) => group.fixture.context[name]).map(([name, dash]) => ({
        type: "line", xref: "paper", x0: 0, x1: 1, y0: group.fixture.context[name][0], y1: group.fixture.context[name][0],
        line: { color: colour("line-strong"), width: 1.5, dash },
      })));
    lines("ranks", data, groups, { xTitle: "rank", xOf: (row) => row.rank, logX: true, seriesOf: (row) => row.family, references });
  }

  // --- sweeps ---------------------------------------------------------------------------------------------------

  const SIDES = { towards: "effect, towards class 1", away: "effect, away to class 0", damage: "damage, nats/token" };
  const VIEWS = { strength: "against strength", damage: "effect against damage" };

  function sweeps(data) {
    const found = figureOf("sweep");
    if (!found || !data.sweeps?.length) return;
    found.figure.hidden = false;
    const state = { view: "strength", side: "towards" };

    function update() {
      const sides = Object.entries(SIDES).filter(([side]) => state.view === "strength" || side !== "damage");
      if (!sides.some(([side]) => side === state.side)) state.side = "towards";
      found.controls.replaceChildren(
        select("show", Object.entries(VIEWS), state.view, (value) => {
          state.view = value;
          update();
        }),
        select("of", sides, state.side, (value) => {
          state.side = value;
          update();
        }),
      );
      if (found.canvas.dataset.drawn) redraw(found.canvas);
    }

    function build() {
      const traces = data.sweeps.map((one, place) => {
        const tone = one.role === "method" ? PALETTE[place % PALETTE.length] : colour("muted");
        const kept = one.strengths.map((_, index) => index).filter((index) => one[state.side][index] && one.damage[index]);
        const points = kept.map((index) => one[state.side][index]);
        const chosen = kept.map((index) => one.strengths[index] === one.chosen[state.side]);
        return {
          type: "scatter", mode: "lines+markers", name: text(one.method),
          x: kept.map((index) => (state.view === "strength" ? one.strengths[index] : one.damage[index][0])), y: points.map((point) => point[0]),
          error_y: { ...errors(points), color: tone }, line: { color: tone, width: 1.5, dash: one.role === "method" ? "solid" : "dot" },
          marker: { color: tone, size: chosen.map((yes) => (yes ? 13 : 6)), symbol: chosen.map((yes) => (yes ? "circle-open" : "circle")), line: { width: 2, color: tone } },
          hovertemplate: kept.map((index) => `<b>${text(one.method)}</b><br>strength ${one.strengths[index]}<br>${SIDES[state.side]} ${one[state.side][index][0]}<br>damage ${one.damage[index][0]}<extra></extra>`),
        };
      });
      const x = state.view === "strength" ? "strength, in natural sizes of the edit" : SIDES.damage;
      return { traces, layout: layout(x, SIDES[state.side], sized(found.canvas, traces.length)) };
    }

    update();
    draw(found.canvas, () => `Strength sweeps of ${data.sweeps.length} methods: ${SIDES[state.side]}`, build);
  }

  // --- a panel's histogram ----------------------------------------------------------------------------------------

  function plotHistogram(canvas, found) {
    if (!canvas || !found) return;
    const categories = found.labels.length > 0;
    const tones = () => (found.series.length > 1 ? [colour("muted"), colour("accent")] : [colour("accent")]);
    draw(canvas, () => `Histogram: ${found.title}`, () => ({
      traces: found.series.map(([name, counts], index) => ({
        type: "bar", name, y: counts, opacity: categories ? 1 : 0.65,
        x: categories ? found.labels : counts.map((_, bin) => (found.edges[bin] + found.edges[bin + 1]) / 2),
        width: categories ? undefined : found.edges[1] - found.edges[0],
        marker: { color: tones()[index], line: { width: 0 } },
        hovertemplate: `${name}: %{y}<extra></extra>`,
      })),
      layout: layout(categories ? "" : found.axis, "examples", {
        height: 220, barmode: categories ? "group" : "overlay", bargap: categories ? 0.4 : 0.02, showlegend: found.series.length > 1,
        margin: { l: 48, r: 8, t: 24, b: 40 }, legend: { orientation: "h", x: 1, xanchor: "right", y: 1.02, yanchor: "bottom" },
        xaxis: categories ? { type: "category" } : {},
      }),
    }));
  }

  interpmark.plots = (data) => {
    for (const one of [pareto, sweeps, ranks, blocks]) one(data);
  };
  interpmark.plotHistogram = plotHistogram;
  interpmark.plotting = { PALETTE, layout, sized, draw, redraw, errors, text, figureOf };
})();
