"""What the site of documents has besides docs/: README, task cards, and a reference of the API.

Links between them are those that GitHub follows. Of files that are no pages, links lead to the
repository that `GITHUB_REPOSITORY` (owner/name) names; without one, their text stays alone.
"""

from __future__ import annotations

import os
import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parent
LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)\s]+)\)")

REFERENCE = {
    "Python": ("rnaernie_bench.api",),
    "Predictions": ("rnaernie_bench.prediction.predictor", "rnaernie_bench.prediction.embed"),
    "Tasks": ("rnaernie_bench.task.declaration", "rnaernie_bench.data.items"),
    "Plug-ins": (
        "rnaernie_bench.task.catalogue",
        "rnaernie_bench.learning.interface",
        "rnaernie_bench.metrics.registry",
        "rnaernie_bench.testing",
    ),
}
"""Page -> the modules whose docstrings it shows."""


def _sources() -> dict[str, str]:
    """Return the pages that stand outside of docs/, by their path from the root."""
    cards = {
        f"tasks/{card.parent.name}/README.md": f"task_cards/{card.parent.name}.md"
        for card in sorted(ROOT.glob("tasks/*/README.md"))
    }
    return {"README.md": "index.md", "CONTRIBUTING.md": "contributing.md", **cards}


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Fill the entries of `nav` that stand for several pages."""
    pages = {
        "task_cards": [page for page in _sources().values() if page.startswith("task_cards/")],
        "reference": [{name: f"reference/{_slug(name)}.md"} for name in REFERENCE],
    }
    config.nav = _filled(config.nav, pages)
    if repository := os.environ.get("GITHUB_REPOSITORY"):
        config.repo_url = f"https://github.com/{repository}"
    return config


def _filled(nav: Any, pages: dict[str, Any]) -> Any:
    if isinstance(nav, list):
        return [_filled(entry, pages) for entry in nav]
    if isinstance(nav, dict):
        return {name: _filled(entry, pages) for name, entry in nav.items()}
    return pages.get(nav, nav)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that stand elsewhere or nowhere."""
    for source, page in _sources().items():
        files.append(File.generated(config, page, content=(ROOT / source).read_text("utf-8")))
    for name, modules in REFERENCE.items():
        text = "\n\n".join([f"# {name}", *(f"::: {module}" for module in modules)])
        files.append(File.generated(config, f"reference/{_slug(name)}.md", content=text))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Turn links from place to place in the repository into links from page to page."""
    pages = _sources()
    places = {page: source for source, page in pages.items()}
    here = page.file.src_uri
    source = posixpath.dirname(places.get(here, f"docs/{here}"))

    def moved(match: re.Match[str]) -> str:
        mark, text, target = match.groups()
        path, hash_, anchor = target.partition("#")
        if "://" in target or not path:
            return match[0]
        place = posixpath.normpath(posixpath.join(source, path))
        found = pages.get(place, place.removeprefix("docs/"))
        if files.get_file_from_path(found) is not None:
            start = posixpath.dirname(here) or "."
            return f"{mark}[{text}]({posixpath.relpath(found, start)}{hash_}{anchor})"
        if not (ROOT / place).exists():
            return match[0]  # a link that leads nowhere: MkDocs says so
        repository = os.environ.get("GITHUB_REPOSITORY")
        if not repository:
            return text
        kind = "tree" if (ROOT / place).is_dir() else "blob"
        link = f"[{text}](https://github.com/{repository}/{kind}/main/{place}{hash_}{anchor})"
        if place.endswith(".ipynb"):
            colab = f"https://colab.research.google.com/github/{repository}/blob/main/{place}"
            link += f" ([open in Colab]({colab}))"
        return link

    return LINK.sub(moved, markdown)


def _slug(name: str) -> str:
    return name.lower().replace("-", "_")
