#!/usr/bin/env python3
"""The broker ends in the middle of sending: every acknowledged message is there afterwards.

Each round starts the broker on the same data directory (20 rounds, then on a new one), reads back what all rounds before were told
is stored, lets the producer send numbered lines of text with a ledger of what was acknowledged, and
kills the broker at a random moment. Rounds change between ASYNC_FLUSH and SYNC_FLUSH; the
commit log's files are small, so that kills also hit the change from one file to the next.

With --damage, one byte of what is on the disk is another one after the kill in every third round, in the log, a queue or the
index: at most the message that it was in is missing then.

  tests/crash/kill_broker_test.py [--rounds N] [--fresh N] [--seed N] [--damage]     (COMET_BIN names the programs' folder)
"""

import argparse
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

OPTIONS = argparse.Namespace(rounds=5, fresh=20, seed=None, damage=False)
TOPIC = "crash"
QUEUES = 4
LINES = 500000  # a broker takes 200,000 in a second
SEGMENT = 1024 * 1024  # mappedFileSizeCommitLog


class Acknowledged:
    """What one line of the ledger says: which line of the text is stored where."""

    def __init__(self, line):
        fields = line.split("\t")
        self.line_number = int(fields[0])
        self.queue_id = int(fields[2])
        self.queue_offset = int(fields[3])


def read_ledger(path):
    if not path.exists():
        return []
    lines = path.read_text("utf-8").split("\n")
    return [Acknowledged(line) for line in lines[:-1]]  # the last piece is empty or half a line


class KillBroker(DaemonTest):
    def test_every_acknowledged_message_survives_kill_9(self):
        self.run_rounds(OPTIONS.rounds, lambda broker: broker.kill())

    def test_a_damaged_byte_costs_at_most_its_message(self):
        self.damage = True
        self.run_rounds(OPTIONS.rounds if OPTIONS.damage else 3, lambda broker: broker.kill())

    def test_every_acknowledged_message_survives_an_orderly_stop(self):
        self.run_rounds(2, lambda broker: self.assertEqual(0, broker.stop(), broker.log()))
        self.assertFalse((self.data / "abort").exists())

    damage = False

    def damage_a_byte(self):
        """Of what was written to a file of a random kind."""
        kind = self.random.choice(["commitlog", "commitlog", "consumequeue", "index"])
        files = [path for path in sorted((self.data / kind).rglob("*")) if path.is_file()]
        self.random.shuffle(files)
        for path in files:
            end = len(path.read_bytes().rstrip(b"\0"))
            if end == 0:
                continue
            at = self.random.randrange(end)
            with open(path, "r+b") as file:
                file.seek(at)
                byte = file.read(1)[0] ^ (1 << self.random.randrange(8))
                file.seek(at)
                file.write(bytes([byte]))
            self.damaged += kind != "index"  # a unit leads to one message
            print(f"  a bit of byte {at} of {path.relative_to(self.data)} is another one", flush=True)
            return

    def run_rounds(self, rounds, end_broker):
        seed = OPTIONS.seed if OPTIONS.seed is not None else random.randrange(2**32)
        print(f"{rounds} rounds, seed {seed}")
        self.random = random.Random(seed)
        self.namesrv = self.start_namesrv()
        self.text = self.folder / "lines.txt"
        self.lines = [line.encode() for line in real_lines(LINES)]
        self.text.write_bytes(b"\n".join(self.lines) + b"\n")
        totals = [0] * 5
        self.missing = 0
        for first in range(0, rounds, OPTIONS.fresh):
            last = min(first + OPTIONS.fresh, rounds)
            self.run_on_one_directory(range(first, last), end_broker, totals)
            print(f"{last} rounds: {totals[0]} acknowledged, {totals[1]} stored, {totals[2]} damaged bytes of log and queues, "
                  f"{totals[3]} messages missing, {totals[4]} offsets given again", flush=True)

    def run_on_one_directory(self, rounds, end_broker, totals):
        self.data = self.folder / f"data-{rounds.start}"
        self.expected = {}    # (queue, offset) -> body, of all rounds so far
        self.seen = [{} for _ in range(QUEUES)]  # offset -> body
        self.reused = 0       # offsets that nothing told of any more
        self.damaged = 0      # messages that may be missing
        for round_number in rounds:
            mode = ("ASYNC_FLUSH", "SYNC_FLUSH")[round_number % 2]
            broker = self.start_broker(self.namesrv, data=self.data, flushDiskType=mode,
                                       mappedFileSizeCommitLog=SEGMENT)
            stored = self.check_all(broker)
            if round_number == rounds.start:
                with Client(broker.port) as client:
                    self.assertEqual(0, client.create_topic(TOPIC, QUEUES).code)
            acknowledged = self.send_and_end(broker, round_number, end_broker)
            if self.damage and round_number % 3 == 2:
                self.damage_a_byte()
            totals[0] += acknowledged
            print(f"round {round_number + 1}: {mode}, ready after {broker.ready_seconds * 1000:.0f} ms with "
                  f"{stored} messages, ended after {acknowledged} acknowledged", flush=True)
            self.assertGreater(acknowledged, 0, "the end came before anything was acknowledged")
        broker = self.start_broker(self.namesrv, data=self.data, mappedFileSizeCommitLog=SEGMENT)
        totals[1] += self.check_all(broker)
        totals[2] += self.damaged
        totals[3] += self.missing
        totals[4] += self.reused
        self.assertEqual(0, broker.stop())
        shutil.rmtree(self.data)

    def send_and_end(self, broker, round_number, end_broker):
        """Sends until the broker is ended; adds what was acknowledged to `expected`."""
        ledger = self.folder / f"ledger-{round_number}.tsv"
        with open(self.folder / "send_lines.log", "ab") as log:
            sender = subprocess.Popen(
                [program("example-send_lines"), "--namesrv", self.namesrv.address, "--topic", TOPIC,
                 "--file", str(self.text), "--window", "64", "--show", "0", "--ledger", str(ledger)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
            try:
                wait_until(lambda: ledger.exists() and ledger.stat().st_size > 0 or sender.poll() is not None,
                           30, "the first acknowledgement")
                time.sleep(self.random.uniform(0.0, 1.2))
                self.assertIsNone(sender.poll(), "all was sent before the end: more lines are needed")
                end_broker(broker)
                # Answers that the kernel still holds may arrive; then nothing can be acknowledged.
                time.sleep(0.5)
            finally:
                if sender.poll() is None:
                    sender.kill()
                sender.wait()
        acknowledged = read_ledger(ledger)
        for one in acknowledged:
            place = (one.queue_id, one.queue_offset)
            if place in self.expected:
                self.reused += 1
                self.assertLessEqual(self.reused, self.damaged, f"{place}: an offset was given to two messages")
            self.expected[place] = self.lines[one.line_number - 1]
        return len(acknowledged)

    def check_all(self, broker):
        """Reads all queues and compares them with what was acknowledged and what was read before."""
        count = 0
        with Client(broker.port, timeout=60) as client:
            for queue_id in range(QUEUES):
                if not self.expected and not self.seen[queue_id]:
                    continue
                messages = client.read_queue(TOPIC, queue_id)
                offsets = [message.queue_offset for message in messages]
                self.assertEqual(sorted(set(offsets)), offsets, f"queue {queue_id} has doubles")
                if not self.damaged:
                    self.assertEqual(list(range(len(messages))), offsets, f"queue {queue_id} has gaps")
                self.assertTrue(all(message.crc_ok for message in messages), "a body's checksum is wrong")
                now = {message.queue_offset: message.body for message in messages}
                # What a reader has seen once must never change (promise P3).
                changed = [offset for offset, body in self.seen[queue_id].items() if now.get(offset) != body]
                self.assertLessEqual(len(changed), self.damaged, f"queue {queue_id} changed after it was read: {changed[:10]}")
                self.seen[queue_id] = now
                count += len(messages)
        lost = [place for place, body in self.expected.items() if self.seen[place[0]].get(place[1]) != body]
        self.assertLessEqual(len(lost), self.damaged,
                             f"{len(lost)} of {len(self.expected)} acknowledged messages are lost or altered: {lost[:10]}")
        self.missing = len(lost)
        return count


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--fresh", type=int, default=20, help="rounds on one data directory")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--damage", action="store_true", help="the rounds with damaged bytes are as many")
    OPTIONS, rest = parser.parse_known_args()
    unittest.main(argv=[sys.argv[0], *rest], verbosity=2)
