#!/usr/bin/env python3
"""A pair whose link, slave or disk fails, as real processes: what senders are answered meanwhile, and that it heals by itself."""

import os
import pathlib
import shutil
import signal
import subprocess
import sys
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

from daemons import health, real_lines, wait_until  # noqa: E402
from pair import FLUSH_SLAVE_TIMEOUT, SLAVE_NOT_AVAILABLE, Ledger, PairTest  # noqa: E402
from remoting import SUCCESS, Client  # noqa: E402

SERVICE_NOT_AVAILABLE = 14
TOPIC = "orders"
SLAVE_TIMEOUT = 1.0  # seconds; a member that confirms nothing leaves after 3
LEAVES_AFTER = 3.0
SLACK = 1.5  # for a loaded machine
KEYS = {"slaveTimeout": int(SLAVE_TIMEOUT * 1000)}
DISK = 24 << 20
MIB = 1 << 20


class Answers:
    """One sender: (code, seconds that the answer took, when it came, the line) of each send, in order."""

    def __init__(self, port, lines):
        self.port, self.lines, self.all = port, lines, []
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self._send)

    def _send(self):
        with Client(self.port, timeout=30) as client:
            for line in self.lines:
                if self.stopped.is_set():
                    return
                begin = time.monotonic()
                code = client.send_message(TOPIC, line.encode()).code
                self.all.append((code, time.monotonic() - begin, time.monotonic(), line))
                time.sleep(0.02)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopped.set()
        self.thread.join(60)

    def codes(self):
        """Each code once for as long as it stays the same."""
        codes = [code for code, *_ in self.all]
        return [code for number, code in enumerate(codes) if number == 0 or codes[number - 1] != code]

    def acknowledged(self):
        return [line for code, _, _, line in self.all if code == SUCCESS]

    def wait_for(self, code, seconds=30):
        wait_until(lambda: self.all and self.all[-1][0] == code, seconds, f"an answer {code}: {self.codes()}")


class Links(PairTest):
    def check_stall(self, master, slave, begin, end):
        """0; then 12 until the slave has left the set, at once 11 after it; then 0 again, and nothing is missing."""
        with Answers(master.port, real_lines(20000)) as answers:
            answers.wait_for(SUCCESS)
            begin()
            held = time.monotonic()
            answers.wait_for(SLAVE_NOT_AVAILABLE, 10)
            left = time.monotonic() - held
            time.sleep(1)
            end()
            answers.wait_for(SUCCESS, 30)
            time.sleep(0.5)
        self.assertEqual([SUCCESS, FLUSH_SLAVE_TIMEOUT, SLAVE_NOT_AVAILABLE, SUCCESS], answers.codes())
        self.assertLess(left, LEAVES_AFTER + SLACK)
        for code, took, _, _ in answers.all:
            self.assertLess(took, SLAVE_TIMEOUT + SLACK, f"answer {code}")
        late = [took for code, took, _, _ in answers.all if code == FLUSH_SLAVE_TIMEOUT]
        self.assertGreaterEqual(min(late), min(SLAVE_TIMEOUT, LEAVES_AFTER) - 0.1)
        quick = sorted(took for code, took, _, _ in answers.all if code == SLAVE_NOT_AVAILABLE)
        self.assertLess(quick[len(quick) // 2], 0.5, "11 comes at once")
        self.wait_equal(master, slave, TOPIC)
        self.check_nothing_is_missing(answers.acknowledged(), slave, TOPIC)
        self.assertEqual(len(answers.all), sum(map(len, self.bodies(slave, TOPIC))), "12 and 11 are stored, too, once")

    def test_a_stalled_link_gives_12_then_11_and_the_slave_catches_up_after_it(self):
        master, slave, link = self.start_linked_pair(**KEYS)
        self.check_stall(master, slave, lambda: link.hold("to slave", "to master"), link.release)
        self.assertEqual(1, len(self.problems(master, "leaves the in-sync set")))

    def test_a_link_that_is_cut_in_one_direction_is_a_cut_link(self):
        for direction in ("to slave", "to master"):
            with self.subTest(direction):
                self.tearDown_pair()
                master, slave, link = self.start_linked_pair(**KEYS)
                self.check_stall(master, slave, lambda one=direction, at=link: at.hold(one), link.release)

    def tearDown_pair(self):
        for daemon in self.daemons[1:]:
            if daemon.alive():
                daemon.kill()
        for name in ("master", "slave"):
            shutil.rmtree(self.folder / name, ignore_errors=True)

    def test_a_partition_that_outlasts_both_sides_patience_heals(self):
        master, slave, link = self.start_linked_pair(haHousekeepingInterval=2000, **KEYS)
        before = link.connections
        self.check_stall(master, slave, lambda: (link.hold("to slave", "to master"), time.sleep(6)), link.release)
        self.assertGreater(link.connections, before, "the slave has connected anew")
        self.assertLess(link.connections, before + 12, "and not all the time")

    def test_a_slave_that_stands_still_is_left_behind_and_comes_back(self):
        master = self.start_master(**KEYS)
        slave = self.start_slave(**KEYS)
        self.wait_in_sync(master)
        stop, go_on = (lambda one=one: slave.process.send_signal(one) for one in (signal.SIGSTOP, signal.SIGCONT))
        self.check_stall(master, slave, stop, go_on)

    def test_a_stall_under_load_then_kill_9_of_the_master_loses_nothing(self):
        master, slave, link = self.start_linked_pair(**KEYS)
        with Ledger(master.port, TOPIC, real_lines(60000)) as ledger:
            time.sleep(1)
            link.hold("to slave")
            time.sleep(1)
            master.kill()
        link.release()
        time.sleep(4)  # then the slave's readers see all that it has
        self.assertLessEqual(set(ledger.answers), {SUCCESS, FLUSH_SLAVE_TIMEOUT})
        self.assertGreater(len(ledger.acknowledged), 0)
        self.check_nothing_is_missing(ledger.acknowledged, slave, TOPIC)
        print(f"stalled for 1 s, then killed: {len(ledger.acknowledged)} acknowledged, none missing on the slave")

    def test_of_two_slaves_one_is_late_and_one_is_killed(self):
        master, first, link = self.start_linked_pair(**KEYS)
        second = self.start_slave("second", brokerId=2, **KEYS)
        self.wait_in_sync(master, 2)
        with Answers(master.port, real_lines(20000)) as answers:
            answers.wait_for(SUCCESS)
            link.hold("to slave")  # late: it is waited for as long as it is in the set, and the other one is enough after that
            answers.wait_for(FLUSH_SLAVE_TIMEOUT)
            answers.wait_for(SUCCESS)
            link.release()
            self.wait_in_sync(master, 2)
            second.kill()
            answers.wait_for(SUCCESS)
            time.sleep(3)
            self.wait_in_sync(master, 1)
            self.assertEqual(SUCCESS, answers.all[-1][0])
            second = self.start_slave("second", brokerId=2, **KEYS)
            self.wait_in_sync(master, 2)
        self.assertNotIn(SLAVE_NOT_AVAILABLE, answers.codes(), "one slave was there all the time")
        for slave in (first, second):
            self.wait_equal(master, slave, TOPIC)
            self.check_nothing_is_missing(answers.acknowledged(), slave, TOPIC)

    def test_three_copies_are_three(self):
        master = self.start_master(inSyncReplicas=3, **KEYS)
        self.start_slave(**KEYS)
        self.wait_in_sync(master)
        with Client(master.port) as client:
            self.assertEqual(SLAVE_NOT_AVAILABLE, client.send_message(TOPIC, b"two copies").code)
            self.start_slave("second", brokerId=2, **KEYS)
            self.wait_in_sync(master, 2)
            self.assertEqual(SUCCESS, client.send_message(TOPIC, b"three copies").code)

    # --- Disks

    def small_disk(self, name):
        """A file system of its own in the folder that a broker will have."""
        folder = self.folder / name
        folder.mkdir()
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK}", "comet-test", str(folder)], capture_output=True, check=False) \
            if os.geteuid() == 0 else None
        if done is None or done.returncode != 0:
            self.skipTest("needs root, for a small file system")
        self.addCleanup(subprocess.run, ["umount", "-l", str(folder)], check=False)
        return folder / "filler"

    @staticmethod
    def fill(filler):
        with open(filler, "wb") as file:
            try:
                while True:
                    file.write(bytes(MIB // 16))
                    file.flush()
            except OSError:
                pass

    def start_pair_with_small_disk(self, which):
        filler = self.small_disk(which)
        keys = KEYS | {"mappedFileSizeCommitLog": MIB, "mappedFileSizeConsumeQueue": 20000, "maxIndexNum": 2000, "maxHashSlotNum": 500,
                       "cleanFileForciblyEnable": "false"}
        master, slave = self.start_master(**keys), self.start_slave(**keys)
        self.wait_in_sync(master)
        return master, slave, filler

    @staticmethod
    def long_lines():
        return [line + " " + "x" * 4000 for line in real_lines(1500)]

    def test_a_slave_whose_disk_is_full_confirms_nothing_and_catches_up_when_there_is_space(self):
        master, slave, filler = self.start_pair_with_small_disk("slave")
        with Answers(master.port, self.long_lines()) as answers:
            answers.wait_for(SUCCESS)
            self.fill(filler)
            answers.wait_for(SLAVE_NOT_AVAILABLE, 60)
            since = len(answers.all)
            time.sleep(6)
            self.assertTrue(slave.alive())
            self.assertNotIn(SUCCESS, [code for code, *_ in answers.all[since:]])
            said = self.problems(slave, "does not take")
            filler.unlink()
            answers.wait_for(SUCCESS, 60)
            time.sleep(0.5)
        self.assertEqual(1, len(said), "one line, not one for each attempt")
        self.assertIn("no space left", said[0])
        self.wait_equal(master, slave, TOPIC)
        self.check_nothing_is_missing(answers.acknowledged(), slave, TOPIC)

    def test_a_slave_whose_disk_is_full_costs_senders_nothing_after_it_has_left(self):
        master, _, filler = self.start_pair_with_small_disk("slave")
        with Answers(master.port, self.long_lines()) as answers:
            answers.wait_for(SUCCESS)
            self.fill(filler)
            answers.wait_for(SLAVE_NOT_AVAILABLE, 60)
            since = len(answers.all)
            time.sleep(16)
            later = answers.all[since:]
            filler.unlink()
            answers.wait_for(SUCCESS, 60)
        self.assertEqual({SLAVE_NOT_AVAILABLE}, {code for code, *_ in later})
        self.assertLess(max(took for _, took, _, _ in later), 0.5)

    def test_a_slave_whose_disk_is_full_says_so_in_its_health(self):
        master, slave, filler = self.start_pair_with_small_disk("slave")
        with Answers(master.port, self.long_lines()) as answers:
            answers.wait_for(SUCCESS)
            self.fill(filler)
            answers.wait_for(SLAVE_NOT_AVAILABLE, 60)
            status, reason = wait_until(lambda: health(slave) if health(slave)[0] != 200 else None, 120, "a problem")
            self.assertEqual(503, status)
            self.assertRegex(reason, "disk|space")

    def test_a_master_whose_disk_is_full_refuses_and_goes_on_when_there_is_space(self):
        master, slave, filler = self.start_pair_with_small_disk("master")
        with Answers(master.port, self.long_lines()) as answers:
            answers.wait_for(SUCCESS)
            self.fill(filler)
            answers.wait_for(SERVICE_NOT_AVAILABLE, 60)
            time.sleep(1)
            self.assertEqual(1, self.status(master)["inSyncSlaveNums"], "nothing is to be confirmed: nobody leaves")
            filler.unlink()
            answers.wait_for(SUCCESS, 60)
            time.sleep(0.5)
        self.assertEqual({SUCCESS, SERVICE_NOT_AVAILABLE}, set(answers.codes()))
        self.wait_equal(master, slave, TOPIC)
        self.check_nothing_is_missing(answers.acknowledged(), slave, TOPIC)

    def test_a_slave_that_is_killed_while_its_disk_is_full_comes_back(self):
        master, slave, filler = self.start_pair_with_small_disk("slave")
        with Answers(master.port, self.long_lines()) as answers:
            answers.wait_for(SUCCESS)
            self.fill(filler)
            answers.wait_for(SLAVE_NOT_AVAILABLE, 60)
            slave.kill()
            filler.unlink()
            slave = self.start_slave(**KEYS, mappedFileSizeCommitLog=MIB, mappedFileSizeConsumeQueue=20000, maxIndexNum=2000, maxHashSlotNum=500,
                                     cleanFileForciblyEnable="false")
            answers.wait_for(SUCCESS, 60)
        self.wait_equal(master, slave, TOPIC)
        self.check_nothing_is_missing(answers.acknowledged(), slave, TOPIC)


if __name__ == "__main__":
    unittest.main(verbosity=2)
