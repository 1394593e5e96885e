"""Where students' code runs: a process behind walls (Linux, bubblewrap), or a bare one.

`Sandbox` keeps one walled process that has imported everything and forks a child for each notebook;
`NoSandbox` starts a process per notebook and trusts it. Both turn the steps of a notebook into an
`Execution`. What comes back was said by code that cannot be trusted: it is measured before it is
read, and only plain values are built from it.
"""

import base64
import contextlib
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from ...errors import GlmmlibError
from . import kernel
from .harmless import clean_data

KERNEL = [sys.executable, "-P", "-m", kernel.__name__]
HOME = "/student"           # in the sandbox: the working directory, home and place for temporary files
SHARED = "/dev/shm"
USERS = range(61_184, 65_520)   # user ids for sandboxes that root starts: systemd's, for passing users
START = 120.0               # seconds to start in
MB = 1 << 20


class SandboxError(GlmmlibError):
    """Code cannot be run safely on this machine as things stand."""


@dataclass(frozen=True)
class Limits:
    """What one notebook may use. Times in seconds, sizes in bytes."""

    cell_time: float = 60
    notebook_time: float = 300
    grace: float = 5            # to obey an interrupt
    memory: int = 2048 * MB     # of all its processes together
    disk: int = 256 * MB
    processes: int = 64         # processes and threads together
    files: int = 256            # open ones
    printed: int = 100_000      # text of one cell
    sent: int = 32 * MB         # all that a notebook shows and answers


@dataclass(frozen=True)
class Step:
    """One cell of a notebook: code to run, then the names of the variables to take; either may be none."""

    code: str = ""
    take: tuple = ()


@dataclass
class Execution:
    """What running a notebook gave, step by step.

    ``outputs[i]`` and ``answers[i]`` (codes, see `values`) are None when step i did not run;
    ``stopped`` then says why, and ``timeouts`` are the steps that were interrupted.
    """

    outputs: list = field(default_factory=list)
    answers: list = field(default_factory=list)
    timeouts: list = field(default_factory=list)
    stopped: str = ""


class _Stopped(Exception):
    """The notebook's process cannot go on; the text is the end of a sentence."""


WHY = {
    "ended": "Python had ended (out of memory, or told to exit)",
    "cpu": "it had used up its computing time",
    "memory": "it had used more memory than it may",
    "processes": "it had started more processes than it may",
    "stopped": "Python had ended",
}


class _Runner:
    """What both kinds have in common: the conversation with one notebook's process."""

    def __init__(self, limits, modules=()):
        self.limits, self.modules = limits, sorted(modules)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """End all processes."""

    def run(self, steps, files=()):
        """Run a notebook's `steps` in a fresh process with `files` ((path, bytes) each); an Execution."""
        done = Execution()
        self._left = self.limits.sent
        self._end = time.monotonic() + self.limits.notebook_time
        try:
            connection = self._begin()
            with contextlib.closing(connection):
                if files:
                    encoded = [[path, base64.b64encode(content).decode()] for path, content in files]
                    self._ask(connection, {"files": encoded}, self.limits.cell_time)
                for number, step in enumerate(steps):
                    self._run_step(connection, number, step, done)
        except _Stopped as why:
            done.stopped = str(why)
        finally:
            reason = self._finish()
            if done.stopped == WHY["ended"]:
                done.stopped = WHY[reason]
        for missing in (done.outputs, done.answers):
            missing += [None] * (len(steps) - len(missing))
        return done

    def _run_step(self, connection, number, step, done):
        outputs, answers = [], {}
        if step.code:
            if time.monotonic() >= self._end:
                raise _Stopped(f"the notebook had run for its {self.limits.notebook_time:g} seconds")
            seconds = min(self.limits.cell_time, self._end - time.monotonic())
            reply = self._ask(connection, {"run": step.code}, seconds, lambda: done.timeouts.append(number))
            outputs = [kept for output in _list(reply.get("outputs")) if (kept := _trusted_output(output))]
        if step.take:
            reply = self._ask(connection, {"take": list(step.take)}, self.limits.cell_time)
            given = reply.get("answers")
            answers = {name: given.get(name) for name in step.take} if isinstance(given, dict) else {}
        done.outputs.append(outputs)
        done.answers.append(answers)

    def _ask(self, connection, message, seconds, when_late=None):
        """Send a message, return the reply (a dict); a late one is interrupted once, then given up."""
        end = time.monotonic() + seconds
        try:
            connection.settimeout(seconds)
            kernel.send(connection, message)
            try:
                return self._reply(connection, end)
            except TimeoutError:
                if when_late is None:
                    raise
                when_late()
                self._interrupt()
                return self._reply(connection, time.monotonic() + self.limits.grace)
        except TimeoutError:
            raise _Stopped("a cell ran too long and could not be interrupted") from None
        except OSError:
            raise _Stopped(WHY["ended"]) from None

    def _reply(self, connection, end):
        data = self._partial
        while True:
            if len(data) >= kernel.HEADER.size:
                size = kernel.HEADER.unpack(data[:kernel.HEADER.size])[0]
                if size > self._left:
                    raise _Stopped("it had shown more than a notebook may hold")
                whole = kernel.HEADER.size + size
                if len(data) >= whole:
                    self._left -= size
                    frame = bytes(data[kernel.HEADER.size:whole])
                    del data[:whole]
                    return _parsed(frame)
            connection.settimeout(max(end - time.monotonic(), 0.001))
            chunk = connection.recv(1 << 20)
            if not chunk:
                raise _Stopped(WHY["ended"])
            data += chunk


def _parsed(frame):
    try:
        reply = json.loads(frame)
    except (ValueError, RecursionError):
        reply = None
    if not isinstance(reply, dict):
        raise _Stopped("it had broken the connection")
    return reply


def _list(value):
    return value if isinstance(value, list) else []


def _trusted_output(output):
    """An output in the notebook format, rebuilt from what is well formed in `output`; else None."""
    if not isinstance(output, dict):
        return None
    text = {key: value for key, value in output.items() if isinstance(value, str)}
    kind = text.get("output_type")
    if kind == "stream" and text.get("name") in ("stdout", "stderr") and "text" in text:
        return {"output_type": kind, "name": text["name"], "text": text["text"]}
    if kind == "error" and {"ename", "evalue"} <= set(text):
        lines = [line for line in _list(output.get("traceback")) if isinstance(line, str)]
        return {"output_type": kind, "ename": text["ename"], "evalue": text["evalue"], "traceback": lines}
    if kind in ("display_data", "execute_result") and isinstance(output.get("data"), dict):
        data, metadata = clean_data({mime: content for mime, content in output["data"].items()
                                     if isinstance(content, str)})
        shown = {"output_type": kind, "data": data, "metadata": metadata}
        return (shown | {"execution_count": None} if kind == "execute_result" else shown) if data else None
    return None


# ---- behind walls --------------------------------------------------------------------------------


class Sandbox(_Runner):
    """Runs notebooks behind bubblewrap's walls, one at a time, each in a fresh forked process.

    `secret` are paths that must not be seen from inside; the self-test looks for them. `number`
    tells sandboxes apart that run at the same time.
    """

    def __init__(self, limits, modules=(), secret=(), number=0):
        super().__init__(limits, modules)
        self._secret, self._number = [str(path) for path in secret], number
        self._process = None

    def close(self):
        if self._process is not None:
            self._control.close()       # at which an idle sandbox ends by itself
            try:
                self._process.wait(3)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process.stderr.close()
            self._process = None

    def _begin(self):
        self._partial = bytearray()
        if self._process is None:
            self._start()
        try:
            return self._connect()
        except OSError:     # it ended while nobody looked: out of memory, say
            self.close()
            self._start()
            return self._connect()

    def _connect(self):
        ours, theirs = socket.socketpair()
        with theirs:
            order = json.dumps({"limits": self._limits_inside()}).encode()
            socket.send_fds(self._control, [order], [theirs.fileno()])
        return ours

    def _interrupt(self):
        with contextlib.suppress(OSError):
            self._control.send(b"interrupt")

    def _finish(self):
        """End the notebook's processes; a sandbox that is not as good as new is thrown away."""
        if self._process is None:
            return "ended"
        try:
            self._control.send(b"stop")
            self._control.settimeout(15)
            ended = json.loads(self._control.recv(kernel.MOST_MESSAGE))
            if not ended["clean"]:
                self.close()
            return ended["why"]
        except (OSError, ValueError):
            self.close()
            return "ended"

    def _start(self):
        if shutil.which("bwrap") is None:
            raise SandboxError(
                "Students' code runs in a sandbox, for which bubblewrap is missing: install it (on Debian and Ubuntu "
                "`apt-get install bubblewrap`), or give --no-sandbox on a machine that holds nothing to protect."
            )
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        order = {"control": theirs.fileno(), "modules": self.modules, "folders": [HOME, SHARED],
                 "user": USERS[(64 * os.getpid() + self._number) % len(USERS)]}
        errors = tempfile.TemporaryFile()
        with theirs:
            self._process = subprocess.Popen(
                [*self._walls(), "--", *KERNEL, json.dumps(order)], pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=errors)
        self._process.stderr = errors
        self._control.settimeout(START)
        try:
            ready = self._control.recv(kernel.MOST_MESSAGE)
        except TimeoutError:
            ready = b""
        if not ready:
            self._process.kill()
            self._process.wait()
            errors.seek(0)
            said = errors.read().decode(errors="replace").strip().splitlines()
            self.close()
            raise SandboxError(
                f"The sandbox does not start ({said[-1] if said else 'bwrap says nothing'}): this machine may not "
                "allow it (inside containers and under AppArmor it is often forbidden). Allow bubblewrap user "
                "namespaces, or give --no-sandbox on a machine that holds nothing to protect."
            )
        self._control.settimeout(None)

    def _walls(self):
        """bwrap's command line, up to the program to run."""
        size = str(self.limits.disk)
        walls = ["bwrap", "--unshare-net", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try",
                 "--die-with-parent", "--new-session", "--as-pid-1", "--cap-drop", "ALL"]
        if os.getuid() == 0:    # to become another user, for whom limits hold
            walls += ["--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
        else:
            walls += ["--unshare-user"]
        walls += ["--clearenv", "--proc", "/proc", "--dev", "/dev"]
        for folder in (HOME, SHARED):
            walls += ["--perms", "1777", "--size", size, "--tmpfs", folder]
        seen = _readable_paths()
        for path in seen:
            for parent in reversed(Path(path).parents[:-1]):
                walls += ["--perms", "0755", "--dir", str(parent)]      # else bwrap hides them from the student's user
            walls += ["--ro-bind", path, path]
        for path in ("/bin", "/sbin", "/lib", "/lib32", "/lib64"):
            if os.path.islink(path):
                walls += ["--symlink", os.readlink(path), path]
            elif os.path.isdir(path):
                walls += ["--ro-bind", path, path]
        if not any(Path(path).is_relative_to("/tmp") for path in seen):
            walls += ["--symlink", HOME.lstrip("/"), "/tmp"]
        walls += ["--remount-ro", "/dev", "--remount-ro", "/", "--chdir", HOME]
        for name, value in _environment().items():
            walls += ["--setenv", name, value]
        return walls

    def _limits_inside(self):
        return {
            "output": self.limits.printed,
            "processes": self.limits.processes,
            "memory": self.limits.memory,
            "resources": {
                # address space is not memory: libraries reserve much more than they use
                "AS": 3 * self.limits.memory,
                "CPU": int(self.limits.notebook_time),
                "FSIZE": self.limits.disk,
                "NOFILE": self.limits.files,
                "NPROC": self.limits.processes + _own_threads(),
                "CORE": 0,
                "MSGQUEUE": 0,
            },
        }

    def test_walls(self):
        """Look for holes from inside, as student code; raises SandboxError that names the first."""
        names = [*PROBES, "secret"]
        probe = "\n".join([PROBE, f"secret = [path for path in {self._secret!r} if os.path.exists(path)]"])
        done = self.run([Step(probe, tuple(names))])
        if done.stopped or not done.answers[0]:
            raise SandboxError(f"The sandbox cannot be tested: {done.stopped or 'it does not answer'}.")
        found = done.answers[0]
        if found["secret"] != ["list", "list", 0, []]:
            raise SandboxError(
                f"The sandbox has a hole: student code could see {found['secret'][3][0][1]}. Move the course out of "
                "the folders that Python itself is installed in."
            )
        for name, sentence in PROBES.items():
            if found[name] != ["bool", True]:
                raise SandboxError(f"The sandbox has a hole: student code {sentence}.")


def _readable_paths():
    """What Python needs to see of this machine: programs, libraries, itself and glmmlib."""
    paths = ["/usr", "/etc/ld.so.cache", "/etc/fonts", "/etc/alternatives", "/etc/localtime",
             sys.prefix, sys.base_prefix, str(_package_parent() / "glmmlib")]
    present = [path for path in dict.fromkeys(map(os.path.abspath, paths)) if os.path.exists(path)]
    return [path for path in present
            if not any(path != other and Path(path).is_relative_to(other) for other in present)]


def _package_parent():
    return Path(__file__).resolve().parents[3]


def _environment():
    return {
        "PATH": os.pathsep.join([sysconfig.get_path("scripts"), "/usr/bin", "/bin"]),
        "PYTHONPATH": str(_package_parent()) if not _package_parent().is_relative_to(sys.prefix) else "",
        "PYTHONDONTWRITEBYTECODE": "1",
        "HOME": HOME, "TMPDIR": f"{HOME}/tmp", "MPLCONFIGDIR": f"{HOME}/tmp/matplotlib",
        "IPYTHONDIR": f"{HOME}/tmp/ipython", "USER": "student", "LOGNAME": "student", "LANG": "C.UTF-8",
        "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1",
    }


def _own_threads():
    """How many threads this user runs; older kernels count them into the sandbox's limit."""
    if os.getuid() == 0:
        return 0
    threads = 0
    for path in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if path.stat().st_uid == os.getuid():
                threads += len(os.listdir(path / "task"))
    return threads


# What a probe must find, and what a hole would let student code do.
PROBES = {
    "no_network": "could reach the network",
    "no_rights": "had rights of an administrator",
    "no_writing": "could write outside its own directory",
    "own_directory": "could not write in its own directory",
    "no_others": "could see other processes",
    "limited": "had no limit on its processes",
}
PROBE = """
import os, resource, socket
no_network = [name for _, name in socket.if_nameindex() if name != "lo"] == []
facts = dict(line.split(":", 1) for line in open("/proc/self/status"))
no_rights = int(facts["CapEff"], 16) == 0 and facts["NoNewPrivs"].strip() == "1" and os.getuid() != 0
def writable(folder):
    try:
        open(os.path.join(folder, "probe"), "w").close()
        return True
    except OSError:
        return False
no_writing = not any(writable(folder) for folder in ("/", "/usr", "/dev", "/etc", os.path.dirname(os.__file__)))
own_directory = writable(".")
no_others = {name for name in os.listdir("/proc") if name.isdigit()} <= {"1", str(os.getpid())}
limited = resource.getrlimit(resource.RLIMIT_NPROC)[0] != resource.RLIM_INFINITY
"""


# ---- without walls -------------------------------------------------------------------------------


class NoSandbox(_Runner):
    """Runs each notebook in a process of its own that may do whatever the user may."""

    def __init__(self, limits, modules=()):
        super().__init__(limits, modules)
        self._process = None

    def _begin(self):
        word = secrets.token_hex(16)
        self._folder = tempfile.mkdtemp(prefix="notebook-")
        with socket.create_server(("127.0.0.1", 0)) as door:
            door.settimeout(START)
            order = {"address": list(door.getsockname()), "word": word, "modules": self.modules,
                     "output": self.limits.printed}
            self._process = subprocess.Popen(
                [*KERNEL, json.dumps(order)], cwd=self._folder, start_new_session=True,
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                env={**os.environ, "PYTHONPATH": str(_package_parent())})
            try:
                connection, _ = door.accept()
                connection.settimeout(START)
                if kernel._exactly(connection, len(word)) != word.encode():
                    raise _Stopped(WHY["ended"])
            except TimeoutError:
                raise _Stopped("Python did not start") from None
        self._partial = bytearray()
        self._end = time.monotonic() + self.limits.notebook_time
        return connection

    def _interrupt(self):
        if os.name == "posix":
            self._process.send_signal(signal.SIGINT)

    def _finish(self):
        with contextlib.suppress(OSError):
            if os.name == "posix":
                os.killpg(self._process.pid, signal.SIGKILL)
            else:
                self._process.kill()
        self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)
        return "ended"
