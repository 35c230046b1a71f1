// The parts of both widgets: elements made of text nodes (never of HTML), and the progress of a run.

function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else made.setAttribute(name, value === true ? "" : String(value));
  }
  made.append(...children.flat(2).filter((child) => child !== null && child !== undefined && child !== ""));
  return made;
}

function bar(label, done, total, className = "") {
  const known = total > 0;
  const share = known ? Math.min(1, done / total) : 0;
  const inner = element("div", { class: "fsapi-fill", style: `width:${(share * 100).toFixed(1)}%` });
  return element(
    "div",
    {
      class: `fsapi-bar ${className} ${known ? "" : "fsapi-unknown"}`,
      role: "progressbar",
      "aria-label": label,
      "aria-valuemin": known ? 0 : null,
      "aria-valuemax": known ? total : null,
      "aria-valuenow": known ? done : null,
    },
    inner,
  );
}

function seconds(value) {
  if (value === null || value === undefined) return "";
  if (value < 60) return `${Math.floor(value)} s`;
  return `${Math.floor(value / 60)} min ${Math.floor(value % 60)} s`;
}

function table(caption, columns, rows, className = "") {
  const head = element("tr", {}, columns.map((name) => element("th", { scope: "col" }, name)));
  const body = rows.map((row) => [
    element("tr", { class: row.className || "" }, row.cells.map((cell) => element("td", {}, String(cell ?? "")))),
    // A long text that belongs to the whole row is shown below it, so that the table fits a narrow page.
    row.below
      ? element("tr", { class: `fsapi-below ${row.className || ""}` }, element("td", {}), element("td", { colspan: columns.length - 1 }, element("code", {}, row.below)))
      : null,
  ]);
  return element(
    "table",
    { class: `fsapi-table ${className}` },
    element("caption", {}, caption),
    element("thead", {}, head),
    element("tbody", {}, body),
  );
}

function blockers(sessions, retries) {
  const rows = sessions.map((each) => ({
    className: each.part === "blocks" ? "fsapi-blocks" : "fsapi-waits",
    cells: [
      each.part === "blocks" ? "blocks us" : "waits behind us",
      each.pid || "", each.user, each.application, each.state, seconds(each.seconds), each.mode, each.lock,
    ],
    below: each.query,
  }));
  const again = retries > 0 ? `, tried ${retries} time${retries === 1 ? "" : "s"} so far` : "";
  const columns = ["", "pid", "user", "application", "state", "for", "mode", "lock"];
  return element("div", { class: "fsapi-scroll" }, table(`Who blocks whom${again}`, columns, rows, "fsapi-blockers"));
}

// The clock of a run: the browser counts the seconds, so that the kernel need not send them.
function clock() {
  const began = Date.now();
  const shown = element("span", { class: "fsapi-clock" }, "0 s");
  const timer = setInterval(() => { shown.textContent = seconds((Date.now() - began) / 1000); }, 500);
  return { shown, stop: () => clearInterval(timer) };
}

function drawProgress(state, elapsed) {
  const step = state.steps ? `step ${Math.min(state.done + 1, state.steps)} of ${state.steps}` : "";
  const words = [state.verb, step].filter(Boolean).join(": ") || "starting";
  const parts = [
    element("div", { class: "fsapi-row" }, element("strong", {}, words), elapsed),
    bar("steps", state.done || 0, state.steps || 0),
  ];
  if (state.statement) {
    const since = state.elapsed ? `  (${seconds(state.elapsed)})` : "";
    parts.push(element("code", { class: "fsapi-statement" }, state.statement + since));
  }
  if (state.server) {
    const share = state.server.fraction === null ? "" : ` ${Math.floor(state.server.fraction * 100)} %`;
    parts.push(
      element("div", { class: "fsapi-server" }, `${state.server.text}${share}`, element("span", { class: "fsapi-dim" }, ` ${state.server.count}`)),
      bar("server", state.server.fraction ?? 0, state.server.fraction === null ? 0 : 1, "fsapi-thin"),
    );
  }
  if (state.waiting) parts.push(element("div", { class: "fsapi-waiting" }, state.waiting));
  if (state.sessions && state.sessions.length) parts.push(blockers(state.sessions, state.retries));
  if (state.notices && state.notices.length) {
    const hidden = state.heard - state.notices.length;
    const lines = state.notices.map(([migration, text]) => element("div", {}, element("span", { class: "fsapi-dim" }, `${migration} `), text));
    if (hidden > 0) lines.unshift(element("div", { class: "fsapi-dim" }, `… ${hidden} before`));
    const log = element("div", { class: "fsapi-notices", role: "log", "aria-label": "notices" }, lines);
    parts.push(log);
    requestAnimationFrame(() => { log.scrollTop = log.scrollHeight; });
  }
  return parts;
}
