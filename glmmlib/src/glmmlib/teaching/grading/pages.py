"""The page a student gets back, made by nbconvert from the graded notebook and the gradebook."""

import functools
import html
import shutil
from pathlib import Path
from xml.etree import ElementTree

import nbformat
from jinja2 import pass_context
from nbconvert.exporters import HTMLExporter, TemplateExporter
from nbconvert.filters import Highlight2HTML
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

from .course import Course
from .submission import write_atomically

TEMPLATES = Path(__file__).parents[1] / "templates"


def make_pages(root, db_url, assignment, student):
    """Write the pages of one graded submission in the course at `root`; takes plain values, for any process."""
    course, exporter = _exporter(root)
    graded, target = course.autograded / student / assignment, course.feedback / student / assignment
    pages = {}
    for path in sorted(graded.glob("*.ipynb")):
        resources = {
            "unique_key": path.stem,
            "nbgrader": {"student": student, "assignment": assignment, "notebook": path.stem, "db_url": db_url},
        }
        pages[path.stem], _ = exporter.from_notebook_node(nbformat.read(path, as_version=4), resources)
    for name, page in pages.items():
        write_atomically(target / f"{name}.html", page)


def remove_pages(course, assignment, student):
    """Take away the pages of a submission that could not be graded."""
    shutil.rmtree(course.feedback / student / assignment, ignore_errors=True)


@functools.cache
def _exporter(root):
    from traitlets.config import Config

    course = Course(root)
    config = Config(course.config)
    config.merge(Config({
        "Exporter": {"default_preprocessors": []},
        "PageExporter": {"extra_template_basedirs": [str(TEMPLATES)], "template_name": "feedback_page"},
    }))
    exporter = PageExporter(config=config)
    for step in course.config.GenerateFeedback.preprocessors:
        exporter.register_preprocessor(step, enabled=True)
    return course, exporter


# ---- formulas ------------------------------------------------------------------------------------


def mathml(latex, display="inline"):
    """A formula as MathML, which browsers draw by themselves; as its source if it cannot be read."""
    from latex2mathml.converter import convert_to_element

    try:
        if len(latex) > 5000:
            raise ValueError("no formula is that long")
        element = convert_to_element(html.unescape(latex), display=display)
        for part in element.iter():
            part.text = part.text and html.unescape(part.text)
        return ElementTree.tostring(element, encoding="unicode")
    except Exception:
        return f"<code>{html.escape(latex)}</code>"


class Renderer(IPythonRenderer):
    """nbconvert's Markdown, with formulas that need no script and no network."""

    def inline_math(self, body):
        return mathml(body)

    def block_math(self, body):
        return mathml(body, "block")

    def latex_environment(self, name, body):
        return mathml(rf"\begin{{{name}}}{body}\end{{{name}}}", "block")


# ---- exporter ------------------------------------------------------------------------------------


SEEN = 3000     # cells that are remembered: most are the same in all submissions


@functools.lru_cache(SEEN)
def code_to_html(source):
    """Code, coloured."""
    return Highlight2HTML(pygments_lexer="python")(source)


@functools.lru_cache(SEEN)
def markdown_to_html(source):
    """Markdown without pictures of its own."""
    return _rendered(source, {})


def _rendered(source, attachments):
    return MarkdownWithMath(renderer=Renderer(escape=False, attachments=attachments)).render(source)


class PageExporter(HTMLExporter):
    """nbconvert's HTMLExporter with that Markdown, and without its last step, which reads the whole page once more."""

    def from_notebook_node(self, nb, resources=None, **settings):
        """The page, and the resources it was made with."""
        return TemplateExporter.from_notebook_node(self, nb, resources, **settings)

    def default_filters(self):
        """The filters of templates, by name."""
        yield from super().default_filters()
        yield "highlight_code", code_to_html

    @pass_context
    def markdown2html(self, context, source):
        """Markdown to HTML, with the pictures attached to the cell."""
        attachments = context.get("cell", {}).get("attachments")
        return _rendered(source, attachments) if attachments else markdown_to_html(source)
