#!/usr/bin/env python3
"""What timer messages cost a broker: memory and CPU of those that wait, and lateness of many at once.

  COMET_BIN=build/release/bin tests/benchmark/timers.py [--pending N] [--burst N]

Waiting: N timers that are due in two days are sent; reported are the memory for each, the CPU time of the broker
in ten seconds in which nothing happens, and how long a start with them takes. Burst: N timers are due within one
second, in 16 queues; reported is how late they were stored in their topic, and how long ordinary sends of another
connection, one after the other, took in that second and in the one before.
"""

import argparse
import os
import pathlib
import random
import re
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

from daemons import DaemonTest  # noqa: E402
from remoting import Client  # noqa: E402
from timer_load import Timer, describe, read_topic, send_timers  # noqa: E402

TOPIC, QUEUES = "timers", 16
TICKS = os.sysconf("SC_CLK_TCK")


def now():
    return int(time.time() * 1000)


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def memory_mb(pid, kind):
    """Of one kind (RssAnon: its own memory, without the pages of files)."""
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith(kind + ":")) * 1024 / 1e6


class Timers(DaemonTest):
    def _failed(self):
        return False  # the logs say nothing that is not reported

    def runTest(self):
        self.waiting(OPTIONS.pending)
        for _ in range(OPTIONS.rounds):
            self.burst(OPTIONS.burst)

    def begin(self, data, **keys):
        broker = self.start_broker(None, data=self.folder / data, mappedFileSizeCommitLog=1 << 28, **keys)
        with Client(broker.port) as client:
            client.create_topic(TOPIC, QUEUES)
        return broker

    def send(self, broker, timers):
        acknowledged = []
        begin = time.monotonic()
        cpu = cpu_seconds(broker.process.pid)
        send_timers(broker.port, TOPIC, timers, 512, lambda timer, header: acknowledged.append(header["code"]))
        assert set(acknowledged) == {0}, set(acknowledged)
        seconds = time.monotonic() - begin
        cpu = cpu_seconds(broker.process.pid) - cpu
        print(f"  {len(acknowledged)} sent in {seconds:.1f} s, {cpu:.1f} CPU seconds of the broker "
              f"({cpu / len(acknowledged) * 1e6:.1f} us each)", flush=True)

    def waiting(self, count):
        print(f"{count} timers that wait", flush=True)
        broker = self.begin("waiting", maxHashSlotNum=100, maxIndexNum=1000, messageIndexEnable="false")
        pid = broker.process.pid
        self.send(broker, [Timer(f"w{i}", i % QUEUES, now() + 1000) for i in range(1000)])  # warm
        time.sleep(3)
        before = memory_mb(pid, "RssAnon")
        at = now() + 2 * 24 * 3600 * 1000 - 3600_000
        self.send(broker, [Timer(f"p{i}", i % QUEUES, at + random.randrange(3600_000)) for i in range(count)])
        time.sleep(3)
        after = memory_mb(pid, "RssAnon")
        print(f"  memory of its own {before:.1f} -> {after:.1f} MB: {(after - before) * 1e6 / count:.1f} bytes each; "
              f"all resident {broker.resident_mb():.0f} MB, with the log's pages", flush=True)
        cpu, begin = cpu_seconds(pid), time.monotonic()
        time.sleep(10)
        spent = cpu_seconds(pid) - cpu
        print(f"  idle: {spent * 1000:.0f} ms of CPU in {time.monotonic() - begin:.0f} s", flush=True)
        broker.kill()
        broker = self.begin("waiting", maxHashSlotNum=100, maxIndexNum=1000, messageIndexEnable="false")
        line = next(line for line in broker.log().splitlines() if "timer messages wait" in line)
        counts = re.search(r"[0-9]+ of [0-9]+ timer messages wait, [0-9]+ ms", line).group()
        print(f"  start after kill -9: ready in {broker.ready_seconds * 1000:.0f} ms; log: {counts}; own memory "
              f"{memory_mb(broker.process.pid, 'RssAnon'):.1f} MB", flush=True)
        broker.kill()

    def burst(self, count):
        print(f"{count} timers due within one second", flush=True)
        broker = self.begin(f"burst-{time.monotonic_ns()}")
        at = now() + 3000 + count // 20
        timers = [Timer(f"b{i}", i % QUEUES, at + i * 1000 // count) for i in range(count)]
        due = {timer.key: timer.due for timer in timers}
        random.shuffle(timers)
        self.send(broker, timers)
        if now() > at - 500:
            print("  the machine is too slow: they were due while they were sent", flush=True)
        time.sleep(max(0, at - 1200 - now()) / 1000)
        cpu = cpu_seconds(broker.process.pid)
        others = OPTIONS.sends and self.send_others(broker, at)
        time.sleep(max(0, at + 3000 - now()) / 1000)
        cpu = cpu_seconds(broker.process.pid) - cpu
        came = read_topic(broker.port, TOPIC, QUEUES)
        assert len(came) == count == len({one.key for one in came}), (len(came), count)
        late = [one.stored - due[one.key] for one in came]
        assert min(late) >= 0
        over = sum(one > 50 for one in late)
        print(f"  late: {describe(late)}; {over} by more than 50 ms; {cpu:.2f} CPU seconds of the broker "
              f"({cpu / count * 1e6:.1f} us each)", flush=True)
        if others:
            print(f"  sends before: {others[0]}\n  sends meanwhile: {others[1]}", flush=True)
        broker.kill()

    def send_others(self, broker, at):
        """Ordinary sends until the second is over; what they took before `at` and after, in ms."""
        before, meanwhile = [], []
        with Client(broker.port) as client:
            while now() < at + 1000:
                begin = time.perf_counter()
                assert client.send_message("others", b"x" * 100).code == 0
                took = round((time.perf_counter() - begin) * 1000, 2)
                (before if now() < at else meanwhile).append(took)
        return describe(before), describe(meanwhile)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pending", type=int, default=1_000_000)
    parser.add_argument("--burst", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3, help="of the burst")
    parser.add_argument("--sends", action="store_true", help="ordinary sends during the bursts")
    OPTIONS = parser.parse_args()
    benchmark = Timers()
    benchmark.setUp()
    try:
        benchmark.runTest()
    finally:
        benchmark.doCleanups()
