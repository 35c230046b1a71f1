
// A plan: what is dangerous first, then its steps with their statements, each with its SQL folded. `link` makes a link.

// A text in pieces: plain text, and links to migrations.
function drawPieces(pieces, link) {
  return pieces.map((piece) => (typeof piece === "string" ? piece : link(piece.text, piece.name, piece.line)));
}

function coloured(pieces) {
  return pieces.map(([kind, text]) => (kind ? element("span", { class: `fsapi-${kind}` }, text) : text));
}

function drawAlert(alert, link, between = element("br")) {
  return element("li", { class: alert.grave ? "fsapi-grave" : "fsapi-serious" },
    element("strong", {}, `${alert.label}: `),
    alert.texts.map((text, index) => [index ? between.cloneNode(true) : null, element("bdi", {}, drawPieces(text, link))]),
    alert.more ? " …" : null);
}

function drawPlan(plan, link, label) {
  return [
    element("div", {}, element("bdi", {}, plan.headline)),
    plan.alerts.length ? element("ul", { class: "fsapi-alerts", "aria-label": "What is dangerous" }, plan.alerts.map((each) => drawAlert(each, link))) : null,
    ...plan.notes.map((note) => element("div", { class: "fsapi-noted" }, drawPieces(note, link))),
    plan.rows.length ? element("ul", { class: "fsapi-steps", tabindex: "0", "aria-label": label }, plan.rows.map((row) => drawRow(row, link))) : null,
    plan.shortened ? element("div", { class: "fsapi-dim" }, plan.shortened) : null,
  ].filter(Boolean);
}

// What a statement takes away, blocks and works on stands beside what it does, under these words.
const EFFECTS = { loses: "loses", blocks: "blocks", work: "work" };

function drawRow(row, link) {
  if (row.heading) {
    const pieces = drawPieces(row.heading, link);
    return element("li", { class: "fsapi-heading" }, row.strong ? element("strong", {}, pieces) : pieces);
  }
  const is = (...names) => (cell) => names.includes(cell.column);
  const effects = row.cells.filter(is(...Object.keys(EFFECTS)));
  const words = row.cells.filter((cell) => !EFFECTS[cell.column]);
  return element("li", { class: "fsapi-step" },
    element("span", { class: "fsapi-number" }, words.filter(is("line", "step")).map((cell) => drawPieces(cell.text, link))),
    element("div", { class: "fsapi-what" },
      element("div", { class: "fsapi-does" }, words.filter((cell) => !is("line", "step")(cell)).map((cell) => drawCell(cell, link))),
      effects.length ? element("div", { class: "fsapi-effects" }, effects.map((cell) => element("div", { "data-effect": cell.column },
        element("span", { class: "fsapi-dim" }, `${EFFECTS[cell.column]}: `), element("bdi", {}, drawPieces(cell.text, link))))) : null));
}

function drawCell(cell, link) {
  const text = element("bdi", {}, drawPieces(cell.text, link));
  if (!cell.sql) return element("div", {}, text);
  return element("details", {},
    element("summary", {}, text, cell.hint ? [element("br"), element("code", { class: "fsapi-dim" }, cell.hint)] : null),
    element("pre", {}, element("code", {}, coloured(cell.sql))));
}

function drawPreview(preview, link) {
  return [
    element("bdi", { class: preview.refused ? "fsapi-refused" : "" }, drawPieces(preview.says, link)),
    preview.does ? element("bdi", {}, preview.does) : null,
    preview.calm ? element("span", { class: "fsapi-dim" }, preview.calm) : null,
    preview.dangers.length ? element("ul", { class: "fsapi-alerts" }, preview.dangers.map((each) => drawAlert(each, link, document.createTextNode("; ")))) : null,
  ].filter(Boolean);
}
