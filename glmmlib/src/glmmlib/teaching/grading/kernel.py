"""The Python that runs students' cells: started in the sandbox, it knows what it is sent and no more.

Two ways to be started (`main`): as the sandbox's first process, which imports what the course imports
once and then forks a child for every notebook; or, without a sandbox, for a single notebook. Either
way the notebook's own process talks over a socket in frames (a length, then JSON):

    {"files": [[path, base64], ...]}     -> {}                       written to the working directory
    {"run": source}                      -> {"outputs": [...]}       a cell, as Jupyter would run it
    {"take": [names]}                    -> {"answers": {name: code}}    variables, as plain values

The process that forks is never seen by student code: it watches the child's memory and processes,
ends all of them, and empties what they could write to.
"""

import base64
import contextlib
import importlib
import json
import os
import select
import shutil
import signal
import socket
import struct
import sys
import time

from ..answers import UNDEFINED
from .values import encode

HEADER = struct.Struct("!I")
TICK = 0.1                  # seconds between two looks at what the child uses
MOST_MESSAGE = 1 << 16      # bytes of an order to the forking process
KEPT_KINDS = ("text/plain", "text/html", "text/markdown", "image/png", "image/jpeg")


# ---- frames --------------------------------------------------------------------------------------


def send(connection, message):
    data = json.dumps(message).encode()
    connection.sendall(HEADER.pack(len(data)) + data)


def receive(connection):
    """The next message, or None at the end."""
    header = _exactly(connection, HEADER.size)
    data = header and _exactly(connection, HEADER.unpack(header)[0])
    return json.loads(data) if data else None


def _exactly(connection, size):
    data = bytearray()
    while len(data) < size:
        chunk = connection.recv(min(size - len(data), 1 << 20))
        if not chunk:
            return None
        data += chunk
    return bytes(data)


# ---- one notebook --------------------------------------------------------------------------------


class Outputs:
    """What a cell showed, as a notebook keeps it; text beyond `most` bytes a cell is dropped."""

    def __init__(self, most):
        self._most, self._kept, self._clear_first = most, [], False
        self._text = 0

    def take(self):
        kept, self._kept, self._text, self._clear_first = self._kept, [], 0, False
        for output in kept:
            output.pop("display_id", None)
        return kept

    def write(self, name, text):
        self._clear_if_due()
        if self._text > self._most:
            return
        self._text += len(text.encode(errors="replace"))
        if self._text > self._most:
            text = text[:self._most] + "\n… (more was printed than is kept)\n"
        last = self._kept[-1] if self._kept else {}
        if last.get("output_type") == "stream" and last["name"] == name:
            last["text"] += text
        else:
            self._kept.append({"output_type": "stream", "name": name, "text": text})

    def show(self, kind, data, display_id=None, update=False):
        self._clear_if_due()
        data = {mime: content for mime, content in data.items() if mime in KEPT_KINDS}
        for mime, content in data.items():
            if isinstance(content, bytes):
                data[mime] = base64.b64encode(content).decode()
        if update:
            for output in self._kept:
                if output.get("display_id") == display_id:
                    output["data"] = data
        elif data and len(self._kept) < 200:
            self._kept.append({"output_type": kind, "data": data, "metadata": {}, "display_id": display_id})

    def fail(self, name, message, traceback):
        self._clear_if_due()
        self._kept.append({"output_type": "error", "ename": name[:200], "evalue": message[:2000],
                           "traceback": [line[:5000] for line in traceback[-40:]]})

    def clear(self, wait=False):
        if wait:
            self._clear_first = True
        else:
            self._kept, self._text = [], 0

    def _clear_if_due(self):
        if self._clear_first:
            self._clear_first = False
            self.clear()


class Stream:
    """sys.stdout or sys.stderr of a notebook."""

    encoding, errors, closed, newlines = "utf-8", "strict", False, None

    def __init__(self, outputs, name):
        self._outputs, self.name = outputs, f"<{name}>"
        self._stream = name

    def write(self, text):
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        self._outputs.write(self._stream, text)
        return len(text)

    def writelines(self, lines):
        for line in lines:
            self.write(line)

    def flush(self):
        pass

    def isatty(self):
        return False

    def readable(self):
        return False

    seekable = readable

    def writable(self):
        return True


def make_shell(outputs):
    """An IPython shell that puts what cells show into `outputs`, as a Jupyter kernel would."""
    from IPython.core.displayhook import DisplayHook
    from IPython.core.displaypub import DisplayPublisher
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets import Type
    from traitlets.config import Config

    class Result(DisplayHook):
        def start_displayhook(self):
            pass

        def write_output_prompt(self):
            pass

        def write_format_data(self, format_dict, md_dict=None):
            outputs.show("execute_result", format_dict)

        def finish_displayhook(self):
            self._is_active = False

    class Publisher(DisplayPublisher):
        def publish(self, data, metadata=None, *args, transient=None, update=False, **kwargs):
            outputs.show("display_data", data, (transient or {}).get("display_id"), update)

        def clear_output(self, wait=False):
            outputs.clear(wait)

    class Shell(InteractiveShell):
        displayhook_class = Type(Result)
        display_pub_class = Type(Publisher)

        def _showtraceback(self, etype, evalue, stb):
            outputs.fail(getattr(etype, "__name__", str(etype)), str(evalue), [str(line) for line in stb])

        def raw_input(self, prompt=""):
            raise RuntimeError("nobody is there to answer input() while a notebook is graded")

        def init_gui_pylab(self):
            pass

        def enable_gui(self, gui=None):
            pass

    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = "nocolor"
    config.InteractiveShell.xmode = "Plain"     # the others take seconds after a deep recursion
    shell = Shell.instance(config=config)
    import builtins

    builtins.input = shell.raw_input
    sys.stdout, sys.stderr = Stream(outputs, "stdout"), Stream(outputs, "stderr")
    return shell


def serve(connection, most_output):
    """Run the cells of one notebook until the other side hangs up; student code runs in here."""
    signal.signal(signal.SIGINT, signal.default_int_handler)    # whoever started grading may have it ignored
    outputs = Outputs(most_output)
    shell = make_shell(outputs)
    streams = sys.stdout, sys.stderr
    while True:
        try:
            message = receive(connection)
            if message is None:
                return
            sys.stdout, sys.stderr = streams
            send(connection, _answer(message, shell, outputs))
        except KeyboardInterrupt:   # meant for a cell that had just ended
            continue


def _answer(message, shell, outputs):
    if "files" in message:
        for path, content in message["files"]:
            os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
            with open(path, "wb") as file:
                file.write(base64.b64decode(content))
        return {}
    if "run" in message:
        try:
            shell.run_cell(message["run"], store_history=True)
        except BaseException as failure:    # what a cell broke in IPython itself
            outputs.fail(type(failure).__name__, str(failure), [])
        return {"outputs": outputs.take()}
    defined = vars(sys.modules["__main__"])
    return {"answers": {name: encode(defined.get(name, UNDEFINED)) for name in message["take"]}}


def prepare(modules):
    """Import what notebooks will import, so that each of them need not."""
    os.environ.setdefault("MPLBACKEND", "module://matplotlib_inline.backend_inline")
    for name in ["IPython.core.interactiveshell", "IPython.core.completer", "numpy", "pandas", "ipywidgets", *modules]:
        with contextlib.suppress(Exception):
            importlib.import_module(name)
    with contextlib.suppress(Exception):
        _rehearse()


def _rehearse():
    """Show a table and a figure, as the first of each reads fonts and imports what writes a picture."""
    import io

    import pandas as pd

    pd.DataFrame({"x": [0.5]}).style.to_html()
    if "matplotlib.pyplot" in sys.modules:
        import matplotlib.pyplot as plt

        figure, axis = plt.subplots(layout="constrained")
        axis.plot([0, 1], label="$x$")
        axis.legend()
        figure.savefig(io.BytesIO(), format="png")
        plt.close(figure)


# ---- the process that forks ----------------------------------------------------------------------


def fork_for_every_notebook(control, modules, folders):
    """Serve orders that come over `control` (a SOCK_SEQPACKET socket) until it is closed.

    An order ``{"limits": {...}}`` comes with the notebook's own socket. ``folders`` are all that
    can be written to; the first is the working directory.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _lock_up()
    prepare(modules)
    _empty(folders)
    control.send(b'{"ready": true}')
    while True:
        order, descriptors, _, _ = socket.recv_fds(control, MOST_MESSAGE, 1)
        if not order:
            return
        if not descriptors:
            continue        # an interrupt or a stop that came too late
        limits = json.loads(order)["limits"]
        child = os.fork()
        if child == 0:
            control.close()
            _become_notebook(descriptors[0], limits, folders[0])
        os.close(descriptors[0])
        ended = _watch(child, control, limits)
        ended["clean"] = _end_all() and _empty(folders) and _nothing_shared()
        control.send(json.dumps(ended).encode())


def _lock_up():
    """Hide this process's memory from its children, which run as the same user; die with bwrap."""
    _process_control(PR_SET_DUMPABLE, 0)
    _process_control(PR_SET_PDEATHSIG, signal.SIGKILL)      # again: it is lost when the user changes


PR_SET_PDEATHSIG, PR_SET_DUMPABLE = 1, 4    # of Linux's prctl(2)


def _process_control(option, value):
    import ctypes

    ctypes.CDLL(None, use_errno=True).prctl(option, int(value), 0, 0, 0)


def _become_notebook(descriptor, limits, folder):
    status = 1
    try:
        import random
        import resource

        import numpy as np

        os.setsid()
        _process_control(PR_SET_DUMPABLE, 1)
        nothing = os.open(os.devnull, os.O_RDWR)
        for standard in (0, 1, 2):
            os.dup2(nothing, standard)
        os.chdir(folder)
        sys.path.append(folder)             # a module that was handed in, but never before Python's own
        random.seed(0)                      # graded once more, the marks are the same
        np.random.seed(0)
        for name, limit in limits["resources"].items():
            resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (limit, limit))
        serve(socket.socket(fileno=descriptor), limits["output"])
        status = 0
    except BaseException:
        pass
    finally:
        os._exit(status)


def _watch(child, control, limits):
    """Wait until the child has ended, is to be stopped, or uses more than it may; says which."""
    while True:
        ready, _, _ = select.select([control], [], [], TICK)
        if ready:
            order = control.recv(MOST_MESSAGE)
            if order == b"interrupt":
                with contextlib.suppress(ProcessLookupError):
                    os.kill(child, signal.SIGINT)
            else:
                return {"why": "stopped"}
        with contextlib.suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == child:
                    signalled = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
                    return {"why": "cpu" if signalled == signal.SIGXCPU else "ended"}
                if pid == 0:
                    break
        processes, memory = _used()
        if processes > limits["processes"]:
            return {"why": "processes"}
        if memory > limits["memory"] and _shares_of_memory() > limits["memory"]:
            return {"why": "memory"}


def _used():
    """Threads of all other processes in the sandbox, and the bytes that are theirs (shared ones counted by each)."""
    threads, memory = 0, 0
    for pid in _others():
        with contextlib.suppress(OSError, ValueError):
            facts = _facts(f"/proc/{pid}/status")
            threads += int(facts.get("Threads", "1"))
            memory += _bytes(facts, "RssAnon", "RssShmem")
    return threads, memory


def _shares_of_memory():
    """The same bytes with shared ones divided by who shares them: exact, but slow to find out."""
    memory = 0
    for pid in _others():
        try:
            memory += _bytes(_facts(f"/proc/{pid}/smaps_rollup"), "Pss_Anon", "Pss_Shmem")
        except OSError:     # a process that hides itself, or has just ended
            with contextlib.suppress(OSError):
                memory += _bytes(_facts(f"/proc/{pid}/status"), "RssAnon", "RssShmem")
    return memory


def _others():
    return [name for name in os.listdir("/proc") if name.isdigit() and int(name) != os.getpid()]


def _facts(path):
    with open(path) as file:
        return dict(line.split(":", 1) for line in file if ":" in line)


def _bytes(facts, *names):
    return 1024 * sum(int(facts.get(name, "0").split()[0]) for name in names)


def _end_all():
    """Kill all other processes of the sandbox; only its first process may do that."""
    end = time.monotonic() + 5
    while time.monotonic() < end:
        with contextlib.suppress(ProcessLookupError):
            os.kill(-1, signal.SIGKILL)
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return True
        time.sleep(0.001)
    return False


def _empty(folders):
    for folder in folders:
        for name in os.listdir(folder):
            path = os.path.join(folder, name)
            try:
                if os.path.isdir(path) and not os.path.islink(path):
                    shutil.rmtree(path)
                else:
                    os.unlink(path)
            except (OSError, RecursionError):
                return False
    os.makedirs(os.path.join(folders[0], "tmp"), exist_ok=True)
    return True


def _nothing_shared():
    """Whether no shared memory, semaphore or message queue was left behind."""
    for kind in ("shm", "sem", "msg"):
        with contextlib.suppress(FileNotFoundError), open(f"/proc/sysvipc/{kind}") as file:
            if len(file.readlines()) > 1:
                return False
    return True


def main():
    order = json.loads(sys.argv[1])
    if "address" in order:      # no sandbox: this process is for a single notebook
        prepare(order["modules"])
        connection = socket.create_connection(tuple(order["address"]))
        connection.sendall(order["word"].encode())
        serve(connection, order["output"])
        return
    if os.getuid() == 0:        # limits on processes do not hold for root
        os.setgroups([])
        os.setresgid(order["user"], order["user"], order["user"])
        os.setresuid(order["user"], order["user"], order["user"])
    fork_for_every_notebook(socket.socket(fileno=order["control"]), order["modules"], order["folders"])
    os._exit(0)     # there is nothing to tidy up


if __name__ == "__main__":
    main()
