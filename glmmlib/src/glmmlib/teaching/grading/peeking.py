"""Who lets the exercises answer themselves.

To tell a mistake from what is right, the catalogues of `teaching.exercises` compute what is right, and a
student's notebook needs them for its checks, at home as in the sandbox. So they cannot be kept away; but
that somebody's own code asks them for more than the handout does can be seen, and is told the instructor.
"""

import ast
import contextlib
import functools

PACKAGE = "glmmlib.teaching.exercises"


def peeked(own, given):
    """What the code cells `own` use of the exercises and the code cells `given` do not, ["s6_subjects.reference"]."""
    catalogues, used = _handed_out(frozenset(given))
    return sorted(_used(own, catalogues | _catalogues(own)) - used)


@functools.cache
def _handed_out(given):
    catalogues = _catalogues(given)
    return catalogues, _used(given, catalogues)


def _nodes(sources):
    for source in sources:
        with contextlib.suppress(SyntaxError, ValueError, RecursionError, MemoryError):
            yield from ast.walk(ast.parse(source))


def _catalogues(sources):
    """The names under which catalogues are imported, {"s6": "s6_subjects"}."""
    found = {}
    for node in _nodes(sources):
        if isinstance(node, ast.ImportFrom) and node.module == PACKAGE:
            found |= {alias.asname or alias.name: alias.name for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {alias.asname: alias.name.rpartition(".")[2] for alias in node.names
                      if alias.asname and alias.name.startswith(PACKAGE)}
    return found


def _used(sources, catalogues):
    used = set()
    for node in _nodes(sources):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in catalogues:
            used.add(f"{catalogues[node.value.id]}.{node.attr}")
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith(f"{PACKAGE}."):
            used |= {f"{node.module.rpartition('.')[2]}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            used |= {alias.name.removeprefix(f"{PACKAGE}.") for alias in node.names
                     if alias.name.startswith(PACKAGE) and not alias.asname}
    return used
