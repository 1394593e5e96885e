"""The command line: python -m glmmlib.teaching.grading release | check-release | grade | report."""

import argparse
import sys

from ...errors import GlmmlibError
from .course import Course


def main(arguments=None):
    """Run one command; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m glmmlib.teaching.grading", description="Hand out the course and grade what comes back."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    for name, words in (("release", "make course/ from solutions/"),
                        ("check-release", "say what release would change"),
                        ("report", "write gradebook/report/ once more, as after giving marks by hand"),
                        ("grade", "grade gradebook/submitted/<student>/<section>/")):
        command = commands.add_parser(name, help=words, description=words)
        command.add_argument("--root", default=".", help="the top of the course's repository (default: here)")
        if name in ("report", "grade"):
            command.add_argument("--assignments", nargs="+", metavar="SECTION", help=f"{name} these only")
        if name == "release":
            command.add_argument("--cohort", metavar="NAME", help="draw this class's own data, named so on every handout; "
                                 '"bundled" goes back (default: as course/ is)')
    command.add_argument("--students", nargs="+", metavar="NAME", help="grade these only")
    command.add_argument("--jobs", type=int, metavar="N", help="how many run at once (default: one per processor)")
    command.add_argument("--resume", action="store_true",
                         help="run only what is new or changed; what was run before is judged again")
    command.add_argument("--no-sandbox", action="store_true",
                         help="let students' code do on this machine whatever you may do")
    command.add_argument("--dask", metavar="ADDRESS",
                         help="run submissions on the cluster of the Dask scheduler there, like tcp://10.0.0.1:8786")
    options = parser.parse_args(arguments)
    if options.command == "grade" and options.jobs is not None and options.jobs < 1:
        parser.error("--jobs needs a number from 1 up")
    try:
        course = Course(options.root)   # which says so if nbgrader, that all below needs, is missing
        from .handout import release, stale_sections
        from .report import make_reports
        from .run import grade
        from .workers import on_cluster

        if options.command == "release":
            release(course, options.cohort or None)
        elif options.command == "report":
            make_reports(course, options.assignments)
        elif options.command == "grade":
            with on_cluster(options.dask):
                grade(course, options.students, options.assignments, options.jobs, options.resume,
                      not options.no_sandbox)
        else:
            stale = stale_sections(course)
            for section in stale:
                print(f"{course.release.name}/{section} is stale: run `make release`.", file=sys.stderr)
            return 1 if stale else 0
    except GlmmlibError as problem:
        print(problem, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Interrupted; what grading had run is kept, and --resume goes on from there.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
