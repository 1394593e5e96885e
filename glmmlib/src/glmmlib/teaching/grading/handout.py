"""course/ from solutions/: what students get, made by nbgrader, whole or not at all."""

import contextlib
import filecmp
import tempfile
from pathlib import Path

from .. import cohort
from .course import GradingError, generate


def release(course, whose=None):
    """Regenerate course/ from solutions/; nothing changes unless every section can be generated.

    `whose` names the cohort whose data it is to have, cohort.BUNDLED for the bundled ones; without
    it, course/ keeps the data that it has.
    """
    if whose is not None and not cohort.is_name(whose):
        raise GradingError(
            f"A cohort cannot be called {whose!r}: use up to 60 letters, digits, points, dashes and underscores, the "
            "first a letter or digit."
        )
    whose = course.cohort() if whose is None else whose if whose != cohort.BUNDLED else None
    with _generated(course, whose) as generated:
        course.release.mkdir(exist_ok=True)
        for section in course.sections():
            target = course.release / section
            if target.exists():
                target.rename(generated / f".old-{section}")
            (generated / section).rename(target)
            print(f"{target.relative_to(course.root)} is made, with {cohort.describe(whose)}.")
    for section in _left_over(course):
        print(f"{course.release.name}/{section} has no source in {course.source.name}/: delete it if it is old.")


def stale_sections(course):
    """The sections of course/ that `release` would change, or that no longer have a source."""
    with _generated(course, course.cohort()) as generated:
        stale = [
            section for section in course.sections()
            if not _same_tree(generated / section, course.release / section)
        ]
    return stale + _left_over(course)


@contextlib.contextmanager
def _generated(course, whose):
    """All sections' student versions in a temporary folder, which may be moved out of."""
    sections = course.sections()
    if not sections:
        raise GradingError(f"There is no notebook in {course.source}/<section>/: write one first.")
    # beside course/, as a folder can only be renamed within one file system
    with tempfile.TemporaryDirectory(prefix=".release-", dir=course.root) as folder:
        for section in sections:
            try:
                generate(
                    course, folder, section, whose,
                    GenerateAssignment={"no_database": True}, SaveCells={"enabled": False},
                )
            except GradingError as problem:
                raise GradingError(
                    f"{course.source.name}/{section} cannot be released, and {course.release.name}/ "
                    f"is left as it was: {problem}"
                ) from problem
        yield Path(folder)


def _left_over(course):
    released = {path.parent.name for path in course.release.glob("*/*.ipynb")}
    return sorted(released - set(course.sections()))


def _same_tree(one, other):
    if not other.is_dir():
        return False
    differences = filecmp.dircmp(one, other, ignore=[".ipynb_checkpoints", "__pycache__"])
    return (
        not differences.left_only and not differences.right_only
        and all(filecmp.cmp(one / name, other / name, shallow=False) for name in differences.common_files)
        and all(_same_tree(one / name, other / name) for name in differences.common_dirs)
    )
