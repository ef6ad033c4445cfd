#!/usr/bin/env python3
"""Compares comet's server with the bare Asio echo: interleaved runs, medians, ratios.

  tests/benchmark/echo.py [--bin DIR] [--rounds N] [--seconds S] [--header json|rocketmq|send]
  tests/benchmark/echo.py --syscalls      counts the system calls of comet's server instead

The server runs on core 0, the load on core 1. Every round measures every case with both servers,
one after the other, so that what else the machine does falls on both. Requests per second say
what a core of its own can do; CPU seconds of the server hold on a busy machine, too.
"""
import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile

CASES = [(1, 1), (16, 1), (64, 1), (1, 128)]  # connections, requests in flight on each


class Server:
    """One bench_echo server, ended with the block."""

    def __init__(self, program, kind, wrap=()):
        command = [*wrap, "taskset", "-c", "0", program, "server", kind]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.port = self.process.stdout.readline().split()[-1]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()

    def cpu_seconds(self):
        """Time on a core so far, in user and kernel mode."""
        with open(f"/proc/{self.process.pid}/schedstat") as text:
            return int(text.read().split()[0]) / 1e9


def run_load(program, port, case, extra):
    connections, in_flight = case
    command = ["taskset", "-c", "1", program, "load", "--port", port, "--connections", str(connections),
               "--in-flight", str(in_flight), *extra]
    return json.loads(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout)


def measure(program, server, case, extra):
    before = server.cpu_seconds()
    result = run_load(program, server.port, case, extra)
    cpu = server.cpu_seconds() - before
    return {"rate": result["requests"] / result["seconds"],
            "cpu": cpu * 1e5 / result["requests"], "busy": cpu / result["seconds"]}


def compare(program, rounds, extra):
    results = {(kind, case): [] for kind in ("comet", "bare") for case in CASES}
    with Server(program, "comet") as comet, Server(program, "bare") as bare:
        servers = {"comet": comet, "bare": bare}
        for turn in range(-1, rounds):  # the first round warms up
            for case in CASES:
                order = ("comet", "bare") if turn % 2 == 0 else ("bare", "comet")
                for kind in order:
                    result = measure(program, servers[kind], case, extra)
                    if turn >= 0:
                        results[kind, case].append(result)
    print("connections x in flight | requests/s comet, bare, ratio of medians | "
          "server CPU s per 100,000 comet, bare | bare/comet | core used")
    for case in CASES:
        def median(kind, what):
            return statistics.median(result[what] for result in results[kind, case])
        rate = [median(kind, "rate") for kind in ("comet", "bare")]
        cpu = [median(kind, "cpu") for kind in ("comet", "bare")]
        paired = statistics.median(c["rate"] / b["rate"] for c, b in
                                   zip(results["comet", case], results["bare", case]))
        print(f"{case[0]:4} x {case[1]:3} | {rate[0]:9.0f} {rate[1]:9.0f} {rate[0] / rate[1]:5.2f} "
              f"(of pairs {paired:4.2f}) | {cpu[0]:6.3f} {cpu[1]:6.3f} | {cpu[1] / cpu[0]:5.2f} | "
              f"{median('comet', 'busy'):4.2f} {median('bare', 'busy'):4.2f}", flush=True)


def count_syscalls(program, extra):
    requests = 20000
    for case in CASES:
        with tempfile.NamedTemporaryFile("r") as summary:
            # strace ends when the server does; the server is its child.
            with Server(program, "comet", ["strace", "-D", "-f", "-c", "-o", summary.name]) as server:
                result = run_load(program, server.port, case, ["--requests", str(requests), *extra])
            table = summary.read()
            while "total" not in table:  # strace writes after the server has ended
                summary.seek(0)
                table = summary.read()
        counts = {name: int(calls) for calls, name in
                  re.findall(r"^\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?(\w+)$", table, re.M)}
        thousand = result["requests"] / 1000
        shown = {name: counts.get(name, 0) for name in ("recvmsg", "recvfrom", "read", "sendmsg", "sendto", "write",
                                                         "epoll_wait", "epoll_ctl", "futex")}
        per = ", ".join(f"{name} {count / thousand:.1f}" for name, count in shown.items() if count)
        writes = shown["sendmsg"] + shown["sendto"]
        reads = shown["recvmsg"] + shown["recvfrom"]
        print(f"{case[0]:4} x {case[1]:3}: per 1,000 requests {per}; "
              f"{result['requests'] / max(writes, 1):.1f} requests a burst, "
              f"{(reads + writes) / max(writes, 1):.2f} reads and writes a burst", flush=True)


def main():
    default_bin = os.path.join(os.path.dirname(__file__), "../../build/release/bin")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", default=default_bin, help="where bench_echo is")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=1.0, help="of each measurement")
    parser.add_argument("--header", default="json", choices=["json", "rocketmq", "send"])
    parser.add_argument("--syscalls", action="store_true")
    options = parser.parse_args()
    program = os.path.join(options.bin, "bench_echo")
    if options.syscalls:
        return count_syscalls(program, ["--header", options.header])
    return compare(program, options.rounds, ["--header", options.header, "--seconds", str(options.seconds)])


if __name__ == "__main__":
    sys.exit(main())
