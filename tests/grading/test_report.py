"""The report on a class: its numbers are the gradebook's, it finds who worked together, and it is safe to open."""

import csv
import re
import shutil
from html.parser import HTMLParser

import pytest
from nbgrader.api import Gradebook
from small_course import SECTION, Class, cell, small_course

from glmmlib.teaching.checks import FOLLOWS, UNANSWERED, UNREADABLE, Follow, Mistake, Number, Part
from glmmlib.teaching.grading import Course, GradingError, grade, main, release
from glmmlib.teaching.grading.alike import Handed, alike, code_tokens, runs_of_words

RIGHT = {"total": "sum(sizes)", "half": "21.25", "larger": "'first'"}
HOSTILE = "<img src=x onerror=act()>"
WHY = ("Because the second digit was drawn far smaller than the first one, adding it hardly changes the sum, "
       "and half of the sum is therefore still near to half of the first size alone.")
WHY_AGAIN = WHY.replace("Because the", "because  THE").replace(", and half", " -- and half").replace("hardly", "barely")
OWN_WHY = ("A sum of two sizes has no unit but arcmin, so dividing it by two leaves arcmin again; "
           "that is why the half can be compared with either of the digits.")


class Tables(HTMLParser):
    """{caption: rows of texts} of a page's tables, and all start tags."""

    def __init__(self, page):
        super().__init__()
        self.tables, self.tags, self._text = {}, [], None
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag == "table":
            self._rows = []
        elif tag == "tr":
            self._rows.append([])
        elif tag in ("caption", "th", "td"):
            self._text = ""

    def handle_endtag(self, tag):
        if tag == "caption":
            self.tables[self._text] = self._rows
        elif tag in ("th", "td"):
            self._rows[-1].append(" ".join(self._text.split()))

    def handle_data(self, data):
        if self._text is not None:
            self._text += data


def table(page, beginning):
    return next((rows[1:] for caption, rows in Tables(page).tables.items() if caption.startswith(beginning)), [])


def rows_of(course, about):
    with open(course.gradebook / "report" / f"{SECTION}.csv", newline="", encoding="utf-8") as file:
        return [row for row in csv.DictReader(file) if row["about"] == about]


def page_of(course):
    return (course.gradebook / "report" / f"{SECTION}.html").read_text(encoding="utf-8")


def hand_in(group, student, why=None, **answers):
    notebook = group.notebook(**answers)
    if why:
        cell(notebook, "why").source = why
    group.hand_in(student, notebook)


@pytest.fixture(scope="module")
def graded_once(tmp_path_factory, repo, sandbox):
    """A class of six, one of whom cannot be graded, graded."""
    course = small_course(repo, tmp_path_factory.mktemp("graded"), cell_time=5, notebook_time=20, grace=1)
    release(course)
    group = Class(course)
    hand_in(group, "ann", WHY, **RIGHT)
    hand_in(group, "bea", WHY_AGAIN, **RIGHT | {"total": "40"})
    hand_in(group, "cyd", OWN_WHY, **RIGHT | {"total": "40.0", "larger": "'second'"})
    hand_in(group, "=dan", HOSTILE, total=repr(HOSTILE), half="17.5\nwhile True: pass", larger="'third'")
    hand_in(group, "eve")
    group.hand_in("<i>fay", text="{")
    grade(course, jobs=1)
    return course


@pytest.fixture
def graded(graded_once, tmp_path):
    """That class, to do with as one likes."""
    return Course(shutil.copytree(graded_once.root, tmp_path / "course"))


def test_its_numbers_are_the_gradebooks(graded):
    def check():
        page = page_of(graded)
        marks = {(row["place"], row["question"], row["what"]): int(row["value"]) for row in rows_of(graded, "marks")}
        shown = {row[0]: row for row in table(page, "Marks by question")}
        with Gradebook(graded.db_url) as book:
            submissions = book.assignment_submissions(SECTION)
            scores = sorted(submission.score for submission in submissions)
            for grade_id, title in (("total-test", "How much is it together?"), ("why", "Why?"),
                                    ("half-test", "Halves, and which is larger")):
                grades = [book.find_grade(grade_id, "sums", SECTION, s.student.id) for s in submissions]
                states = ["waiting" if g.needs_manual_grade else "full" if g.score == g.max_score
                          else "part" if g.score > 0 else "none" for g in grades]
                row = shown[f"{title} ({grade_id})"]
                assert float(row[1]) == grades[0].max_score
                marked = [g.score for g in grades if not g.needs_manual_grade]
                assert float(row[2]) == pytest.approx(sum(marked) / len(marked), abs=1e-3)
                for column, state in enumerate(("full", "part", "none", "waiting"), start=4):
                    assert marks[grade_id, "", state] == states.count(state)
                    assert row[column] == f"{states.count(state)} {100 * states.count(state) / 5:.0f} %"
        said = {row["what"]: float(row["value"]) for row in rows_of(graded, "score")}
        assert said["mean"] == pytest.approx(sum(scores) / 5, abs=1e-6) and said["possible"] == 9
        assert (said["lowest"], said["median"], said["highest"]) == (scores[0], scores[2], scores[4])
        tenths = [int(row[1].split()[0]) for row in table(page, "How many submissions")]
        assert tenths == [int(row["value"]) for row in rows_of(graded, "scores")]
        assert tenths == [sum(min(9, int(10 * score / 9)) == tenth for score in scores) for tenth in range(10)]
        assert "6 handed in, 5 graded" in page
        return marks

    marks = check()
    assert [marks["total-test", "", state] for state in ("full", "part", "none", "waiting")] == [1, 0, 4, 0]
    assert [marks["half-test", "", state] for state in ("full", "part", "none", "waiting")] == [2, 1, 2, 0]
    assert marks["why", "", "waiting"] == 4
    assert (marks["half-test", "half", "full"], marks["half-test", "larger", "full"]) == (3, 2)
    assert marks["half-test", "half", "unanswered"] == 1
    assert [(row["place"], row["value"], row["example"]) for row in rows_of(graded, "waiting")] == [
        ("why", "4", "'=dan; ann; bea; cyd")]

    with Gradebook(graded.db_url) as book:      # marks given by hand are in the next report
        by_hand = book.find_grade("why", "sums", SECTION, "ann")
        by_hand.manual_score, by_hand.needs_manual_grade = 1, False
        book.db.commit()
    assert main(["report", "--root", str(graded.root)]) == 0
    assert check()["why", "", "part"] == 1
    assert rows_of(graded, "waiting")[0]["example"] == "'=dan; bea; cyd"


def test_misconceptions_have_a_share_and_an_example(graded):
    found = {(row["question"], row["what"]): row for row in rows_of(graded, "misconception")}
    first_alone = found["total", "this is the first size alone: add the second."]
    assert (first_alone["value"], first_alone["share"], first_alone["example"]) == ("2", "0.4", "40")
    second = found["larger", "2.5 is less than 40."]
    assert (second["value"], second["example"]) == ("1", "'second'")
    assert found["half", "wrong, and no known misconception"]["example"] == "17.5"
    assert found["larger", "not in the form that is asked for"]["value"] == "1"
    assert not any(what == "not answered" for _, what in found)
    on_page = {(row[0], row[1]): row[2:] for row in table(page_of(graded), "What answers show")}
    assert on_page["total", "this is the first size alone: add the second."] == ["2 40 %", "40"]
    assert on_page.keys() == {where for where, row in found.items() if row["value"] != "0"}


def test_known_misconceptions_that_nobody_has_are_counted_too(group):
    hand_in(group, "ann", **RIGHT)
    grade(group.course, jobs=1)
    assert [(row["what"], row["value"], row["example"]) for row in rows_of(group.course, "misconception")] == [
        ("this is the first size alone: add the second.", "0", ""), ("2.5 is less than 40.", "0", "")]
    page = page_of(group.course)
    assert "No wrong answers." in page and "2 further known misconceptions were not met" in page


def test_time_outs_and_problems_are_named(graded):
    assert [(row["place"], row["example"]) for row in rows_of(graded, "time-out")] == [("half-answer", "'=dan")]
    assert [(row["example"], "ran too long" in row["what"]) for row in rows_of(graded, "problem")] == [("'=dan", True)]
    (not_graded,) = rows_of(graded, "not graded")
    assert not_graded["example"] == "<i>fay" and "not a notebook that can be read" in not_graded["what"]
    assert [row[1:] for row in table(page_of(graded), "Problems")] == [["no", "1", "<i>fay"], ["yes", "1", "=dan"]]


def test_the_same_words_are_found_and_different_ones_are_not(graded):
    (pair,) = rows_of(graded, "alike")
    assert pair["what"] == "ann; bea" and "own words in why" in pair["example"]
    (row,) = table(page_of(graded), "Submissions too alike")
    assert row[0] == "ann and bea" and WHY in row[1]


def test_the_page_is_one_harmless_accessible_file(graded):
    page = page_of(graded)
    parsed = Tables(page)
    assert HOSTILE not in page and "&lt;img src=x onerror=act()&gt;" in page
    assert "<i>fay" not in page and "&lt;i&gt;fay" in page
    assert not {tag for tag, _ in parsed.tags} & {"script", "iframe", "link", "object", "form"}
    assert not [name for _, attributes in parsed.tags for name in attributes if name.startswith("on")]
    assert not re.search(r"https?:", page)
    (picture,) = [attributes for tag, attributes in parsed.tags if tag == "img"]
    assert picture["src"].startswith("data:image/svg+xml;base64,") and "Bar chart" in picture["alt"]
    tags = [tag for tag, _ in parsed.tags]
    assert tags.count("table") == tags.count("caption") == len(parsed.tables) >= 7
    assert all(attributes.get("scope") for tag, attributes in parsed.tags if tag == "th")
    with open(graded.gradebook / "report" / f"{SECTION}.csv", newline="", encoding="utf-8") as file:
        assert not [field for row in csv.reader(file) for field in row if field[:1] in ("=", "+", "@")]


def test_only_what_was_graded_can_be_reported_on(group, capsys):
    assert main(["report", "--root", str(group.course.root)]) == 1
    assert "run `make grade` first" in capsys.readouterr().err
    hand_in(group, "ann")
    grade(group.course, jobs=1)
    assert main(["report", "--root", str(group.course.root), "--assignments", "s9_lost"]) == 1
    assert "s9_lost" in capsys.readouterr().err


def test_what_a_later_run_of_one_student_leaves_alone_stays_in_the_report(graded):
    before = rows_of(graded, "marks")
    grade(graded, students=["ann"], jobs=1)
    assert rows_of(graded, "marks") == before


def test_a_finding_is_the_same_for_all_who_have_it():
    size = Number("size", "arcmin", mistakes=[Mistake(3, "a mistake.")],
                  objection=lambda answer: f"{answer} is odd." if answer > 1000 else None)
    part = Part(1, size, 2, Follow(lambda earlier: earlier + 1, ["earlier"]))
    found = {answer: part.judge({"size": answer, "earlier": 49}.get).finding
             for answer in (2, 3, 3.001, 50, -2, 120, 1.97, 7, 5000, ..., "", "a b", None)}
    assert found == {
        2: "", 3: "a mistake.", 3.001: "a mistake.", 50: FOLLOWS, -2: "the wrong sign", 120: "the wrong unit",
        1.97: "close, but not right to the decimals asked for", 7: "", 5000: "", ...: UNANSWERED, "": UNANSWERED,
        "a b": UNREADABLE, None: UNANSWERED}


# ---- likeness, by itself -------------------------------------------------------------------------


def a_class(size, copied=0):
    """Students with 20 cells of code and 10 wrong answers, the usual or their own; the last two share `copied`."""
    class_ = []
    for number in range(size):
        of = max(0, number - 1) if number == size - 1 else number
        code, wrong = {}, {}
        for place in range(20):
            own = (number * 31 + place * 17) % 3 == 0       # a third of the cells is like no other
            writer = of if place < copied else number
            code[f"q{place}"] = ("own", writer, place) if own or place < copied else ("usual", place)
            if place < 10 and own:
                wrong[f"w{place}"] = f"{number + place / 100}"
        class_.append(Handed(f"s{number:03}", code=code, wrong=wrong))
    return class_


@pytest.mark.parametrize(("size", "copied"), [(300, 4), (30, 7), (12, 12)])
def test_uncommon_code_in_common_names_a_pair_and_independent_work_none(size, copied):
    assert alike(a_class(size)) == []
    (pair,) = alike(a_class(size, copied))
    assert pair.students == (f"s{size - 2:03}", f"s{size - 1:03}") and len(pair.code) == copied and not pair.words


def test_one_uncommon_thing_is_chance():
    assert alike(a_class(300, copied=1)) == []


def test_uncommon_wrong_answers_in_common_name_a_pair():
    class_ = [Handed(f"s{n}", wrong={f"q{q}": str(n * 10 + q) for q in range(8)}) for n in range(60)]
    class_[7].wrong.update({f"q{q}": class_[3].wrong[f"q{q}"] for q in range(6)})
    (pair,) = alike(class_)
    assert pair.students == ("s3", "s7") and len(pair.wrong) == 6


def test_what_a_whole_class_has_in_common_says_nothing():
    class_ = [Handed(f"s{n}", code={f"q{q}": ("the", "usual") for q in range(30)}) for n in range(40)]
    assert alike(class_) == []


def test_short_texts_may_be_the_same_by_chance():
    short = runs_of_words("I do not know.")
    assert alike([Handed("a", {"q": short}), Handed("b", {"q": short})]) == []


@pytest.mark.parametrize(("one", "other"), [
    ("x = a+ b  # mine\n", "x=a + b\n\n# a + c"), ("f(\n  1, 2)\n", "f(1, 2)"), ("if x:\n    y()\n", "if x:\n  y()"),
])
def test_code_is_the_same_whatever_its_blanks_and_comments(one, other):
    assert code_tokens(one) == code_tokens(other)
    assert code_tokens(one) != code_tokens(one.replace("x", "z").replace("2", "3"))


@pytest.mark.parametrize("source", ["(" * 50_000, "'''never ended", "x = \0", "  odd\n indent", "%magic ?", "é" * 10])
def test_code_that_python_cannot_read_has_tokens_too(source):
    assert isinstance(code_tokens(source), tuple)


def test_a_course_without_grades_says_so(course):
    from glmmlib.teaching.grading import make_reports

    with pytest.raises(GradingError, match="is graded yet"):
        make_reports(course)
