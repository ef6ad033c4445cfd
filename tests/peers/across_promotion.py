#!/usr/bin/env python3
"""Real Java clients of a CometMQ pair whose master dies.

  slave-read   a push consumer reads on at the slave when the master is killed, and at the master when that is back
  promotion    the slave is promoted and the old master follows it: plain, delayed and timer messages, transactions that have
               ended and such that are asked about are delivered once each, what was rolled back never

  tests/peers/across_promotion.py [--clients java-4.9.8,java-5.5.0] [--cases slave-read,promotion]   (COMET_BIN names the programs' folder)

Ends with 0, 1 where something differs, 77 where no client can be had.
"""

import argparse
import collections
import json
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
import run
from servers import CometServers, write_properties

from daemons import Daemon, wait_until  # of tests/support
from remoting import Client

CLIENTS = {version: lambda root, one=version: [*installs.java_client(root, one.removeprefix("java-"))[:-1], "peers.Across"]
           for version in ("java-4.9.8", "java-5.5.0")}
CASES = ["slave-read", "promotion"]
NAME, TOPIC, GROUP = "broker-a", "across", "across-group"
QUEUES = 4
HA_STATUS = 907
PATIENCE = 90
KEYS = {"brokerClusterName": "peers", "brokerName": NAME, "brokerIP1": "127.0.0.1", "mappedFileSizeCommitLog": 64 << 20, "transactionTimeOut": 1000,
        "flushConsumerOffsetInterval": 500}
MASTER = {"brokerRole": "SYNC_MASTER", "brokerId": 0}
SLAVE = {"brokerRole": "SLAVE", "brokerId": 1}


class Pair:
    """Two brokers, each of which keeps its port and its data, whatever its role."""

    def __init__(self, folder):
        self.folder = folder
        self.namesrv = CometServers(folder, brokers=())
        self.daemons, self.ports, self.ha_ports = {}, {}, {}

    def start(self):
        self.namesrv.start()
        self.start_one("left", MASTER)
        self.start_one("right", SLAVE)
        self.wait_in_sync("left")
        for topic, queues in ((TOPIC, QUEUES), (f"%RETRY%{GROUP}", 1)):
            with Client(self.ports["left"]) as client:
                assert client.create_topic(topic, queues).code == 0

    def start_one(self, what, role, **more):
        keys = KEYS | role | more | {"listenPort": self.ports.get(what, 0), "haListenPort": self.ha_ports.get(what, 0),
                                     "storePathRootDir": self.folder / what, "namesrvAddr": self.namesrv.nameserver}
        daemon = Daemon("comet-broker", ["-c", write_properties(self.folder / f"{what}.conf", keys)], self.folder / f"{what}.log")
        self.daemons[what] = daemon.wait_ready()
        self.ports[what] = daemon.port
        ha_port = re.search(r"HA port on [\d.]+:(\d+)", daemon.log())
        if ha_port:
            self.ha_ports[what] = int(ha_port.group(1))
        wait_until(lambda: "registered with name server" in daemon.log(), 30, "the broker's registration")

    def wait_in_sync(self, master):
        def in_sync():
            with Client(self.ports[master]) as client:
                return json.loads(client.request(HA_STATUS, {}).body)["inSyncSlaveNums"] == 1
        wait_until(in_sync, 60, "a slave in sync")

    def stop(self):
        for daemon in self.daemons.values():
            if daemon.alive():
                daemon.kill()
        self.namesrv.stop()


class Driver:
    """The Java program: what it was told and what it has said."""

    def __init__(self, command, nameserver, folder, millis):
        self.lines = collections.defaultdict(list)  # word: (body, seconds since 1970, remark)
        self.log = open(folder / "client.log", "wb")
        self.process = subprocess.Popen([*map(str, command), nameserver, TOPIC, GROUP, str(millis)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=self.log, text=True, errors="replace", cwd=folder, env=os.environ | {"HOME": str(folder)})
        threading.Thread(target=self._read, daemon=True).start()
        self.wait_for(lambda: self.lines["ready"], "its start")

    def _read(self):
        for line in self.process.stdout:
            fields = line.rstrip("\n").split("\t")
            if len(fields) == 4:
                self.lines[fields[0]].append((fields[1], int(fields[2]) / 1000, fields[3]))

    def wait_for(self, condition, what, patience=PATIENCE):
        def met():
            assert self.process.poll() is None, f"the client has ended with {self.process.returncode}"
            return condition()
        wait_until(met, patience, f"the client: {what}")

    def tell(self, kind, body, number=0):
        self.process.stdin.write(f"{kind}\t{body}\t{number}\n")
        self.process.stdin.flush()

    def send(self, kind, body, number=0):
        """Until it is acknowledged; the status of the one try."""
        self.tell(kind, body, number)
        self.wait_for(lambda: any(one[0] == body for one in self.lines["sent"]), f"the answer for {body}")
        return next(one[2] for one in self.lines["sent"] if one[0] == body)

    def got(self):
        return collections.Counter(body for body, _, _ in list(self.lines["got"]))

    def when(self, body):
        return next(moment for one, moment, _ in self.lines["got"] if one == body)

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.log.close()


# --- The cases; each yields (what, problems)

def slave_read(pair, driver):
    count = 1500

    def fill(first):
        with Client(pair.ports["left"]) as client:
            return [client.send_message(TOPIC, f"m{first + number}".encode(), queue_id=number % QUEUES).code for number in range(count)]
    codes = fill(0)
    yield "sends before", [] if set(codes) == {0} else [f"answers {set(codes)}"]
    driver.wait_for(lambda: len(driver.lines["got"]) > 200, "the first messages")
    pair.daemons["left"].kill()
    killed, before = time.time(), len(driver.lines["got"])
    driver.wait_for(lambda: len(driver.got()) == count, "all messages, from the slave")
    pause = longest_pause(driver, killed)
    yield f"{count - before} messages read on from the slave, longest pause {pause:.1f} s", [] if count - before > 500 else ["too few were left"]
    time.sleep(3)  # what was consumed is committed at the slave
    pair.start_one("left", MASTER)
    pair.wait_in_sync("left")
    codes = fill(count)
    driver.wait_for(lambda: len(driver.got()) == 2 * count, "all messages, from the master")
    time.sleep(3)
    again = sum(driver.got().values()) - 2 * count
    yield f"{count} messages read from the master that is back, {again} of {2 * count} received again", [] if again <= 64 else ["too many again"]


def longest_pause(driver, since):
    moments = [since] + sorted(moment for _, moment, _ in driver.lines["got"] if moment > since)
    return max(later - earlier for earlier, later in zip(moments, moments[1:]))


def promotion(pair, driver):
    wanted, problems = collections.Counter(), []

    def send(kind, body, number=0, comes=True):
        status = driver.send(kind, body, number)
        if status != "SEND_OK":
            problems.append(f"{body}: {status}")
        wanted[body] = 1 if comes else 0
        return time.time()
    for number in range(20):
        send("plain", f"plain {number}")
        send("commit", f"committed {number}")
        send("rollback", f"rolled back {number}", comes=False)
    due = {}
    for number in range(10):
        due[f"level {number}"] = send("level", f"level {number}", 4) + 30  # 30 s
        due[f"timer {number}"] = send("timer", f"timer {number}", 25_000 + 500 * number) + 25 + number / 2
        send("half", f"half keep {number}")
        send("half", f"half drop {number}", comes=False)
    yield f"{len(wanted)} messages sent to the first master", problems
    driver.wait_for(lambda: all(driver.got()[f"committed {number}"] for number in range(20)), "what was committed")
    asked_before = len(driver.lines["asked"])
    pair.daemons["left"].kill()
    pair.daemons["right"].kill()
    pair.start_one("right", MASTER, transactionCheckInterval=1000)
    pair.start_one("left", SLAVE)
    pair.wait_in_sync("right")
    began = time.time()
    probes = 0  # a Java producer learns of the new master by its next look at the name server
    while driver.send("plain", f"probe {probes}") != "SEND_OK" and time.time() - began < 40:
        probes += 1
        time.sleep(0.5)
    wanted[f"probe {probes}"] = 1
    paused = time.time() - began
    late = []
    for number in range(20):
        body = f"after {number}"
        wanted[body] = 1
        if driver.send("plain", body) != "SEND_OK":
            late.append(body)
    yield f"sends to the promoted one, the first acknowledged {paused:.1f} s after it was in sync", late

    def missing():
        got = driver.got()
        return [body for body, count in wanted.items() if got[body] < count]
    try:
        driver.wait_for(lambda: not missing(), "all messages")
    except AssertionError:
        yield "messages that should have come", missing()
        return
    time.sleep(6)  # what comes twice comes now
    asked = collections.Counter(body for body, _, _ in driver.lines["asked"][asked_before:])
    got = driver.got()
    wrong = [f"{body}: {got[body]} times" for body, count in sorted(wanted.items()) if got[body] != count]
    early = [f"{body}: {due[body] - driver.when(body):.1f} s early" for body in due if driver.when(body) < due[body] - 1.5]
    latest = max(driver.when(body) - due[body] for body in due)
    yield (f"{sum(got.values())} delivered, {sum(asked.values())} asked about by the promoted one, delayed ones at most {latest:.1f} s late",
           wrong + early + ([] if len(asked) == 20 else [f"asked about {len(asked)} of 20"]))


def run_case(client, case, root):
    folder = pathlib.Path(tempfile.mkdtemp(prefix="comet-across-"))
    pair, driver, problems = Pair(folder), None, 0
    try:
        pair.start()
        if case == "promotion":  # the first master asks nobody
            pair.daemons["left"].stop()
            pair.start_one("left", MASTER, transactionCheckInterval=600_000)
            pair.wait_in_sync("left")
        driver = Driver(CLIENTS[client](root), pair.namesrv.nameserver, folder, 4 if case == "slave-read" else 0)
        for what, wrong in (slave_read if case == "slave-read" else promotion)(pair, driver):
            run.say(f"{client}, {case}: {what}{': ' + '; '.join(wrong[:8]) if wrong else ''}")
            problems += len(wrong)
    except Exception as problem:  # the next case is run all the same
        run.say(f"{client}, {case}: {type(problem).__name__}: {problem}")
        problems += 1
    finally:
        if driver:
            driver.end()
        pair.stop()
        if problems:
            for path in sorted(folder.glob("*.log")):
                print(f"--- last lines of {path.name}", *path.read_text("utf-8", "replace").splitlines()[-20:], sep="\n", file=sys.stderr)
        shutil.rmtree(folder, ignore_errors=True)
    return problems


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--clients", type=run.list_of, default=list(CLIENTS))
    parser.add_argument("--cases", type=run.list_of, default=CASES)
    parser.add_argument("--build-dir", type=pathlib.Path, default=run.PROJECT / "build", help="clients are installed below it (default: build)")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("across_promotion: stopped"))
    root = options.build_dir.resolve() / "peers"
    clients = run.available(options.clients, lambda name: CLIENTS[name](root), "the client", root)
    problems = sum(run_case(client, case, root) for client in clients for case in options.cases)
    run.say(f"{len(clients) * len(options.cases)} cases, {problems} problems")
    sys.exit(1 if problems else 0 if clients else 77)


if __name__ == "__main__":
    main()
