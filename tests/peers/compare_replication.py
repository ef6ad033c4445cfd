#!/usr/bin/env python3
"""What a copy costs: a SYNC_MASTER with its slave, ours beside Apache's 4.9.7, and our masters with other roles.

  comet            our SYNC_MASTER (inSyncReplicas 2) and our slave
  comet-async      our ASYNC_MASTER and our slave
  comet-alone      our ASYNC_MASTER without a slave
  apache-4.9.7     Apache's SYNC_MASTER and slave

All flush asynchronously. One after the other is started, warmed up, loaded by the same comet-bench with 64 senders and with one, and
stopped; round by round. The table has medians: messages per second, CPU seconds of all brokers of the server per 100,000
messages, p50 and p99 in ms. In one network namespace without other networks. Nothing else may run on the machine meanwhile.

  tests/peers/compare_replication.py [--rounds N] [--servers ...]    (COMET_BIN names the folder of a release build's programs)
"""

import argparse
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile

import compare_speed
import installs
import run
from replication import MASTER, NAME, SLAVE, broker
from servers import ApacheServers, CometServers

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

from daemons import wait_until  # noqa: E402
from remoting import SUCCESS, Client  # noqa: E402

SERVERS = ["comet", "comet-async", "comet-alone", "apache-4.9.7"]
LOADS = [("64 senders", 64, 200_000), ("1 sender", 1, 20_000)]
WARM = 50_000
TOPIC = "speed"
FILES = {"mappedFileSizeCommitLog": 1 << 30, "mapedFileSizeCommitLog": 1 << 30}


class Server:
    """One server under test: `pids` are those of its brokers."""

    def __init__(self, name, root):
        self.name, self.root = name, root
        self.daemons, self.others, self.namesrv = [], [], None

    def start(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="comet-replication-"))
        self.start_apache(self.name.removeprefix("apache-")) if self.name.startswith("apache-") else self.start_comet()
        with Client(self.port) as client:
            wait_until(lambda: client.send_message(TOPIC, b"probe").code == SUCCESS, 60, "the first acknowledged message")
        return self

    def start_apache(self, version):
        jars = self.root / f"server-{version}" / "jars"
        self.namesrv = ApacheServers(version, jars, self.folder, brokers=(NAME,), keys=MASTER | FILES)
        self.namesrv.start()
        self.nameserver, self.port = self.namesrv.nameserver, self.namesrv.ports[NAME]
        slave = ApacheServers(version, jars, self.folder, brokers=("slave",), keys=SLAVE | FILES | {"namesrvAddr": self.nameserver}, first_port=9976)
        self.others = [slave]
        slave.start_one("slave")
        self.pids = [self.namesrv.processes[NAME].pid, slave.processes["slave"].pid]

    def start_comet(self):
        self.namesrv = CometServers(self.folder, brokers=())
        self.namesrv.start()
        self.nameserver = self.namesrv.nameserver
        keys = {"namesrvAddr": self.nameserver} | FILES
        keys.pop("mapedFileSizeCommitLog")
        own = {key: value for key, value in MASTER.items() if key != "mapedFileSizeCommitLog"}
        role = {"brokerRole": "SYNC_MASTER"} if self.name == "comet" else {"brokerRole": "ASYNC_MASTER"}
        self.daemons = [broker("master", self.folder, own | keys | role)]
        if self.name != "comet-alone":
            slave = {key: value for key, value in SLAVE.items() if key != "mapedFileSizeCommitLog"}
            self.daemons.append(broker("slave", self.folder, slave | keys))
        self.port = self.daemons[0].port
        self.pids = [one.process.pid for one in self.daemons]

    def stop(self):
        for daemon in reversed(self.daemons):
            if daemon.alive():
                daemon.kill()
        for servers in (*self.others, self.namesrv):
            if servers:
                servers.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def cpu_seconds(self):
        return sum(int((task / "schedstat").read_text().split()[0]) for pid in self.pids for task in pathlib.Path(f"/proc/{pid}/task").iterdir()) / 1e9

    def load(self, senders, count):
        before = self.cpu_seconds()
        done = subprocess.run([str(compare_speed.BENCH), "produce", "--topic", TOPIC, "--concurrency", str(senders), "--count", str(count), "--size", "1024",
                               "--namesrv", self.nameserver, "--json"], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise SystemExit(f"compare_replication: {self.name}: comet-bench ended with {done.returncode}: {done.stderr[-500:]}")
        report = json.loads(done.stdout)
        report["cpu"] = (self.cpu_seconds() - before) / count * 1e5
        return report


def measure(names, root, rounds):
    figures = {}
    for number in range(rounds):
        for name in names:
            server = Server(name, root)
            try:
                server.start()
                server.load(64, WARM)
                for load, senders, count in LOADS:
                    report = server.load(senders, count)
                    figures.setdefault((load, name), []).append(report)
                    print(f"{number} {name:14} {load:12} {report['rate']:10.0f}/s {report['cpu']:6.2f} CPU s per 100,000, "
                          f"p50 {report['p50_ms']:.3f}, p99 {report['p99_ms']:.3f} ms", flush=True)
            finally:
                server.stop()
    return figures


def print_table(figures, names):
    print(f"\n| 1 KiB | {' | '.join(names)} |")
    print(f"|---{'|---' * len(names)}|")
    for load, _, _ in LOADS:
        cells = []
        for name in names:
            middle = {key: statistics.median(one[key] for one in figures[load, name]) for key in ("rate", "cpu", "p50_ms", "p99_ms")}
            cells.append(f"{middle['rate']:,.0f}/s, {middle['cpu']:.2f} CPU s, p50 {middle['p50_ms']:.3f}, p99 {middle['p99_ms']:.3f}")
        print(f"| {load} | {' | '.join(cells)} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--servers", type=run.list_of, default=SERVERS, help=f"some of {','.join(SERVERS)}")
    parser.add_argument("--build-dir", type=pathlib.Path, default=run.PROJECT / "build", help="Apache's servers are installed below it (default: build)")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if not compare_speed.BENCH.is_file():
        sys.exit("compare_replication: COMET_BIN must name the folder of a release build's programs")
    root = options.build_dir.resolve() / "peers"
    if not options.inside:
        names = run.available(options.servers, lambda name: not name.startswith("apache-") or installs.apache_servers(root, name.removeprefix("apache-")),
                              "the server", root)
        if not names:
            sys.exit(77)
        os.execvp("unshare", ["unshare", "--user", "--map-root-user", "--net", "--fork", "--kill-child=SIGTERM", sys.executable, __file__, "--inside",
                              "--rounds", str(options.rounds), "--servers", ",".join(names), "--build-dir", str(options.build_dir)])
    run.loopback_up()
    print_table(measure(options.servers, root, options.rounds), options.servers)


if __name__ == "__main__":
    main()
