"""Free text is marked in nbgrader's formgrader, in a real browser, and the marks go where they belong."""

import os

from small_course import MODEL_ANSWER, SECTION, cell
from test_grade import page, scores
from test_report import page_of, rows_of, table

from glmmlib.teaching.grading import grade, main

TOKEN = "a-token-for-this-test"


def test_points_and_a_comment_are_given_for_free_text(group, browser, start_lab, tmp_path):
    course = group.course
    answered = group.notebook(total="sum(sizes)", half="21.25", larger="'first'")
    cell(answered, "why").source = "A half is *one of two* equal parts."
    group.hand_in("ann", answered)
    group.hand_in("bob")
    grade(course, jobs=1)
    assert [row["example"] for row in rows_of(course, "waiting")] == ["ann"]

    with start_lab(course.root, TOKEN) as address:
        window = browser.new_page(viewport={"width": 1280, "height": 1000})
        window.goto(f"{address}/lab?token={TOKEN}")     # which logs in; the formgrader's own pages do not
        window.wait_for_load_state()
        window.goto(f"{address}/formgrader/gradebook/{SECTION}/sums")
        waiting = window.locator("tr:has(td.needs-manual-grade .glyphicon-ok)")
        waiting.wait_for()
        assert window.locator("tbody tr").count() == 2 and waiting.count() == 1
        waiting.get_by_role("link", name="Submission #").click()
        window.get_by_text("one of two").wait_for()
        assert window.get_by_role("cell", name="what a half is").is_visible(), "the rubric"
        assert window.get_by_text(MODEL_ANSWER).is_visible()
        window.screenshot(path=os.environ.get("SCREENSHOTS", str(tmp_path)) + "/formgrader.png", full_page=True)

        for field, given, what in (("input.score", "2", "grade"), ("textarea.comment", "And a **third**?", "comment")):
            with window.expect_response(lambda reply, what=what: f"/api/{what}/" in reply.url
                                        and reply.request.method == "PUT") as saved:
                window.locator(field).last.fill(given)
                window.locator(field).last.press("Tab")
            assert saved.value.ok
        window.close()

    assert main(["report", "--root", str(course.root)]) == 0
    shown = {row[0]: row for row in table(page_of(course), "Marks by question")}
    assert shown["Why? (why)"][4:8] == ["0 0 %", "1 50 %", "1 50 %", "0 0 %"] and not rows_of(course, "waiting")
    highest = next(row["value"] for row in rows_of(course, "score") if row["what"] == "highest")
    assert float(highest) == 8

    assert main(["grade", "--root", str(course.root), "--resume", "--jobs", "1"]) == 0
    assert (scores(course)["ann"]["score"], scores(course)["ann"]["needs_manual_grade"]) == ("8.0", "False")
    assert "2 of 3 points" in page(course, "ann") and "And a <strong>third</strong>?" in page(course, "ann")
    assert MODEL_ANSWER not in page(course, "ann") and "8 of 9 points" in page(course, "ann")
