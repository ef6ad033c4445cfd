#!/usr/bin/env python3
"""What an empty slave costs that copies a full master, and what a copy costs an ASYNC_MASTER.

  tests/benchmark/catch_up.py [--gb 2] [--rounds 3] [--folder DIR] [--parts catch-up,meanwhile,async]   (COMET_BIN: a release build's programs)

catch-up   a master's log of so many GB, its pages dropped; an empty slave is started, and the time taken from its connection until all
           is flushed there, all queues are built and it says so. Beside it `dd bs=1M conv=fsync` of the same files, their pages dropped.
           The slave's anonymous memory is looked at 50 times a second.
meanwhile  sends to the master, 64 senders of 1 KiB, while an empty slave copies the same log, beside sends without a slave.
async      sends to an ASYNC_MASTER with a slave that follows and without one, in turns: 64 senders, one sender, and at a fixed rate.

Medians of the rounds. Root is needed to drop pages of files. Figures are good only while nothing else runs on the machine.
"""

import argparse
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

from daemons import program, wait_until  # noqa: E402
from pair import PairTest  # noqa: E402
from remoting import Client  # noqa: E402

OPTIONS = argparse.Namespace(gb=2.0, rounds=3, folder=None, parts=["catch-up", "meanwhile", "async"])
TOPIC, QUEUES, SIZE = "catch-up", 8, 1024
ROLE = {"brokerRole": "ASYNC_MASTER", "mappedFileSizeCommitLog": 1 << 30}
FIXED_RATE = 5000


def median(values):
    return statistics.median(values)


def cpu_seconds(pid):
    """Of all threads that the process has or had, exact to the microsecond: Linux has a clock for each process."""
    return time.clock_gettime((~pid << 3) | 2)


def drop_pages():
    os.sync()
    pathlib.Path("/proc/sys/vm/drop_caches").write_text("1\n", encoding="ascii")


class Memory:
    """The most anonymous memory of a process, in MB (1,000,000 bytes), while it is in the block."""

    def __init__(self, pid):
        self.path, self.most = pathlib.Path(f"/proc/{pid}/status"), 0.0
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self._look)

    def _look(self):
        while not self.stopped.wait(0.02):
            line = next(line for line in self.path.read_text("ascii", "replace").splitlines() if line.startswith("RssAnon:"))
            self.most = max(self.most, int(line.split()[1]) * 1024 / 1e6)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopped.set()
        self.thread.join()


class CatchUp(PairTest):
    def _failed(self):
        return False  # what went wrong is raised

    def setUp(self):
        super().setUp()
        if OPTIONS.folder:
            shutil.rmtree(self.folder)
            self.folder = pathlib.Path(OPTIONS.folder).resolve() / f"catch-up-{os.getpid()}"
            self.folder.mkdir(parents=True)

    def runTest(self):
        self.master = self.start_master(**ROLE)
        with Client(self.master.port) as client:
            assert client.create_topic(TOPIC, QUEUES).code == 0
        self.fill()
        for part in OPTIONS.parts:
            {"catch-up": self.measure_catch_up, "meanwhile": self.measure_meanwhile, "async": self.measure_async}[part]()

    # --- Steps

    def bench(self, count, senders, rate=0):
        done = self.run_program("comet-bench", "produce", "--namesrv", self.namesrv.address, "--topic", TOPIC, "--concurrency", senders, "--size", SIZE,
                                "--count", count, "--rate", rate, "--json", timeout=900)
        return json.loads(done.stdout)

    def fill(self):
        self.bench(int(OPTIONS.gb * 1e9 / (SIZE + 120)), 64)
        print(f"the master's log has {self.end(self.master) / 1e9:.3f} GB in {self.queue_ends(self.master)} messages", flush=True)

    def end(self, daemon):
        status = self.status(daemon)
        return status["masterCommitLogMaxOffset"] if status["master"] else status["haClientRuntimeInfo"]["maxOffset"]

    @staticmethod
    def queue_ends(daemon):
        with Client(daemon.port) as client:
            return sum(client.max_offset(TOPIC, queue) for queue in range(QUEUES))

    def log_files(self):
        return sorted(path for path in (self.folder / "master" / "commitlog").iterdir() if path.name.isdigit())

    def copy_with_dd(self):
        """Seconds for the same bytes, from a disk without them in memory."""
        end, seconds = self.end(self.master), 0.0
        drop_pages()
        for path in self.log_files():
            size = min(1 << 30, end - int(path.name))
            if size <= 0:
                continue
            target = self.folder / "copy"
            words = ["dd", f"if={path}", f"of={target}", "bs=1M", f"count={size}", "iflag=count_bytes", "conv=fsync", "status=none"]
            begin = time.monotonic()
            subprocess.run(words, check=True)
            seconds += time.monotonic() - begin
            target.unlink()
        return end / seconds / 1e6

    def confirmed(self):
        replicas = self.status(self.master)["haConnectionInfo"]
        return replicas[0]["slaveAckOffset"] if replicas else 0

    def forget_slave(self):
        wait_until(lambda: not self.status(self.master)["haConnectionInfo"], 30, "the last slave is forgotten")
        shutil.rmtree(self.folder / "slave", ignore_errors=True)
        drop_pages()

    def start_empty_slave(self):
        return self.start_slave(mappedFileSizeCommitLog=1 << 30, haMasterAddress=f"127.0.0.1:{self.ha_port(self.master)}")

    def copy_with_slave(self):
        """MB/s of the log, and what the slave had of memory, and the CPU seconds of both for a GB."""
        end = self.end(self.master)
        messages = self.queue_ends(self.master)
        self.forget_slave()
        before = cpu_seconds(self.master.process.pid)
        slave = self.start_empty_slave()
        begin = slave.started + slave.ready_seconds
        with Memory(slave.process.pid) as memory:
            wait_until(lambda: self.confirmed() >= end, 600, "the copy")
            copied = time.monotonic() - begin

            def built():
                try:
                    return self.queue_ends(slave) == messages
                except AssertionError:  # a topic that it does not have yet
                    return False
            wait_until(built, 600, "the slave's queues")
            seconds = time.monotonic() - begin
        cpu = [used / end * 1e9 for used in (cpu_seconds(self.master.process.pid) - before, cpu_seconds(slave.process.pid))]
        slave.kill()
        return {"rate": end / seconds / 1e6, "copied": end / copied / 1e6, "memory": memory.most, "master_cpu": cpu[0], "slave_cpu": cpu[1]}

    # --- Parts

    def measure_catch_up(self):
        slaves, copies = [], []
        for number in range(OPTIONS.rounds):
            copies.append(self.copy_with_dd())
            slaves.append(self.copy_with_slave())
            one = slaves[-1]
            print(f"{number}: dd {copies[-1]:.0f} MB/s; slave {one['rate']:.0f} MB/s ({one['copied']:.0f} without its queues), {one['memory']:.1f} MB "
                  f"anonymous, CPU s per GB: master {one['master_cpu']:.2f}, slave {one['slave_cpu']:.2f}", flush=True)
        rate, memory = median(one["rate"] for one in slaves), max(one["memory"] for one in slaves)
        print(f"catch-up: {rate:.0f} MB/s, {rate / median(copies):.2f} of dd's {median(copies):.0f} MB/s (wanted: 0.70); at most {memory:.1f} MB of anonymous "
              "memory (wanted: 60)", flush=True)

    def rate_for(self, seconds_or_event):
        """Messages a second that 64 senders get answered until the event, or for so long."""
        command = [program("comet-bench"), "produce", "--namesrv", self.namesrv.address, "--topic", TOPIC, "--concurrency", "64", "--size", str(SIZE),
                   "--count", "100000000"]
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as bench:
            time.sleep(0.5)
            begin, before = time.monotonic(), self.queue_ends(self.master)
            if callable(seconds_or_event):
                seconds_or_event()
            else:
                time.sleep(seconds_or_event)
            seconds, count = time.monotonic() - begin, self.queue_ends(self.master) - before
            bench.terminate()
        return count / seconds, seconds

    def measure_meanwhile(self):
        alone, during = [], []
        for number in range(OPTIONS.rounds):
            self.forget_slave()
            alone.append(self.rate_for(5)[0])
            self.forget_slave()  # what was sent is on the disk, and in memory no more
            end = self.end(self.master)
            slaves = []

            def copy():
                slaves.append(self.start_empty_slave())
                wait_until(lambda: self.confirmed() >= end, 900, "the copy")
            rate, seconds = self.rate_for(copy)
            during.append(rate)
            slaves[0].kill()
            print(f"{number}: sends alone {alone[-1]:.0f}/s, while {end / 1e9:.2f} GB are copied {rate:.0f}/s; the copy {end / seconds / 1e6:.0f} MB/s", flush=True)
        print(f"meanwhile: {median(during) / median(alone):.2f} of {median(alone):.0f}/s (wanted: 0.80)", flush=True)

    def measure_async(self):
        loads = [("64 senders", 64, 200_000, 0), ("1 sender", 1, 20_000, 0), (f"64 senders at {FIXED_RATE}/s", 64, 30_000, FIXED_RATE)]
        seen = {}
        slave = self.start_slave(mappedFileSizeCommitLog=1 << 30, syncFromLastFile="true")
        for number in range(2 * OPTIONS.rounds):
            with_slave = number % 4 in (0, 3)  # there and back: what drifts hits both
            if with_slave and not slave.alive():
                slave = self.start_slave(mappedFileSizeCommitLog=1 << 30)
            elif not with_slave and slave.alive():
                slave.stop()
            if with_slave:
                wait_until(lambda: self.confirmed() >= self.end(self.master), 900, "the slave")
            for load, senders, count, rate in loads:
                before = cpu_seconds(self.master.process.pid)
                report = self.bench(count, senders, rate)
                report["cpu"] = (cpu_seconds(self.master.process.pid) - before) / count * 1e5
                seen.setdefault((load, with_slave), []).append(report)
        for load, _, _, rate in loads:
            both = [{key: median(one[key] for one in seen[load, followed]) for key in ("rate", "cpu", "p50_ms", "p99_ms")} for followed in (False, True)]
            cost = both[1]["p50_ms"] / both[0]["p50_ms"] - 1 if rate else 1 - both[1]["rate"] / both[0]["rate"]
            print(f"async, {load}: alone {both[0]['rate']:.0f}/s, p50 {both[0]['p50_ms']:.3f} ms, {both[0]['cpu']:.2f} CPU s per 100,000 of the master; with a slave "
                  f"{both[1]['rate']:.0f}/s, {both[1]['p50_ms']:.3f} ms, {both[1]['cpu']:.2f}: {'p50' if rate else 'rate'} {100 * cost:+.1f} % worse (wanted: 3)",
                  flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gb", type=float, default=2.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", help="where the data lie (a temporary folder)")
    parser.add_argument("--parts", type=lambda text: text.split(","), default=OPTIONS.parts)
    parser.parse_args(namespace=OPTIONS)
    test = CatchUp()
    try:
        test.setUp()
        test.runTest()
    finally:
        test.doCleanups()


if __name__ == "__main__":
    main()
