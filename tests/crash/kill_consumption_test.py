#!/usr/bin/env python3
"""The broker is killed in the middle of commits and of delayed messages.

Each round starts the broker on the same data directory, sends delayed messages, commits offsets of several
groups and kills the broker (-9) at a random moment. A group's offset is then at least the one that
consumerOffset.json had when the broker died, and at most the last one that was committed; after the last
round every acknowledged delayed message has come, none before its time.

  tests/crash/kill_consumption_test.py [--rounds N] [--seed N]   (COMET_BIN names the programs' folder)
"""

import argparse
import collections
import json
import pathlib
import random
import sys
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

from daemons import DaemonTest, wait_until  # noqa: E402
from remoting import Client, SUCCESS  # noqa: E402

OPTIONS = argparse.Namespace(rounds=4, seed=None)
QUERY_CONSUMER_OFFSET, UPDATE_CONSUMER_OFFSET = 14, 15
TOPIC, QUEUES = "later", 2
FAST = 1500  # messages of a round that are sent without a pause
GROUPS = ("first", "second", "third")
DELAYS = (1, 2, 3)  # seconds, of levels 1, 2, 3
PATIENCE = 120.0


class KillConsumption(DaemonTest):
    def setUp(self):
        super().setUp()
        seed = OPTIONS.seed if OPTIONS.seed is not None else random.randrange(2**32)
        print(f"{OPTIONS.rounds} rounds, seed {seed}")
        self.random = random.Random(seed)
        self.data = self.folder / "data"
        self.namesrv = self.start_namesrv()
        self.sent = {}       # body -> (level, wall clock before the send), of what was acknowledged
        self.asked = {}      # the same of everything that was sent
        self.committed = {}  # group -> the last offset that was answered
        self.tried = {}      # group -> the last offset that was sent
        self.last_saved = {}  # group -> offset in the file shortly before the kill

    def begin(self):
        return self.start_broker(
            self.namesrv, data=self.data, messageDelayLevel=" ".join(f"{delay}s" for delay in DELAYS),
            flushConsumerOffsetInterval=100, flushDelayOffsetInterval=100, mappedFileSizeCommitLog=1024 * 1024)

    def test_offsets_and_delayed_messages_survive_kill_9(self):
        for number in range(OPTIONS.rounds):
            broker = self.start_killed_later(number)
            self.assertEqual(-9, broker.process.returncode)
        broker = self.begin()
        self.check_offsets(broker)
        self.check_delayed(broker)
        self.assertEqual(0, broker.stop())

    def start_killed_later(self, number):
        broker = self.begin()
        self.check_offsets(broker)
        with Client(broker.port) as client:
            if number == 0:
                self.assertEqual(SUCCESS, client.create_topic(TOPIC, QUEUES).code)
            end = threading.Thread(target=self.kill_when_saved, args=(broker, self.random.uniform(0.0, 1.5)))
            end.start()
            slow_from = len(self.asked) + FAST
            try:
                while True:
                    self.work(client, number)
                    if len(self.asked) > slow_from:
                        time.sleep(0.005)
            except (EOFError, OSError):
                pass  # it is dead
            finally:
                end.join()
                broker.process.wait()
        print(f"round {number + 1}: ready after {broker.ready_seconds * 1000:.0f} ms, {len(self.sent)} delayed "
              f"messages acknowledged, offsets {self.committed}", flush=True)
        return broker

    def saved_offsets(self):
        path = self.data / "config/consumerOffset.json"
        if not path.exists():
            return {}
        # Never half a file: it is replaced as a whole.
        table = json.loads(path.read_text("utf-8"))["offsetTable"]
        return {group: table.get(f"{TOPIC}@{group}", {}).get("0", 0) for group in GROUPS}

    def kill_when_saved(self, broker, more_seconds):
        before = self.saved_offsets()
        try:
            wait_until(lambda: self.saved_offsets() != before, PATIENCE, "saved offsets")
            time.sleep(more_seconds)
            self.last_saved = self.saved_offsets()
        finally:
            broker.process.kill()

    def work(self, client, number):
        level = self.random.randrange(len(DELAYS)) + 1
        body = f"{number}-{len(self.asked)}"
        self.asked[body] = (level, time.time())
        reply = client.send_message(TOPIC, body.encode(), len(self.asked) % QUEUES, f"DELAY\x01{level}\x02")
        self.assertEqual(SUCCESS, reply.code, reply)
        self.sent[body] = self.asked[body]
        group = self.random.choice(GROUPS)
        offset = self.tried.get(group, 0) + 1
        self.tried[group] = offset
        reply = client.request(UPDATE_CONSUMER_OFFSET, {"consumerGroup": group, "topic": TOPIC, "queueId": 0,
                                                        "commitOffset": offset})
        self.assertEqual(SUCCESS, reply.code, reply)
        self.committed[group] = offset

    def check_offsets(self, broker):
        """`broker` has just read what the one before it has left."""
        saved = self.saved_offsets()
        with Client(broker.port) as client:
            for group in GROUPS:
                reply = client.request(QUERY_CONSUMER_OFFSET, {"consumerGroup": group, "topic": TOPIC, "queueId": 0})
                self.assertEqual(SUCCESS, reply.code, reply)
                offset = int(reply.ext["offset"])
                self.assertEqual(saved.get(group, 0), offset, f"offset of {group}")
                self.assertGreaterEqual(offset, self.last_saved.get(group, 0), f"{group} has lost a saved offset")
                self.assertLessEqual(offset, self.tried.get(group, 0), group)
                self.tried[group] = self.committed[group] = offset

    def check_delayed(self, broker):
        def arrived():
            with Client(broker.port) as client:
                return [message for queue in range(QUEUES) for message in client.read_queue(TOPIC, queue)]
        wait_until(lambda: self.sent.keys() <= {message.body.decode() for message in arrived()}, PATIENCE,
                   "every acknowledged delayed message")
        times = collections.Counter()
        for message in arrived():
            body = message.body.decode()
            times[body] += 1
            level, sent_at = self.asked[body]
            self.assertTrue(message.crc_ok, body)
            self.assertGreaterEqual(message.store_timestamp, int((sent_at + DELAYS[level - 1]) * 1000) - 1,
                                    f"message {body} of level {level} came before its time")
        more = sum(count - 1 for count in times.values())
        print(f"{len(self.sent)} acknowledged delayed messages: 0 lost, 0 early, {more} came twice")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--seed", type=int)
    OPTIONS, rest = parser.parse_known_args()
    unittest.main(argv=[sys.argv[0], *rest], verbosity=2)
