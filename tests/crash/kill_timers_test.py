#!/usr/bin/env python3
"""The broker is killed every few seconds while timer messages and transactions are under way.

Timers are sent that are due from at once to the end of the scenario, some of them all at the same time, and half
messages, of which some are committed, some rolled back, and some left to the broker's checks, as are those whose
end the kill has cut off. At the end every acknowledged timer has come, none before its time, and every
transaction has ended as its producer wanted. What comes twice is counted: after a kill that is allowed.

  tests/crash/kill_timers_test.py [--timers N] [--halves N] [--seconds S] [--every S] [--seed N]

100,000 timers and 10,000 half messages:  --timers 100000 --halves 10000 --seconds 120 --every 4
"""

import argparse
import collections
import json
import pathlib
import random
import select
import sys
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

from daemons import DaemonTest, wait_until  # noqa: E402
from remoting import SUCCESS, SYSTEM_ERROR, Client, StoredMessage, frame  # noqa: E402
from timer_load import Timer, describe, read_topic, send_timers  # noqa: E402

OPTIONS = argparse.Namespace(timers=4000, halves=300, seconds=9.0, every=2.5, seed=None)
HEART_BEAT, END_TRANSACTION, CHECK_TRANSACTION_STATE = 34, 37, 39
COMMIT, ROLLBACK = 8, 12
TIMER_TOPIC, HALF_TOPIC, QUEUES, GROUP = "timers", "halves", 4, "transactions"
PATIENCE = 180.0


def now():
    return int(time.time() * 1000)


class KillTimers(DaemonTest):
    def setUp(self):
        super().setUp()
        seed = OPTIONS.seed if OPTIONS.seed is not None else random.randrange(2**32)
        print(f"{OPTIONS.timers} timers, {OPTIONS.halves} half messages, {OPTIONS.seconds:.0f} s, a kill every "
              f"{OPTIONS.every:.1f} s, seed {seed}", flush=True)
        self.random = random.Random(seed)
        self.data = self.folder / "data"
        self.sent = {}      # key -> Timer, of what was acknowledged
        self.resent = set()  # keys of what may have been stored more than once
        self.halves = {}    # key -> how it is to end, of acknowledged half messages
        self.checks = 0     # questions of the broker that were answered
        self.down = []      # (killed, ready again), ms
        self.ending = threading.Event()
        self.problems = []

    def begin(self):
        broker = self.start_broker(
            None, data=self.data, mappedFileSizeCommitLog=8 << 20, messageIndexEnable="false",
            transactionCheckInterval=1000, transactionTimeOut=1000, transactionCheckMax=1000)
        self.broker = broker
        return broker

    def test_no_timer_and_no_transaction_is_lost_by_kill_9(self):
        self.begin()
        with Client(self.broker.port) as client:
            for topic in (TIMER_TOPIC, HALF_TOPIC):
                self.assertEqual(SUCCESS, client.create_topic(topic, QUEUES).code)
        self.end_at = now() + int(OPTIONS.seconds * 1000)
        threads = [threading.Thread(target=self.guarded, args=(work,))
                   for work in (self.send_timers, self.send_halves, self.answer_checks)]
        for thread in threads:
            thread.start()
        try:
            self.kill_every_few_seconds()
            for thread in threads[:2]:
                thread.join()
            came = self.wait_for_all()
        finally:
            self.ending.set()
            for thread in threads:
                thread.join()
        self.assertEqual([], self.problems)
        self.check_timers(came[TIMER_TOPIC])
        self.check_halves(came[HALF_TOPIC])
        self.assertEqual(0, self.broker.stop())

    def guarded(self, work):
        try:
            work()
        except Exception as problem:  # told by the main thread
            self.problems.append(f"{work.__name__}: {problem!r}")

    def kill_every_few_seconds(self):
        while now() < self.end_at:
            time.sleep(self.random.uniform(0.5, 1.5) * OPTIONS.every)
            killed = now()
            self.broker.kill()
            broker = self.begin()
            self.down.append((killed, now()))
            print(f"kill {len(self.down)}: ready after {broker.ready_seconds * 1000:.0f} ms, {len(self.sent)} timers "
                  f"and {len(self.halves)} half messages acknowledged", flush=True)

    def retry(self, work):
        """Until the broker lives long enough; gives up only when it should have."""
        deadline = time.monotonic() + OPTIONS.seconds + PATIENCE
        while True:
            try:
                return work(self.broker.port)
            except (OSError, EOFError):
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)

    # Timers

    def send_timers(self):
        begin, end = now(), self.end_at
        same = begin + (end - begin) * 2 // 3  # a fifth is due at one moment
        waiting = []
        for number in range(OPTIONS.timers):
            due = same if number % 5 == 0 else self.random.randrange(begin, end + 2000)
            waiting.append(Timer(f"t{number}", self.random.randrange(QUEUES), due))
        while waiting:
            # In pieces, so that they are sent during half of the scenario.
            piece, waiting = waiting[:max(1, OPTIONS.timers // 50)], waiting[OPTIONS.timers // 50 or 1:]
            while piece:
                self.retry(lambda port: send_timers(port, TIMER_TOPIC, piece, 128, self.timer_acknowledged))
            time.sleep(OPTIONS.seconds / 2 / 50)

    def timer_acknowledged(self, timer, header):
        if header["code"] != SUCCESS:
            raise AssertionError(f"timer {timer.key} was refused: {header}")
        self.sent[timer.key] = timer
        if timer.tries > 1:
            self.resent.add(timer.key)

    def check_timers(self, came):
        times = collections.Counter(one.key for one in came)
        lost = [key for key in self.sent if times[key] == 0]
        self.assertEqual([], lost[:10], f"{len(lost)} of {len(self.sent)} acknowledged timers are lost")
        self.assertEqual(OPTIONS.timers, len(self.sent))
        early = [one.key for one in came if one.stored < self.sent[one.key].due]
        self.assertEqual([], early[:10], "timers came before their time")
        first = {}
        for one in came:
            first.setdefault(one.key, one.stored)
            first[one.key] = min(first[one.key], one.stored)
        running, after_start = [], []
        for key, stored in first.items():
            timer = self.sent[key]
            due = max(timer.due, timer.asked)  # what is sent too late is due at once
            gap = next((gap for gap in self.down if gap[0] - 50 <= due <= gap[1]), None)
            if gap is not None:
                after_start.append(max(0, stored - gap[1]))
            elif key not in self.resent:
                running.append(stored - due)
        twice = {key for key, count in times.items() if count > 1}
        print(f"timers: {len(self.sent)} acknowledged, 0 lost, {len(twice)} came more than once "
              f"({len(twice - self.resent)} of them were sent once)\n"
              f"  late while the broker ran: {describe(running)}\n"
              f"  due while it was down, after its start: {describe(after_start)}", flush=True)

    # Transactions

    def send_halves(self):
        pause = OPTIONS.seconds * 0.8 / max(1, OPTIONS.halves)
        number = 0
        while number < OPTIONS.halves:
            number = self.retry(lambda port: self.send_halves_to(port, number, pause))

    def send_halves_to(self, port, number, pause):
        """Half messages from `number` on; ends when the broker does, with the next number."""
        with Client(port) as client:
            try:
                while number < OPTIONS.halves:
                    self.send_half(client, f"h{number}")
                    number += 1
                    time.sleep(pause)
            except (OSError, EOFError):
                number += 1  # nobody knows whether it is stored; if it is, the broker will ask
        return number

    def decision(self, key):
        return ROLLBACK if int(key[1:]) % 5 == 4 else COMMIT

    def send_half(self, client, key):
        reply = client.send_message(
            HALF_TOPIC, key.encode() + b" half", queue_id=int(key[1:]) % QUEUES, sysFlag=4,
            producerGroup=GROUP, bornTimestamp=now(),
            properties=f"TRAN_MSG\x01true\x02PGROUP\x01{GROUP}\x02UNIQ_KEY\x01{key}\x02")
        if reply.code != SUCCESS:
            raise AssertionError(f"half message {key} was refused: {reply}")
        self.halves[key] = self.decision(key)
        if int(key[1:]) % 6 == 5:
            return  # the producer forgets it
        reply = client.request(END_TRANSACTION, {
            "producerGroup": GROUP, "tranStateTableOffset": reply.ext["queueOffset"],
            "commitLogOffset": int(reply.ext["msgId"][16:], 16), "commitOrRollback": self.decision(key),
            "fromTransactionCheck": "false", "msgId": key, "transactionId": key})
        # On a slow machine the broker may be asking for this one already: then the answer to that counts.
        if reply.code not in (SUCCESS, SYSTEM_ERROR):
            raise AssertionError(f"the end of half message {key} was refused: {reply}")

    def answer_checks(self):
        """A producer of the group, which answers what the broker asks."""
        while not self.ending.is_set():
            try:
                self.answer_checks_of(self.broker.port)
            except (OSError, EOFError):
                time.sleep(0.02)

    def answer_checks_of(self, port):
        with Client(port, timeout=60) as client:
            body = json.dumps({"clientID": f"checker@{port}", "consumerDataSet": [],
                               "producerDataSet": [{"groupName": GROUP}]}).encode()
            client.send_raw(frame(HEART_BEAT, {}, body, opaque=1))
            while not self.ending.is_set():
                if not select.select([client.socket], [], [], 0.2)[0]:
                    continue
                request = client.read_reply()
                if request.flag & 1 or request.code != CHECK_TRANSACTION_STATE:
                    continue
                half = StoredMessage(request.body)
                key = half.body.split(b" ", 1)[0].decode()
                client.send_raw(frame(END_TRANSACTION, {
                    "producerGroup": GROUP, "tranStateTableOffset": request.ext["tranStateTableOffset"],
                    "commitLogOffset": request.ext["commitLogOffset"],
                    "commitOrRollback": self.decision(key), "fromTransactionCheck": "true",
                    "msgId": request.ext["msgId"], "transactionId": request.ext.get("transactionId", key)},
                    opaque=2, flag=2))
                self.checks += 1

    def check_halves(self, came):
        times = collections.Counter(one.key for one in came)
        committed = [key for key, decision in self.halves.items() if decision == COMMIT]
        lost = [key for key in committed if times[key] == 0]
        self.assertEqual([], lost[:10], f"{len(lost)} of {len(committed)} committed messages are lost")
        wrong = [key for key in times if self.decision(key) == ROLLBACK]
        self.assertEqual([], wrong[:10], "messages came that were rolled back")
        twice = sum(count > 1 for count in times.values())
        print(f"transactions: {len(self.halves)} half messages acknowledged, {len(committed)} committed, 0 lost, "
              f"{twice} came twice, {self.checks} checks answered", flush=True)

    def wait_for_all(self):
        """What came, when it is as much as must come."""
        offsets = {topic: [0] * QUEUES for topic in (TIMER_TOPIC, HALF_TOPIC)}
        came = {topic: [] for topic in offsets}
        wanted = {TIMER_TOPIC: set(self.sent),
                  HALF_TOPIC: {key for key, decision in self.halves.items() if decision == COMMIT}}

        def all_came():
            self.assertEqual([], self.problems)
            for topic, keys in wanted.items():
                more = read_topic(self.broker.port, topic, QUEUES, offsets[topic])
                came[topic] += more
                keys.difference_update(one.key for one in more)
            return not any(wanted.values())

        try:
            wait_until(all_came, PATIENCE, "all timers and committed messages")
        except AssertionError:
            print({topic: len(keys) for topic, keys in wanted.items()}, "did not come", flush=True)
            if self.problems:
                raise
        return came


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--timers", type=int, default=OPTIONS.timers)
    parser.add_argument("--halves", type=int, default=OPTIONS.halves)
    parser.add_argument("--seconds", type=float, default=OPTIONS.seconds)
    parser.add_argument("--every", type=float, default=OPTIONS.every)
    parser.add_argument("--seed", type=int)
    OPTIONS, rest = parser.parse_known_args()
    unittest.main(argv=[sys.argv[0], *rest], verbosity=2)
