"use strict";
// Draws the charts, sorts the tables, and keeps limits, charts and tables in step.
(() => {
  const views = [];
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;

  const value = (row, key) => {
    const text = row.dataset[key];
    return text === undefined || text === "" ? null : Number(text);
  };

  // A cell knows its figure; a row without one stays last, whichever way is asked for.
  const sort = (header) => {
    const table = header.closest("table");
    const column = [...header.parentNode.children].indexOf(header);
    const down = header.getAttribute("aria-sort") === "ascending";
    for (const other of header.parentNode.children) other.removeAttribute("aria-sort");
    header.setAttribute("aria-sort", down ? "descending" : "ascending");
    const body = table.tBodies[0];
    const rows = [...body.rows].map((row) => {
      const cell = row.cells[column];
      const figure = cell.dataset.value;
      return { row, figure: figure === undefined ? null : Number(figure), text: cell.textContent };
    });
    rows.sort((a, b) => {
      if (a.figure === null && b.figure === null) {
        return (down ? -1 : 1) * a.text.localeCompare(b.text);
      }
      if (a.figure === null) return 1;
      if (b.figure === null) return -1;
      return (down ? -1 : 1) * (a.figure - b.figure);
    });
    for (const { row } of rows) body.append(row);
  };
  for (const button of document.querySelectorAll("thead button")) {
    button.addEventListener("click", () => sort(button.closest("th")));
  }

  // A row that breaks a limit is struck out, and says so to those who listen.
  const inputs = [...document.querySelectorAll(".limits input")];
  const mark = () => {
    for (const row of document.querySelectorAll("tr[data-variant]")) {
      const broken = inputs.filter((input) => {
        if (input.value === "") return false;
        const figure = value(row, input.dataset.figure);
        if (figure === null) return true;
        return input.dataset.bound === "least"
          ? figure < Number(input.value)
          : figure > Number(input.value);
      });
      row.classList.toggle("breaks", broken.length > 0);
      const words = broken.map((input) => input.closest("label").textContent.trim()).join(", ");
      if (words) row.title = `breaks: ${words}`;
      else row.removeAttribute("title");
    }
  };
  const tell = (name, figure) => {
    for (const view of views) {
      const signals = view.getState({ signals: (key) => key === name, data: () => false }).signals;
      if (name in signals && signals[name] !== figure) view.signal(name, figure).runAsync();
    }
  };
  for (const input of inputs) {
    input.addEventListener("input", () => {
      tell(input.dataset.signal, input.value === "" ? null : Number(input.value));
      mark();
    });
  }

  // In a narrow window a chart is drawn narrower, so that its text stays as large as it is.
  const fit = async (view, spec, place) => {
    const over = place.querySelector("svg").width.baseVal.value - place.clientWidth;
    if (over <= 0) return;
    const panels = (spec.signals || []).filter(({ name, value }) =>
      typeof value === "number" && /^(child_?[wW]idth|concat_\d+_width)$/.test(name));
    for (const { name, value } of panels) view.signal(name, Math.max(160, value - over));
    if (typeof spec.width === "number") view.width(Math.max(160, spec.width - over));
    await view.resize().runAsync();
  };

  const charts = JSON.parse(document.getElementById("charts").textContent);
  const draw = async (key, spec) => {
    const place = document.getElementById(key);
    const { view } = await vegaEmbed(place, spec, {
      bind: document.getElementById(`${key}-controls`) || undefined, mode: "vega", renderer: "svg", actions: false, ast: true, hover: !still,
      tooltip: { theme: "custom", disableDefaultStyle: false },
    });
    views.push(view);
    await fit(view, spec, place);
    const drawn = place.querySelector("svg");
    if (drawn) {
      drawn.setAttribute("aria-hidden", "true");
      drawn.setAttribute("focusable", "false");
    }
    for (const input of inputs) {
      const name = input.dataset.signal;
      if ((spec.signals || []).some((signal) => signal.name === name)) {
        view.addSignalListener(name, (_, figure) => {
          if (figure === null || Number(input.value) === figure) return;
          input.value = Number(figure.toPrecision(4));
          tell(name, figure);
          mark();
        });
        if (input.value !== "") view.signal(name, Number(input.value)).runAsync();
      }
    }
  };
  mark();
  const drawing = Object.entries(charts).map(([key, spec]) => draw(key, spec));
  Promise.all(drawing).then(() => { document.body.dataset.drawn = String(drawing.length); });
})();
