"""The servers that peers are run against: ours, and Apache's of two versions from their jars.

Both kinds have the same methods; a server is named by NAMESERVER or by its broker's name.

Apache's servers listen on all addresses. They are started only inside a network namespace that has
nothing but its loopback device (see run.py), with their ordinary ports.
"""

import json
import pathlib
import re
import shutil
import socket
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))

from daemons import Daemon, free_port, wait_until  # noqa: E402
from remoting import Client  # noqa: E402

CLUSTER = "peers"
NAMESERVER = "namesrv"
BROKER = "broker-a"
READY_TIMEOUT = 90.0
GET_BROKER_CLUSTER_INFO = 106

# What the cases rely on, under the same names for all servers.
BROKER_KEYS = {
    "brokerClusterName": CLUSTER,
    "brokerId": 0,
    "brokerIP1": "127.0.0.1",
    "enablePropertyFilter": "true",
    "traceTopicEnable": "true",
    "transactionCheckInterval": 1000,
    "transactionTimeOut": 3000,
    "transactionCheckMax": 100,  # Apache's proxy makes itself known as a producer 20 s after a half message only
    "recallMessageEnable": "true",
    "fileReservedTime": 48,
}

JAVA_OPENS = ["--add-opens=java.base/java.nio=ALL-UNNAMED", "--add-opens=java.base/sun.nio.ch=ALL-UNNAMED",
              "--add-opens=java.base/jdk.internal.ref=ALL-UNNAMED", "--add-exports=java.base/sun.nio.ch=ALL-UNNAMED"]


def write_properties(path, keys):
    path.write_text("".join(f"{key}={value}\n" for key, value in keys.items()), encoding="utf-8")
    return path


def broker_keys(name, more):
    return BROKER_KEYS | {"brokerName": name, **more}


def enforcing(authority):
    """Keys, the same for ours and Apache's servers, of one that refuses plain peers; an Authority of tests/support."""
    return authority.server_keys() | {"tls.server.mode": "enforcing", "tls.enable": "true", "tls.client.authServer": "true",
                                      "tls.test.mode.enable": "false"}


def tls_options(file):
    """Of a JVM whose connections use TLS as the file says."""
    return [f"-Dtls.config.file={file}", "-Dtls.enable=true", "-Dtls.server.mode=enforcing"]


class CometServers:
    """comet-namesrv and comet-broker on ports of the system's choice, which they keep when they are started again."""

    name = "comet"

    def __init__(self, folder, brokers=(BROKER,), keys=None, authority=None, nameserver_keys=None):
        self.folder = pathlib.Path(folder)
        self.brokers = list(brokers)
        self.keys = keys or {}
        self.nameserver_keys = nameserver_keys or {}
        self.tls_keys = enforcing(authority) if authority else {}
        self.daemons = {}
        self.ports = {}

    def start(self):
        for what in (NAMESERVER, *self.brokers):
            self.start_one(what)
        return self

    def start_one(self, what):
        """Starts the nameserver or one broker, at its old port if it had one."""
        keys = {"listenPort": self.ports.get(what, 0)} | self.tls_keys
        if what == NAMESERVER:
            program, arguments = "comet-namesrv", []
            keys = self.nameserver_keys | keys
        else:
            program, arguments = "comet-broker", ["-n", self.nameserver]
            if keys["listenPort"]:  # started again: the port behind may be another's by now
                keys["haListenPort"] = free_port()
            keys = broker_keys(what, {"mappedFileSizeCommitLog": 64 << 20} | self.keys) | keys | {"storePathRootDir": self.folder / what}
        configuration = write_properties(self.folder / f"{what}.conf", keys)
        daemon = self.daemons[what] = Daemon(program, ["-c", configuration, *arguments], self.folder / f"{what}.log")
        daemon.wait_ready()
        self.ports[what] = daemon.port
        if what != NAMESERVER:
            wait_until(lambda: "registered with name server" in daemon.log(), READY_TIMEOUT, "the broker's registration")

    @property
    def nameserver(self):
        return f"127.0.0.1:{self.ports[NAMESERVER]}"

    def address(self, broker):
        return f"127.0.0.1:{self.ports[broker]}"

    def kill_one(self, what):
        """kill -9."""
        self.daemons[what].kill()

    def stop_one(self, what):
        """As an administrator does it, with SIGTERM."""
        self.daemons[what].stop()

    def stop(self):
        for daemon in reversed(self.daemons.values()):
            if daemon.alive():
                daemon.kill()

    def logs(self):
        return sorted(self.folder.glob("*.log"))


class ApacheServers:
    """Apache's nameserver and brokers of one version, on 127.0.0.1:9876, :10911 and so on."""

    def __init__(self, version, jars, folder, brokers=(BROKER,), keys=None, authority=None, first_port=9876):
        self.name = f"apache-{version}"
        self.jars = pathlib.Path(jars)
        self.folder = pathlib.Path(folder)
        self.brokers = list(brokers)
        self.keys = keys or {}
        self.nameserver = f"127.0.0.1:{first_port}"
        self.ports = {NAMESERVER: first_port} | {name: first_port + 1035 + 20 * number for number, name in enumerate(self.brokers)}
        self.processes = {}
        self.options = [] if not authority else tls_options(write_properties(self.folder / "tls.properties", enforcing(authority)))

    def _java(self, what, main, arguments, memory):
        home = self.folder / "home"
        (home / "conf").mkdir(parents=True, exist_ok=True)
        for name in ("logback_broker.xml", "logback_namesrv.xml"):
            (home / "conf" / name).write_text("<configuration></configuration>\n", encoding="ascii")
        log = open(self.folder / f"{what}.log", "ab")
        self.processes[what] = subprocess.Popen(
            ["java", f"-Xmx{memory}", f"-Drocketmq.home.dir={home}", f"-Duser.home={self.folder}", *JAVA_OPENS,
             *self.options, "-cp", f"{self.jars}/*", main, *arguments],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder)
        log.close()

    def start(self):
        for what in (NAMESERVER, *self.brokers):
            self.start_one(what)
        return self

    def start_one(self, what):
        """Starts the nameserver or one broker."""
        if what == NAMESERVER:
            configuration = write_properties(self.folder / "namesrv.conf", {"listenPort": self.ports[what]})
            self._java(what, "org.apache.rocketmq.namesrv.NamesrvStartup", ["-c", str(configuration)], "256m")
        else:
            store = self.folder / what
            keys = {
                "listenPort": self.ports[what], "haListenPort": self.ports[what] + 1, "namesrvAddr": self.nameserver,
                "storePathRootDir": store, "storePathCommitLog": store / "commitlog", "mapedFileSizeCommitLog": 64 << 20,
                "mappedFileSizeCommitLog": 64 << 20, "diskMaxUsedSpaceRatio": 95,
                # A JVM that has just started drops sends without an answer after 200 ms.
                "waitTimeMillsInSendQueue": 10_000} | broker_keys(what, self.keys)
            configuration = write_properties(self.folder / f"{what}.conf", keys)
            self._java(what, "org.apache.rocketmq.broker.BrokerStartup", ["-c", str(configuration)], "1g")
        self._wait_for_port(what)
        if what != NAMESERVER and NAMESERVER in self.processes and not self.options:  # one with TLS answers no plain question
            wait_until(lambda: self._registered(what), READY_TIMEOUT, f"the registration of Apache's {what}")

    def _registered(self, broker):
        """It registers a moment after it listens, and says so nowhere but in its log."""
        with Client(self.ports[NAMESERVER]) as client:
            return f'"{broker}"'.encode() in client.request(GET_BROKER_CLUSTER_INFO).body

    def _wait_for_port(self, what):
        def open_port():
            if self.processes[what].poll() is not None:
                log = (self.folder / f"{what}.log").read_text("utf-8", "replace")[-2000:]
                raise AssertionError(f"Apache's {what} ended with {self.processes[what].returncode}: {log}")
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", self.ports[what])) == 0
        wait_until(open_port, READY_TIMEOUT, f"Apache's {what} on port {self.ports[what]}")

    def address(self, broker):
        return f"127.0.0.1:{self.ports[broker]}"

    def kill_one(self, what):
        """kill -9."""
        self.processes[what].kill()
        self.processes[what].wait()

    def stop_one(self, what):
        """As an administrator does it, with SIGTERM."""
        self.processes[what].terminate()
        self.processes[what].wait(60)

    def stop(self):
        for process in reversed(self.processes.values()):
            if process.poll() is None:
                process.kill()
                process.wait()

    def logs(self):
        return sorted(self.folder.glob("*.log"))


class ApacheProxy:
    """Apache's proxy in cluster mode, in front of servers of either kind; it listens on all addresses, port 8081 for gRPC."""

    address = "127.0.0.1:8081"

    def __init__(self, jars, servers):
        self.jars = pathlib.Path(jars)
        self.servers = servers

    def start(self):
        home = self.servers.folder / "proxy"
        (home / "conf").mkdir(parents=True)
        keys = {"rocketMQClusterName": CLUSTER, "namesrvAddr": self.servers.nameserver, "proxyMode": "CLUSTER"}
        (home / "conf" / "rmq-proxy.json").write_text(json.dumps(keys), encoding="ascii")
        (home / "conf" / "rmq.proxy.logback.xml").write_text("<configuration></configuration>\n", encoding="ascii")
        log_path = self.servers.folder / "proxy.log"
        with open(log_path, "wb") as log:
            self.process = subprocess.Popen(
                ["java", "-Xmx512m", f"-Drocketmq.home.dir={home}", f"-Duser.home={home}", *JAVA_OPENS, "-cp", f"{self.jars}/*",
                 "org.apache.rocketmq.proxy.ProxyStartup"], stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=home)

        def started():
            if self.process.poll() is not None:
                raise AssertionError(f"Apache's proxy ended with {self.process.returncode}: {log_path.read_text('utf-8', 'replace')[-2000:]}")
            return b"startup successfully" in log_path.read_bytes()
        try:
            wait_until(started, READY_TIMEOUT, "the start of Apache's proxy")
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def java_major():
    """The version of the `java` on the PATH, or None."""
    if not shutil.which("java"):
        return None
    text = subprocess.run(["java", "-version"], capture_output=True, text=True, check=False).stderr
    match = re.search(r'version "(\d+)', text)
    return int(match.group(1)) if match else None
