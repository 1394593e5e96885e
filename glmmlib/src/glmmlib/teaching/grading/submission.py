"""One submission: read without being believed, put in order, run, and kept in the journal.

The journal has one file for each submission that has been run, written in one go. It holds the
notebooks as they ran and the answers that were taken, so that marks can be given, and given anew
when a test was mended, without running anybody's code again.
"""

import hashlib
import json
import os
import re
import stat
import sys
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path

import nbformat

from .. import cohort
from .course import GradingError
from .harmless import clean_markdown
from .sandbox import Step

MOST_BYTES = 100 << 20      # of a submission
MOST_FILES = 1000
FORMAT = 1                  # of the journal

LATE = "This cell ran too long and was stopped."


@dataclass(frozen=True)
class Job:
    """A submission to grade: whose, and its folder."""

    assignment: str
    student: str
    folder: Path


@dataclass
class Record:
    """What running one submission gave.

    ``handed_in`` is a digest of its files, ``digest`` one of all that determined what is here.
    ``notebooks[name]`` is the notebook (as JSON) with the outputs of the student's cells;
    ``answers[name][grade_id]`` the codes of the variables that a test asks for; ``not_run[name]``
    [grade_id] why a test did not come to its turn. ``notes`` are sentences for the instructor.
    """

    handed_in: str
    digest: str
    notebooks: dict = field(default_factory=dict)
    answers: dict = field(default_factory=dict)
    not_run: dict = field(default_factory=dict)
    notes: list = field(default_factory=list)


# ---- reading -------------------------------------------------------------------------------------


def read_files(folder):
    """The regular files below `folder`, {path: bytes}; links are not followed."""
    found, total = {}, 0
    for where, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = Path(where, name)
            try:
                descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
                                     | getattr(os, "O_BINARY", 0))
            except OSError:     # a link, or not for us to read
                continue
            with open(descriptor, "rb") as file:
                facts = os.fstat(descriptor)
                if not stat.S_ISREG(facts.st_mode):
                    continue
                total += facts.st_size
                if total > MOST_BYTES or len(found) >= MOST_FILES:
                    raise GradingError(f"it holds more than {MOST_BYTES >> 20} MB or {MOST_FILES} files: ask for it "
                                       "without them.")
                found[path.relative_to(folder).as_posix()] = file.read(MOST_BYTES)
    return found


def digest_of_files(files):
    """A digest of what was handed in."""
    return _digest([(path, hashlib.sha256(content).hexdigest()) for path, content in sorted(files.items())])


def digest_of_run(handed_in, key, limits):
    """A digest of all that determines what running a submission gives."""
    packages = [version(name) for name in ("glmmlib", "ipython", "numpy", "pandas")]
    return _digest([FORMAT, handed_in, key.digest, asdict(limits), sys.version, packages])


def _digest(told):
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()


def _read_notebook(name, data):
    """The notebook in format 4 with nothing in its cells but what a cell may hold."""
    try:
        given = nbformat.convert(nbformat.reader.reads(data.decode("utf-8-sig")), 4)
        cells = [(cell["cell_type"], _joined(cell["source"]), cell.get("metadata"), cell.get("attachments"))
                 for cell in given["cells"]]
    except Exception:
        raise GradingError(f"{name}.ipynb is not a notebook that can be read: ask for it again.") from None
    notebook = nbformat.v4.new_notebook(metadata={
        "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
        "language_info": {"name": "python"}})
    make = {"code": nbformat.v4.new_code_cell, "markdown": nbformat.v4.new_markdown_cell,
            "raw": nbformat.v4.new_raw_cell}
    for number, (kind, source, metadata, attachments) in enumerate(cells):
        cell = make.get(kind, nbformat.v4.new_raw_cell)(source, id=f"cell-{number}")
        claimed = metadata.get("nbgrader") if isinstance(metadata, dict) else None
        claimed = claimed.get("grade_id") if isinstance(claimed, dict) else None
        if isinstance(claimed, str):
            cell.metadata["claimed"] = claimed
        if kind == "markdown" and _are_pictures(attachments):
            cell["attachments"] = attachments
        notebook.cells.append(cell)
    return notebook


def _joined(source):
    text = "".join(source)
    if not isinstance(source, (str, list)):
        raise TypeError("no source")
    return text.encode(errors="replace").decode()   # half a character could not be written again


def _are_pictures(attachments):
    return isinstance(attachments, dict) and all(
        isinstance(bundle, dict) and all(mime in ("image/png", "image/jpeg") and isinstance(content, str)
                                         and re.fullmatch(r"[A-Za-z0-9+/=\s]*", content)
                                         for mime, content in bundle.items())
        for bundle in attachments.values())


# ---- putting in order ----------------------------------------------------------------------------


def _put_in_order(notebook, cells, notes):
    """Give every cell the metadata and, where students may not change it, the source it was released with.

    Nothing that a submission says about its own cells but their ids is believed. Of a cell that was
    copied the last copy counts; lost graded cells are put back at the end.
    """
    present = set()
    for position in reversed(range(len(notebook.cells))):
        cell = notebook.cells[position]
        known = cells.get(cell.metadata.pop("claimed", None))
        if known is None:
            continue
        if known.grade_id in present:
            notes.append(f"The cell {known.grade_id} is there more than once: the last one counts.")
            continue
        present.add(known.grade_id)
        notebook.cells[position] = _as_released(known, cell)
    lost = [cell for cell in cells.values() if (cell.metadata["grade"] or cell.metadata.get("task"))
            and cell.grade_id not in present]
    if lost:
        names = ", ".join(sorted(cell.grade_id for cell in lost))
        notes.append(f"The graded cells {names} were missing and were put back.")
        notebook.cells.append(nbformat.v4.new_markdown_cell(
            "## Put back when graded\nThese cells were missing from the notebook you handed in.", id="put-back"))
        notebook.cells += [_as_released(cell, None) for cell in lost]


def _as_released(known, cell):
    make = nbformat.v4.new_code_cell if known.kind == "code" else nbformat.v4.new_markdown_cell
    source = known.source if cell is None or known.keeps_source else cell.source
    released = make(source, id=cell.id if cell else re.sub(r"[^\w-]", "-", f"lost-{known.grade_id}")[:64],
                    metadata={"nbgrader": dict(known.metadata)})
    if cell is not None and known.kind == "markdown" and "attachments" in cell:
        released["attachments"] = cell["attachments"]
    return released


# ---- running -------------------------------------------------------------------------------------


def run_submission(files, key, runner):
    """Run all notebooks among a submission's `files` ({path: bytes}); a Record.

    Raises GradingError when it cannot be graded. The `key` may be one without answers.
    """
    names = list(key.notebooks)
    present = [name for name in names if f"{name}.ipynb" in files]
    if not present:
        raise GradingError(f"{names[0]}.ipynb is not there: look for it under another name.")
    handed_in = digest_of_files(files)
    record = Record(handed_in, digest_of_run(handed_in, key, runner.limits))
    # whose data the notebook sees is the release's to say
    beside = {path: content for path, content in files.items()
              if not path.endswith(".ipynb") and path != cohort.FILE} | key.files
    for name in names:
        if name not in present:
            record.notes.append(f"{name}.ipynb is not there and counts as not answered.")
            continue
        notebook = _read_notebook(name, files[f"{name}.ipynb"])
        _put_in_order(notebook, key.notebooks[name], record.notes)
        for cell in notebook.cells:
            if cell.cell_type != "code" and cell.source not in key.prose:
                cell.source = clean_markdown(cell.source)
        _run_notebook(name, notebook, key.notebooks[name], runner, beside, record)
    return record


def _run_notebook(name, notebook, cells, runner, files, record):
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    tests = [_test_of(cell, cells) for cell in code]
    steps = [Step(test.setup, test.names) if test else Step(cell.source)
             for cell, test in zip(code, tests, strict=True)]
    done = runner.run(steps, sorted(files.items()))
    answers, not_run = {}, {}
    for number, (cell, test) in enumerate(zip(code, tests, strict=True)):
        outputs, sentence = done.outputs[number], None
        if outputs is None:
            sentence = f"This cell did not run: {done.stopped}."
            outputs = [_sentence_output("NotRun", sentence)]
        elif number in done.timeouts:
            outputs = [*(o for o in outputs if o["output_type"] != "error"), _sentence_output("CellTimeoutError", LATE)]
        if test is None:
            cell.outputs = _as_nodes(outputs)
        elif sentence:
            not_run[test.grade_id] = sentence
        else:
            answers[test.grade_id] = done.answers[number]
    if done.timeouts:
        record.notes.append(LATE.replace("This cell", "A cell"))
    if done.stopped:
        record.notes.append(f"Not all of it ran: {done.stopped}.")
    record.notebooks[name], record.answers[name], record.not_run[name] = notebook, answers, not_run


def _test_of(cell, cells):
    known = cells.get(cell.metadata.get("nbgrader", {}).get("grade_id"))
    return known if known and known.is_test else None


def _sentence_output(name, sentence):
    return {"output_type": "error", "ename": name, "evalue": sentence, "traceback": [sentence]}


def _as_nodes(outputs):
    return [nbformat.from_dict(output) for output in outputs]


# ---- journal -------------------------------------------------------------------------------------


def journal_path(course, job):
    return course.gradebook / "journal" / job.student / f"{job.assignment}.json"


def keep(course, job, record):
    """Write a record to the journal, in one go."""
    write_atomically(journal_path(course, job), json.dumps(vars(record)))


def recall(course, job):
    """The record of a submission, or None if there is none."""
    try:
        record = Record(**json.loads(journal_path(course, job).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    record.notebooks = {name: nbformat.from_dict(notebook) for name, notebook in record.notebooks.items()}
    return record


def last_graded(course, job):
    """The ``handed_in`` of what the gradebook has marks for; "" if it has none."""
    try:
        return _graded_path(course, job).read_text()
    except OSError:
        return ""


def note_graded(course, job, record):
    """Note that the gradebook now has this record's marks."""
    write_atomically(_graded_path(course, job), record.handed_in)


def _graded_path(course, job):
    return journal_path(course, job).with_suffix(".graded")


def write_atomically(path, text):
    """Write a text file so that at any moment either the old or the whole new one is there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with open(unfinished, "w", encoding="utf-8", errors="replace", newline="") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(unfinished, path)
