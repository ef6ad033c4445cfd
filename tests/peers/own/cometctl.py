"""Runs cometctl's commands one after the other against the nameserver given, ours or Apache's, and prints one line a case:
"case", name, seconds, result. A result is "ok" if the command ended with 0 and wrote what it must, else how it ended.

    python3 cometctl.py NAMESERVER RUN [CASE...]     (PEERS_BROKER: the broker's address)
"""

import json
import os
import pathlib
import re
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "support"))

from daemons import program  # noqa: E402
from remoting import SUCCESS, Client  # noqa: E402

HEART_BEAT, UPDATE_CONSUMER_OFFSET = 34, 15
MESSAGES = 12

# A case, what it must write (a regular expression, any part of the output), the arguments. The cases are run in this order.
CASES = """
updateTopic                  |                              | -t {topic} -b {address} -r 4 -w 4
updateTopic_cluster          |                              | -t {topic}-2 -c peers -r 2 -w 2
updateTopic_name             | exit 1                       | -t no.good/topic -b {address}
topicList                    | {topic}                      |
topicList_clusters           | peers .*{topic}              | -c
topicRoute                   | broker-a                     | -t {topic}
topicRoute_unknown           | exit 1                       | -t {topic}-none
topicClusterList             | peers                        | -t {topic}
updateTopicPerm              |                              | -t {topic}-2 -c peers -p 4
updateOrderConf              |                              | -t {topic} -m put -v broker-a:4
updateOrderConf_get          | broker-a:4                   | -t {topic} -m get
updateOrderConf_delete       |                              | -t {topic} -m delete
allocateMQ                   | 10.0.0.1                     | -t {topic} -i 10.0.0.1,10.0.0.2
sendMessage                  | SEND_OK                      | -t {topic} -p more -k key-more -c tag1 -b broker-a -i 0
topicStatus                  | broker-a                     | -t {topic}
updateSubGroup               |                              | -g {group}-2 -c peers -r 7
getConsumerConfig            | 7                            | -g {group}-2
getConsumerConfig_unknown    | exit 1                       | -g {group}-none
consumerConnection           | own-member                   | -g {group}
consumerConnection_unknown   | exit 1                       | -g {group}-none
producerConnection           | own-member                   | -g p-{group} -t {topic}
producer                     | own-member                   | -b {address}
consumerProgress             | {topic}                      | -g {group}
consumerProgress_all         | {group}                      |
brokerConsumeStats           | {topic}                      | -b {address}
statsAll                     | {topic}                      | -t {topic}
cloneGroupOffset             |                              | -s {group} -d {group}-2 -t {topic} -o true
skipAccumulatedMessage       | broker-a                     | -g {group}-2 -t {topic}
resetOffsetByTime            | broker-a                     | -g {group}-2 -t {topic} -s {begin}
queryMsgById                 | body 3                       | -i {offset_id}
queryMsgById_malformed       | exit 2                       | -i 00
queryMsgByUniqueKey          | body 3                       | -i {unique_id} -t {topic}
queryMsgByKey                | {unique_id}                  | -t {topic} -k key3
queryMsgByKey_tag            | {unique_id}                  | -t {topic} -k tag1 -p T
queryMsgByOffset             | body 3                       | -t {topic} -b broker-a -i 3 -o 0
queryMsgTraceById            | Pub .*{topic}                | -i {unique_id}
printMsg                     | body 7                       | -t {topic}
printMsg_tag                 | body 7                       | -t {topic} -s tag1
printMsgByQueue              | body 3                       | -t {topic} -a broker-a -i 3
printMsgByQueue_counts       | tag1                         | -t {topic} -a broker-a -i 3 -f true
consumeMessage               | body 3                       | -t {topic} -b broker-a -i 3 -o 0 -c 2
queryCq                      |                              | -t {topic} -q 3 -i 0 -b {address}
clusterList                  | broker-a                     |
clusterList_more             | broker-a                     | -m
brokerStatus                 | bootTimestamp                | -b {address}
getBrokerConfig              | brokerName                   | -b {address}
updateBrokerConfig           |                              | -b {address} -k longPollingEnable -v true
updateBrokerConfig_value     | exit 1                       | -b {address} -k brokerPermission -v many
getNamesrvConfig             | listenPort                   |
updateNamesrvConfig          |                              | -k orderMessageEnable -v true
updateKvConfig               |                              | -s peers -k {topic} -v 1
deleteKvConfig               |                              | -s peers -k {topic}
wipeWritePerm                | TOPICS                       | -b broker-a
addWritePerm                 | TOPICS                       | -b broker-a
cleanExpiredCQ               |                              | -b {address}
cleanUnusedTopic             |                              | -b {address}
deleteExpiredCommitLog       |                              | -b {address}
deleteSubGroup               |                              | -g {group}-2 -c peers -r true
deleteTopic                  |                              | -t {topic}-2 -c peers
topicRoute_deleted           | exit 1                       | -t {topic}-2
"""


class World:
    """The messages, and a member of a group, that the commands show."""

    def __init__(self, nameserver, run):
        self.nameserver = nameserver
        self.address = os.environ["PEERS_BROKER"]
        self.topic = f"{run}-ctl"
        self.group = f"g-{run}-ctl"
        self.member = Client(int(self.address.rsplit(":", 1)[1]))
        self.values = {"topic": self.topic, "group": self.group, "address": self.address, "begin": str(int(time.time() * 1000))}

    def fill(self):
        """Twelve messages over the four queues, three of which the group has consumed; its member stays."""
        for number in range(MESSAGES):
            result = self.run(f"sendMessage -t {self.topic} -k key{number} -c tag{number % 2} -b broker-a -i {number % 4} -m true",
                              "-p", f"body {number}", "--json")
            if number == 3:
                told = json.loads(result.stdout)["results"][0]
                self.values |= {"unique_id": told["msgId"], "offset_id": told["offsetMsgId"]}
        subscription = {"topic": self.topic, "subString": "*", "tagsSet": [], "codeSet": [], "subVersion": 1, "classFilterMode": False,
                        "expressionType": "TAG"}
        beat = {"clientID": "own-member", "producerDataSet": [{"groupName": f"p-{self.group}"}], "consumerDataSet": [{
            "groupName": self.group, "consumeType": "CONSUME_PASSIVELY", "messageModel": "CLUSTERING", "consumeFromWhere": "CONSUME_FROM_FIRST_OFFSET",
            "unitMode": False, "subscriptionDataSet": [subscription]}]}
        if self.member.request(HEART_BEAT, {}, json.dumps(beat).encode()).code != SUCCESS:
            raise AssertionError("the heartbeat was refused")
        for queue in range(4):
            self.member.request(UPDATE_CONSUMER_OFFSET, {"consumerGroup": self.group, "topic": self.topic, "queueId": queue, "commitOffset": 1})
        time.sleep(2)  # the index, the statistics and the trace have them

    def run(self, line, *more):
        return subprocess.run([program("cometctl"), *line.split(), *more, "-n", self.nameserver], stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=60, check=False)


def result_of(done, wanted):
    output = done.stdout + done.stderr
    if wanted.startswith("exit "):
        return "ok" if done.returncode == int(wanted.split()[1]) and output.strip() else f"exit {done.returncode}: {output.strip()[:200]}"
    if done.returncode != 0:
        return f"failed: exit {done.returncode}: {done.stderr.strip()[:200]}"
    return "ok" if re.search(wanted, output) else f"failed: no {wanted!r} in {output.strip()[:200]!r}"


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    world = World(*sys.argv[1:3])
    count = 0
    for line in CASES.strip().splitlines():
        name, wanted, arguments = (part.strip() for part in line.split("|", 2))
        if name == "topicStatus":
            world.fill()
        if sys.argv[3:] and name not in sys.argv[3:] and not name.startswith("updateTopic"):
            continue
        count += 1
        started = time.monotonic()
        try:
            values = world.values
            result = result_of(world.run(f"{name.split('_')[0]} {arguments.format(**values)}"), wanted.format(**values))
        except (subprocess.TimeoutExpired, KeyError) as error:
            result = f"failed: {error}"
        print(f"case\t{name}\t{time.monotonic() - started:.1f}\t{' '.join(result.split())}", flush=True)
    print(f"end\t{count} cases", flush=True)


main()
