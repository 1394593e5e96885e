"""What a class may hand in that is broken or means harm, and what each must end in.

Every entry is graded beside all others in the small course (`small_course.py`): 2 points for
``total``, 4 for ``half`` and ``larger``, 3 given by hand. A CHEAT answers wrongly, or answers rightly
only if it got through; a DISRUPTION answers rightly and comes before the second question, so that 6
points mean that it harmed nothing, 2 that it ended the notebook there.
"""

import json
import os
import shutil
from dataclasses import dataclass, field

import nbformat
from small_course import cell

WRONG = {"total": "1", "half": "1", "larger": "'second'"}
RIGHT = {"total": "42.5", "half": "21.25", "larger": "'first'"}


@dataclass(frozen=True)
class Hostile:
    """`code` is put in a cell of its own; `score` None means: could not be graded; `said` is in the problem."""

    name: str
    code: str
    score: float | None
    said: str = ""
    answers: dict = field(default_factory=dict)
    first: bool = False     # the cell comes first instead of before the second question


def cheat(name, code, **answers):
    return Hostile(name, code, 0, answers=WRONG | answers, first=True)


def escape(name, attempt):
    """Answers rightly if `attempt` raises no exception."""
    lines = "\n".join("    " + line for line in attempt.strip().splitlines())
    code = f"try:\n{lines}\n    out = 42.5\nexcept BaseException:\n    out = 0"
    return Hostile(name, code, 0, answers={"total": "out", "half": "out / 2", "larger": "'first' if out else ''"},
                   first=True)


def disruption(name, code, score=6, said=""):
    return Hostile(name, code, score, said, answers=RIGHT)


# {root} is the course's folder, {kernel} the module that runs the cells

CHEATS = [
    cheat("patched assert_allclose", "import numpy.testing as t\nt.assert_allclose = t.assert_equal = lambda *a, **k: None"),
    cheat("patched abs, isinstance and round", "import builtins\nbuiltins.abs = lambda x: 0\nbuiltins.round = abs"),
    cheat("patched numpy", "import numpy as np\nnp.abs = np.isclose = np.allclose = lambda *a, **k: True"),
    cheat("patched math", "import math\nmath.isfinite = lambda x: True\nmath.inf = 0"),
    cheat("patched questions", "from glmmlib.teaching import Number, Verdict, checks\n"
          "Number.judge = lambda *a: Verdict(1.0, 'right')\nchecks.points = lambda *a: 9\nchecks.judge_all = lambda *a: (9, [])"),
    cheat("patched tolerance", "from glmmlib.teaching import Number\nNumber._tolerance = 1e9"),
    cheat("patched answers", "from glmmlib.teaching import answers, checks\nanswers.as_number = checks.as_number = lambda a: 42.5"),
    cheat("replaced glmmlib.teaching", "import sys, types\nfake = types.ModuleType('glmmlib.teaching')\n"
          "fake.points = lambda *a: 9\nsys.modules['glmmlib.teaching'] = fake"),
    cheat("float that is equal to everything",
          "class F(float):\n"
          "    __eq__ = __le__ = __lt__ = __ge__ = __gt__ = lambda *a: True\n"
          "    __sub__ = __rsub__ = __abs__ = __neg__ = lambda *a: F(0)\n"
          "    __hash__ = float.__hash__\n    __float__ = lambda self: 42.5", total="F(1)", half="F(1)"),
    cheat("text that is equal to everything",
          "class S(str):\n    __eq__ = lambda *a: True\n    __hash__ = str.__hash__\n"
          "    casefold = strip = split = lambda *a: S('first')", larger="S('second')"),
    cheat("object that is everything",
          "class E:\n    __eq__ = __bool__ = lambda *a: True\n    __hash__ = object.__hash__\n"
          "    __getattr__ = lambda self, name: self\n    __call__ = lambda self, *a, **k: self\n"
          "    __float__ = lambda self: 42.5", total="E()", half="E()", larger="E()"),
    cheat("array that answers differently each time",
          "import itertools\nclass A:\n    turn = itertools.count()\n"
          "    def __array__(self, *a, **k):\n        import numpy\n        return numpy.array(float(next(A.turn)))",
          total="A()", half="A()"),
    cheat("many answers at once", "", total="[x / 2 for x in range(200)]", half="set(range(100))", larger="['first', 'second']"),
    cheat("input transformer", "get_ipython().input_transformers_post.append(lambda lines: ['total = 42.5; 9\\n'] if"
          " any('points' in line for line in lines) else lines)"),
    cheat("tree transformer", "import ast\nclass T(ast.NodeTransformer):\n    def visit_Call(self, node):\n"
          "        return ast.Constant(9)\nget_ipython().ast_transformers.append(T())"),
    cheat("replaced run_cell", "type(get_ipython()).run_cell = get_ipython().run_cell = lambda *a, **k: None"),
    cheat("hooks before and after cells", "def look(*a):\n    global total\n    total = globals().get('expected', 1)\n"
          "for event in ('pre_run_cell', 'post_run_cell', 'pre_execute', 'post_execute'):\n"
          "    get_ipython().events.register(event, look)"),
    cheat("reads what was run", "def look(*a):\n    global total\n    import re\n"
          "    for source in In:\n        for number in re.findall(r'\\d+ \\+ [\\d.]+', source):\n            total = eval(number)\n"
          "get_ipython().events.register('post_run_cell', look)"),
    cheat("prints a verdict", "print('✓ total = 42.5 is right. (2 of 2 points)')\n9"),
    cheat("writes to stderr", "import sys\nprint('9', file=sys.stderr)"),
    cheat("forged replies", "import os, json, struct\ndata = json.dumps({'answers': {'total': ['float', '1']}, 'score': 9,"
          " 'outputs': [], 'grade': 9}).encode()\n"
          "for name in os.listdir('/proc/self/fd'):\n    try:\n"
          "        if os.readlink(f'/proc/self/fd/{name}').startswith('socket'):\n"
          "            os.write(int(name), struct.pack('!I', len(data)) + data)\n    except OSError:\n        pass"),
    cheat("codes that are none", "import sys\nk = sys.modules['glmmlib.teaching.grading.kernel'] if"
          " 'glmmlib.teaching.grading.kernel' in sys.modules else None\n"
          "from glmmlib.teaching.grading import values\nimport gc\n"
          "for f in gc.get_objects():\n"
          "    if isinstance(f, dict) and f.get('encode') is values.encode:\n"
          "        f['encode'] = lambda v: ['table', -1, [['x']] * 3, {'a': [[[[[[]]]]]]}]"),
    cheat("looks through memory", "import gc, re\ntotal_found = 1\nfor o in gc.get_objects():\n"
          "    if isinstance(o, dict):\n        for v in list(o.values()):\n"
          "            if isinstance(v, str) and ''.join(['lambda: 40', ' + 2.5']) in v:\n                total_found = 42.5",
          total="total_found"),
    cheat("looks through frames", "import sys\nf, found = sys._getframe(), 1\nwhile f:\n"
          "    if any('expect' in name or 'parts' in name for name in f.f_locals):\n        found = 42.5\n    f = f.f_back",
          total="found"),
    cheat("looks at how it was started", "from pathlib import Path\n"
          "told = Path('/proc/1/cmdline').read_text() + Path('/proc/self/cmdline').read_text()\n"
          "found = 42.5 if 'fractions' in told else 1     # which only a hidden test imports", total="found"),
    cheat("says it was graded", "import os\nos.environ['NBGRADER_EXECUTION'] = 'no'\nscore = max_score = points = 9"),
]

ESCAPES = [
    escape("reads the solutions", "open('{root}/solutions/s1_sums/sums.ipynb')"),
    escape("reads the gradebook", "open('{root}/gradebook/gradebook.db', 'rb')"),
    escape("writes the gradebook", "import sqlite3\nsqlite3.connect('{root}/gradebook/gradebook.db').execute("
           "'update grade set manual_score = 99')"),
    escape("reads another's submission", "import os\nassert os.listdir('{root}/gradebook/submitted')"),
    escape("reads the settings", "open('{root}/nbgrader_config.py')"),
    escape("reads through a link", "import os\nos.symlink('{root}/solutions', 'way')\nassert os.listdir('way')"),
    escape("reads through /proc", "import os\nassert os.listdir('/proc/1/cwd') + os.listdir('/proc/1/root')"),
    escape("reads the first process's memory", "open('/proc/1/mem', 'rb')"),
    escape("reads the first process's files", "import os\nassert os.listdir('/proc/1/fd')"),
    escape("attaches to the first process", "import ctypes\nassert ctypes.CDLL(None).ptrace(16, 1, 0, 0) == 0"),
    escape("finds another process", "import os\nassert {n for n in os.listdir('/proc') if n.isdigit()} - {'1', str(os.getpid())}"),
    escape("reads the home directory", "import os\nassert set(os.listdir('{home}')) - set('.pyenv .local .cache .venv'.split())"),
    escape("reads the password file", "open('/etc/passwd')"),
    escape("reaches the network", "import socket\nsocket.create_connection(('1.1.1.1', 53), 2)"),
    escape("asks for a name", "import socket\nsocket.getaddrinfo('example.org', 80)"),
    escape("finds a server on this machine", "import socket\nsocket.create_connection(('127.0.0.1', 22), 2)"),
    escape("finds an abstract socket", "import socket\ns = socket.socket(socket.AF_UNIX)\ns.connect('\\0/tmp/.X11-unix/X0')"),
    escape("writes into Python", "import os\nopen(os.path.dirname(os.__file__) + '/os.py', 'a')"),
    escape("writes into glmmlib", "import glmmlib\nopen(glmmlib.__file__, 'a')"),
    escape("writes to /dev/shm of the machine", "open('/dev/sda', 'w')"),
    escape("becomes root", "import os\nos.setuid(0)"),
    escape("mounts", "import ctypes\nassert ctypes.CDLL(None).mount(b'none', b'/usr', b'tmpfs', 0, None) == 0"),
    escape("changes its root", "import os\nos.chroot('/usr')"),
    escape("lifts its limits", "import resource\nresource.setrlimit(resource.RLIMIT_AS, (-1, -1))"),
    escape("makes a device", "import os, stat\nos.mknod('disk', 0o666 | stat.S_IFBLK, os.makedev(8, 0))"),
    escape("finds what an earlier notebook left", "import os\nassert os.path.exists('/student/left') or os.path.exists('/dev/shm/left')"),
]

DISRUPTIONS = [
    disruption("os._exit", "import os\nos._exit(0)", 2, "Python had ended"),
    disruption("kills itself", "import os\nos.kill(os.getpid(), 9)", 2, "Python had ended"),
    disruption("sys.exit", "import sys\nsys.exit(1)"),
    disruption("raises SystemExit in a thread", "import threading\nthreading.Thread(target=exit).start()"),
    disruption("segmentation fault", "import ctypes\nctypes.string_at(0)", 2, "Python had ended"),
    disruption("kills the first process", "import os, signal\nfor s in (9, 15, 2, 19, 6):\n    os.kill(1, s)"),
    disruption("kills everything it can", "import os\nos.kill(-1, 9)"),
    disruption("endless loop", "while True: pass", 6, "ran too long"),
    disruption("endless sleep", "import time\ntime.sleep(1e6)", 6, "ran too long"),
    disruption("ignores the interrupt", "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: pass",
               2, "could not be interrupted"),
    disruption("catches the interrupt", "import time\nwhile True:\n    try:\n        time.sleep(1)\n    except BaseException:\n        pass",
               2, "could not be interrupted"),
    disruption("loop in C code", "sum(range(10**12))", 2, "could not be interrupted"),
    disruption("prints 100 MB", "for _ in range(100):\n    print('x' * 10**6)"),
    disruption("prints for ever", "while True: print('x' * 1000)", 6, "ran too long"),
    disruption("prints to the descriptor", "import os\nfor _ in range(1000): os.write(1, b'x' * 10**5)"),
    disruption("shows 100 MB", "from IPython.display import HTML, display\ndisplay(HTML('x' * 10**8))",
               2, "shown more than a notebook may hold"),
    disruption("shows a thousand things", "from IPython.display import display\nfor i in range(10**4): display(i)"),
    disruption("a long error", "raise ValueError('x' * 10**7)"),
    disruption("deep recursion", "def f(): return f()\nf()"),
    disruption("touches much memory", "x = []\nwhile True: x.append(bytearray(b'x' * 10**7))", 2, "more memory than it may"),
    disruption("asks for much memory", "x = bytearray(10**12)"),
    disruption("memory in many processes", "import os, time\nfor _ in range(10):\n    if os.fork() == 0:\n"
               "        x = b'x' * 2 * 10**8\n        time.sleep(60)\ntime.sleep(60)", 2, "more memory than it may"),
    disruption("fork bomb", "import os\nwhile True:\n    try:\n        os.fork()\n    except OSError:\n        pass", 2, ""),
    disruption("thread bomb", "import threading, time\nwhile True:\n    threading.Thread(target=time.sleep, args=(60,), daemon=True).start()"),
    disruption("fills the disk", "with open('big', 'wb') as f:\n    for _ in range(1000): f.write(b'x' * 10**7)"),
    disruption("fills the disk with files", "for i in range(10**6):\n    open(f'f{i}', 'wb').write(b'x' * 10**6)"),
    disruption("opens all files", "x = [open('/dev/null') for _ in range(10**5)]"),
    disruption("leaves a process", "import os, time\nif os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n"
               "        while True: time.sleep(0.01)\n    os._exit(0)"),
    disruption("leaves files", "open('/student/left', 'w').close()\nopen('/dev/shm/left', 'w').close()\nimport os\n"
               "os.makedirs('locked/in')\nos.chmod('locked', 0)"),
    disruption("leaves deep folders", "import os\nfor _ in range(3000):\n    os.mkdir('d')\n    os.chdir('d')"),
    disruption("leaves shared memory", "import ctypes\nctypes.CDLL(None).shmget(1234, 10**6, 0o1666)"),
    disruption("removes its directory", "import os, shutil\nshutil.rmtree('/student', ignore_errors=True)"),
    disruption("goes elsewhere", "import os\nos.chdir('/')"),
    disruption("closes all descriptors", "import os\nos.closerange(0, 256)", 2, "Python had ended"),
    disruption("closes sys.stdout", "import sys\nsys.stdout.flush()\nsys.stdout = sys.stderr = None"),
    disruption("breaks len", "import builtins\nbuiltins.len = None", 2, "Python had ended"),
    disruption("breaks json", "import json\njson.dumps = json.loads = None", 2, "Python had ended"),
    disruption("half a reply", "import os, struct, time\nfor name in os.listdir('/proc/self/fd'):\n    try:\n"
               "        if os.readlink(f'/proc/self/fd/{name}').startswith('socket'):\n"
               "            os.write(int(name), struct.pack('!I', 1000) + b'half')\n    except OSError:\n        pass",
               2, "could not be interrupted"),
    disruption("a huge reply", "import os, struct\nfor name in os.listdir('/proc/self/fd'):\n    try:\n"
               "        if os.readlink(f'/proc/self/fd/{name}').startswith('socket'):\n"
               "            os.write(int(name), struct.pack('!I', 2**32 - 1))\n    except OSError:\n        pass",
               2, "shown more than a notebook may hold"),
    disruption("input()", "name = input('who? ')"),
    disruption("a trace function", "import sys\nsys.settrace(lambda *a: 1 / 0)"),
    disruption("an answer that cannot be looked at", "class X:\n    def __array__(self, *a, **k): raise SystemExit\n"
               "    __repr__ = __class_getitem__ = __len__ = lambda self: 1 / 0\nodd = X()"),
    disruption("warnings", "import warnings\nwarnings.warn('did not converge')"),
    disruption("warnings as errors", "import warnings\nwarnings.simplefilter('error')"),
    disruption("scripts", "from IPython.display import HTML, Javascript, display\n"
               "display(HTML('<script>steal()</script><img src=x onerror=steal()>'), Javascript('steal()'))"),
    disruption("shell commands", "!rm -rf / --no-preserve-root 2>/dev/null; kill -9 -1"),
    disruption("an unknown magic", "%%nonsense\nx"),
    disruption("a syntax error", "this is no Python ("),
    disruption("half a character", "print('\\ud800')"),
]


# ---- notebooks and folders that are odd themselves -----------------------------------------------

def _with(change):
    """Hands in a rightly answered notebook after `change(notebook)`."""
    def hand_in(group, student):
        notebook = group.notebook(**RIGHT)
        change(notebook)
        group.hand_in(student, notebook)
    return hand_in


def _bytes(content):
    def hand_in(group, student):
        folder = group.hand_in(student, **RIGHT)
        (folder / "sums.ipynb").write_bytes(content(nbformat.writes(group.notebook(**RIGHT))))
    return hand_in


def _beside(change):
    """Hands in rightly, then changes the folder."""
    def hand_in(group, student):
        change(group.hand_in(student, **RIGHT))
    return hand_in


def _edited(change):
    """Hands in what `change` makes of the notebook's JSON."""
    def edit(text):
        notebook = json.loads(text)
        return json.dumps(change(notebook) or notebook).encode()
    return _bytes(edit)


def _copy(grade_id):
    return lambda notebook: notebook.cells.append(nbformat.from_dict(cell(notebook, grade_id) | {"id": "copy"}))


def _set(grade_id, /, **metadata):
    return lambda notebook: cell(notebook, grade_id).metadata["nbgrader"].update(metadata)


def _link(name, target):
    def change(folder):
        (folder / name).unlink(missing_ok=True)
        os.symlink(target, folder / name)
    return _beside(change)


def _write(name, text):
    def change(folder):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    return _beside(change)


ODD = {     # name -> (how it is handed in, score, what the problem says)
    "copied test": (_with(_copy("total-test")), 6, "total-test is there more than once"),
    "copied answer": (_with(_copy("half-answer")), 6, "half-answer is there more than once"),
    "test removed": (_with(lambda n: n.cells.remove(cell(n, "total-test"))), 6, "total-test were missing"),
    "metadata removed": (_with(lambda n: cell(n, "total-test").metadata.pop("nbgrader")), 6, "total-test were missing"),
    "all cells removed": (_with(lambda n: n.cells.clear()), 0, "were missing"),
    "points raised": (_with(_set("total-test", points=300)), 6, ""),
    "points below zero": (_with(_set("half-test", points=-5)), 6, ""),
    "schema of the future": (_with(_set("half-test", schema_version=99)), 6, ""),
    "schema of the past": (_with(_set("half-test", schema_version=0)), 6, ""),
    "test that is no test": (_with(_set("total-test", grade=False, solution=True)), 6, ""),
    "free text graded by itself": (_with(_set("why", grade=True, solution=False, points=3)), 6, ""),
    "id of another kind": (_with(_set("total-test", grade_id=["total-test"])), 6, "total-test were missing"),
    "test rewritten": (_with(lambda n: cell(n, "total-test").update(source="2")), 6, ""),
    "test made text": (_with(lambda n: cell(n, "total-test").update(cell_type="markdown")), 6, ""),
    "answer made text": (_with(lambda n: cell(n, "total-answer").update(cell_type="markdown")), 6, ""),
    "another kernel": (_with(lambda n: n.metadata.update(kernelspec={"name": "julia-9", "display_name": "J"})), 6, ""),
    "no JSON": (_bytes(lambda text: b"{nonsense"), None, "not a notebook that can be read"),
    "nothing": (_bytes(lambda text: b""), None, "not a notebook that can be read"),
    "Latin-1": (_bytes(lambda text: text.replace("Sums", "Sümmen").encode("latin-1")), None, "not a notebook that can be read"),
    "a mark before the text": (_bytes(lambda text: b"\xef\xbb\xbf" + text.encode()), 6, ""),
    "deeply nested": (_bytes(lambda text: b"[" * 10**6), None, "not a notebook that can be read"),
    "a list": (_edited(lambda n: [n]), None, "not a notebook that can be read"),
    "no cells": (_edited(lambda n: n.pop("cells") and None), None, "not a notebook that can be read"),
    "cells without source": (_edited(lambda n: [c.pop("source") for c in n["cells"]] and None), None, "not a notebook"),
    "numbers for source": (_edited(lambda n: n["cells"][1].update(source=5)), None, "not a notebook that can be read"),
    "an unknown kind of cell": (_edited(lambda n: n["cells"].append({"cell_type": "?", "source": "x", "metadata": {}})), 6, ""),
    "a format of the future": (_edited(lambda n: n.update(nbformat=99)), None, "not a notebook that can be read"),
    "a program as its name": (_beside(lambda f: (f / "sums.ipynb").rename(f / "sums (1).ipynb")), None, "sums.ipynb is not there"),
    "a link to the solutions": (_link("sums.ipynb", "../../../../solutions/s1_sums/sums.ipynb"), None, "sums.ipynb is not there"),
    "a link for a folder": (_beside(lambda f: shutil.rmtree(f) or os.symlink("../../../solutions/s1_sums", f)), None,
                            "its folder is a link"),
    "a link to nowhere": (_link("data.csv", "/nowhere"), 6, ""),
    "a link to everything": (_link("all", "/"), 6, ""),
    "a pipe": (_beside(lambda f: os.mkfifo(f / "pipe")), 6, ""),
    "a pipe for a notebook": (_beside(lambda f: (f / "sums.ipynb").unlink() or os.mkfifo(f / "sums.ipynb")), None, "is not there"),
    "its own numpy.py": (_write("numpy.py", "raise SystemExit"), 6, ""),
    "its own statsmodels": (_write("statsmodels/__init__.py", "raise SystemExit"), 6, ""),
    "its own glmmlib.py": (_write("glmmlib.py", "raise SystemExit"), 6, ""),
    "its own sitecustomize.py": (_write("sitecustomize.py", "raise SystemExit"), 6, ""),
    "a timestamp of nonsense": (_write("timestamp.txt", "yesterday, I think"), 6, "timestamp.txt says no time"),
    "a timestamp of the year 9999": (_write("timestamp.txt", "9999-12-31 23:59:59"), 6, "timestamp.txt says no time"),
    "a timestamp": (_write("timestamp.txt", "2027-01-31 12:00:00 UTC"), 6, ""),
    "[a] *name*? {with} 'quotes' % \N{SNOWMAN}": (_with(lambda n: None), 6, ""),
}
