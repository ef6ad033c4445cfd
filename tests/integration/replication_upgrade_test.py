#!/usr/bin/env python3
"""A directory of a build that knew no replication becomes a SYNC_MASTER's, with a slave that copies all of it, and goes back.

  COMET_OLD_BIN names the folder of the older build's programs (without it the tests are skipped), COMET_BIN that of these.
"""

import contextlib
import os
import pathlib
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

from daemons import real_lines, wait_until  # noqa: E402
from pair import PairTest  # noqa: E402
from remoting import SUCCESS, Client  # noqa: E402

OLD = os.environ.get("COMET_OLD_BIN")
QUERY_OFFSET, UPDATE_OFFSET, END_TRANSACTION = 14, 15, 37
READER = {"consumerGroup": "raw-reader", "topic": "orders", "queueId": 1}


@contextlib.contextmanager
def older_build():
    ours, os.environ["COMET_BIN"] = os.environ["COMET_BIN"], OLD
    try:
        yield
    finally:
        os.environ["COMET_BIN"] = ours


@unittest.skipUnless(OLD, "COMET_OLD_BIN names no older build")
class Upgrade(PairTest):
    def start_old(self):
        with older_build():
            return self.start_broker(self.namesrv, self.folder / "master", "master", brokerName="broker-a", flushConsumerOffsetInterval=200)

    def fill(self, daemon, lines):
        with Client(daemon.port) as client:
            for number, line in enumerate(lines):
                self.assertEqual(SUCCESS, client.send_message("orders", line.encode(), queue_id=number % 4).code)

    def upgrade(self, end):
        lines = real_lines(6000)
        old = self.start_old()
        self.fill(old, lines[:4000])
        with Client(old.port) as client:
            self.assertEqual(SUCCESS, client.request(UPDATE_OFFSET, READER | {"commitOffset": 7}).code)
            self.assertEqual(SUCCESS, client.create_topic("made", 3).code)
            self.assertEqual(SUCCESS, client.send_message("later", b"delayed", properties="DELAY\x013\x02").code)  # 10 s
            half = "TRAN_MSG\x01true\x02PGROUP\x01payers\x02UNIQ_KEY\x01A\x02"
            prepared = client.send_message("paid", b"half", properties=half, sysFlag=4)
            self.assertEqual(SUCCESS, prepared.code)
        time.sleep(1)  # offsets are written from time to time
        end(old)
        slave, master = self.start_slave(), self.start_master()
        self.wait_in_sync(master)
        self.fill(master, lines[4000:5000])
        with Client(master.port) as client:
            ended = {"producerGroup": "payers", "tranStateTableOffset": prepared.ext["queueOffset"], "transactionId": "A", "fromTransactionCheck": "false",
                     "commitLogOffset": int(prepared.ext["msgId"][-16:], 16), "commitOrRollback": 8, "msgId": "A", "topic": "paid"}
            self.assertEqual(SUCCESS, client.request(END_TRANSACTION, ended).code)
        for topic in ("later", "paid"):
            wait_until(lambda one=topic: self.count(master, one) == 1, 40, f"the message of {topic}")
            wait_until(lambda one=topic: self.count(slave, one) == 1, 10, f"that of {topic} at the slave")
        self.wait_equal(master, slave, "orders")
        self.assertEqual(sorted(lines[:5000]), sorted(line for queue in self.bodies(slave, "orders") for line in queue))
        with Client(slave.port) as client:
            self.assertEqual("7", client.request(QUERY_OFFSET, READER).ext["offset"])
            self.assertEqual(0, client.max_offset("made", 2))
        self.assertEqual([0, 0], [slave.stop(), master.stop()])
        old = self.start_old()  # and back
        self.fill(old, lines[5000:])
        self.assertEqual(sorted(lines), sorted(line for queue in self.bodies(old, "orders") for line in queue))
        end(old)
        slave, master = self.start_slave(), self.start_master()
        self.wait_in_sync(master)
        self.wait_equal(master, slave, "orders")
        self.assertEqual(sorted(lines), sorted(line for queue in self.bodies(slave, "orders") for line in queue))
        self.assertEqual([1, 1], [self.count(slave, topic) for topic in ("later", "paid")], "once each")

    def count(self, daemon, topic):
        with Client(daemon.port) as client:
            try:
                return sum(client.max_offset(topic, queue) for queue in range(4))
            except AssertionError:
                return 0

    def test_after_an_ordinary_stop(self):
        self.upgrade(lambda daemon: self.assertEqual(0, daemon.stop()))

    def test_after_a_kill(self):
        self.upgrade(lambda daemon: daemon.kill())


if __name__ == "__main__":
    unittest.main(verbosity=2)
