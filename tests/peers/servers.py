"""The servers that peers are run against: ours, and Apache's of two versions from their jars.

Apache's servers listen on all addresses. They are started only inside a network namespace that has
nothing but its loopback device (see run.py), with their ordinary ports.
"""

import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))

from daemons import Daemon, wait_until  # noqa: E402

CLUSTER = "peers"
BROKER = "broker-a"
READY_TIMEOUT = 90.0

# What the cases rely on, under the same names for all servers.
BROKER_KEYS = {
    "brokerClusterName": CLUSTER,
    "brokerName": BROKER,
    "brokerId": 0,
    "brokerIP1": "127.0.0.1",
    "enablePropertyFilter": "true",
    "traceTopicEnable": "true",
    "transactionCheckInterval": 1000,
    "transactionTimeOut": 3000,
    "recallMessageEnable": "true",
    "fileReservedTime": 48,
}

JAVA_OPENS = ["--add-opens=java.base/java.nio=ALL-UNNAMED", "--add-opens=java.base/sun.nio.ch=ALL-UNNAMED",
              "--add-opens=java.base/jdk.internal.ref=ALL-UNNAMED", "--add-exports=java.base/sun.nio.ch=ALL-UNNAMED"]


def write_properties(path, keys):
    path.write_text("".join(f"{key}={value}\n" for key, value in keys.items()), encoding="utf-8")
    return path


class CometServers:
    """comet-namesrv and comet-broker on ports of the system's choice."""

    name = "comet"

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)

    def start(self):
        configuration = write_properties(self.folder / "namesrv.conf", {"listenPort": 0})
        self.namesrv = Daemon("comet-namesrv", ["-c", configuration], self.folder / "namesrv.log").wait_ready()
        self.nameserver = self.namesrv.address
        self.broker_port = 0
        self.start_broker()
        return self

    def start_broker(self):
        keys = BROKER_KEYS | {"listenPort": self.broker_port, "storePathRootDir": self.folder / "store",
                              "mappedFileSizeCommitLog": 64 << 20}
        configuration = write_properties(self.folder / "broker.conf", keys)
        self.broker = Daemon("comet-broker", ["-c", configuration, "-n", self.nameserver], self.folder / "broker.log")
        self.broker.wait_ready()
        self.broker_address = self.broker.address
        self.broker_port = self.broker.port  # after a restart clients find it where it was
        wait_until(lambda: "registered with name server" in self.broker.log(), READY_TIMEOUT, "the broker's registration")

    def kill_broker(self):
        self.broker.kill()

    def stop(self):
        for daemon in (getattr(self, "broker", None), getattr(self, "namesrv", None)):
            if daemon and daemon.alive():
                daemon.kill()

    def logs(self):
        return sorted(self.folder.glob("*.log"))


class ApacheServers:
    """Apache's nameserver and broker of one version, on 127.0.0.1:9876 and :10911."""

    def __init__(self, version, jars, folder):
        self.name = f"apache-{version}"
        self.jars = pathlib.Path(jars)
        self.folder = pathlib.Path(folder)
        self.nameserver = "127.0.0.1:9876"
        self.broker_address = "127.0.0.1:10911"
        self.processes = {}

    def _java(self, what, main, arguments, memory):
        home = self.folder / "home"
        (home / "conf").mkdir(parents=True, exist_ok=True)
        for name in ("logback_broker.xml", "logback_namesrv.xml"):
            (home / "conf" / name).write_text("<configuration></configuration>\n", encoding="ascii")
        log = open(self.folder / f"{what}.log", "ab")
        self.processes[what] = subprocess.Popen(
            ["java", f"-Xmx{memory}", f"-Drocketmq.home.dir={home}", f"-Duser.home={self.folder}", *JAVA_OPENS,
             "-cp", f"{self.jars}/*", main, *arguments],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder)
        log.close()

    def start(self):
        self._java("namesrv", "org.apache.rocketmq.namesrv.NamesrvStartup", [], "256m")
        self._wait_for_port("namesrv", 9876)
        self.start_broker()
        return self

    def start_broker(self):
        keys = BROKER_KEYS | {"namesrvAddr": self.nameserver, "storePathRootDir": self.folder / "store",
                              "storePathCommitLog": self.folder / "store" / "commitlog",
                              "mapedFileSizeCommitLog": 64 << 20, "mappedFileSizeCommitLog": 64 << 20,
                              "diskMaxUsedSpaceRatio": 95}
        configuration = write_properties(self.folder / "broker.conf", keys)
        self._java("broker", "org.apache.rocketmq.broker.BrokerStartup", ["-c", str(configuration)], "1g")
        self._wait_for_port("broker", 10911)
        time.sleep(2)  # it registers a moment after it listens, and says so nowhere but in its log

    def _wait_for_port(self, what, port):
        def open_port():
            if self.processes[what].poll() is not None:
                log = (self.folder / f"{what}.log").read_text("utf-8", "replace")[-2000:]
                raise AssertionError(f"Apache's {what} ended with {self.processes[what].returncode}: {log}")
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", port)) == 0
        wait_until(open_port, READY_TIMEOUT, f"Apache's {what} on port {port}")

    def kill_broker(self):
        self.processes["broker"].send_signal(signal.SIGKILL)
        self.processes["broker"].wait()

    def stop(self):
        for process in reversed(self.processes.values()):
            if process.poll() is None:
                process.kill()
                process.wait()

    def logs(self):
        return sorted(self.folder.glob("*.log"))


def java_major():
    """The version of the `java` on the PATH, or None."""
    if not shutil.which("java"):
        return None
    text = subprocess.run(["java", "-version"], capture_output=True, text=True, check=False).stderr
    match = re.search(r'version "(\d+)', text)
    return int(match.group(1)) if match else None
