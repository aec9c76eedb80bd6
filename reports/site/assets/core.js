// What the other scripts share: data that arrives as scripts, elements, colours.
"use strict";
const interpmark = (() => {
  const root = document.body.dataset.root;
  const received = {};
  const loading = {};

  function embedded(id) {
    const element = document.getElementById(id);
    return element ? JSON.parse(element.textContent) : null;
  }

  // A page in a folder may not fetch, but it may load a script of the same folder.
  function load(name) {
    if (name in received) return Promise.resolve(received[name]);
    loading[name] ??= new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = `${root}data/${name}.js`;
      script.onload = () => (name in received ? resolve(received[name]) : reject(new Error(`${name} is empty`)));
      script.onerror = () => {
        delete loading[name];
        reject(new Error(`data/${name}.js is not there`));
      };
      document.head.append(script);
    });
    return loading[name];
  }

  // Children are nodes or text; text is never read as HTML.
  function el(tag, attributes = {}, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
      else if (value === true) element.setAttribute(name, "");
      else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
    }
    element.append(...children.flat().filter((child) => child !== null && child !== undefined));
    return element;
  }

  function svg(tag, attributes, ...children) {
    const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...children);
    return element;
  }

  function select(label, options, chosen, onchange) {
    const list = el(
      "select",
      { onchange: (event) => onchange(event.target.value) },
      options.map(([value, text]) => el("option", { value, selected: String(value) === String(chosen) }, text)),
    );
    return el("label", { class: "choice" }, el("span", {}, label), list);
  }

  // A colour of the style sheet, resolved for the theme that is shown.
  function colour(name) {
    const probe = el("span", { hidden: true });
    probe.style.color = `var(--${name})`;
    document.body.append(probe);
    const found = getComputedStyle(probe).color;
    probe.remove();
    return found;
  }

  const ARROWS = { lower: " ↓", higher: " ↑", one: " →1" };
  const measures = embedded("measures");
  const better = (measure, kind) => measures[measure]?.better[kind] ?? "context";
  const titled = (measure, kind) => measures[measure].title + (ARROWS[better(measure, kind)] ?? "");

  // How far from good, so that smaller is better whatever the direction; null where no direction is good.
  function badness(value, measure, kind) {
    return { lower: value, higher: -value, one: Math.abs(value - 1) }[better(measure, kind)] ?? null;
  }

  return {
    root, load, embedded, el, svg, select, colour, measures, better, titled, badness,
    receive: (name, data) => { received[name] = data; },
    received: (name) => received[name],
  };
})();
