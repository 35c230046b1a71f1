
function render({ model, el }) {
  el.classList.add("fsapi", "fsapi-progress");
  el.setAttribute("role", "status");
  el.setAttribute("aria-label", "progress of the migration");
  const elapsed = clock();
  const draw = () => el.replaceChildren(...drawProgress(model.get("progress"), elapsed.shown));
  model.on("change:progress", draw);
  draw();
  return () => { elapsed.stop(); model.off("change:progress", draw); };
}

export default { render };
