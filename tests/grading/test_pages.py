"""The page a student gets back: understandable, self-contained, and without anything that acts."""

import re
from html import unescape

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell
from small_course import SECTION, cell

from glmmlib.teaching.grading import grade
from glmmlib.teaching.grading.harmless import clean_data, clean_html, clean_markdown
from glmmlib.teaching.grading.pages import mathml


def test_errors_are_sentences_formulas_need_no_network_and_it_says_where_to_read(group):
    course = group.course
    notebook = group.notebook(total="no_such_name", half="21.25", larger="'first'")
    cell(notebook, "why").source = "As $\\frac{1}{2}$ of <script>steal()</script> it.\n\n$$\\sum_i x_i$$"
    notebook.cells.insert(2, new_markdown_cell("### Sizes and their sums"))
    notebook.cells.insert(3, new_code_cell("import pandas as pd\npd.DataFrame({'size': sizes})"))
    group.hand_in("ann", notebook)
    grade(course, jobs=1)
    page = (course.feedback / "ann" / SECTION / "sums.html").read_text()

    said = [unescape(sentence) for sentence in re.findall(r"<p>(This cell stopped.*?)</p>", page)]
    assert said == ["This cell stopped with NameError: name 'no_such_name' is not defined. Mostly, a name is used "
                    "that no cell above has set: is it misspelled, or does its cell come later?"]
    assert "total is not defined: run the cell that sets it" in page
    assert "<mfrac>" in page and "<munder>" in page.replace("munderover", "munder") and "$" not in page.split("<body>")[1]
    outside = set(re.findall(r"https?://[^\s\"'<>)]+", page)) - {"http://www.w3.org/1998/Math/MathML"}
    assert outside == set() and "<script" not in page and "<link" not in page
    assert "<td>40.0</td>" in page, "tables stay"
    assert "3 points, not yet given by hand" in page


@pytest.mark.parametrize("html", [
    "<script>act()</script>", "<img src=x onerror=act()>", "<img/src=x/onerror=act()>", "<svg onload=act()>",
    "<a href='javascript:act()'>x</a>", "<iframe src=//x></iframe>", "<b onmouseover=act()>x</b>", "<style>*{}</style>",
    "<form action=//x><input></form>", "<math><mtext></table><img src=x onerror=act()>", "<scr<script>ipt>act()",
    "<img src='data:text/html,act()'>", "<object data=act>", "<base href=//x>",
    "<!--<img src=--><img onerror=act() src=x>-->",
    "<a href='data:text/html,<script>act()</script>'>x</a>",
])
def test_nothing_that_acts_is_kept(html):
    kept = clean_data({"text/html": html})[0]["text/html"]
    for clean in (clean_html(html), clean_markdown(f"My *answer* {html}"), kept):
        assert not re.search(r"<[^>]*(script|on\w+=|src=|href=|iframe|svg|form|style|object|base|math)", clean), clean


@pytest.mark.parametrize("harmless", [
    "x <- y and a < b", "Line<br>break, H<sub>2</sub>O", "`<- c(1)`", "> quoted\n\n1. one\n2. two", "$a < b$", "*a* & b",
])
def test_ordinary_markdown_is_left_alone(harmless):
    assert clean_markdown(harmless) == harmless


def test_tables_and_pictures_are_kept():
    import pandas as pd

    table = pd.DataFrame({"a": [1, 2]})._repr_html_()
    assert "<td>2</td>" in clean_html(table) and "scoped" not in clean_html(table)
    figure = '<img alt="A line" src="data:image/png;base64,AAAA" style="max-width: 100%">'
    data, metadata = clean_data({"text/html": figure})
    assert data["image/png"] == "AAAA" and metadata == {"image/png": {"alt": "A line"}}
    assert clean_data({"image/png": "AAAA"})[1]["image/png"]["alt"].startswith("A figure")


def test_formulas_cannot_break_out():
    assert "<script" not in mathml(r"\text{<script>act()</script>}") and "<script" not in mathml("<script>&lt;script>")
    assert mathml("{" * 4000).startswith(("<code>", "<math"))
    assert mathml(r"\frac{1}{").startswith(("<code>", "<math"))
