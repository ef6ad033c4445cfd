#!/usr/bin/env python3
"""A master and its slave: whichever is killed, what was acknowledged is on the other one.

Each round starts both on their data directories, waits until the slave is in sync, lets the producer send numbered lines of text
with a ledger of what was answered SEND_OK, and kills one of the two, or both, at a random moment. When the master was killed, the
slave is promoted: it is started anew as the master, everything acknowledged has to be there at its offset, and the old master
comes back as the slave in the next round, which cuts what only it had. Now and then both logs are compared byte by byte.

  tests/crash/kill_replicas_test.py [--rounds N] [--fresh N] [--seed N]     (COMET_BIN names the programs' folder)
"""

import argparse
import json
import pathlib
import random
import shutil
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

from daemons import DaemonTest, program, real_lines, wait_until  # noqa: E402
from remoting import Client  # noqa: E402

OPTIONS = argparse.Namespace(rounds=4, fresh=20, seed=None)
TOPIC = "crash"
QUEUES = 4
LINES = 300000
SEGMENT = 1024 * 1024  # mappedFileSizeCommitLog
HA_STATUS = 907
VICTIMS = ["master", "master", "master", "slave", "slave", "both"]


def read_ledger(path):
    """(queue, offset) and the number of the line, of each message that was answered SEND_OK."""
    lines = path.read_text("utf-8").split("\n")[:-1] if path.exists() else []  # the last piece is empty or half a line
    fields = [line.split("\t") for line in lines]
    return [((int(one[2]), int(one[3])), int(one[0])) for one in fields]


class KillReplicas(DaemonTest):
    def test_what_was_acknowledged_is_on_the_survivor(self):
        seed = OPTIONS.seed if OPTIONS.seed is not None else random.randrange(2**32)
        print(f"{OPTIONS.rounds} rounds, seed {seed}")
        self.random = random.Random(seed)
        self.namesrv = self.start_namesrv()
        self.text = self.folder / "lines.txt"
        self.lines = [line.encode() for line in real_lines(LINES)]
        self.text.write_bytes(b"\n".join(self.lines) + b"\n")
        self.kills = dict.fromkeys(VICTIMS, 0)
        self.total = 0
        for first in range(0, OPTIONS.rounds, OPTIONS.fresh):
            last = min(first + OPTIONS.fresh, OPTIONS.rounds)
            self.run_on_one_pair(range(first, last))
            print(f"{last} rounds, killed {self.kills}: {self.total} acknowledged, none missing", flush=True)

    def run_on_one_pair(self, rounds):
        self.data = [self.folder / f"data-{rounds.start}-{side}" for side in "ab"]
        self.master = 0  # which of them
        self.expected = {}  # (queue, offset) -> body
        self.first_round = True
        for number in rounds:
            self.run_round(number)
        master, slave = self.start_pair("ASYNC_FLUSH")
        self.wait_in_sync(master)
        self.check_all(master)
        wait_until(lambda: self.ends(master) == self.ends(slave), 30, "both logs are equally long")
        self.assertEqual([0, 0], [slave.stop(), master.stop()])
        self.compare_logs()
        for data in self.data:
            shutil.rmtree(data)

    def start_side(self, side, role, flush):
        keys = {"brokerRole": "SYNC_MASTER", "brokerId": 0} if role == "master" else {"brokerRole": "SLAVE", "brokerId": 1}
        return self.start_broker(self.namesrv, self.data[side], "ab"[side], brokerName="pair", flushDiskType=flush,
                                 mappedFileSizeCommitLog=SEGMENT, **keys)

    def start_pair(self, flush):
        sides = ["master", "slave"]
        self.random.shuffle(sides)
        started = {role: self.start_side(self.master if role == "master" else 1 - self.master, role, flush) for role in sides}
        return started["master"], started["slave"]

    @staticmethod
    def status(daemon):
        with Client(daemon.port) as client:
            return json.loads(client.request(HA_STATUS, {}).body)

    def wait_in_sync(self, master):
        wait_until(lambda: self.status(master)["inSyncSlaveNums"] == 1, 60, "a slave in sync")

    @staticmethod
    def ends(daemon):
        with Client(daemon.port, timeout=60) as client:
            return [client.max_offset(TOPIC, queue_id) for queue_id in range(QUEUES)]

    def run_round(self, number):
        flush = self.random.choice(["ASYNC_FLUSH", "SYNC_FLUSH"])
        victim = self.random.choice(VICTIMS)
        master, slave = self.start_pair(flush)
        self.wait_in_sync(master)
        if not self.expected and self.first_round:
            self.first_round = False
            with Client(master.port) as client:
                self.assertEqual(0, client.create_topic(TOPIC, QUEUES).code)
        acknowledged = self.send_until(master, slave, victim, number)
        self.kills[victim] += 1
        self.total += acknowledged
        if victim == "master":  # the slave is promoted
            slave.stop()
            self.master = 1 - self.master
        elif victim == "slave":
            master.stop()
        # The survivor alone; after both were killed, the master as it comes back.
        survivor = self.start_side(self.master, "master", flush)
        stored = self.check_all(survivor)
        survivor.stop()
        print(f"round {number + 1}: {flush}, {victim} killed after {acknowledged} acknowledged; {stored} messages on the survivor", flush=True)

    def send_until(self, master, slave, victim, number):
        ledger = self.folder / f"ledger-{number}.tsv"
        with open(self.folder / "send_lines.log", "ab") as log:
            sender = subprocess.Popen([program("example-send_lines"), "--namesrv", self.namesrv.address, "--topic", TOPIC, "--file", str(self.text),
                                       "--window", "64", "--show", "0", "--ledger", str(ledger)], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
            try:
                wait_until(lambda: (ledger.exists() and ledger.stat().st_size > 0) or sender.poll() is not None, 30, "the first acknowledgement")
                time.sleep(self.random.uniform(0.0, 1.0))
                self.assertIsNone(sender.poll(), "all was sent before the end: more lines are needed")
                for daemon, name in ((master, "master"), (slave, "slave")):
                    if victim in (name, "both"):
                        daemon.kill()
                time.sleep(self.random.uniform(0.2, 1.0))
            finally:
                if sender.poll() is None:
                    sender.kill()
                sender.wait()
        acknowledged = read_ledger(ledger)
        ledger.unlink(missing_ok=True)
        for place, line_number in acknowledged:
            self.assertNotIn(place, self.expected, "an offset was given to two acknowledged messages")
            self.expected[place] = self.lines[line_number - 1]
        return len(acknowledged)

    def check_all(self, broker):
        """Every acknowledged message is at its offset, queues have no gaps."""
        count = 0
        there = {}
        with Client(broker.port, timeout=60) as client:
            for queue_id in range(QUEUES):
                messages = client.read_queue(TOPIC, queue_id)
                self.assertEqual(list(range(len(messages))), [message.queue_offset for message in messages], f"queue {queue_id}")
                self.assertTrue(all(message.crc_ok for message in messages), "a body's checksum is wrong")
                there |= {(queue_id, message.queue_offset): message.body for message in messages}
                count += len(messages)
        lost = [place for place, body in self.expected.items() if there.get(place) != body]
        self.assertEqual([], lost[:10], f"{len(lost)} of {len(self.expected)} acknowledged messages are lost or others")
        return count

    def compare_logs(self):
        """Byte by byte, as far as both have files."""
        logs = [{path.name: path for path in (data / "commitlog").iterdir() if path.name.isdigit()} for data in self.data]
        for name in sorted(set(logs[0]) & set(logs[1])):
            self.assertEqual(logs[0][name].read_bytes().rstrip(b"\0"), logs[1][name].read_bytes().rstrip(b"\0"), f"file {name} differs")
        names = sorted(set(logs[0]) ^ set(logs[1]))
        for name in names:  # made ahead, nothing in it
            path = logs[0].get(name) or logs[1].get(name)
            self.assertEqual(b"", path.read_bytes().strip(b"\0"), f"file {name} is on one side only")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--fresh", type=int, default=20, help="rounds on one pair of data directories")
    parser.add_argument("--seed", type=int)
    OPTIONS, rest = parser.parse_known_args()
    unittest.main(argv=[sys.argv[0], *rest], verbosity=2)
