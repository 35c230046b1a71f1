
// The panel: a list that is searched in the browser, one migration in detail, and three buttons that only propose.
// The kernel answers a button with a plan, which runs when it is confirmed.

const BUTTONS = [["next", "Apply next"], ["all", "Apply all"], ["back", "Roll back last"]];
let panels = 0;

function render({ model, el }) {
  const view = `fsapi-${Date.now().toString(36)}-${panels++}`;
  const send = (message) => model.send(message);
  const undo = [];
  const on = (names, draw) => {
    for (const name of names.split(" ")) {
      model.on(`change:${name}`, draw);
      undo.push(() => model.off(`change:${name}`, draw));
    }
    draw();
  };
  // A click counts once: from here until the kernel has answered, nothing else can be clicked.
  let waiting = false;
  let gone = "";
  const isOff = () => waiting || Boolean(gone) || Boolean(model.get("busy")) || Boolean((model.get("database") || {}).runner);
  const act = (message) => {
    if (isOff()) return;
    waiting = true;
    drawButtons();
    send(message);
  };
  // A button that is off is not disabled: a browser takes the focus from a disabled button, and keyboard users lose it.
  const turn = (button, off) => button.setAttribute("aria-disabled", String(off));
  const press = (run) => (event) => {
    if (event.currentTarget.getAttribute("aria-disabled") !== "true") run(event);
  };

  // -- the head: which database this is
  const head = element("div", { class: "fsapi-head" });
  const drawHead = () => {
    const database = model.get("database") || {};
    head.className = `fsapi-head ${database.protected ? "fsapi-protected" : ""}`;
    head.replaceChildren(
      element("span", { class: "fsapi-database" }, element("bdi", {}, database.name || "")),
      ...(database.protected ? [element("span", { class: "fsapi-badge" }, "PROTECTED")] : []),
      element("span", { class: "fsapi-dim" }, [database.known_as, database.place].filter(Boolean).join(", ")),
      element("span", {}, element("bdi", {}, database.summary || "")),
      ...(database.runner && !model.get("busy")
        ? [element("span", { class: "fsapi-notice" }, "a runner is at work: ", element("bdi", {}, database.runner))]
        : []),
      ...(model.get("offline") ? [element("span", { class: "fsapi-notice" }, `not connected: ${model.get("offline")}`)] : []),
      ...(gone ? [element("span", { class: "fsapi-notice", role: "alert" }, gone)] : []),
    );
  };
  on("database offline busy", drawHead);

  // -- the tools: search, filters, buttons
  let text = "";
  let wanted = "";
  const search = element("input", {
    type: "search", placeholder: "Search migrations", "aria-label": "Search migrations", "aria-controls": `${view}-list`,
    oninput: () => { text = search.value.toLowerCase(); filter(); },
    onkeydown: (event) => {
      if (event.key === "ArrowDown") { event.preventDefault(); list.focus(); move(0); }
    },
  });
  const filters = element("div", { class: "fsapi-tools", role: "group", "aria-label": "Filter by state" });
  const drawFilters = () => {
    const kept = filters.contains(document.activeElement) ? document.activeElement.dataset.state : null;
    const counts = model.get("counts") || [];
    if (wanted && !counts.some(([state]) => state === wanted)) wanted = "";
    filters.replaceChildren(...counts.map(([state, count]) => element("button", {
      type: "button", "data-state": state, "aria-pressed": String(wanted === state),
      onclick: () => { wanted = wanted === state ? "" : state; drawFilters(); filter(); },
    }, element("span", { class: "fsapi-state", "data-state": state }, state), ` ${count}`)));
    if (kept) filters.querySelector(`[data-state="${kept}"]`)?.focus();
  };
  const buttons = BUTTONS.map(([what, label]) => element("button", {
    type: "button", "data-do": what, class: what === "back" ? "" : "fsapi-main", "aria-describedby": `${view}-${what}`,
    onclick: press((event) => { asker = event.currentTarget; act({ do: "propose", what }); }),
  }, label));
  // Beside each button is what it would do, read before anybody clicks.
  const previews = BUTTONS.map(([what]) => element("div", { class: "fsapi-preview", id: `${view}-${what}` }));
  const drawPreviews = () => {
    const found = model.get("previews") || {};
    BUTTONS.forEach(([what], index) => {
      const focused = previews[index].contains(document.activeElement);
      previews[index].replaceChildren(...(found[what] ? drawPreview(found[what], link) : []));
      if (focused) (previews[index].querySelector(".fsapi-link") || buttons[index]).focus();
    });
  };
  const drawButtons = () => {
    const possible = model.get("possible") || [];
    const off = isOff();
    for (const button of buttons) turn(button, off || !possible.includes(button.dataset.do));
    for (const button of el.querySelectorAll("[data-run]")) turn(button, off);
    for (const button of el.querySelectorAll("[data-tell]")) turn(button, Boolean(gone));
  };

  // -- the list
  const list = element("ul", {
    class: "fsapi-list", role: "listbox", id: `${view}-list`, tabindex: "0", "aria-label": "Migrations",
    onkeydown: (event) => {
      const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10, Home: -Infinity, End: Infinity };
      if (event.key in steps) { event.preventDefault(); move(steps[event.key]); }
    },
  });
  const empty = element("div", { class: "fsapi-dim", role: "status" });
  let items = new Map();
  const drawList = () => {
    items = new Map();
    const scrolled = list.scrollTop;
    list.replaceChildren(...(model.get("rows") || []).map((row, index) => {
      const item = element("li", {
        class: "fsapi-item", role: "option", id: `${view}-${index}`, "aria-selected": "false", title: row.note,
        onclick: () => select(row.name),
      },
        element("span", { class: "fsapi-state", "data-state": row.state }, row.state),
        element("bdi", { class: "fsapi-name" }, row.shown),
        element("span", { class: "fsapi-dim" }, [row.at, row.by].filter(Boolean).join("  ")),
        row.note ? element("span", { class: "fsapi-note" }, element("bdi", {}, row.note)) : null,
      );
      items.set(row.name, { item, row, words: `${row.shown} ${row.state} ${row.by} ${row.note}`.toLowerCase() });
      return item;
    }));
    list.scrollTop = scrolled;
    filter();
    mark();
  };
  const filter = () => {
    let shown = 0;
    for (const { item, row, words } of items.values()) {
      const fits = (!wanted || row.state === wanted) && text.split(/\s+/).every((word) => words.includes(word));
      if (item.hidden === fits) item.hidden = !fits;
      shown += fits ? 1 : 0;
    }
    empty.textContent = shown === items.size ? "" : `${shown} of ${items.size} migrations`;
  };
  const mark = () => {
    const name = model.get("selected");
    list.removeAttribute("aria-activedescendant");
    for (const { item, row } of items.values()) {
      const chosen = row.name === name;
      if ((item.getAttribute("aria-selected") === "true") !== chosen) item.setAttribute("aria-selected", String(chosen));
      if (chosen) list.setAttribute("aria-activedescendant", item.id);
    }
  };
  const select = (name, line = 0) => {
    target = { name, line };
    if (model.get("selected") !== name) { model.set("selected", name); model.save_changes(); }
    mark();
    drawDetail();
  };
  const move = (step) => {
    const shown = [...items.values()].filter(({ item }) => !item.hidden);
    if (!shown.length) return;
    const now = shown.findIndex(({ row }) => row.name === model.get("selected"));
    const next = Math.max(0, Math.min(shown.length - 1, now < 0 ? 0 : now + step));
    select(shown[next].row.name);
    shown[next].item.scrollIntoView({ block: "nearest" });
  };

  // -- one migration in detail. A link leads there, to a line of the file; the focus stays on the link.
  const detail = element("section", { class: "fsapi-detail", role: "region", "aria-label": "Details", id: `${view}-detail`, tabindex: "0" });
  let target = null;
  let drawn = null;
  const link = (text, name, line) => element("span", {
    role: "link", tabindex: "0", class: "fsapi-link", "aria-controls": `${view}-detail`,
    title: line ? `Show line ${line}` : "Show this migration",
    onclick: (event) => { event.preventDefault(); follow(name, line); },
    onkeydown: (event) => { if (event.key === "Enter") { event.preventDefault(); follow(name, line); } },
  }, element("bdi", {}, text));
  const follow = (name, line) => {
    if (!items.has(name)) return;
    if (model.get("selected") === name && drawn === name) {
      target = { name, line };
      showTarget();
    } else {
      select(name, line);
    }
    items.get(name).item.scrollIntoView({ block: "nearest" });
    detail.scrollIntoView({ block: "nearest" });
  };
  const showTarget = () => {
    if (target?.name === drawn && model.get("detail")?.name === drawn && showLine(detail, target.line)) target = null;
  };
  const drawDetail = () => {
    const focused = detail !== document.activeElement && detail.contains(document.activeElement);
    const kept = drawn === model.get("selected") ? detail.scrollTop : 0;
    drawn = model.get("selected");
    drawInside();
    detail.scrollTop = kept;
    if (focused) detail.focus({ preventScroll: true });
    showTarget();
  };
  const drawInside = () => {
    const shown = model.get("detail");
    const wish = model.get("selected");
    // A busy kernel does not answer: it is better to show no details than those of another migration.
    if (wish && items.has(wish) && shown?.name !== wish) {
      detail.replaceChildren(element("p", { class: "fsapi-dim" }, gone || "The details are shown when the kernel is free."));
      return;
    }
    if (!shown) {
      detail.replaceChildren(element("p", { class: "fsapi-dim" }, "Choose a migration to see its scripts, plan and attempts."));
      return;
    }
    detail.replaceChildren(...drawMigration(shown, link));
  };

  // -- a plan to confirm, a run, an error, a result
  const proposal = element("div", { role: "alertdialog", "aria-label": "Confirm the plan", "aria-describedby": `${view}-asked`, class: "fsapi-proposal", tabindex: "-1" });
  const asked = element("div", { id: `${view}-asked` });
  let asker = buttons[0];
  let sure = false;
  const cancel = () => { sure = false; send({ do: "cancel" }); };
  const drawProposal = () => {
    const plan = model.get("proposal");
    const inside = proposal.contains(document.activeElement);
    proposal.style.display = plan ? "" : "none";
    if (!plan) {
      proposal.replaceChildren();
      delete proposal.dataset.token;
      if (inside) asker.focus();
      return;
    }
    const asks = plan.ask.length > 0;
    proposal.className = `fsapi-proposal ${asks ? "fsapi-asks" : ""}`;
    const run = (event) => {
      // The second click of a double click was meant for the button that was here before.
      if (event.detail > 1) return;
      if (asks && !sure) { sure = true; drawProposal(); proposal.querySelector("[data-cancel]").focus(); return; }
      act({ do: "run", token: plan.token, sure: asks && sure });
    };
    const label = !asks ? "Run it" : sure ? ["Yes, run it on ", element("bdi", {}, plan.database)] : "Run it …";
    // The plan itself stays as it is when the question comes: what was opened there stays open.
    if (proposal.dataset.token !== plan.token) {
      proposal.dataset.token = plan.token;
      asked.replaceChildren(element("h4", {}, plan.verb), ...drawPlan(plan.plan, link, "The plan"));
    }
    proposal.replaceChildren(
      asked,
      ...(asks && sure
        ? [element("div", { role: "alert", class: "fsapi-question" },
            plan.ask.map((question) => element("strong", {}, question)),
            element("ul", {}, plan.losses.map((loss) => element("li", {}, element("bdi", {}, loss)))))]
        : []),
      element("div", { class: "fsapi-tools fsapi-answers" },
        plan.empty ? null : element("button", { type: "button", "data-run": true, class: asks ? "fsapi-danger" : "fsapi-main", onclick: press(run) }, label),
        element("button", { type: "button", "data-cancel": true, "data-tell": true, onclick: press(cancel) }, "Cancel")),
    );
    drawButtons();
  };
  proposal.addEventListener("keydown", (event) => { if (event.key === "Escape") cancel(); });

  let elapsed = null;
  const running = element("div", { class: "fsapi-progress-part", role: "group", "aria-label": "progress of the run" });
  const drawRunning = () => {
    const busy = model.get("busy");
    const state = model.get("progress");
    if (!busy) {
      elapsed?.stop();
      elapsed = null;
      running.style.display = "none";
      running.replaceChildren();
      return;
    }
    running.style.display = "";
    if (!state) { running.replaceChildren(element("span", { class: "fsapi-dim" }, `${busy} …`)); return; }
    elapsed ??= clock();
    running.replaceChildren(
      ...drawProgress(state, elapsed.shown),
      element("div", { class: "fsapi-dim" }, "To stop it, interrupt the kernel (■, or I I): the server cancels the statement, and the step is rolled back."),
    );
  };
  const error = element("div", { role: "alert", class: "fsapi-error" });
  const said = element("div", { role: "status", class: "fsapi-said" });
  const dismiss = () => element("button", { type: "button", "data-tell": true, onclick: press(() => { search.focus(); send({ do: "dismiss" }); }) }, "Dismiss");

  // Keys that the panel uses do not reach JupyterLab: `d d` in the search box must not delete a cell, and Enter on a
  // button is a click. A key that is held down is not a second confirmation. During a run, I I reaches JupyterLab.
  const panel = element("div", {
    class: "fsapi fsapi-panel", role: "group", "aria-label": "Migrations panel",
    onkeydown: (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      if (model.get("busy") && event.key === "i" && event.target !== search) return;
      event.stopPropagation();
      if (event.repeat && (event.key === "Enter" || event.key === " ") && event.target.tagName === "BUTTON") event.preventDefault();
    },
  });
  el.classList.add("fsapi-host");
  el.replaceChildren(panel);
  panel.append(
    head,
    element("div", { class: "fsapi-actions" }, buttons.map((button, index) => [button, previews[index]])),
    element("div", { class: "fsapi-tools" },
      element("button", { type: "button", "data-do": "refresh", "data-tell": true, "aria-label": "Refresh", title: "Refresh", onclick: press(() => send({ do: "refresh" })) }, "↻"),
      element("div", { class: "fsapi-grow" }, search)),
    filters, error, said, proposal, running,
    element("div", { class: "fsapi-body" }, element("div", {}, list, empty), detail));

  on("rows", drawList);
  on("previews", drawPreviews);
  on("counts", drawFilters);
  on("selected", mark);
  on("detail", drawDetail);
  let before = null;
  on("proposal", () => {
    const token = model.get("proposal")?.token ?? null;
    if (token !== before) { sure = false; waiting = false; }
    drawProposal();
    if (token && token !== before) (proposal.querySelector("[data-run]") || proposal.querySelector("[data-cancel]")).focus();
    before = token;
  });
  on("busy progress", drawRunning);
  on("error", () => {
    const lines = model.get("error") || [];
    error.style.display = lines.length ? "" : "none";
    error.replaceChildren(...(lines.length ? [element("pre", {}, drawPieces(lines, link)), dismiss()] : []));
    if (lines.length) waiting = false;
    drawButtons();
  });
  on("said", () => {
    const words = model.get("said") || [];
    said.style.display = words.length ? "" : "none";
    said.replaceChildren(...(words.length ? [element("pre", {}, drawPieces(words, link)), dismiss()] : []));
  });
  on("busy possible database", () => { if (!model.get("busy")) waiting = false; drawButtons(); });
  model.on("msg:custom", (message) => { if (message.answered) { waiting = false; drawButtons(); } });

  const leave = followKernel(model, (words) => { gone = words; drawHead(); drawDetail(); drawButtons(); });
  send({ do: "shown", view });
  return () => { undo.forEach((each) => each()); leave(); elapsed?.stop(); send({ do: "hidden", view }); };
}

// A panel whose kernel is gone looks alive but does not answer. JupyterLab's widget manager knows the kernel; those of
// other front ends do not, and there the panel stays as it is.
function followKernel(model, tell) {
  const kernel = model.widget_manager?.kernel;
  const changed = (_, status) => {
    if (["restarting", "autorestarting", "terminating", "dead"].includes(status)) tell("The kernel of this panel is gone: run its cell again.");
  };
  kernel?.statusChanged?.connect(changed);
  return () => kernel?.statusChanged?.disconnect(changed);
}

export default { render };
