"""Nothing of the tutorial is dropped: each of its parts has a place in the course.

tutorial_checklist.csv has a row for each part:

    kind    heading, equation, figure, table, code, reading, advice, prepare or discussion (the tutorial's questions),
            or correction (a statistical claim that the course puts right)
    label   the tutorial's number, or a name
    what    the part in our own words
    where   section/cell, or several; a section alone for one that is still to be written
    says    words that stand in at least one of these cells, so that a cell which lost its content is noticed
"""

import csv
from pathlib import Path

import nbformat
import pytest

SECTIONS = ["s2_preparation", "s3_recap", "s4_data", "s5_1_glm", "s5_2_glmm", "s6_subjects", "s7_issues", "s8_session_info",
            "s9_psychometrics", "s10_inside_the_fitter"]
# Sections that are still to be written. Once one is there, take it out here and give its rows their cells.
NOT_YET = set()

# What must be on the list, so that no row of it is lost either.
LABELS = {
    "heading": ["1", "2", "2.1", "3", "3.1", "3.2", "3.3", "3.4", "3.5", "4", "4.1", "4.2", "4.3", "4.4", "4.5", "5", "5.1",
                "5.1.1", "5.2", "5.2.1", "6", "6.1", "6.2", "6.2.1", "6.2.2", "7", "7.1", "7.2", "8"],
    "equation": [str(n) for n in range(1, 21)],
    "figure": ["1", "2", "3", "4", "predictions", "random effects"],
    "prepare": [f"{part} ({n})" for part, last in (("5.1.1", 4), ("5.2.1", 2), ("6.2.1", 3)) for n in range(1, last + 1)],
    "discussion": ["6.2.2 (4)", "6.2.2 (5)"],
    "correction": [f"A{n}" for n in range(1, 34)],
}
KINDS = {*LABELS, "table", "code", "reading", "advice"}


def rows():
    with open(Path(__file__).parent / "tutorial_checklist.csv", newline="", encoding="utf-8") as file:
        return list(csv.DictReader(line for line in file if not line.startswith("#")))


def places(row):
    """(section, cell) of a row; the cell is "" where only the section is named."""
    return [tuple(place.partition("/")[::2]) for place in row["where"].split()]


@pytest.fixture(scope="module")
def cells(repo):
    """The cells of all solutions by (section, cell id)."""
    return {(path.parent.name, cell.id): cell for path in (repo / "solutions").glob("*/*.ipynb")
            for cell in nbformat.read(path, as_version=4).cells}


def test_sections_still_to_be_written_are_those_that_are_missing(repo):
    written = {path.parent.name for path in (repo / "solutions").glob("*/*.ipynb")}
    assert written <= set(SECTIONS)
    assert set(SECTIONS) - written == NOT_YET


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_the_list_is_complete_and_each_part_stands_there_once(kind):
    labels = [row["label"] for row in rows() if row["kind"] == kind]
    assert labels, kind
    assert len(set(labels)) == len(labels)
    assert labels == LABELS.get(kind, labels)


@pytest.mark.parametrize("row", rows(), ids=lambda row: f"{row['kind']} {row['label']}")
def test_every_part_has_its_place(row, cells):
    assert row["kind"] in KINDS and row["what"]
    assert places(row), "say where"
    for section, cell in places(row):
        if section in NOT_YET:
            assert not cell, f"{section} is still to be written"
        else:
            assert (section, cell) in cells, f"{section} has no cell {cell or '(name one)'}"
    named = [cells[place] for place in places(row) if place in cells]
    assert row["says"] or not named or row["kind"] in ("prepare", "discussion") or row["label"] == "5", "say what it says"
    if named:
        assert any(row["says"].casefold() in " ".join(cell.source.split()).casefold() for cell in named), row["says"]


@pytest.mark.parametrize("row", [row for row in rows() if row["kind"] in ("prepare", "discussion")], ids=lambda row: row["label"])
def test_every_question_of_the_tutorial_is_graded(row, cells):
    assert any(cells[place].metadata.get("nbgrader", {}).get("grade") for place in places(row))


@pytest.mark.parametrize("section", sorted(set(SECTIONS) - NOT_YET - {"s9_psychometrics", "s10_inside_the_fitter"}))
def test_every_section_that_mirrors_the_tutorial_credits_it(section, cells):
    title = cells[section, "title"].source
    assert "T. Florian Jaeger" in title and "applied tutorial" in " ".join(title.split())
