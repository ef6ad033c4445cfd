"""Starts and stops the programs of the project for the process tests (Python standard library only).

A test gets the folder of the programs from the environment variable COMET_BIN. Every daemon listens
on a free loopback port, keeps its files in a temporary folder and writes its log there; the log is
printed when a test fails.
"""

import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest

READY_TIMEOUT = 60.0  # seconds; generous, because sanitizer builds share few cores
TOOL_TIMEOUT = 240.0
ADDRESS = re.compile(r"(\d+\.\d+\.\d+\.\d+|\[[0-9a-fA-F:]+\]|localhost):(\d+)")


def program(name):
    """The path of one of our programs."""
    folder = os.environ.get("COMET_BIN")
    if not folder:
        raise RuntimeError("COMET_BIN must name the folder of the programs, e.g. build/dev/bin")
    path = pathlib.Path(folder) / name
    if not path.exists():
        raise RuntimeError(f"{path} does not exist: build it first")
    return str(path)


def is_sanitized():
    """True for programs built with a sanitizer, whose memory use and speed say nothing."""
    return os.environ.get("COMET_SANITIZED", "") not in ("", "0")


def wait_until(condition, timeout, what):
    """Polls until `condition()` is true; fails with `what` after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {timeout:.0f} s in vain: {what}")
        time.sleep(0.02)


def free_port():
    """A loopback port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Daemon:
    """One running daemon. `addresses` are the listen addresses of its ready line, in its order. `prefix`: words in front of the command."""

    def __init__(self, name, arguments, log_path, prefix=(), env=None):
        self.name = name
        self.log_path = pathlib.Path(log_path)
        self.log_start = self.log_path.stat().st_size if self.log_path.exists() else 0
        command = [*prefix, program(name), *map(str, arguments)]
        self._log = open(self.log_path, "ab")
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log, env=env)
        self.addresses = []
        self.ready_line = ""
        self.ready_seconds = None

    def log(self):
        """What this start of the daemon has written so far."""
        with open(self.log_path, "rb") as file:
            file.seek(self.log_start)
            return file.read().decode("utf-8", "replace")

    def wait_ready(self, timeout=READY_TIMEOUT):
        marker = f"{self.name} ready on"
        deadline = time.monotonic() + timeout
        while True:
            line = next((one for one in self.log().splitlines() if marker in one), None)
            if line is not None:
                break
            if self.process.poll() is not None:
                raise AssertionError(
                    f"{self.name} ended with {self.process.returncode} before it was ready:\n{self.log()}")
            if time.monotonic() > deadline:
                raise AssertionError(f"{self.name} not ready after {timeout:.0f} s:\n{self.log()}")
            time.sleep(0.001)
        self.ready_seconds = time.monotonic() - self.started
        self.ready_line = line
        self.addresses = [(host, int(port)) for host, port in ADDRESS.findall(line.split(marker)[1])]
        if not self.addresses:
            raise AssertionError(f"no address in the ready line: {line}")
        return self

    @property
    def port(self):
        return self.addresses[0][1]

    @property
    def address(self):
        host = self.addresses[0][0]
        return f"{'127.0.0.1' if host in ('0.0.0.0', '[::]') else host}:{self.port}"

    def alive(self):
        return self.process.poll() is None

    def mappings(self, part):
        """Files whose names hold it and that it has mapped."""
        with open(f"/proc/{self.process.pid}/maps", encoding="utf-8") as file:
            return [line.split(maxsplit=5)[5].strip() for line in file if part in line]

    def resident_mb(self):
        """Resident memory, in units of 1,000,000 bytes."""
        with open(f"/proc/{self.process.pid}/status", encoding="ascii", errors="replace") as file:
            for line in file:
                if line.startswith("VmRSS:"):
                    return int(line.split()[1]) * 1024 / 1e6
        return 0.0

    def kill(self):
        """kill -9."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self._log.close()

    def stop(self, timeout=60.0):
        """Asks the daemon to end (SIGTERM) and returns its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(
                f"{self.name} did not end within {timeout:.0f} s of SIGTERM:\n{self.log()}") from None
        finally:
            self._log.close()
        return self.process.returncode


class DaemonTest(unittest.TestCase):
    """A test case with a temporary folder and daemons that are ended after it, come what may."""

    longMessage = True
    maxDiff = 2000

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="comet-test-"))
        self.daemons = []
        self.addCleanup(self._clean_up)

    def _failed(self):
        outcome = getattr(self, "_outcome", None)
        if outcome is None:
            return True
        result = getattr(outcome, "result", None)
        problems = getattr(result, "failures", []) + getattr(result, "errors", [])
        return any(test is self or getattr(test, "test_case", None) is self for test, _ in problems)

    def _clean_up(self):
        for daemon in reversed(self.daemons):
            if daemon.alive():
                daemon.kill()
        if self._failed():
            for path in sorted(self.folder.glob("*.log")):
                lines = path.read_text("utf-8", "replace").splitlines()
                print(f"--- last lines of {path.name}", *lines[-60:], sep="\n", flush=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self, name, arguments, ready=True, log=None):
        daemon = Daemon(name, arguments, self.folder / (log or f"{name}.log"))
        self.daemons.append(daemon)
        return daemon.wait_ready() if ready else daemon

    def write_properties(self, file_name, **keys):
        path = self.folder / file_name
        path.write_text("".join(f"{key}={value}\n" for key, value in keys.items()), encoding="utf-8")
        return path

    @staticmethod
    def with_loops(keys):
        """The number of event loops, if COMET_LOOPS names one."""
        loops = os.environ.get("COMET_LOOPS")
        return {"serverSelectorThreads": loops} | keys if loops else keys

    def start_namesrv(self, **keys):
        keys = self.with_loops(keys)
        keys.setdefault("listenPort", 0)
        return self.start("comet-namesrv", ["-c", self.write_properties("namesrv.conf", **keys)])

    def broker_arguments(self, namesrv, data=None, name="broker-a", **keys):
        keys = self.with_loops(keys)
        keys.setdefault("brokerName", name)
        keys.setdefault("brokerClusterName", "test-cluster")
        keys.setdefault("brokerId", 0)
        keys.setdefault("brokerIP1", "127.0.0.1")
        keys.setdefault("listenPort", 0)
        if keys["listenPort"]:  # started again: the port behind may be another's by now
            keys.setdefault("haListenPort", free_port())
        keys.setdefault("storePathRootDir", data or self.folder / f"{name}-data")
        keys.setdefault("mappedFileSizeCommitLog", 64 * 1024 * 1024)
        config = self.write_properties(f"{name}.conf", **keys)
        return ["-c", config] + (["-n", namesrv.address] if namesrv else [])

    def start_broker(self, namesrv, data=None, name="broker-a", **keys):
        broker = self.start("comet-broker", self.broker_arguments(namesrv, data, name, **keys),
                            log=f"{name}.log")
        if namesrv:  # programs that send find the way only then; "not registered ..." ends it, too
            wait_until(lambda: "registered with name server" in broker.log() or not broker.alive(),
                       TOOL_TIMEOUT, "the broker's registration")
        return broker

    def run_program(self, name, *arguments, timeout=TOOL_TIMEOUT, check=True, **options):
        """Runs one of our programs to its end; output as text unless options say otherwise."""
        options.setdefault("text", True)
        done = subprocess.run([program(name), *map(str, arguments)], stdin=subprocess.DEVNULL,
                              capture_output=True, timeout=timeout, check=False, **options)
        if check and done.returncode != 0:
            self.fail(f"{name} {' '.join(map(str, arguments))} ended with {done.returncode}\n"
                      f"stdout: {done.stdout[-2000:]!r}\nstderr: {done.stderr[-4000:]!r}")
        return done


def health(daemon):
    """What /health says of a daemon with monitorPort=0: the status and the reason."""
    match = wait_until(lambda: re.search(r"health and metrics on http://([\d.]+):(\d+)", daemon.log()), 30,
                       "the line that names the monitor's address")
    connection = http.client.HTTPConnection(match.group(1), int(match.group(2)), timeout=30)
    try:
        connection.request("GET", "/health")
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read()).get("reason", "")
    finally:
        connection.close()


def real_lines(count):
    """At least `count` different, non-empty lines of real text, always the same on one system.

    They come from the licence texts of Debian's base system, which are there on every
    installation, and from this project's documents, some of which are not in English. A number in
    front makes every line unique, so that a lost, doubled or altered one is seen.
    """
    root = pathlib.Path(__file__).resolve().parents[2]
    sources = sorted(root.glob("*.md")) + sorted((root / "docs").glob("*.md"))
    sources += [path for path in sorted(pathlib.Path("/usr/share/common-licenses").glob("*"))
                if path.is_file() and not path.is_symlink()]
    texts = []
    for path in sources:
        texts += [line.rstrip() for line in path.read_text("utf-8", "replace").split("\n")]
    texts = [line for line in texts if line.strip()]
    if not any(not line.isascii() for line in texts):
        raise RuntimeError("the sources of real text have no line beyond ASCII")
    lines = []
    while len(lines) < count:
        lines += [f"{len(lines) + number:06d} {line}" for number, line in enumerate(texts)]
    return [line.replace("\r", " ") for line in lines[:count]]
