#!/usr/bin/env python3
"""Every call of a broker and of a nameserver to the files of their state fails once.

A shim that is loaded into the daemon counts its calls (open, write, fsync, rename, link, unlink, mkdir) below the
directory of the state files and makes one of them fail, with EIO or ENOSPC, while topics and groups are made, messages
are sent to new topics and given back, and settings are changed. Then: the daemon lives, what it could not do it has
refused, it is well again within seconds without anybody's help, and after kill -9 all that it has acknowledged is
there. The files of messages have tests of their own (crash_store).

  tests/crash/failing_calls_test.py [--step N] [--lives N] [--shim PATH]     COMET_BIN names the programs

All calls: --step 1
"""

import argparse
import errno
import json
import mmap
import os
import pathlib
import struct
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

from daemons import DaemonTest, health, wait_until  # noqa: E402
from remoting import SUCCESS, Client  # noqa: E402

OPTIONS = argparse.Namespace(step=9, lives=8, shim=os.environ.get("COMET_FAIL_SHIM", ""))
UPDATE_BROKER_CONFIG, GET_BROKER_CONFIG, SEND_BACK = 25, 26, 36
PUT_KV, GET_KV, UPDATE_GROUP, DELETE_TOPIC = 100, 101, 200, 215
UPDATE_NAMESRV_CONFIG, GET_NAMESRV_CONFIG, GET_TOPIC, GET_GROUP = 318, 319, 351, 352
SERVICE_NOT_AVAILABLE = 14
LETTERS = {"o": "open", "w": "write", "s": "sync", "r": "rename", "l": "link", "u": "unlink", "m": "mkdir",
           "t": "truncate"}


class Control:
    """What the shim is told, and what it tells."""

    def __init__(self, path):
        path.write_bytes(bytes(48))
        self.file = open(path, "r+b")
        self.map = mmap.mmap(self.file.fileno(), 48)
        self.disarm()

    def _get(self, index):
        return struct.unpack_from("=q", self.map, 8 * index)[0]

    def _set(self, index, value):
        struct.pack_into("=q", self.map, 8 * index, value)

    def disarm(self):
        self._set(1, -1)

    def arm(self, after, number, times=1):
        self.disarm()
        self._set(2, times)
        self._set(3, number)
        self._set(4, 0)
        self._set(1, self.calls + after)

    @property
    def calls(self):
        return self._get(0)

    @property
    def failed(self):
        return self._get(4)

    @property
    def what(self):
        return LETTERS.get(chr(self._get(5)), "?")

    def close(self):
        self.map.close()
        self.file.close()


class FailingCalls(DaemonTest):
    def setUp(self):
        super().setUp()
        if not OPTIONS.shim:
            self.skipTest("no shim: --shim or COMET_FAIL_SHIM names it")
        self.control = Control(self.folder / "control")
        self.addCleanup(self.control.close)
        self.count = 0
        self.failures = {}

    def with_shim(self, below, start):
        os.environ.update(LD_PRELOAD=OPTIONS.shim, COMET_FAIL_BELOW=str(below),
                          COMET_FAIL_CONTROL=str(self.folder / "control"))
        try:
            return start()
        finally:
            for name in ("LD_PRELOAD", "COMET_FAIL_BELOW", "COMET_FAIL_CONTROL"):
                del os.environ[name]

    def each_call(self, calls, life):
        """One life of the work for each call and error number."""
        for number in (errno.EIO, errno.ENOSPC):
            for after in range(0, calls, OPTIONS.step):
                self.count += 1
                self.control.arm(after, number)
                with self.subTest(call=after, error=errno.errorcode[number]):
                    life(self.count)
                if self.control.failed:
                    self.failures[self.control.what] = self.failures.get(self.control.what, 0) + 1
                self.control.disarm()

    def report(self, what):
        print(f"{what}: {self.count} lives, {sum(self.failures.values())} with a failed call: "
              + ", ".join(f"{name} {count}" for name, count in sorted(self.failures.items())), flush=True)

    # Broker

    def start_victim(self, shim=True):
        data = self.folder / "data"
        begin = lambda: self.start_broker(None, data=data, monitorPort=0, mappedFileSizeCommitLog=1 << 20,  # noqa
                                          messageIndexEnable="false", flushDiskType="SYNC_FLUSH")
        self.broker = self.with_shim(data / "config", begin) if shim else begin()

    def test_every_call_to_the_brokers_state_files_may_fail_once(self):
        self.start_victim()
        self.promised = {"topic": set(), "message": set(), "group": set(), "deleted": set(), "setting": None}
        with Client(self.broker.port) as client:
            self.assertEqual(SUCCESS, client.send_message("old", b"x").code)
        before = self.control.calls
        self.work(0)
        calls = self.control.calls - before
        self.assertGreater(calls, 40, "the shim does not see the calls")
        self.each_call(calls + calls // 4, self.life_of_broker)
        self.check_broker()
        self.report(f"broker, up to {calls + calls // 4} calls a life")

    def life_of_broker(self, number):
        refused = self.work(number)
        self.assertTrue(self.broker.alive(), self.broker.log()[-2000:])
        for reply in refused:
            self.assertRegex(reply.remark or "", "cannot be (written|saved|read)|could not be written|not on the disk")
        wait_until(lambda: health(self.broker)[0] == 200, 15, "health without anybody's help")
        self.control.disarm()
        with Client(self.broker.port) as client:
            self.promise(client.send_message(f"well{number}", b"x"), "message", f"well{number}", must=True)
        if number % OPTIONS.lives == 0:
            self.check_broker()

    def check_broker(self):
        """Nothing that was acknowledged is lost by kill -9."""
        self.broker.kill()
        self.control.disarm()
        self.start_victim()
        with Client(self.broker.port) as client:
            for topic in self.promised["topic"] | self.promised["message"]:
                if topic in self.promised["deleted"]:
                    continue
                self.assertEqual(SUCCESS, client.request(GET_TOPIC, {"topic": topic}).code, f"topic {topic}")
            for topic in self.promised["message"] - self.promised["deleted"]:
                self.assertGreaterEqual(client.max_offset(topic, 0), 1, f"message of {topic}")
            for group in self.promised["group"]:
                self.assertEqual(SUCCESS, client.request(GET_GROUP, {"group": group}).code, f"group {group}")
            for topic in self.promised["deleted"]:
                self.assertNotEqual(SUCCESS, client.request(GET_TOPIC, {"topic": topic}).code, f"deleted {topic}")
            if self.promised["setting"] is not None:
                self.assertIn(f"shortPollingTimeMills={self.promised['setting']}",
                              client.request(GET_BROKER_CONFIG).body.decode())
        for kind in ("topic", "message", "group", "deleted"):
            self.promised[kind].clear()

    def promise(self, reply, kind, name, must=False):
        if reply.code == SUCCESS:
            self.promised[kind].add(name)
        elif must:
            self.fail(f"{kind} {name}: {reply}")
        return [] if reply.code == SUCCESS else [reply]

    def work(self, number):
        """What changes state files; returns the answers of what was refused."""
        refused = []
        with Client(self.broker.port) as client:
            sent = client.send_message("old", b"y")
            self.assertEqual(SUCCESS, sent.code, "a topic that is on the disk takes messages")
            refused += self.promise(client.create_topic(f"made{number}"), "topic", f"made{number}")
            refused += self.promise(client.send_message(f"sent{number}", b"x"), "message", f"sent{number}")
            refused += self.promise(client.request(UPDATE_GROUP, body=json.dumps(
                {"groupName": f"group{number}"}).encode()), "group", f"group{number}")
            back = client.request(SEND_BACK, {
                "offset": int(sent.ext["msgId"][16:], 16), "group": f"back{number}", "delayLevel": 1})
            refused += self.promise(back, "group", f"back{number}")
            if back.code == SUCCESS:
                self.promised["topic"].add(f"%RETRY%back{number}")
            setting = 1000 + number
            reply = client.request(UPDATE_BROKER_CONFIG, body=f"shortPollingTimeMills={setting}\n".encode())
            if reply.code == SUCCESS:
                self.promised["setting"] = setting
            else:
                self.promised["setting"] = None  # the old value or the new one
                refused.append(reply)
            reply = client.request(DELETE_TOPIC, {"topic": f"made{number}"})
            if reply.code == SUCCESS:
                self.promised["deleted"].add(f"made{number}")
            else:
                self.promised["topic"].discard(f"made{number}")
                refused.append(reply)
        return refused

    # Nameserver

    def start_name_server(self):
        folder = self.folder / "state"
        folder.mkdir(exist_ok=True)
        config = self.write_properties(
            "namesrv.conf", listenPort=0, monitorPort=0, kvConfigPath=folder / "kvConfig.json",
            configStorePath=folder / "namesrv.properties", savedRoutesPath=folder / "routes.json",
            savedRoutesInterval=1000)
        self.server = self.with_shim(folder, lambda: self.start("comet-namesrv", ["-c", config]))

    def test_every_call_to_the_nameservers_state_files_may_fail_once(self):
        self.start_name_server()
        self.promised = {}
        before = self.control.calls
        self.work_at_name_server(0)
        calls = self.control.calls - before
        self.assertGreater(calls, 15, "the shim does not see the calls")
        self.each_call(calls + calls // 4, self.life_of_name_server)
        self.check_name_server()
        self.report(f"nameserver, up to {calls + calls // 4} calls a life")

    def work_at_name_server(self, number):
        refused = 0
        with Client(self.server.port) as client:
            for key, value in ((f"key{number}", "new"), ("same", str(number))):
                reply = client.request(PUT_KV, {"namespace": "tests", "key": key, "value": value})
                if reply.code == SUCCESS:
                    self.promised[key] = value
                else:
                    self.promised.pop(key, None)  # the old value or the new one
                    refused += 1
            reply = client.request(UPDATE_NAMESRV_CONFIG, body=f"waitSecondsForService={10 + number}\n".encode())
            if reply.code == SUCCESS:
                self.setting = 10 + number
            else:
                refused += 1
        return refused

    def life_of_name_server(self, number):
        self.work_at_name_server(number)
        self.assertTrue(self.server.alive(), self.server.log()[-2000:])
        wait_until(lambda: health(self.server)[0] == 200, 15, "health without anybody's help")
        self.control.disarm()
        self.assertEqual(0, self.work_at_name_server(number), "it takes changes again")
        if number % OPTIONS.lives == 0:
            self.check_name_server()

    def check_name_server(self):
        self.server.kill()
        self.control.disarm()
        self.start_name_server()
        with Client(self.server.port) as client:
            for key, value in self.promised.items():
                reply = client.request(GET_KV, {"namespace": "tests", "key": key})
                self.assertEqual((SUCCESS, value), (reply.code, reply.ext.get("value")), key)
            self.assertIn(f"waitSecondsForService={self.setting}",
                          client.request(GET_NAMESRV_CONFIG).body.decode())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--step", type=int, default=OPTIONS.step, help="the first call fails, and every so many after it")
    parser.add_argument("--lives", type=int, default=OPTIONS.lives, help="kill -9 and a check after so many")
    parser.add_argument("--shim", default=OPTIONS.shim)
    OPTIONS, rest = parser.parse_known_args()
    unittest.main(argv=[sys.argv[0], *rest], verbosity=2)
