#!/usr/bin/env python3
"""Our broker beside Apache's 4.9.7 and 5.5.0 from their jars: sends, a drained backlog, memory after load.

All brokers are started once, each with its own nameserver and ports, in one network namespace without
other networks, and are warmed up; then they are loaded in turn, round by round, by the same comet-bench, and by
Apache's own load program, the Producer of rocketmq-example's benchmarks.
With --alone only one runs at a time, so that none idles beside the one that is measured. The table has
medians and the ratios to ours. With the server "echo" a bare echo on Asio answers the same bytes with as many as
an answer to a send has: what sends cost at least.

Nothing else may run on the machine meanwhile.
"""

import argparse
import json
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import installs
import run
from servers import BROKER, ApacheServers, CometServers

BENCH = pathlib.Path(os.environ.get("COMET_BIN", "")) / "comet-bench"
ECHO = BENCH.with_name("bench_echo")
# name, senders, connections, messages
LOADS = [
    ("1 sender", 1, 1, 20_000),
    ("16 senders, 1 connection", 16, 1, 100_000),
    ("64 senders, 1 connection", 64, 1, 200_000),
    ("64 connections", 64, 64, 100_000),
    ("500 connections", 500, 500, 100_000),
]
JAVA_THREADS = 64
JAVA_MESSAGES = 300_000  # the first of them are sent by a JVM that is still cold
JAVA_LOAD = f"Java's benchmark Producer, {JAVA_THREADS} threads"
JAVA_VERSION = "5.5.0"  # of rocketmq-example
BACKLOG = 300_000
SIZE = 1024


class Broker:
    """One broker under test and its process."""

    def __init__(self, name, root, number):
        self.name = name
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="comet-speed-"))
        keys = {"mappedFileSizeCommitLog": 1 << 30, "mapedFileSizeCommitLog": 1 << 30}
        self.programs = os.environ["COMET_BIN"]
        if "=" in name:
            self.name, self.programs = name.split("=", 1)
        self.is_ours = not name.startswith("apache-")
        if name == "one-loop":
            keys["serverSelectorThreads"] = 1
        if self.is_ours:
            del keys["mapedFileSizeCommitLog"]
            self.servers = CometServers(self.folder, keys=keys)
        else:
            version = name.removeprefix("apache-")
            self.servers = ApacheServers(version, root / f"server-{version}" / "jars", self.folder, keys=keys, first_port=9876 + 100 * number)

    def start(self):
        own = os.environ["COMET_BIN"]
        os.environ["COMET_BIN"] = self.programs
        self.servers.start()
        os.environ["COMET_BIN"] = own
        self.pid = self.servers.daemons[BROKER].process.pid if self.is_ours else self.servers.processes[BROKER].pid
        return self

    def stop(self):
        self.servers.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def cpu_seconds(self):
        total = 0
        for task in pathlib.Path(f"/proc/{self.pid}/task").iterdir():
            total += int((task / "schedstat").read_text().split()[0])
        return total / 1e9

    def anonymous_mb(self):
        for line in pathlib.Path(f"/proc/{self.pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Anonymous:"):
                return int(line.split()[1]) * 1024 / 1e6
        return 0.0

    def bench(self, *arguments):
        before = self.cpu_seconds()
        done = subprocess.run([str(BENCH), *map(str, arguments), "--namesrv", self.servers.nameserver, "--json"],
                              capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise SystemExit(f"compare_speed: comet-bench {' '.join(map(str, arguments))} at {self.name} ended with "
                             f"{done.returncode}: {done.stderr[-500:]}")
        report = json.loads(done.stdout)
        return report, self.cpu_seconds() - before

    def java_bench(self, program, topic, count):
        """The median of the rates that Apache's benchmark Producer reports every second after the first, and the broker's CPU time."""
        before = self.cpu_seconds()
        began = time.monotonic()
        done = subprocess.run([*program, "-t", topic, "-w", str(JAVA_THREADS), "-s", str(SIZE), "-q", str(count), "-ri", "1000",
                               "-n", self.servers.nameserver], capture_output=True, text=True, check=False, cwd=self.folder)
        seconds = time.monotonic() - began
        last = re.search(r"\[Complete\] Send Total: (\d+).* Send Failed: 0.* Response Failed: 0\b", done.stdout)
        if not last or int(last.group(1)) < count:
            raise SystemExit(f"compare_speed: Apache's benchmark Producer at {self.name} ended with {done.returncode}: "
                             f"{(done.stdout + done.stderr)[-500:]}")
        rates = [float(rate) for rate in re.findall(r"Current Time.* TPS: (\d+) ", done.stdout)][1:]
        return statistics.median(rates) if rates else count / seconds, self.cpu_seconds() - before


class Echo:
    """The bare server of bench_echo under bench_echo's load; it can do nothing else."""

    name = "echo"
    is_ours = False
    ANSWER = 240  # bytes

    def __init__(self):
        self.servers = self
        self.process = None

    def start(self):
        self.process = subprocess.Popen([str(ECHO), "server", "bare", str(self.ANSWER)], stdout=subprocess.PIPE, text=True)
        self.port = self.process.stdout.readline().split()[-1]
        self.pid = self.process.pid
        return self

    def stop(self):
        if self.process:
            self.process.terminate()
            self.process.wait()
            self.process = None

    cpu_seconds = Broker.cpu_seconds
    anonymous_mb = Broker.anonymous_mb

    def send(self, senders, connections, count):
        before = self.cpu_seconds()
        done = subprocess.run([str(ECHO), "load", "--port", self.port, "--connections", str(connections), "--in-flight", str(senders // connections),
                               "--header", "send", "--body", str(SIZE), "--requests", str(count)], capture_output=True, text=True, check=True)
        report = json.loads(done.stdout)
        cpu = self.cpu_seconds() - before
        return {"rate": report["requests"] / report["seconds"], "cpu": cpu * 1e5 / report["requests"], "p99": None}


def send(broker, topic, senders, connections, count):
    if isinstance(broker, Echo):
        return broker.send(senders, connections, count)
    report, cpu = broker.bench("produce", "--topic", topic, "--concurrency", senders, "--connections", connections,
                               "--size", SIZE, "--count", count, "--timeout", 10)
    return {"rate": report["rate"], "cpu": cpu * 1e5 / count, "p99": report["p99_ms"]}


def drain(broker, topic, count):
    report, cpu = broker.bench("consume", "--topic", topic, "--count", count)
    return {"rate": report["rate"], "cpu": cpu * 1e5 / count, "p99": None}


def send_with_java(broker, program, count):
    rate, cpu = broker.java_bench(program, "speed-java", count)
    return {"rate": rate, "cpu": cpu * 1e5 / count, "p99": None}  # it says only its longest and its mean time


def java_program(root):
    """The command that runs it; None, with a line that says why, if it cannot be had."""
    try:
        library = installs.jars(root / f"benchmark-{JAVA_VERSION}", JAVA_VERSION, "example")
    except installs.Missing as reason:
        run.say(f"SKIPPED: {JAVA_LOAD}: {reason}")
        return None
    return ["java", "-Xmx1g", f"-Duser.home={root}", "-cp", f"{library}/*", "org.apache.rocketmq.example.benchmark.Producer"]


def measure(brokers, options, java):
    """{load: {broker: [figures]}}"""
    figures = {}
    memory = {}

    def part_of(count):
        return max(count // options.divide, 1)

    for number in range(-1, options.rounds):  # the first round warms up
        for broker in brokers:
            if options.alone:
                broker.start()
                send(broker, "warm", 64, 1, part_of(100_000))
            results = {name: send(broker, f"speed-{senders}-{connections}", senders, connections, part_of(count))
                       for name, senders, connections, count in LOADS}
            if not isinstance(broker, Echo):
                if java:
                    results[JAVA_LOAD] = send_with_java(broker, java, part_of(JAVA_MESSAGES))
                topic = f"backlog-{number + 1}"
                send(broker, topic, 64, 1, part_of(BACKLOG))
                results["drain"] = drain(broker, topic, part_of(BACKLOG))
            for name, result in results.items():
                if number >= 0:
                    figures.setdefault(name, {}).setdefault(broker.name, []).append(result)
                print(f"{number:2} {broker.name:13} {name:40} {result['rate']:10.0f}/s {result['cpu']:7.2f} CPU s per 100,000"
                      + (f", p99 {result['p99']:.2f} ms" if result["p99"] is not None else ""), flush=True)
            print(f"{number:2} {broker.name:13} {broker.anonymous_mb():.0f} MB anonymous", flush=True)
            if number >= 0:
                memory.setdefault(broker.name, []).append(broker.anonymous_mb())
            if options.alone:
                broker.servers.stop()
    return figures, memory


def median(results, key):
    return statistics.median(one[key] for one in results)


def print_table(figures, memory, names):
    print(f"\n| Load (1 KiB bodies) | {' | '.join(f'{name}: per s, CPU s per 100,000, p99 ms' for name in names)} |")
    print("|" + "---|" * (len(names) + 1))
    for load, by_broker in figures.items():
        own = by_broker["comet"]
        cells = []
        for name in names:
            results = by_broker.get(name)
            if not results:
                cells.append("")
                continue
            cell = f"{median(results, 'rate'):,.0f}, {median(results, 'cpu'):.2f}"
            if results[0]["p99"] is not None:
                cell += f", {median(results, 'p99'):.2f}"
            if name != "comet":
                cell += (f" (ours: {median(own, 'rate') / median(results, 'rate'):.2f}x the rate, "
                         f"{median(own, 'cpu') / median(results, 'cpu'):.2f}x the CPU)")
            cells.append(cell)
        print(f"| {load} | {' | '.join(cells)} |")
    cells = [f"{statistics.median(memory[name]):.0f} MB" for name in names]
    print(f"| anonymous memory after it | {' | '.join(cells)} |")


def parse():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--rounds", type=int, default=5, help="measured rounds; one more warms up (default: 5)")
    parser.add_argument("--alone", action="store_true", help="one broker at a time, started anew for each round")
    parser.add_argument("--divide", type=int, default=1, help="send only 1/N of the messages, to see that all works (default: 1)")
    parser.add_argument("--servers", type=run.list_of, default=run.SERVERS, help=f"some of {','.join(run.SERVERS)}, one-loop (comet with one event loop), echo, and NAME=DIR for our programs of another build; comet must be among them")
    parser.add_argument("--build-dir", type=pathlib.Path, default=run.PROJECT / "build", help="Apache's servers are installed below it (default: build)")
    parser.add_argument("--no-java", action="store_true", help="leave Apache's own load program out")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


def main():
    options = parse()
    if not BENCH.is_file():
        sys.exit("compare_speed: COMET_BIN must name the folder of a release build's programs")
    root = options.build_dir.resolve() / "peers"
    if not options.inside:
        names = run.available(options.servers, lambda name: not name.startswith("apache-") or installs.apache_servers(root, name.removeprefix("apache-")),
                              "the server", root)
        if len(names) < 2:
            sys.exit(77)
        if not options.no_java:
            java_program(root)  # installed here: inside is no network
        os.execvp("unshare", ["unshare", "--user", "--map-root-user", "--net", "--fork", "--kill-child=SIGTERM", sys.executable, __file__, "--inside",
                              "--rounds", str(options.rounds), "--divide", str(options.divide), "--servers", ",".join(names), "--build-dir", str(options.build_dir)]
                  + ["--alone"] * options.alone + ["--no-java"] * options.no_java)
    run.loopback_up()
    brokers = [Echo() if name == "echo" else Broker(name, root, number) for number, name in enumerate(options.servers)]
    try:
        if not options.alone:
            for broker in brokers:
                broker.start()
        figures, memory = measure(brokers, options, None if options.no_java else java_program(root))
    finally:
        for broker in brokers:
            broker.stop()
    print_table(figures, memory, [broker.name for broker in brokers])


if __name__ == "__main__":
    main()
