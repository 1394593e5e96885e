"""The text of every section: spelling, links, equations, figures, headings, and what each section must have.

Read are the solutions, from which course/ is made: what students get is there, and the model answers as well.
"""

import ast
import re
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import nbformat
import pytest
from spellchecker import SpellChecker

REPO = Path(__file__).parents[2]
NOTEBOOKS = sorted((REPO / "solutions").glob("*/*.ipynb"))
CATALOGUES = sorted((REPO / "glmmlib/src/glmmlib/teaching/exercises").glob("s*.py"))

every_section = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


@cache
def cells(path):
    return nbformat.read(path, as_version=4).cells


def markdown(path):
    """(cell id, source) of the cells of text."""
    return [(cell.id, cell.source) for cell in cells(path) if cell.cell_type == "markdown"]


def without_code(source):
    """Text without code, in blocks or in a line."""
    return re.sub(r"```.*?```|`[^`]*`", " ", source, flags=re.DOTALL)


# --- spelling ------------------------------------------------------------------------------------

@cache
def dictionary():
    """The English dictionary that comes with pyspellchecker, and words.txt: British forms, names, terms."""
    checker = SpellChecker(language="en")
    checker.word_frequency.load_words((Path(__file__).parent / "words.txt").read_text(encoding="utf-8").split())
    return checker


def misspelled(text):
    """The words of a text that the dictionary does not have.

    Left out is what is no word: numbers, names of variables, columns and functions(), abbreviations in capitals.
    """
    tokens = re.findall(r"[^\W_][\w.'’]*", re.sub(r"[\w.]+\(", " ", text))
    words = [re.sub(r"['’]s?$", "", token.rstrip(".")).replace("’", "'") for token in tokens]
    return sorted({word for word in words if re.fullmatch(r"[^\W\d_]?[^\W\d_A-Z.]+", word) and dictionary().unknown([word.lower()])})


def prose(source):
    """Markdown without what is not prose: code, equations, tags, addresses."""
    source = re.sub(r"\$\$.*?\$\$|\$[^$]*\$|<[^>]*>|\]\([^)]*\)", " ", without_code(source), flags=re.DOTALL)
    return re.sub(r"&\w+;", " ", source)


def sentences(code):
    """The strings of three words and more in Python code: titles, alternative texts, messages."""
    code = re.sub(r"^[%!].*", "", code, flags=re.MULTILINE)
    for node in ast.walk(ast.parse(code)):
        # a program or a formula in a string is no sentence, nor is a text made to be split into names
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and len(node.value.split()) >= 3 \
                and not re.search(r"import |[=~|]", node.value):
            yield node.value


@every_section
def test_spelling(path):
    wrong = {cell: misspelled(prose(source)) for cell, source in markdown(path)}
    wrong |= {cell.id: misspelled(without_code(" ".join(sentences(cell.source)))) for cell in cells(path) if cell.cell_type == "code"}
    assert not {cell: words for cell, words in wrong.items() if words}, "mend it, or add the word to tests/course/words.txt"


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: path.stem)
def test_spelling_of_messages(path):
    assert misspelled(without_code(" ".join(sentences(path.read_text(encoding="utf-8"))))) == []


def test_the_project_s_words_are_in_order():
    words = (Path(__file__).parent / "words.txt").read_text(encoding="utf-8").splitlines()
    assert words == sorted(set(words))
    assert not SpellChecker(language="en").known(words), "the dictionary has these already"


def test_a_misspelling_is_found():
    """The check can fail: neither names of columns nor the word list make it blind."""
    assert misspelled("Teh subject's Size.AvgPerformance and ResponseCorrect are recieved in arcmin.") == ["Teh", "recieved"]
    assert list(sentences('axis.set(title="a misspeled title here", x="Size")')) == ["a misspeled title here"]


@every_section
def test_no_word_stands_twice(path):
    for cell, source in markdown(path):
        assert not re.findall(r"\b([a-z]+)\s+\1\b", prose(source)), cell


# --- links ---------------------------------------------------------------------------------------

@every_section
def test_links_are_well_formed_and_relative_ones_lead_somewhere(path):
    released = REPO / "course" / path.parent.name
    for cell, source in markdown(path):
        text = without_code(source)
        linked = re.findall(r"\]\(([^)]*)\)|\b(?:href|src)=\"([^\"]*)\"|(https?://[^\s<>)\]\"]+)", text)
        for link in {next(filter(None, found), "") for found in linked}:
            address = urlsplit(link)
            if address.scheme:
                assert address.scheme == "https" and "." in address.netloc and " " not in link, f"{cell}: {link}"
            elif address.path:
                assert (released / address.path).exists(), f"{cell}: {link} leads nowhere"
            else:
                assert address.fragment, f"{cell}: an empty link"


# --- equations -----------------------------------------------------------------------------------

# Tried in JupyterLab: MathJax knows these. A new one is looked at there, then added; the browser tests find what
# MathJax does not know, but not everybody has a browser.
COMMANDS = set("""
    alpha beta gamma delta epsilon varepsilon eta theta kappa lambda mu nu pi rho sigma tau phi varphi chi psi omega
    Delta Gamma Theta Lambda Sigma Phi Psi Omega ell
    frac dfrac tfrac sqrt sum prod int log exp ln min max arg det dim lim sup Pr partial nabla infty
    hat bar tilde vec dot overline underline underbrace overbrace mathbf mathcal mathrm mathbb mathit boldsymbol text
    operatorname begin end left right big Big bigl bigr Bigl Bigr mid lvert rvert lVert rVert langle rangle
    quad qquad cdot times pm mp le leq ge geq ne neq approx sim simeq equiv propto in notin perp to mapsto
    Rightarrow Longrightarrow Leftrightarrow rightarrow leftarrow longrightarrow iff implies
    top prime circ dots ldots cdots vdots ddots bullet star ast dagger forall exists setminus cup cap subset
    tag binom stackrel overset underset mathsf widehat widetilde displaystyle textstyle boxed limits nonumber phantom
    lfloor rfloor lceil rceil oplus otimes zeta xi upsilon vartheta Pi Xi Upsilon
""".split())
ENVIRONMENTS = {"aligned", "align", "align*", "cases", "matrix", "pmatrix", "bmatrix", "array", "gathered", "split"}


def equations(source):
    """What stands between $ and $, or $$ and $$; raises ValueError if a $ is left alone."""
    source = without_code(source).replace(r"\$", "")
    shown = re.findall(r"\$\$(.*?)\$\$", source, flags=re.DOTALL)
    source = re.sub(r"\$\$.*?\$\$", " ", source, flags=re.DOTALL)
    if source.count("$") % 2:
        raise ValueError("a $ has no partner")
    return shown + re.findall(r"\$([^$]*)\$", source)


def flaws(equation):
    """What is wrong with an equation, in words."""
    if not equation.strip():
        yield "it is empty"
    if "\n\n" in equation:
        yield "a blank line ends it"
    bare = equation.replace(r"\\", " ").replace(r"\{", "").replace(r"\}", "")
    depth = 0
    for sign in re.findall(r"[{}]", bare):
        depth += 1 if sign == "{" else -1
        if depth < 0:
            break
    if depth:
        yield "braces do not match"
    if len(re.findall(r"\\left(?![a-z])", bare)) != len(re.findall(r"\\right(?![a-z])", bare)):
        yield r"\left and \right do not match"
    opened, closed = (re.findall(rf"\\{word}\{{([^}}]*)\}}", equation) for word in ("begin", "end"))
    if sorted(opened) != sorted(closed) or not set(opened) <= ENVIRONMENTS:
        yield f"environments: {opened} and {closed}"
    unknown = set(re.findall(r"\\([A-Za-z]+)", bare)) - COMMANDS
    if unknown:
        yield f"not on the list of commands: {sorted(unknown)}"


@every_section
def test_equations_can_be_typeset(path):
    for cell, source in markdown(path):
        for equation in equations(source):
            assert not list(flaws(equation)), f"{cell}: {equation}"


@pytest.mark.parametrize("equation", [
    r"\frac{a}{b", r"a}{b", r"\left( x", r"\begin{cases} a \end{aligned}", r"\begin{tabular} a \end{tabular}", r"\SI{5}{\degree}",
    "a\n\nb", " "])
def test_a_flaw_of_an_equation_is_found(equation):
    assert list(flaws(equation))


def test_a_lone_dollar_is_found():
    assert equations(r"It costs \$5; $x$ and `d$Size`, $$y$$") == ["y", "x"]
    with pytest.raises(ValueError, match="no partner"):
        equations("that costs 5$")


# --- figures and headings ------------------------------------------------------------------------

@every_section
def test_every_figure_has_alternative_text(path):
    for cell in cells(path):
        if cell.cell_type == "code":
            assert "plt.show()" not in cell.source, f"{cell.id}: use show(figure, alt=...)"
            assert cell.source.count("show(") == len(re.findall(r"alt=\(?\s*f?[\"']", cell.source)), cell.id
        assert not re.search(r"!\[\]\(|<img(?![^>]*alt=)", cell.source), cell.id


@every_section
def test_headings_are_in_order(path):
    levels = [len(mark) for _, source in markdown(path)
              for mark in re.findall(r"^(#+) ", re.sub(r"```.*?```", "", source, flags=re.DOTALL), flags=re.MULTILINE)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after <= before + 1 for before, after in zip(levels, levels[1:]))


# --- what every section has ----------------------------------------------------------------------

@every_section
def test_it_opens_and_closes_as_all_do(path):
    first, second, last = markdown(path)[0][1], markdown(path)[1][1], markdown(path)[-1][1]
    assert "**When you are through, you can**" in first
    assert second.startswith("## Before you start") and second.count("<details>") == 3
    assert last.startswith("## What to take with you") and "**To read" in last


@every_section
def test_time_and_points_are_as_said(path):
    title = " ".join(cells(path)[0].source.split())
    minutes = int(re.search(r"\*\*Time:\*\* about (\d+) minutes", title)[1])
    assert 30 <= minutes <= 90
    said = re.search(r"\*\*Points:\*\* (\d+), of which (\d+) are graded automatically(?: and (\d+) by a person)?", title)
    graded = [cell.metadata.nbgrader for cell in cells(path) if cell.metadata.get("nbgrader", {}).get("grade")]
    by_hand = sum(cell.points for cell in graded if cell.solution)
    points = sum(cell.points for cell in graded)
    assert tuple(int(number or 0) for number in said.groups()) == (points, points - by_hand, by_hand)


@every_section
def test_hints_come_in_three_steps_and_everything_that_folds_unfolds(path):
    for cell, source in markdown(path):
        hints = re.findall(r"<summary>Hint (\d)</summary>", source)
        assert hints == ["1", "2", "3"] * (len(hints) // 3), cell
        assert source.count("<details>") == source.count("</details>") == source.count("<summary>") == source.count("</summary>"), cell
        # without a blank line what is folded away is not read as Markdown
        assert len(re.findall(r"</summary>\n\n", source)) == source.count("</summary>"), cell
