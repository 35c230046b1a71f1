"""Makes the README's picture: `uv run python -m tests.screenshot` writes docs/panel.png. It needs Debian's Chromium."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from fsapi_nb.servers import embedded
from tests.conftest import ROOT
from tests.notebook.lab.browser import CHROMIUM, CHROMIUM_ARGUMENTS, Page, Windows, jupyterlab, write_notebook

PICTURE = ROOT / "docs" / "panel.png"
_SHOP = '[tool.fsapi_nb]\ndatabase = "embedded:shop"\n'
_CHOSEN = "2025_11_25_09_03_index_large_table.sql"


def main() -> None:
    """The example project's panel, with a migration in detail and a rollback that waits for its yes, as rows would be lost."""
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        root, home = Path(folder, "shop"), Path(folder, "lab")
        home.mkdir()
        shutil.copytree(ROOT / "migrations", root / "migrations")
        (root / "pyproject.toml").write_text(_SHOP, encoding="utf-8")
        write_notebook(root / "shop.ipynb", ["%load_ext fsapi_nb", "%migrate --count 20", "%migrate panel"])
        chromium = playwright.chromium.launch(executable_path=str(CHROMIUM), args=CHROMIUM_ARGUMENTS)
        try:
            with jupyterlab(root, home) as url:
                windows = Windows(url, chromium)
                page = windows.open("shop.ipynb")
                _take(page)
                windows.take_back(page, usable=False)
        finally:
            chromium.close()
            embedded.destroy(root / ".fsapi_nb")


def _take(page: Page) -> None:
    for cell in range(3):
        page.run(cell)
    page.page.set_viewport_size({"width": 1360, "height": 1000})
    page.page.locator(".fsapi-panel").wait_for()
    page.page.locator(".fsapi-item", has_text=_CHOSEN).click()
    page.page.locator(".fsapi-detail .fsapi-script").first.wait_for()
    page.page.locator(".fsapi-preview .fsapi-alerts").last.wait_for()
    page.page.locator('[data-do="back"]').click()
    page.page.locator("[data-run]").wait_for()
    page.page.locator(".fsapi-panel").screenshot(path=PICTURE)


if __name__ == "__main__":
    main()
