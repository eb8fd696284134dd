"""What mkdocs calls when it builds the site: pages that are made of the sources join those that are written by hand."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.nav import Navigation
from mkdocs.structure.pages import Page
from mkdocs.utils.templates import TemplateContext

sys.path.insert(0, str(Path(__file__).parents[1]))  # mkdocs loads this file by its path

from docs.generators import (
    badges,
    borrowed,
    cases,
    clauses,
    commands,
    explorer_files,
    header,
    implementations,
    inline_scripts,
    links,
    one_page,
    picture,
    project,
    search_worker,
    specification,
    speed,
    versions,
)

Pages = Callable[[], Iterator[tuple[str, str]]]
_MADE: Final[tuple[Pages, ...]] = (
    specification.pages,
    clauses.pages,
    versions.pages,
    cases.pages,
    implementations.pages,
    commands.pages,
    borrowed.pages,
    one_page.pages,
    speed.pages,
)
_GUIDES_FIRST: Final = 4.0  # in searches, before chapters that say more often what a guide is about
_PUT_IN: Final = {
    "<!-- a record -->": picture.drawing,
    "<!-- a badge -->": badges.drawing,
    "<!-- speed -->": speed.drawing,
}


def on_pre_build(**_: Any) -> None:
    project.forget()


def on_files(files: Files, config: MkDocsConfig, **_: Any) -> Files:
    """Adds the pages that are made, and the files that the site offers as they are."""
    for pages in _MADE:
        for name, text in pages():
            files.append(File.generated(config, name, content=text))
    for name, path in (*cases.stored(), *borrowed.files()):
        files.append(File.generated(config, name, abs_src_path=path))
    for file in explorer_files.files(config):
        files.append(file)
    return files


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Puts pictures into the pages that are written by hand, leads their links to pages, and links every clause."""
    if page.file.generated_by:
        return markdown
    name = page.file.src_uri
    if name.startswith("guides/"):
        page.meta["search"] = {"boost": _GUIDES_FIRST}
    markdown = links.with_clauses_linked(links.of_the_site(markdown, name), name)
    for mark, draw in _PUT_IN.items():
        if mark in markdown:
            markdown = markdown.replace(mark, draw(name))
    return markdown


def on_page_context(context: TemplateContext, page: Page, nav: Navigation, **_: Any) -> TemplateContext:
    """Pages of single cases are in no menu: they show that of the list of all."""
    _cases_are_shown(page, nav, True)
    return context


def _cases_are_shown(page: Page, nav: Navigation, active: bool) -> None:
    if page.file.src_uri.startswith("conformance/cases/") and page.parent is None:
        for other in nav.pages:
            if other.file.src_uri == "conformance/cases/index.md":
                other.active = active


def on_post_template(output_content: str, template_name: str, config: MkDocsConfig, **_: Any) -> str:
    """The page for what is not there has the same head."""
    if template_name != "404.html":
        return output_content
    return header.filled(output_content, config.extra.get("repository") or "")


def on_post_build(config: MkDocsConfig, **_: Any) -> None:
    search_worker.put_before(Path(config.site_dir))


def on_post_page(output: str, page: Page, config: MkDocsConfig, **_: Any) -> str:
    """Says in the head what there is to say, and leaves no script in a page."""
    output = header.filled(output, config.extra.get("repository") or "")
    return inline_scripts.taken_out(output, page.url, Path(config.site_dir))
