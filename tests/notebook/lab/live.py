"""What a user does with the live panel and what can be read there, so that tests say it in these words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.notebook.lab.browser import Page, wait_for

CELLS = ("%load_ext fsapi_nb", "%migrate panel")
# The text of the elements as it is shown: what is hidden does not count.
_HAS = "([selector, text]) => [...document.querySelectorAll(selector)].some(each => each.innerText.includes(text))"
_MATCHES = "([selector, text]) => [...document.querySelectorAll(selector)].some(each => each.innerText.match(text))"
_LACKS = "([selector, text]) => ![...document.querySelectorAll(selector)].some(each => each.innerText.includes(text))"
_STATES = "() => [...document.querySelectorAll('.fsapi-item .fsapi-state')].map(each => each.innerText)"
# In the notebook's model, which is what a save stores: there the panel's twin follows its live sibling.
_STORED = """text => [...window.jupyterapp.shell.currentWidget.content.model.cells]
  .some(cell => cell.type === 'code' && JSON.stringify(cell.outputs.toJSON()).includes(text))"""
_READY = """() => [...document.querySelectorAll('.fsapi-panel')].length
  && !document.querySelector('.fsapi-progress-part').innerText"""
_OVER = "() => ['.fsapi-said', '.fsapi-error'].some(each => document.querySelector(each).innerText)"
_IS_OFF = """([what, off]) =>
  document.querySelector(`[data-do=${what}]`)?.getAttribute('aria-disabled') === String(off)"""

# Of each element that holds text itself: its colour against what lies behind it, by WCAG's formula.
_CONTRASTS = """() => {
  const rgba = text => { const n = text.match(/[\\d.]+/g).map(Number); return [n[0], n[1], n[2], n[3] ?? 1]; };
  const over = (top, below) => [0, 1, 2].map(i => top[i] * top[3] + below[i] * (1 - top[3])).concat(1);
  const behind = node => {
    const layers = [];
    for (let each = node; each; each = each.parentElement) layers.push(rgba(getComputedStyle(each).backgroundColor));
    return layers.reverse().reduce((below, top) => over(top, below), [255, 255, 255, 1]);
  };
  const light = colour => colour.slice(0, 3).map(v => v / 255)
    .map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const found = {};
  for (const node of document.querySelectorAll('.fsapi *')) {
    const own = [...node.childNodes].some(each => each.nodeType === Node.TEXT_NODE && each.data.trim());
    if (!own || !node.getClientRects().length || node.closest('[aria-disabled=true]')) continue;
    const back = behind(node);
    const [a, b] = [light(over(rgba(getComputedStyle(node).color), back)), light(back)].sort((x, y) => y - x);
    const name = `${node.className || node.tagName} ${node.dataset.state || ''}: ${node.innerText.slice(0, 20)}`;
    found[name] = (a + 0.05) / (b + 0.05);
  }
  return found;
}"""
_WIDER = "() => document.querySelector('.fsapi-panel').scrollWidth - document.querySelector('.fsapi-panel').clientWidth"
_NARROWEST = """() =>
  Math.min(...[...document.querySelectorAll('.fsapi-name')].map(each => each.getBoundingClientRect().width))"""


class LivePanel:
    """The panel in a page: a question is asked with a button, and answered with another."""

    def __init__(self, opened: Page) -> None:
        self.opened = opened
        self.page = opened.page

    def show(self, *, again: bool = True) -> LivePanel:
        """Run the notebook, and wait for the panel."""
        if again:
            self.opened.run_all()
        wait_for(self.page, _READY)
        return self

    def await_text(self, selector: str, text: str, *, seconds: float = 20) -> None:
        """Wait until it can be read there."""
        wait_for(self.page, _HAS, arg=[selector, text], seconds=seconds)

    def await_match(self, selector: str, pattern: str) -> None:
        """Wait until a text can be read there that matches a regular expression of JavaScript."""
        wait_for(self.page, _MATCHES, arg=[selector, pattern], seconds=20)

    def await_no_text(self, selector: str, text: str) -> None:
        """Wait until it cannot be read there any more."""
        wait_for(self.page, _LACKS, arg=[selector, text], seconds=20)

    def await_states(self, *states: str) -> None:
        """Wait until the list shows these states, in its order."""
        wait_for(self.page, f"wanted => JSON.stringify(({_STATES})()) === wanted", arg=_json(states))

    def await_stored(self, text: str) -> None:
        """Wait until a save would store an output with the text (of letters, digits and blanks)."""
        wait_for(self.page, _STORED, arg=text, seconds=20)

    def await_not_stored(self, text: str) -> None:
        """Wait until a save would store no output with the text any more."""
        wait_for(self.page, f"text => !({_STORED})(text)", arg=text, seconds=20)

    def await_button(self, what: str, *, off: bool) -> None:
        """Wait until a button (next, all, back) is off, or on."""
        wait_for(self.page, _IS_OFF, arg=[what, off], seconds=20)

    def ask(self, what: str) -> None:
        """Press Apply next, Apply all or Roll back last, and wait for the question."""
        self.await_button(what, off=False)
        self.page.locator(f"[data-do={what}]").click()
        self.page.wait_for_selector("[data-run], [data-cancel]")

    def answer(self) -> None:
        """Press the button that goes on."""
        self.page.locator("[data-run]").click()

    def run(self, what: str) -> None:
        """Ask, answer once, and wait until it is over."""
        self.ask(what)
        self.answer()
        wait_for(self.page, _OVER)

    def look(self, screenshots: Path, name: str) -> None:
        """Take a picture in each theme; every text has a contrast of 4.5 : 1 at least, and nothing is wider than the page."""
        for theme in ("Dark", "Light"):
            self.opened.use_theme(f"JupyterLab {theme}")
            contrasts: dict[str, float] = self.page.evaluate(_CONTRASTS)
            assert {what: ratio for what, ratio in contrasts.items() if ratio < 4.5} == {}
            self.page.screenshot(path=screenshots / f"{theme.lower()}-{name}.png")
        assert self.page.evaluate(_WIDER) <= 0
        assert self.page.evaluate(_NARROWEST) > 150, "names can be read"

    def text(self, selector: str) -> str:
        """What can be read there."""
        return "\n".join(self.page.locator(selector).all_inner_texts())

    def focused(self) -> Any:
        """The words of the element that has the focus."""
        words = "e => e.getAttribute('aria-label') || e.innerText"
        return self.page.evaluate(f"() => ({words})(document.activeElement)")


def _json(states: tuple[str, ...]) -> str:
    return "[" + ",".join(f'"{state}"' for state in states) + "]"
