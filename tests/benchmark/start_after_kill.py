#!/usr/bin/env python3
"""How long a broker takes to start after kill -9, for two or more builds on the same data.

  tests/benchmark/start_after_kill.py --bin old=../old/build/release/bin --bin new=build/release/bin [--gb N] [--rounds N]

Each folder has a comet-broker; the first one that has comet-namesrv and comet-bench as well fills the store: N GB of log under
ASYNC_FLUSH, then kill -9. From then on the builds take turns on that one directory: start, wait for the ready line, kill -9. So each
start finds what the load has left, and does the same work as the one before. The first turn of each build is not counted. Reported
are medians of wall and CPU seconds up to the ready line, and what the start said of its work.
"""

import argparse
import os
import pathlib
import re
import statistics
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

from daemons import DaemonTest  # noqa: E402
from remoting import Client  # noqa: E402

TOPIC, QUEUES = "start", 8


def cpu_seconds(pid):
    """Of all threads that the process has or had, exact to the microsecond: Linux has a clock for each process."""
    return time.clock_gettime((~pid << 3) | 2)


class Start:
    def __init__(self, broker):
        self.cpu = cpu_seconds(broker.process.pid)
        self.wall = broker.ready_seconds
        opened = re.search(r"opened after a crash: (.*)", broker.log())
        if not opened:
            raise RuntimeError(f"the store was not opened after a crash:\n{broker.log()}")
        self.work = opened.group(1)


class StartAfterKill(DaemonTest):
    def _failed(self):
        return False  # what went wrong is raised

    def runTest(self):
        self.data = self.folder / "data"
        self.fill(next(folder for folder in OPTIONS.builds.values()
                       if all((folder / name).exists() for name in ("comet-namesrv", "comet-bench"))))
        starts = {name: [] for name in OPTIONS.builds}
        for turn in range(OPTIONS.rounds + 1):
            for name, folder in OPTIONS.builds.items():
                start = self.start_once(folder)
                if turn > 0:
                    starts[name].append(start)
        self.report(starts)

    def start_broker_of(self, folder, namesrv=None):
        os.environ["COMET_BIN"] = str(folder)
        return self.start_broker(namesrv, data=self.data, mappedFileSizeCommitLog=1 << 30)

    def fill(self, folder):
        os.environ["COMET_BIN"] = str(folder)
        namesrv = self.start_namesrv()
        broker = self.start_broker_of(folder, namesrv)
        with Client(broker.port) as client:
            self.assertEqual(0, client.create_topic(TOPIC, QUEUES).code)
        self.produce(namesrv, 1)
        with open(self.data / "commitlog" / f"{0:020}", "rb") as file:
            record = int.from_bytes(file.read(4), "big")
        count = int(OPTIONS.gb * 1e9 / record)
        begin = time.monotonic()
        self.produce(namesrv, count)
        broker.kill()
        namesrv.stop()
        os.sync()  # not the starts' work
        print(f"{count} messages, {OPTIONS.gb} GB of log, in {time.monotonic() - begin:.0f} s", flush=True)

    def produce(self, namesrv, count):
        self.run_program("comet-bench", "produce", "--namesrv", namesrv.address, "--topic", TOPIC, "--size", OPTIONS.size,
                         "--concurrency", min(count, 256), "--count", count, timeout=3600)

    def start_once(self, folder):
        broker = self.start_broker_of(folder)
        start = Start(broker)
        broker.kill()
        return start

    def report(self, starts):
        first = None
        print(f"{'build':<12}{'wall s':>9}{'least':>9}{'most':>9}{'ratio':>7}{'CPU s':>9}{'least':>9}{'most':>9}{'ratio':>7}")
        for name, all_of_it in starts.items():
            row, medians = f"{name:<12}", []
            for values in ([one.wall for one in all_of_it], [one.cpu for one in all_of_it]):
                medians.append(statistics.median(values))
                ratio = medians[-1] / (first or medians)[len(medians) - 1]
                row += f"{medians[-1]:>9.3f}{min(values):>9.3f}{max(values):>9.3f}{ratio:>7.2f}"
            first = first or medians
            print(row)
        for name, all_of_it in starts.items():
            print(f"{name}: {all_of_it[-1].work}", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", action="append", required=True, metavar="NAME=FOLDER", help="a build; the first is the measure")
    parser.add_argument("--gb", type=float, default=10, help="of log")
    parser.add_argument("--size", type=int, default=1024, help="bytes of a body")
    parser.add_argument("--rounds", type=int, default=5, help="starts of each build that count")
    OPTIONS = parser.parse_args()
    OPTIONS.builds = {name: pathlib.Path(folder).resolve() for name, _, folder in (one.partition("=") for one in OPTIONS.bin)}
    benchmark = StartAfterKill()
    benchmark.setUp()
    try:
        benchmark.runTest()
    finally:
        benchmark.doCleanups()
