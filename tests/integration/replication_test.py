#!/usr/bin/env python3
"""A master and its slave as real processes: kill -9, and a ledger of what was acknowledged outside of both."""

import os
import pathlib
import random
import signal
import socket
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

from daemons import health, real_lines, wait_until  # noqa: E402
from pair import SLAVE_NOT_AVAILABLE, Ledger, PairTest  # noqa: E402
from remoting import SUCCESS, Client  # noqa: E402

ROUNDS = int(os.environ.get("COMET_KILLS", "3"))


class Replication(PairTest):
    def test_what_was_acknowledged_is_on_the_slave_whenever_the_master_is_killed(self):
        slave = self.start_slave()
        chance = random.Random(18)
        lines = real_lines(60000)
        acknowledged = set()
        for number in range(ROUNDS):
            master = self.start_master()
            self.wait_in_sync(master)
            with Ledger(master.port, "orders", lines[number::ROUNDS]) as ledger:
                time.sleep(chance.uniform(0.2, 1.5))
                master.kill()
            self.assertEqual({SUCCESS}, set(ledger.answers))
            acknowledged |= ledger.acknowledged
            time.sleep(4)  # then the slave's readers see all that it has
            there = {line for queue in self.bodies(slave, "orders") for line in queue}
            self.assertEqual(set(), acknowledged - there, f"round {number}")
        print(f"{ROUNDS} kills: {len(acknowledged)} acknowledged messages, all on the slave")
        master = self.start_master()
        self.wait_in_sync(master)
        wait_until(lambda: self.bodies(master, "orders") == self.bodies(slave, "orders"), 30, "equal queues")

    def test_a_slave_that_is_killed_comes_back_and_has_everything(self):
        master, slave = self.start_master(), self.start_slave()
        self.wait_in_sync(master)
        lines = real_lines(40000)
        with Ledger(master.port, "orders", lines) as ledger:
            time.sleep(0.7)
            slave.kill()
            time.sleep(0.7)
            slave = self.start_slave()
            self.wait_in_sync(master)
            time.sleep(0.5)
        self.assertLessEqual(set(ledger.answers), {SUCCESS, SLAVE_NOT_AVAILABLE, 12})
        self.assertGreater(len(ledger.acknowledged), 0)
        wait_until(lambda: self.bodies(master, "orders") == self.bodies(slave, "orders"), 30, "equal queues")
        there = {line for queue in self.bodies(slave, "orders") for line in queue}
        self.assertEqual(set(), ledger.acknowledged - there)

    def test_a_master_that_comes_back_with_another_ha_port_is_found_within_seconds(self):
        master, slave = self.start_master(), self.start_slave()
        self.wait_in_sync(master)
        time.sleep(7)  # its next registration is 30 s after this one
        before = self.ha_port(master)
        master.kill()
        master = self.start_master()
        self.assertNotEqual(before, self.ha_port(master))
        wait_until(lambda: self.status(master)["inSyncSlaveNums"] == 1, 15, "the slave, which asks for its master every 5 s")
        self.assertTrue(slave.alive())

    def test_a_consumer_reads_on_from_the_slave_and_commits_there(self):
        master, slave = self.start_master(), self.start_slave()
        self.wait_in_sync(master)
        with Client(master.port) as client:
            for line in real_lines(100):
                self.assertEqual(SUCCESS, client.send_message("orders", line.encode()).code)
            found, offset = client.pull("orders", 0, 0)
            where = {"consumerGroup": "raw-reader", "topic": "orders", "queueId": 0}
            self.assertEqual(SUCCESS, client.request(15, where | {"commitOffset": offset}).code)
        with Client(slave.port) as client:
            wait_until(lambda: client.request(14, where).ext.get("offset") == str(offset), 10, "the offset")
            master.kill()
            time.sleep(4)
            while len(found) < 100:
                more, offset = client.pull("orders", 0, offset)
                self.assertTrue(more)
                found += more
            self.assertEqual(SUCCESS, client.request(15, where | {"commitOffset": offset}).code)
            self.assertEqual(real_lines(100), [message.body.decode() for message in found])
            self.assertEqual(14, client.send_message("orders", b"no").code)
            master = self.start_master()
            self.wait_in_sync(master)
            time.sleep(1)
            self.assertEqual("100", client.request(14, where).ext["offset"])

    def test_a_slave_that_is_promoted_by_hand_loses_nothing_and_the_old_master_follows_it(self):
        master, slave = self.start_master(), self.start_slave()
        self.wait_in_sync(master)
        lines = real_lines(20000)
        with Client(master.port) as client:
            for number in range(3):
                self.assertEqual(SUCCESS, client.send_message("later", f"delayed {number}".encode(),
                                                              properties="DELAY\x013\x02").code)  # 10 s
        with Ledger(master.port, "orders", lines) as ledger:
            time.sleep(0.7)
        slave.process.send_signal(signal.SIGSTOP)
        with Client(master.port, timeout=30) as client:  # what the old master alone has
            for number in range(20):
                code = client.send_message("orders", f"alone {number}".encode(), properties="WAIT\x01false\x02").code
                self.assertEqual(SUCCESS, code)
        master.kill()
        slave.kill()
        promoted = self.start_slave(brokerRole="SYNC_MASTER", brokerId=0)
        follower = self.start_master(brokerRole="SLAVE", brokerId=1)
        self.wait_in_sync(promoted)
        before = self.bodies(promoted, "orders")
        there = {line for queue in before for line in queue}
        self.assertEqual(set(), ledger.acknowledged - there)
        self.assertFalse(any(line.startswith("alone") for line in there))
        with Client(promoted.port) as client:
            self.assertEqual(SUCCESS, client.send_message("orders", b"after", queue_id=0).code)
            self.assertEqual(len(before[0]) + 1, client.max_offset("orders", 0))
        wait_until(lambda: self.bodies(promoted, "orders") == self.bodies(follower, "orders"), 30, "equal queues")
        wait_until(lambda: sum(map(len, self.bodies(promoted, "later"))) >= 3, 40, "the delayed messages")
        time.sleep(2)
        self.assertEqual([f"delayed {number}" for number in range(3)],
                         sorted(body for queue in self.bodies(promoted, "later") for body in queue))

    def test_a_master_without_its_slave_says_so(self):
        master = self.start_master()
        with Client(master.port) as client:
            self.assertEqual(SLAVE_NOT_AVAILABLE, client.send_message("orders", b"alone").code)
        status, reason = wait_until(lambda: health(master) if health(master)[0] != 200 else None, 10, "a problem")
        self.assertIn("1 of 2 copies are in sync", reason)
        self.start_slave()
        self.wait_in_sync(master)
        wait_until(lambda: health(master)[0] == 200, 10, "health")
        shown = self.run_program("cometctl", "haStatus", "-b", master.address).stdout
        self.assertIn("broker-a#1", shown)

    def test_a_taken_ha_port_refuses_the_start_and_names_the_key(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            arguments = self.broker_arguments(None, haListenPort=taken.getsockname()[1])
            broker = self.start("comet-broker", arguments, ready=False)
            self.assertEqual(1, broker.process.wait(60))
            self.assertIn("haListenPort", broker.log())


if __name__ == "__main__":
    unittest.main(verbosity=2)
