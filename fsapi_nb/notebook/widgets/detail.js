
// One migration in detail: its scripts with the numbers of their lines, what would run next, attempts, difference.

function drawMigration(shown, link) {
  const parts = [element("strong", {}, element("bdi", {}, shown.headline))];
  if (shown.problems.length) parts.push(element("pre", { class: "fsapi-minus" }, shown.problems.map((line) => [...drawPieces(line, link), "\n"])));
  // Of what is to be applied the plan comes first; of what is applied it is only what a rollback would do.
  const plan = shown.plan ? [element("h4", {}, "Next"), ...drawPlan(shown.plan, link, "What would run next")] : [];
  if (!shown.applied) parts.push(...plan);
  for (const script of shown.scripts) {
    parts.push(element("h4", {}, script.title), element("pre", { class: "fsapi-script" }, element("code", {}, drawLines(script))));
  }
  if (shown.irreversible) parts.push(element("p", { class: "fsapi-dim" }, "No DOWN: it is irreversible."));
  if (shown.applied) parts.push(...plan);
  if (shown.refusal.length) parts.push(element("h4", {}, "Next"), element("pre", { class: "fsapi-minus" }, drawPieces(shown.refusal, link)));
  if (shown.difference.length) {
    const colours = { "+": "fsapi-plus", "-": "fsapi-minus" };
    const lines = shown.difference.map((line) => element("span", { class: colours[line[0]] || "" }, `${line}\n`));
    parts.push(element("h4", {}, "The file differs from what ran"), element("pre", {}, lines));
  }
  if (shown.events.length) {
    const columns = ["when", "event", "state", "step", "took", "by", "message"];
    const kept = columns.map((_, index) => index).filter((index) => shown.events.some((cells) => cells[index]));
    const rows = shown.events.map((cells) => ({ cells: kept.map((index) => cells[index]) }));
    parts.push(element("div", { class: "fsapi-scroll" }, table("Attempts", kept.map((index) => columns[index]), rows)));
  }
  return parts;
}

// A script line by line: each is an element of its own, so that a link can lead to it.
function drawLines(script) {
  const lines = [[]];
  for (const [kind, text] of script.pieces) {
    text.split("\n").forEach((part, index) => {
      if (index) lines.push([]);
      if (part) lines.at(-1).push(kind ? element("span", { class: `fsapi-${kind}` }, part) : part);
    });
  }
  return lines.map((line, index) => element("span", {
    class: "fsapi-line", "data-line": script.line === null ? null : script.line + index,
  }, line, "\n"));
}

// Scrolls to a line and marks it; the number is 0 where none is meant. Says whether a line was found.
function showLine(detail, line) {
  if (!line) return false;
  const found = detail.querySelector(`[data-line="${Number(line)}"]`);
  for (const each of detail.querySelectorAll(".fsapi-here")) { each.classList.remove("fsapi-here"); each.removeAttribute("aria-current"); }
  if (!found) return false;
  found.classList.add("fsapi-here");
  found.setAttribute("aria-current", "location");
  detail.scrollTop += found.getBoundingClientRect().top - detail.getBoundingClientRect().top - detail.clientHeight / 3;
  return true;
}
