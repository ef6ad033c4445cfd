#!/usr/bin/env python3
"""Kills and restarts servers while real clients send to them and consume from them.

All clients run at the same time, each with a topic and a group of its own: broker-killed (kill -9 of the
broker, which is started again 2 s later), nameserver-killed (kill -9, started again 5 s later), rolling-restart
(two brokers, one after the other, stopped with SIGTERM and started again). What was acknowledged must be stored
and must come to the group at least once. --record writes outages.tsv anew, and docs/compatibility.md's part of it.
"""

import argparse
import collections
import datetime
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

import installs
import matrix
import run
from servers import BROKER, NAMESERVER, ApacheServers, CometServers, wait_until

from remoting import GET_ROUTE, SUCCESS, Client  # of tests/support

HERE = pathlib.Path(__file__).resolve().parent
SERVERS = ["comet", "apache-5.5.0"]
SENDERS, PAUSE_MILLIS = 4, 20  # of each client
STEADY = 50  # messages sent and received before and after an outage, so that both are under load
PATIENCE = 150.0
LONGEST_PAUSE = 60.0  # seconds that a client may take until it sends, or receives, again
QUEUES = 4

CLIENTS = {
    "java-5.5.0": lambda root: [*installs.java_client(root, "5.5.0")[:-1], "peers.Load"],
    "java-4.9.8": lambda root: [*installs.java_client(root, "4.9.8")[:-1], "peers.Load"],
    "go-2.1.3": lambda root: [*installs.go_client(root, "2.1.3"), "load"],
    "python-rocketmq-0.4.4": lambda root: [*installs.python_client(root)[:-1], HERE / "python" / "load.py"],
    "ali-ons-3.12.0": lambda root: node_load(root, "ali-ons"),
    "npm-rocketmq-2.0.1": lambda root: node_load(root, "rocketmq"),
}


def node_load(root, package):
    node, peer, _ = installs.node_client(root, package)
    return [node, peer.with_name("load.js"), package]


# -- one client

class LoadingClient:
    """A client's program that sends and consumes, and what it has said so far."""

    def __init__(self, name, command, servers, log_path, senders=SENDERS, pause_millis=PAUSE_MILLIS):
        self.name = name
        self.topic = f"load-{name.replace('.', '-')}"
        self.group = f"g-{self.topic}"
        for broker in servers.brokers:
            with Client(servers.ports[broker]) as client:
                for topic, queues in ((self.topic, QUEUES), (f"%RETRY%{self.group}", 1)):
                    reply = client.create_topic(topic, queues)
                    if reply.code != SUCCESS:
                        raise AssertionError(f"{topic} was not made: {reply}")
        self.command = [*map(str, command), servers.nameserver, self.topic, self.group, str(senders), str(pause_millis)]
        self.log_path = log_path
        self.sent, self.got, self.failed = [], [], []  # (number, seconds since 1970, reason)
        self.stopped = threading.Event()

    def start(self, servers):
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True, errors="replace",
                                            cwd=servers.folder, env=os.environ | {"HOME": str(servers.folder)})
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        words = {"sent": self.sent, "got": self.got, "failed": self.failed}
        for line in self.process.stdout:
            fields = line.rstrip("\n").split("\t")
            if fields[0] in words and len(fields) == 4 and fields[1].isdigit():
                words[fields[0]].append((int(fields[1]), int(fields[2]) / 1000, fields[3]))
            elif fields[0] == "stopped":
                self.stopped.set()

    def wait_for(self, condition, what):
        def met():
            if self.process.poll() is not None:
                raise AssertionError(f"{self.name} ended with {self.process.returncode}; its log: {self.log_path}")
            return condition()
        wait_until(met, PATIENCE, f"{self.name}: {what}")

    def wait_steady(self, since):
        """Until it has sent and received enough after that moment."""
        for what, list_ in (("sent", self.sent), ("received", self.got)):
            self.wait_for(lambda one=list_: len(one) >= STEADY and one[-STEADY][1] > since, f"{STEADY} messages {what}")

    def acknowledged(self):
        return {number for number, _, _ in self.sent}

    def received(self):
        return {number for number, _, _ in list(self.got)}

    def stop_sending(self):
        self.process.stdin.write("stop\n")
        self.process.stdin.flush()
        self.wait_for(self.stopped.is_set, "the end of its sends")

    def wait_received(self):
        self.wait_for(lambda: self.acknowledged() <= self.received(), "what was acknowledged")

    def end(self):
        if self.process.poll() is None:
            self.process.stdin.close()
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


def longest_pause(moments, begin):
    """The longest time, in seconds, without an entry after `begin`; it may have begun before."""
    ordered = sorted(moments)
    return max((later - earlier for earlier, later in zip(ordered, ordered[1:]) if later > begin), default=float("inf"))


# -- the outages

def broker_killed(servers, _):
    servers.kill_one(BROKER)
    time.sleep(2)
    servers.start_one(BROKER)
    return "-"


def nameserver_killed(servers, clients):
    """How long the routes were away from the nameserver that was started again."""
    servers.kill_one(NAMESERVER)
    time.sleep(5)
    servers.start_one(NAMESERVER)
    started = time.monotonic()

    def has_routes():
        with Client(servers.ports[NAMESERVER]) as asker:
            return all(asker.request(GET_ROUTE, {"topic": client.topic}).code == SUCCESS for client in clients)
    wait_until(has_routes, PATIENCE, "the routes at the nameserver that is back")
    away = time.monotonic() - started
    time.sleep(35)  # each client has asked for its routes again (every 30 s)
    return f"{away:.1f} s"


def rolling_restart(servers, _):
    for broker in servers.brokers:
        servers.stop_one(broker)
        servers.start_one(broker)
        time.sleep(10)
    return "-"


OUTAGES = {"broker-killed": (broker_killed, ["broker-a"]), "nameserver-killed": (nameserver_killed, ["broker-a"]),
           "rolling-restart": (rolling_restart, ["broker-a", "broker-b"])}
COLUMNS = ["outage", "client", "server", "acknowledged", "lost", "not received", "stored twice", "received again", "sends failed",
           "pause of sends", "pause of deliveries", "routes away"]


def measure(outage, names, servers, root):
    """Starts the clients, has the outage, and yields a row of COLUMNS a client."""
    cause, _ = OUTAGES[outage]
    clients = [LoadingClient(name, CLIENTS[name](root), servers, root / f"{name}-{outage}-at-{servers.name}.log") for name in names]
    try:
        for client in clients:
            client.start(servers)
        for client in clients:
            client.wait_steady(0)
        time.sleep(2)
        begin = time.time()
        away = cause(servers, clients)
        end = time.time()
        late = {}  # {client: why it did not go on}
        for step in (lambda client: client.wait_steady(end), LoadingClient.stop_sending, LoadingClient.wait_received):
            for client in clients:
                try:
                    if client not in late:
                        step(client)
                except AssertionError as error:
                    late[client] = error
    finally:
        for client in clients:
            client.end()
    for client in clients:
        if client in late:
            run.say(f"{client.name}, {outage}, {servers.name}: {late[client]}")
        yield [*result(outage, client, servers, begin), away]


def result(outage, client, servers, begin):
    stored = collections.Counter()
    for broker in servers.brokers:
        with Client(servers.ports[broker]) as reader:
            stored.update(int(one.body) for queue in range(QUEUES) for one in reader.read_queue(client.topic, queue))
    acknowledged, received = client.acknowledged(), collections.Counter(number for number, _, _ in client.got)
    pauses = [longest_pause([moment for _, moment, _ in list_], begin) for list_ in (client.sent, client.got)]
    reasons = collections.Counter(re.sub(r"\d+", "n", reason)[:160] for _, _, reason in client.failed)
    for reason, count in reasons.most_common(2):
        run.say(f"{client.name}, {outage}, {servers.name}: {count} sends failed: {reason}")
    return [outage, client.name, servers.name, len(acknowledged), len(acknowledged - set(stored)), len(acknowledged - set(received)),
            sum(stored.values()) - len(stored), sum(received.values()) - len(received), len(client.failed), *(f"{pause:.1f} s" for pause in pauses)]


def problems_of(row):
    one = dict(zip(COLUMNS, row))
    where = f"{one['client']}, {one['outage']}, {one['server']}"
    if int(one["lost"]):
        yield f"{where}: {one['lost']} acknowledged messages are not stored"
    if int(one["not received"]):
        yield f"{where}: {one['not received']} acknowledged messages did not come to the group"
    for name in ("pause of sends", "pause of deliveries"):
        if float(one[name].split()[0]) > LONGEST_PAUSE:
            yield f"{where}: {name}: {one[name]}, more than {LONGEST_PAUSE:.0f} s"


# -- the table

def read_table(path):
    if not path.exists():
        return {}
    rows = [line.split("\t") for line in path.read_text("utf-8").splitlines() if line and not line.startswith("#")][1:]
    return {tuple(row[:3]): row for row in rows}


def write_table(table, path):
    lines = ["# Made by tests/peers/outages.py --record.", "\t".join([*COLUMNS, "date"])]
    lines += ["\t".join(map(str, row)) for _, row in sorted(table.items())]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def page(table):
    headings = [name[0].upper() + name[1:] for name in [*COLUMNS, "date"]]
    yield "| " + " | ".join(headings) + " |"
    yield "|---" * len(headings) + "|"
    for _, row in sorted(table.items()):
        yield "| " + " | ".join(map(str, row)) + " |"


# -- the program

def run_server(server, clients, outages, root, keep):
    """Prints a line of COLUMNS, separated by tabs, a client and outage."""
    for outage in outages:
        folder = pathlib.Path(tempfile.mkdtemp(prefix=f"comet-outages-{server}-"))
        brokers = OUTAGES[outage][1]
        keys = {"flushDiskType": "SYNC_FLUSH"}
        if server == "comet":
            servers = CometServers(folder, brokers, keys=keys)
        else:
            version = server.removeprefix("apache-")
            servers = ApacheServers(version, root / f"server-{version}" / "jars", folder, brokers, keys=keys)
        try:
            servers.start()
            for row in measure(outage, clients, servers, root):
                print("row", *row, sep="\t", flush=True)
        finally:
            servers.stop()
            if keep:
                run.say(f"files of {server} are kept in {folder}")
            else:
                shutil.rmtree(folder, ignore_errors=True)


def parse():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--clients", type=run.list_of, help=f"some of {','.join(CLIENTS)}")
    parser.add_argument("--servers", type=run.list_of, default=["comet"], help=f"some of {','.join(SERVERS)} (default: comet)")
    parser.add_argument("--outages", type=run.list_of, default=list(OUTAGES), help=f"some of {','.join(OUTAGES)}")
    parser.add_argument("--build-dir", type=pathlib.Path, default=run.PROJECT / "build", help="peers are installed below it (default: build)")
    parser.add_argument("--record", action="store_true", help="write what was seen into outages.tsv and docs/compatibility.md")
    parser.add_argument("--keep", action="store_true", help="keep the servers' files")
    parser.add_argument("--inside", help=argparse.SUPPRESS)
    options = parser.parse_args()
    for given, known in ((options.clients or [], CLIENTS), (options.servers, SERVERS), (options.outages, OUTAGES)):
        for name in given:
            if name not in known:
                parser.error(f"'{name}' is not one of {', '.join(known)}")
    options.build_dir = options.build_dir.resolve()
    return options


def main():
    options = parse()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("outages: stopped"))  # what it has started ends with it
    root = options.build_dir / "peers"
    if options.inside:
        run.loopback_up()
        run_server(options.inside, options.clients, options.outages, root, options.keep)
        return

    clients = run.available(options.clients or list(CLIENTS), lambda name: CLIENTS[name](root), "the client", root)
    servers = run.available(options.servers, lambda name: name == "comet" or installs.apache_servers(root, name.removeprefix("apache-")),
                            "the server", root)
    rows, problems = [], []
    for server in servers if clients else []:
        arguments = ["--clients", ",".join(clients), "--outages", ",".join(options.outages), "--build-dir", options.build_dir]
        for line in run.inside(__file__, server, arguments + ["--keep"] * options.keep, own_network=server != "comet"):
            if line[0] == "row":
                rows.append(line[1:])
                print("  ".join(f"{name} {value}" if name in COLUMNS[3:] else value for name, value in zip(COLUMNS, line[1:])), flush=True)
            elif line[0] == "error":
                problems.append(f"{server}: {line[2]}")
            else:
                print("\t".join(line), flush=True)
    problems += [problem for row in rows if row[2] == "comet" for problem in problems_of(row)]
    if options.record:
        table = read_table(HERE / "outages.tsv")
        date = datetime.date.today().isoformat()
        table.update({tuple(row[:3]): [*row, date] for row in rows})
        write_table(table, HERE / "outages.tsv")
        matrix.replace_part(run.PROJECT / "docs" / "compatibility.md", "outages", page(table))
    for problem in problems:
        run.say(f"FAILED: {problem}")
    run.say(f"{len(rows)} outages of a client, {len(problems)} problems")
    sys.exit(1 if problems else 0 if rows else 77)


if __name__ == "__main__":
    main()
