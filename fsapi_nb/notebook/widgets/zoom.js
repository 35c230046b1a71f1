// A click on a diagram opens it over the page: the wheel zooms, dragging moves it, Escape closes it. Nothing is stored:
// the diagram stays the image that it is, and the page listens for clicks as long as it is open.
const DIAGRAM = 'img[alt][src^="data:image/svg+xml,%3Csvg%20xmlns="]';
const MARK = "fsapi-zoom-style";

// A touch is cancelled where the browser takes it for something else.
const ENDS = ["pointerup", "pointercancel"];

const STYLE = `
  .jp-OutputArea-output ${DIAGRAM} { cursor: zoom-in; }
  .fsapi-zoom { position: fixed; inset: 0; z-index: 10000; margin: 0; border: 0; padding: 0; width: 100vw; height: 100vh;
    max-width: none; max-height: none; overflow: hidden; background: var(--jp-layout-color1, #fff); touch-action: none; }
  .fsapi-zoom img { position: absolute; left: 0; top: 0; transform-origin: 0 0; max-width: none; cursor: grab; user-select: none; }
  .fsapi-zoom nav { position: absolute; right: 12px; top: 12px; display: flex; gap: 4px; }
  .fsapi-zoom button { font: 16px sans-serif; min-width: 36px; height: 36px; border: 1px solid var(--jp-border-color2, #bbb);
    border-radius: 4px; background: var(--jp-layout-color2, #f3f3f3); color: var(--jp-content-font-color1, #1b1b1b); cursor: pointer; }
`;

function button(text, label, act) {
  const made = document.createElement("button");
  made.textContent = text;
  made.setAttribute("aria-label", label);
  made.addEventListener("click", act);
  return made;
}

function open(image) {
  const dialog = document.createElement("dialog");
  dialog.className = "fsapi-zoom";
  dialog.setAttribute("aria-label", "diagram");
  const shown = document.createElement("img");
  shown.src = image.src;
  shown.alt = image.alt;
  shown.draggable = false;
  let scale = 1, x = 0, y = 0;
  const draw = () => { shown.style.transform = `translate(${x}px, ${y}px) scale(${scale})`; };
  const fit = () => {
    scale = Math.min(innerWidth / shown.naturalWidth, innerHeight / shown.naturalHeight, 1);
    x = (innerWidth - shown.naturalWidth * scale) / 2;
    y = (innerHeight - shown.naturalHeight * scale) / 2;
    draw();
  };
  const zoom = (factor, atX = innerWidth / 2, atY = innerHeight / 2) => {
    const next = Math.min(Math.max(scale * factor, 0.05), 8);
    x = atX - (atX - x) * next / scale;
    y = atY - (atY - y) * next / scale;
    scale = next;
    draw();
  };
  dialog.addEventListener("wheel", event => {
    event.preventDefault();
    zoom(Math.exp(-event.deltaY / 400), event.clientX, event.clientY);
  }, { passive: false });
  shown.addEventListener("pointerdown", event => {
    event.preventDefault();
    shown.setPointerCapture(event.pointerId);
    const startX = event.clientX - x, startY = event.clientY - y;
    const move = moved => { x = moved.clientX - startX; y = moved.clientY - startY; draw(); };
    shown.addEventListener("pointermove", move);
    const end = ended => {
      if (ended.pointerId !== event.pointerId) return;
      shown.removeEventListener("pointermove", move);
      for (const kind of ENDS) shown.removeEventListener(kind, end);
    };
    for (const kind of ENDS) shown.addEventListener(kind, end);
  });
  dialog.addEventListener("keydown", event => {
    event.stopPropagation(); // the notebook has commands on single keys
    const act = { "+": () => zoom(1.25), "-": () => zoom(0.8), 0: fit }[event.key];
    const step = { ArrowLeft: [60, 0], ArrowRight: [-60, 0], ArrowUp: [0, 60], ArrowDown: [0, -60] }[event.key];
    if (act) act();
    if (step) { x += step[0]; y += step[1]; draw(); }
  });
  const bar = document.createElement("nav");
  bar.append(
    button("+", "larger", () => zoom(1.25)),
    button("−", "smaller", () => zoom(0.8)),
    button("fit", "all of it", fit),
    button("✕", "close", () => dialog.close()),
  );
  dialog.addEventListener("close", () => dialog.remove());
  dialog.append(shown, bar);
  document.body.append(dialog);
  dialog.showModal();
  if (shown.complete && shown.naturalWidth) fit(); else shown.addEventListener("load", fit, { once: true });
}

function initialize() {
  if (document.getElementById(MARK)) return;
  const style = document.createElement("style");
  style.id = MARK;
  style.textContent = STYLE;
  document.head.append(style);
  document.addEventListener("click", event => {
    const image = event.target.closest?.(`.jp-OutputArea-output ${DIAGRAM}`);
    if (image) open(image);
  });
}

export default { initialize };
