// The history page: a score along the saved runs, broken where it may not be compared.
"use strict";
(() => {
  const { colour, select, measures, titled } = interpmark;
  const { PALETTE, layout, sized, draw, redraw, errors, text, figureOf } = interpmark.plotting;

  // A line for each stretch of runs that may be compared.
  function stretches(points) {
    const parts = [];
    for (const point of points) {
      if (!parts.length || point.broken.length) parts.push([]);
      if (point.e) parts.at(-1).push(point);
    }
    return parts.filter((part) => part.length);
  }

  interpmark.trend = (data) => {
    const found = figureOf("trend");
    if (!found || !data.series.length) return;
    found.figure.hidden = false;
    const unique = (list) => [...new Set(list)];
    const state = { fixture: data.series[0].fixture, kind: data.series[0].kind, measure: null };
    const chosen = () => data.series.filter((one) => one.fixture === state.fixture && one.kind === state.kind);
    // A numbered run by its number, a named one by its name; of many runs some are named on the axis.
    const label = (run) => `${text(run.label.match(/^\d+(?=_)/)?.[0] ?? run.label)}<br>${text(run.commit.slice(0, 7))}`;
    const every = Math.ceil(data.runs.length / 12);
    const marked = data.runs.map((_, index) => index).filter((index) => index % every === 0);

    function update() {
      const scored = unique(chosen().filter((one) => one.points.some((point) => point.e)).map((one) => one.measure));
      if (!scored.includes(state.measure)) state.measure = scored[0];
      const pairs = unique(data.series.map((one) => JSON.stringify([one.fixture, one.kind])));
      found.controls.replaceChildren(
        select("fixture", pairs.map((pair) => [pair, JSON.parse(pair).join(", ") + "s"]), JSON.stringify([state.fixture, state.kind]), (pair) => {
          [state.fixture, state.kind] = JSON.parse(pair);
          update();
        }),
        select("measure", scored.map((measure) => [measure, titled(measure, state.kind)]), state.measure, (measure) => {
          state.measure = measure;
          update();
        }),
      );
      if (found.canvas.dataset.drawn) redraw(found.canvas);
    }

    function build() {
      const series = chosen().filter((one) => one.measure === state.measure);
      const traces = series.flatMap((one, place) => {
        const control = one.role !== "method";
        const tone = control ? colour("muted") : PALETTE[place % PALETTE.length];
        return stretches(one.points).map((part, index) => ({
          type: "scatter", mode: "lines+markers", name: text(one.method), legendgroup: one.method, showlegend: index === 0,
          x: part.map((point) => point.run), y: part.map((point) => point.e[0]),
          error_y: { ...errors(part.map((point) => point.e)), color: tone }, line: { color: tone, width: 1.5, dash: control ? "dot" : "solid" },
          marker: { color: tone, size: part.map((point) => (point.source ? 11 : 7)), symbol: part.map((point) => (point.source ? "diamond" : "circle")) },
          hovertemplate: part.map((point) => `<b>${text(one.method)}</b><br>run ${text(data.runs[point.run].label)}, ${text(data.runs[point.run].saved.slice(0, 10))}<br>${point.e[3]} ${point.e[4]}${point.source ? "<br>its source changed" : ""}<extra></extra>`),
        }));
      });
      const breaks = unique(series.flatMap((one) => one.points.filter((point) => point.broken.length).map((point) => point.run)));
      return {
        traces,
        layout: layout("run", titled(state.measure, state.kind), {
          ...sized(found.canvas, series.length),
          xaxis: { tickmode: "array", tickvals: marked, ticktext: marked.map((index) => label(data.runs[index])) },
          shapes: breaks.map((run) => ({ type: "line", yref: "paper", y0: 0, y1: 1, x0: run - 0.5, x1: run - 0.5, line: { color: colour("line-strong"), width: 1, dash: "dash" } })),
        }),
      };
    }

    update();
    draw(found.canvas, () => `${measures[state.measure].title} along ${data.runs.length} saved runs; the table below lists them`, build);
  };
})();
