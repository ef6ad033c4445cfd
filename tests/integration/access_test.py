#!/usr/bin/env python3
"""Access control with real processes: a master, its slave and cometctl with keys; what is refused, and that no secret is shown."""

import base64
import hashlib
import hmac
import json
import os
import pathlib
import re
import signal
import sys
import unittest
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

from daemons import DaemonTest, wait_until  # noqa: E402
from remoting import Client, SUCCESS  # noqa: E402

GET_ALL_TOPIC_CONFIG = 21
OPERATOR, OPERATORS_SECRET = "operator", "operators-long-secret"
TEAM, TEAMS_SECRET = "team-seven", "orbit-secret-42"
EXCEPTION = "org.apache.rocketmq.acl.common.AclException: "


class SignedClient(Client):
    """Signs as Apache's clients do."""

    def __init__(self, port, key, secret):
        super().__init__(port)
        self.key, self.secret = key, secret

    def request(self, code, ext=None, body=b"", **more):
        ext = {name: str(value) for name, value in (ext or {}).items()} | {"AccessKey": self.key}
        content = "".join(ext[name] for name in sorted(ext)).encode() + body
        made = hmac.new(self.secret.encode(), content, hashlib.sha1).digest()
        return super().request(code, ext | {"Signature": base64.b64encode(made).decode()}, body, **more)


class Access(DaemonTest):
    def setUp(self):
        super().setUp()
        self.home = self.folder / "home"
        (self.home / "conf/acl").mkdir(parents=True)
        self.write_accounts("Comets=PUB|SUB")
        (self.home / "conf/acl/operators.yml").write_text(
            f"accounts: [{{accessKey: {OPERATOR}, secretKey: '{OPERATORS_SECRET}', admin: true}}]\n")
        self.keys = {"rocketmqHome": self.home, "aclEnable": "true",
                     "innerClientAuthenticationCredentials":
                         json.dumps({"accessKey": OPERATOR, "secretKey": OPERATORS_SECRET})}

    def write_accounts(self, *permissions):
        (self.home / "conf/plain_acl.yml").write_text(
            f"accounts:\n- accessKey: {TEAM}\n  secretKey: '{TEAMS_SECRET}'\n  topicPerms: [{', '.join(permissions)}]\n")

    def test_a_pair_with_access_control_and_what_it_says(self):
        namesrv = self.start_namesrv()
        master = self.start_broker(namesrv, monitorPort=0, **self.keys)
        slave = self.start_broker(namesrv, data=self.folder / "slave-data", name="slave", **self.keys,
                                  **{"brokerName": "broker-a", "brokerRole": "SLAVE", "brokerId": 1})
        for file in ("conf/acl/operators.yml", "conf/plain_acl.yml"):
            self.assertIn(f"access control: read {self.home / file}", master.log())

        with Client(master.port) as stranger:
            refused = stranger.send_message("Comets", b"x")
            self.assertEqual((1, EXCEPTION + "No accessKey is configured"), (refused.code, refused.remark))
        with SignedClient(master.port, TEAM, "orbit-secret-43") as liar:
            self.assertEqual(EXCEPTION + f"Check signature failed for accessKey={TEAM}", liar.send_message("Comets", b"x").remark)
        with SignedClient(master.port, TEAM, TEAMS_SECRET) as team:
            self.assertEqual(SUCCESS, team.send_message("Comets", b"first").code)
            self.assertEqual(EXCEPTION + "No default permission for topic:Others", team.send_message("Others", b"x").remark)
            self.assertEqual(1, team.request(GET_ALL_TOPIC_CONFIG).code)

        with SignedClient(slave.port, OPERATOR, OPERATORS_SECRET) as operator:
            def has_topic():
                return b'"Comets"' in operator.request(GET_ALL_TOPIC_CONFIG).body
            wait_until(has_topic, 60, "the slave's topics")
            wait_until(lambda: operator.max_offset("Comets", 0) == 1, 60, "the slave's copy")
        for daemon in (master, slave):
            self.assertNotIn(f"account {OPERATOR}", daemon.log(), "what brokers ask each other is signed")

        self.change_accounts(master)
        self.ask_with_cometctl(namesrv)
        self.look_for_secrets(master)

    def change_accounts(self, master):
        with SignedClient(master.port, TEAM, TEAMS_SECRET) as team:
            self.write_accounts("Comets=pub")
            wait_until(lambda: "the accounts stay as they were" in master.log(), 20, "the refusal of the file")
            self.assertIn("conf/plain_acl.yml:4: topicPerms", master.log())
            self.assertEqual(SUCCESS, team.send_message("Comets", b"second").code)
            self.write_accounts("Comets=SUB")
            os.kill(master.process.pid, signal.SIGHUP)
            wait_until(lambda: "access control: read again" in master.log(), 20, "the reload")
            self.assertEqual(1, team.send_message("Comets", b"x").code)

    def ask_with_cometctl(self, namesrv):
        def topics(*keys):
            return self.run_program("cometctl", "brokerStatus", "-n", namesrv.address, "-c", "test-cluster", *keys, check=False)
        self.assertEqual(0, topics("--accessKey", OPERATOR, "--secretKey", OPERATORS_SECRET).returncode)
        unsigned = self.run_program("cometctl", "getBrokerConfig", "-n", namesrv.address, "-c", "test-cluster", check=False)
        self.assertNotEqual(0, unsigned.returncode)
        self.assertIn("No accessKey is configured", unsigned.stdout + unsigned.stderr)
        shown = self.run_program("cometctl", "getBrokerConfig", "-n", namesrv.address, "-c", "test-cluster",
                                 "--accessKey", OPERATOR, "--secretKey", OPERATORS_SECRET)
        self.shown = shown.stdout + shown.stderr + unsigned.stdout + unsigned.stderr

    def look_for_secrets(self, master):
        monitor = re.search(r"health and metrics on (http://[\d.]+:\d+)", master.log()).group(1)
        metrics = urllib.request.urlopen(f"{monitor}/metrics", timeout=20).read().decode()
        self.assertIn("comet_broker_access_requests_total", metrics)
        texts = {"cometctl": self.shown, "metrics": metrics}
        for path in self.folder.glob("*.log"):
            texts[path.name] = path.read_text("utf-8", "replace")
        self.assertGreaterEqual(len(texts), 4)
        for name, text in texts.items():
            for secret in (OPERATORS_SECRET, TEAMS_SECRET):
                self.assertNotIn(secret, text, name)

    def test_files_are_checked_before_a_broker_reads_them(self):
        shown = self.run_program("cometctl", "aclCheck", "--home", self.home).stdout
        self.assertRegex(shown, r"team-seven +\S+ +Comets=PUB\|SUB; others DENY +all DENY")
        self.assertRegex(shown, r"operator +\S+ +everything +everything")
        self.assertNotIn(TEAMS_SECRET, shown)
        self.write_accounts("Comets=pub")
        file = self.home / "conf/plain_acl.yml"
        done = self.run_program("cometctl", "aclCheck", "-f", file, check=False)
        self.assertEqual(1, done.returncode)
        self.assertIn(f"{file}:4: topicPerms", done.stderr)

    def test_a_start_that_would_be_open_is_refused(self):
        def refusal(**keys):
            done = self.run_program("comet-broker", *self.broker_arguments(None, **keys), check=False, timeout=60)
            self.assertEqual(2, done.returncode, done.stderr)
            return done.stderr
        self.write_accounts("Comets=pub")
        self.assertIn(f"{self.home}/conf/plain_acl.yml:4: topicPerms: \"Comets=pub\" ends with none of", refusal(**self.keys))
        checked = self.run_program("comet-broker", "-t", *self.broker_arguments(None, **self.keys), check=False)
        self.assertEqual(1, checked.returncode)
        self.assertIn(f"{self.home}/conf/plain_acl.yml:4: ", checked.stderr)
        self.write_accounts("Comets=PUB")
        without = {key: value for key, value in self.keys.items() if key != "innerClientAuthenticationCredentials"}
        self.assertIn("could copy all messages unasked", refusal(**without, bindAddress="0.0.0.0", brokerRole="SYNC_MASTER"))
        self.assertIn("users and policies are not there yet", refusal(**self.keys, authenticationEnabled="true"))
        secret = refusal(**(self.keys | {"innerClientAuthenticationCredentials": "{" + OPERATORS_SECRET}))
        self.assertIn("innerClientAuthenticationCredentials", secret)
        self.assertNotIn(OPERATORS_SECRET, secret)


if __name__ == "__main__":
    unittest.main()
