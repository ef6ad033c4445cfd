#!/usr/bin/env python3
"""A broker that is killed again and again soon after its start delivers nothing over and over.

First the scene of a crash loop: delayed messages and timers that are all due, and ten times kill -9 half a second
after the start. Then lives of 0.2 to 2 s, in which delayed messages, timers and transactions are sent; each is sent
once. At the end every acknowledged one has come, and none more than twice in all.

  tests/crash/crash_loops_test.py [--rounds N] [--messages N] [--seed N]        COMET_BIN names the programs
"""

import argparse
import collections
import pathlib
import random
import sys
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

from daemons import DaemonTest, wait_until  # noqa: E402
from remoting import SUCCESS, Client  # noqa: E402
from timer_load import read_topic  # noqa: E402

OPTIONS = argparse.Namespace(rounds=50, messages=200, seed=None)
END_TRANSACTION, COMMIT = 37, 8
TOPIC, QUEUES, GROUP = "loops", 2, "transactions"


class CrashLoops(DaemonTest):
    def setUp(self):
        super().setUp()
        seed = OPTIONS.seed if OPTIONS.seed is not None else random.randrange(2**32)
        print(f"{OPTIONS.rounds} rounds, {OPTIONS.messages} messages of each kind, seed {seed}", flush=True)
        self.random = random.Random(seed)
        self.acknowledged = set()
        self.keys = 0
        self.problems = []

    def begin(self):
        self.broker = self.start_broker(
            None, data=self.folder / "data", mappedFileSizeCommitLog=8 << 20, messageIndexEnable="false",
            transactionCheckInterval=1000, transactionTimeOut=1000)

    def key(self, kind):
        self.keys += 1
        return f"{kind}{self.keys}"

    def send(self, client, kind, properties, **header):
        key = self.key(kind)
        reply = client.send_message(TOPIC, key.encode() + b" body", queue_id=self.keys % QUEUES,
                                    properties=f"UNIQ_KEY\x01{key}\x02{properties}", **header)
        if reply.code != SUCCESS:
            raise AssertionError(f"{key} was refused: {reply}")
        return key, reply

    def send_delayed(self, client):
        self.acknowledged.add(self.send(client, "d", "DELAY\x011\x02")[0])

    def send_timer(self, client, delay):
        self.acknowledged.add(self.send(client, "t", f"TIMER_DELAY_MS\x01{delay}\x02")[0])

    def send_transaction(self, client):
        key, reply = self.send(client, "h", f"TRAN_MSG\x01true\x02PGROUP\x01{GROUP}\x02", sysFlag=4,
                               producerGroup=GROUP, bornTimestamp=int(time.time() * 1000))
        end = client.request(END_TRANSACTION, {
            "producerGroup": GROUP, "tranStateTableOffset": reply.ext["queueOffset"],
            "commitLogOffset": int(reply.ext["msgId"][16:], 16), "commitOrRollback": COMMIT,
            "fromTransactionCheck": "false", "msgId": key, "transactionId": key})
        if end.code == SUCCESS:
            self.acknowledged.add(key)

    def check(self, what):
        """Everything has come; how often."""
        came, offsets, left = collections.Counter(), [0] * QUEUES, set(self.acknowledged)

        def all_came():
            for one in read_topic(self.broker.port, TOPIC, QUEUES, offsets):
                came[one.key] += 1
                left.discard(one.key)
            return not left

        try:
            wait_until(all_came, 60, "all messages")
        except AssertionError:
            self.fail(f"{len(left)} of {len(self.acknowledged)} acknowledged messages are lost: {sorted(left)[:10]}")
        time.sleep(1)
        all_came()
        often = {key: count for key, count in came.items() if count > 1}
        self.assertFalse({key: count for key, count in often.items() if count > 2}, "more than twice")
        print(f"{what}: {len(self.acknowledged)} acknowledged, 0 lost, {len(often)} came twice", flush=True)

    def test_what_was_due_comes_at_most_twice_whatever_the_number_of_kills(self):
        self.begin()
        with Client(self.broker.port) as client:
            self.assertEqual(SUCCESS, client.create_topic(TOPIC, QUEUES).code)
            for _ in range(OPTIONS.messages):
                self.send_delayed(client)
                self.send_timer(client, 1000)
        self.broker.kill()
        time.sleep(1.5)
        for _ in range(10):
            self.begin()
            time.sleep(0.5)
            self.broker.kill()
        self.begin()
        self.check("ten kills half a second after the start")
        self.assertEqual(0, self.broker.stop())

    def test_lives_of_a_moment_lose_nothing_and_repeat_little(self):
        self.begin()
        with Client(self.broker.port) as client:
            self.assertEqual(SUCCESS, client.create_topic(TOPIC, QUEUES).code)
        for number in range(OPTIONS.rounds):
            sender = threading.Thread(target=self.send_until_the_end)
            sender.start()
            time.sleep(self.random.uniform(0.2, 2.0))
            self.broker.kill()
            sender.join()
            self.assertEqual([], self.problems, f"round {number}")
            self.begin()
        self.check(f"{OPTIONS.rounds} lives of a moment")
        self.assertEqual(0, self.broker.stop())

    def send_until_the_end(self):
        choice = random.Random(self.random.random())
        try:
            with Client(self.broker.port) as client:
                while True:
                    self.send_delayed(client)
                    self.send_timer(client, choice.randrange(100, 3000))
                    self.send_transaction(client)
                    time.sleep(0.005)
        except (OSError, EOFError):
            pass  # the end
        except Exception as problem:  # told by the main thread
            self.problems.append(repr(problem))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=OPTIONS.rounds)
    parser.add_argument("--messages", type=int, default=OPTIONS.messages)
    parser.add_argument("--seed", type=int)
    OPTIONS, rest = parser.parse_known_args()
    unittest.main(argv=[sys.argv[0], *rest], verbosity=2)
