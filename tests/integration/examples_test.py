#!/usr/bin/env python3
"""The examples of the producer do what they say, against our daemons."""

import pathlib
import re
import signal
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

from daemons import DaemonTest, TOOL_TIMEOUT, program, wait_until  # noqa: E402
from remoting import Client  # noqa: E402


class Examples(DaemonTest):
    def setUp(self):
        super().setUp()
        self.namesrv = self.start_namesrv()
        self.broker = self.start_broker(self.namesrv, recallMessageEnable="true")

    def run_example(self, name):
        return self.run_program(f"example-{name}", self.namesrv.address).stdout

    def stored(self, topic):
        """The bodies of each queue, in their order."""
        with Client(self.broker.port) as client:
            return [[message.body.decode() for message in client.read_queue(topic, queue_id)]
                    for queue_id in range(4)]

    def test_the_shortest_one_sends_a_message(self):
        self.assertIn("SEND_OK", self.run_example("producer"))
        self.assertEqual(1, sum(map(len, self.stored("orders"))))

    def test_the_messages_of_every_topic_are_counted(self):
        self.run_example("producer")
        self.assertIn("orders: 1 messages\n", self.run_example("topic_sizes"))
        self.assertIn("TBW102: 0 messages\n", self.run_example("topic_sizes"))

    def test_four_threads_share_a_producer(self):
        text = self.run_example("many_threads")
        self.assertIn("200 messages stored\n", text)
        self.assertRegex(text, "the send to be given up: .*, id [0-9A-F]{32}\n")

    def test_a_payment_is_stored_once(self):
        self.assertRegex(self.run_example("reconcile"), "^stored as [0-9A-F]{32}\n$")
        self.assertEqual(1, sum(map(len, self.stored("payments"))))

    def test_batches_are_stored_whole_and_in_order(self):
        text = self.run_example("batch")
        batches = int(re.search(r"1000 messages in (\d+) batches", text).group(1))
        self.assertTrue(2 <= batches <= 10, text)
        queues = self.stored("batches")
        together = [queue for queue in queues if "together 0" in queue]
        self.assertEqual(1, len(together))
        begin = together[0].index("together 0")
        self.assertEqual([f"together {i}" for i in range(3)], together[0][begin:begin + 3])
        many = {body for queue in queues for body in queue if body.startswith("one of many")}
        self.assertEqual({f"one of many {i}" for i in range(1000)}, many)

    def test_messages_of_one_key_keep_their_order(self):
        self.run_example("ordered")
        for customer in ("alice", "bob"):
            steps = [[body for body in queue if body.startswith(customer)] for queue in self.stored("steps")]
            self.assertIn([f"{customer} step {i}" for i in range(5)], steps)

    def test_delayed_messages_come_and_one_that_is_taken_back_does_not(self):
        text = self.run_example("delayed")
        self.assertEqual(2, text.count("SEND_OK"), text)
        self.assertIn("is taken back", text)

        def bodies():
            return sorted(body for queue in self.stored("reminders") for body in queue)

        wait_until(lambda: len(bodies()) == 2, 60, "the two messages")
        self.assertEqual(["tea is ready", "the eggs are ready"], bodies())

    def test_a_transaction_is_committed_and_a_reminder_comes_later(self):
        text = self.run_example("transaction")
        self.assertRegex(text, "SEND_OK.* COMMIT_MESSAGE")
        for topic, body in (("tea-orders", "one pot of green tea"), ("tea-reminders", "the tea is ready")):
            deadline = time.monotonic() + TOOL_TIMEOUT
            while not any(self.stored(topic)):
                self.assertLess(time.monotonic(), deadline, topic)
                time.sleep(0.05)
            self.assertEqual([body], [each for queue in self.stored(topic) for each in queue])

    def test_a_request_gets_its_reply(self):
        self.assertIn("stressed -> desserts", self.run_example("request_reply"))

    def test_many_senders_lose_nothing(self):
        self.assertIn("5000 messages stored", self.run_example("many_senders"))
        bodies = [body for queue in self.stored("many") for body in queue]
        self.assertEqual(5000, len(bodies))
        self.assertEqual(5000, len(set(bodies)))

    def test_all_styles_of_waiting_work(self):
        text = self.run_example("callbacks")
        self.assertRegex(text, "callback: SEND_OK")
        self.assertRegex(text, "future: SEND_OK")
        self.assertRegex(text, "as a tuple: .*body")

    def test_blocking_calls_work_from_any_thread(self):
        self.assertIn("SEND_OK", self.run_example("blocking"))
        bodies = {body for queue in self.stored("blocking") for body in queue}
        self.assertEqual({"from main"} | {f"from thread {i}" for i in range(4)}, bodies)

    def test_transactions_of_a_program_that_blocks_are_committed_and_rolled_back(self):
        self.assertRegex(self.run_example("blocking_transaction"), "SEND_OK.* COMMIT_MESSAGE")

        def bodies():
            return {body for queue in self.stored("blocking-orders") for body in queue}

        wait_until(lambda: len(bodies()) >= 2, 60, "the two orders")
        self.assertEqual({"one pot of green tea", "one pot of black tea"}, bodies())

    def test_a_stop_loses_nothing_that_was_counted(self):
        sending = subprocess.Popen([program("example-graceful_stop"), self.namesrv.address],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(sending.stderr.close)
        self.addCleanup(sending.stdout.close)
        self.assertIn("SEND_OK", sending.stdout.readline())
        sending.send_signal(signal.SIGTERM)
        sending.wait(TOOL_TIMEOUT)
        stored, failed = map(int, re.search(r"stored (\d+), failed (\d+)", sending.stdout.read()).groups())
        self.assertEqual(0, failed)
        self.assertEqual(stored, sum(map(len, self.stored("endless"))))

    def test_they_say_what_is_wrong_when_nobody_listens(self):
        self.broker.stop()
        self.namesrv.stop()
        for name in ("producer", "blocking", "blocking_transaction", "callbacks"):
            done = self.run_program(f"example-{name}", self.namesrv.address, check=False)
            self.assertEqual(1, done.returncode, name)
            self.assertIn(self.namesrv.address, done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
