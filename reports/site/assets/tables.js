// Tables: interval bars, sorting, filtering. Controls and oracles stay below the methods however a table is sorted.
"use strict";
(() => {
  const { el, svg, select, measures, titled, badness, root } = interpmark;
  const ROLES = ["method", "control", "oracle"];
  const WIDTH = 52;
  const HEIGHT = 10;

  // Empty cells come last in both directions.
  const numeric = (sign) => (a, b) => {
    const [x, y] = [parseFloat(a), parseFloat(b)];
    if (Number.isNaN(x) || Number.isNaN(y)) return Number.isNaN(x) - Number.isNaN(y);
    return sign * (x - y);
  };
  DataTable.ext.type.order["estimate-asc"] = numeric(1);
  DataTable.ext.type.order["estimate-desc"] = numeric(-1);
  DataTable.ext.errMode = "throw";

  // The scale of a column is that of its methods: a control that breaks the model would press all others into a dot.
  function domain(ends) {
    const values = ends.flat().filter(Number.isFinite);
    if (!values.length) return null;
    const low = Math.min(...values);
    const high = Math.max(...values);
    const pad = (high - low || Math.abs(high) || 1) * 0.04;
    return [low - pad, high + pad];
  }

  function bar(low, value, high, [from, to]) {
    const place = (number) => Math.min(Math.max(((number - from) / (to - from)) * WIDTH, 1.5), WIDTH - 1.5);
    const [x1, x, x2] = [low, value, high].map(place);
    const off = value < from || value > to;
    const dot = off
      ? svg("path", { class: "off", d: value > to ? `M${WIDTH - 6} 1 L${WIDTH} 5 L${WIDTH - 6} 9 Z` : "M6 1 L0 5 L6 9 Z" })
      : svg("circle", { cx: x, cy: HEIGHT / 2, r: 2.6 });
    return svg(
      "svg",
      { class: "bar-line", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, width: WIDTH, height: HEIGHT, "aria-hidden": "true" },
      svg("line", { class: "track", x1: 0, x2: WIDTH, y1: HEIGHT / 2, y2: HEIGHT / 2 }),
      svg("line", { class: "range", x1, x2: Math.max(x2, x1 + 0.5), y1: HEIGHT / 2, y2: HEIGHT / 2 }),
      dot,
    );
  }

  function drawBars(table) {
    const rows = [...table.tBodies[0].rows];
    for (let column = 1; column < table.tHead.rows[0].cells.length; column++) {
      const cells = rows.map((row) => [row, row.cells[column]]).filter(([, cell]) => cell?.dataset.low);
      const ends = (list) => list.map(([, cell]) => [Number(cell.dataset.low), Number(cell.dataset.high)]);
      const scale = domain(ends(cells.filter(([row]) => row.dataset.role === "method"))) ?? domain(ends(cells));
      for (const [, cell] of cells) {
        const { low, high, order } = cell.dataset;
        cell.querySelector(".value").after(bar(Number(low), Number(order), Number(high), scale));
      }
    }
  }

  function columnTypes(table) {
    return [...table.tHead.rows[0].cells].map((cell) => (cell.classList.contains("num") ? { type: "estimate" } : {}));
  }

  // A first, hidden column holds the role, and every order begins with it.
  function withRoles(table) {
    table.tHead.rows[0].append(el("th", {}, "role"));
    for (const row of table.tBodies[0].rows) row.append(el("td", {}, String(ROLES.indexOf(row.dataset.role))));
    return table.tHead.rows[0].cells.length - 1;
  }

  function enhance(table) {
    drawBars(table);
    const types = columnTypes(table);
    const role = withRoles(table);
    const api = new DataTable(table, {
      columns: [...types, { type: "estimate", visible: false, searchable: false }],
      order: [],
      orderFixed: { pre: [[role, "asc"]] },
      paging: false,
      info: false,
      autoWidth: false,
      layout: { topStart: null, topEnd: null, bottomStart: null, bottomEnd: null },
    });
    const toolbar = table.closest(".card").querySelector(".toolbar");
    if (toolbar) wire(toolbar, api, table);
  }

  function wire(toolbar, api, table) {
    const count = toolbar.querySelector(".count");
    const total = api.rows().count();
    const left = new Set();
    api.search.fixed("role", (_text, _data, index) => !left.has(api.row(index).node().dataset.role));
    const tell = () => {
      const shown = api.rows({ search: "applied" }).count();
      count.textContent = shown === total ? `${total} rows` : `${shown} of ${total} rows`;
    };
    toolbar.querySelector("input[type=search]").addEventListener("input", (event) => api.search(event.target.value).draw());
    for (const box of toolbar.querySelectorAll("[data-role]")) {
      box.addEventListener("change", () => {
        left[box.checked ? "delete" : "add"](box.dataset.role);
        api.draw();
      });
    }
    api.on("draw", tell);
    tell();
    table.dataset.ready = "true";
  }

  // --- the table of all results -------------------------------------------------------------------------------

  // What a column is ordered by; what it shows is drawn by fillEstimate.
  const orderOf = (estimate) => (estimate ? String(estimate[0]) : "");

  function fillEstimate(cell, estimate, address, scale) {
    cell.classList.add("num");
    if (!estimate) {
      cell.classList.add("none");
      cell.replaceChildren("–");
      return;
    }
    const [value, low, high, text, interval] = estimate;
    cell.replaceChildren(
      el("a", { class: "value", tabindex: "-1", href: `#cell/${address}` }, text),
      scale ? bar(low, value, high, scale) : "",
      el("span", { class: "interval" }, interval),
    );
  }

  function address(data, row) {
    return `${data.fixtures[row.fixture].slug}/${row.id}`;
  }

  function link(href, text, attributes = {}) {
    return el("a", { href, ...attributes }, text);
  }

  // Several columns are drawn from one row of the data, each by a function (cell, row) and ordered by a value.
  function allResults(data, kind) {
    const columns = data.columns[kind];
    const rows = data.rows.filter((row) => row.kind === kind);
    const used = columns.map((_, index) => rows.some((row) => row.e[index]));
    const scales = columns.map((_, index) =>
      domain(rows.filter((row) => row.role === "method" && row.e[index]).map((row) => row.e[index].slice(1, 3))),
    );
    const text = (title, value, fill) => ({
      title, data: value, className: "dt-text", render: DataTable.render.text(),
      createdCell: (cell, _value, row) => cell.replaceChildren(...[fill(row)].flat()),
    });
    const named = [
      text("method", (row) => row.method, (row) => [
        link(`#cell/${address(data, row)}`, row.method, { class: "open" }),
        row.role === "method" ? "" : el("span", { class: "tag" }, row.role),
        row.failure ? el("span", { class: "failure" }, row.failure) : "",
      ]),
      text("fixture", (row) => data.fixtures[row.fixture].name, (row) => {
        const { slug, concept, where } = data.fixtures[row.fixture];
        return [link(`${root}fixtures/${slug}.html`, concept), el("small", {}, where)];
      }),
    ];
    const estimates = columns
      .map((measure, index) => ({
        title: titled(measure, kind),
        type: "estimate",
        className: "num",
        orderSequence: ["asc", "desc"],
        searchable: false,
        data: (row) => orderOf(row.e[index]),
        createdCell: (cell, _value, row) => fillEstimate(cell, row.e[index], `${address(data, row)}/${measure}`, scales[index]),
      }))
      .filter((_, index) => used[index]);
    const role = { title: "role", type: "estimate", data: (row) => String(ROLES.indexOf(row.role)), visible: false, searchable: false };
    return { rows, columns: [...named, ...estimates, role] };
  }

  function showAll(card, data) {
    const region = card.querySelector(".scroll");
    const filters = card.querySelector(".filters");
    const state = { kind: Object.keys(data.columns)[0], subject: "", concept: "", text: "", control: true, oracle: true };
    const unique = (values) => [...new Set(values)].sort();
    let api = null;

    function rebuild() {
      const { rows, columns } = allResults(data, state.kind);
      const table = el("table", { class: "results all" }, el("caption", { class: "hidden" }, `All results of ${state.kind}s`));
      region.replaceChildren(table);
      api = new DataTable(table, {
        data: rows,
        columns,
        deferRender: true,
        order: [],
        orderFixed: { pre: [[columns.length - 1, "asc"]] },
        pageLength: 50,
        lengthMenu: [25, 50, 100, 500],
        autoWidth: false,
        createdRow: (row, one) => {
          row.dataset.role = one.role;
        },
        layout: { topStart: null, topEnd: null, bottomStart: "info", bottomEnd: ["pageLength", "paging"] },
      });
      api.search.fixed("choices", (_text, row) => {
        const fixture = data.fixtures[row.fixture];
        return (
          (state[row.role] ?? true) &&
          (!state.concept || fixture.concept === state.concept) &&
          (!state.subject || (fixture.subject || "planted") === state.subject)
        );
      });
      api.search(state.text).draw();
      table.dataset.ready = "true";
    }

    const choose = (name) => (value) => {
      state[name] = value;
      if (name === "kind") rebuild();
      else api.draw();
    };
    const all = (values) => [["", "all"], ...unique(values).map((value) => [value, value])];
    const kinds = Object.keys(data.columns);
    const search = el("input", { type: "search", placeholder: "Filter methods and fixtures", oninput: (event) => {
      state.text = event.target.value;
      api.search(state.text).draw();
    } });
    filters.append(
      el("label", { class: "search" }, el("span", { class: "hidden" }, "Filter methods and fixtures"), search),
      kinds.length > 1 ? interpmark.select("kind", kinds.map((kind) => [kind, `${kind}s`]), state.kind, choose("kind")) : "",
      interpmark.select("subject", all(data.fixtures.map((fixture) => fixture.subject || "planted")), "", choose("subject")),
      interpmark.select("concept", all(data.fixtures.map((fixture) => fixture.concept)), "", choose("concept")),
      ...["control", "oracle"].map((role) =>
        el("label", { class: "check" }, el("input", { type: "checkbox", checked: true, onchange: (event) => {
          state[role] = event.target.checked;
          api.draw();
        } }), ` ${role}s`)),
    );
    rebuild();
  }

  // --- methods by fixtures ------------------------------------------------------------------------------------

  // Five shades by place within the column; those in words are in the numbers themselves.
  function shade(place, count) {
    return count < 2 ? 0 : 5 - Math.min(Math.floor((place / (count - 1)) * 5), 4);
  }

  function matrix(card, data) {
    const kinds = Object.keys(data.columns);
    if (!kinds.length || data.fixtures.length < 2) return;
    card.hidden = false;
    const state = { kind: kinds[0], measure: null };
    const controls = card.querySelector(".controls");

    function choices() {
      const columns = data.columns[state.kind].filter((_, index) =>
        data.rows.some((row) => row.kind === state.kind && row.e[index]));
      if (!columns.includes(state.measure)) state.measure = columns[0];
      controls.replaceChildren(
        kinds.length > 1 ? select("kind", kinds.map((kind) => [kind, `${kind}s`]), state.kind, (kind) => {
          state.kind = kind;
          draw();
        }) : "",
        select("measure", columns.map((measure) => [measure, titled(measure, state.kind)]), state.measure, (measure) => {
          state.measure = measure;
          draw();
        }),
      );
    }

    function draw() {
      choices();
      const index = data.columns[state.kind].indexOf(state.measure);
      const rows = data.rows.filter((row) => row.kind === state.kind);
      const places = [...new Set(rows.map((row) => row.fixture))].sort((a, b) => a - b)
        .filter((place) => rows.some((row) => row.fixture === place && row.e[index]));
      const methods = new Map();
      for (const row of rows) {
        if (!methods.has(row.method)) methods.set(row.method, { row, found: {} });
        methods.get(row.method).found[row.fixture] = row;
      }
      const shades = Object.fromEntries(places.map((place) => [place, columnShades(rows, place, index)]));
      const head = el("tr", {}, el("th", { scope: "col" }, "method"), places.map((place) => fixtureHead(data.fixtures[place])));
      const body = [...methods.values()].map(({ row, found }) =>
        el("tr", { "data-role": row.role },
          el("th", { scope: "row" }, link(`${root}methods/${row.page}.html`, row.method),
            row.role === "method" ? null : el("span", { class: "tag" }, row.role)),
          places.map((place) => matrixCell(data, found[place], index, shades[place])),
        ));
      const table = el("table", { class: "results matrix" },
        el("caption", { class: "hidden" }, `${measures[state.measure].title} of each method on each fixture`),
        el("thead", {}, head), el("tbody", {}, body));
      card.querySelector(".scroll").replaceChildren(table);
      const types = columnTypes(table);
      const role = withRoles(table);
      new DataTable(table, {
        columns: [...types, { type: "estimate", visible: false, searchable: false }],
        order: [], orderFixed: { pre: [[role, "asc"]] }, paging: false, info: false, searching: false, autoWidth: false,
        layout: { topStart: null, topEnd: null, bottomStart: null, bottomEnd: null },
      });
      table.dataset.ready = "true";
    }

    function columnShades(rows, place, index) {
      const scored = rows
        .filter((row) => row.fixture === place && row.role === "method" && row.e[index])
        .map((row) => [row.id, badness(row.e[index][0], state.measure, state.kind)])
        .filter(([, bad]) => bad !== null);
      const order = [...new Set(scored.map(([, bad]) => bad))].sort((a, b) => a - b);
      return Object.fromEntries(scored.map(([id, bad]) => [id, shade(order.indexOf(bad), order.length)]));
    }

    draw();
  }

  function fixtureHead(fixture) {
    const where = [fixture.subject, fixture.block === null ? "" : `block ${fixture.block}`].filter(Boolean).join(", ");
    return el("th", { scope: "col", class: "num", title: fixture.name }, fixture.concept, where ? el("small", {}, where) : null);
  }

  function matrixCell(data, row, index, shades) {
    const estimate = row?.e[index];
    if (!estimate) return el("td", { class: "num none", "data-order": "" }, row?.failure ? "error" : "–");
    const [value, , , text, interval] = estimate;
    const measure = data.columns[row.kind][index];
    const place = shades[row.id];
    return el("td", { class: "num", "data-order": value, "data-shade": place ?? null },
      link(`#cell/${address(data, row)}/${measure}`, text, { class: "value", tabindex: "-1" }),
      el("span", { class: "interval" }, interval));
  }

  Object.assign(interpmark, { enhance, showAll, matrix, bar, domain });
})();
