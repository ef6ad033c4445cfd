"""Runs the cases of PyPI's `rocketmq`, which carries Apache's C++ client 1.x, and prints one line a case:
"case", name, seconds, result. A result is "ok", what was seen where servers differ, or "failed: ...".

    python3 peer.py NAMESERVER RUN [CASE...]

A consumer that is shut down and a new one in the same process end the process. So each case is a process
of its own (peer.py --case NAME NAMESERVER RUN), and each of its consumers is, too (peer.py --member JSON):
it prints a line a message and ends with its standard input.
"""

import base64
import concurrent.futures
import json
import os
import queue
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

from checks import PATIENCE, Mismatch, check, equal, until

CASE_SECONDS = 120
AT_A_TIME = 6
PARTS_OF_A_BATCH = 10

one_at_a_time = threading.Lock()  # lines


def ask(address, code, fields, body=b""):
    """One request in a frame of its own: what this client has no call for. The answer's header and body."""
    header = json.dumps({"code": code, "language": "OTHER", "version": 0, "opaque": 1, "flag": 0, "extFields": fields}).encode()
    with socket.create_connection(address.rsplit(":", 1), timeout=10) as connection:
        connection.sendall(struct.pack(">II", 4 + len(header) + len(body), len(header)) + header + body)
        with connection.makefile("rb") as stream:
            frame = stream.read(struct.unpack(">I", stream.read(4))[0])
    size = struct.unpack(">I", frame[:4])[0] & 0xFFFFFF
    return json.loads(frame[4:4 + size]), frame[4 + size:]


class Member:
    """A consumer in a process of its own."""

    def __init__(self, world, **options):
        options = {"nameserver": world.nameserver, "topic": world.topic, "group": world.group} | options
        self.messages = []
        # Members that broadcast keep offsets in one folder of their home, and one whose folder another has just made does not start.
        home = tempfile.mkdtemp(prefix="member-", dir=os.path.expanduser("~"))
        self.process = subprocess.Popen([sys.executable, __file__, "--member", json.dumps(options)], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True, env=os.environ | {"HOME": home})
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            if line.startswith("{"):
                self.messages.append(json.loads(line))

    def bodies(self):
        return [one["body"] for one in list(self.messages)]

    def holds(self, count):
        """Exactly these bodies, each once."""
        until(lambda: len(self.messages) >= count, f"{count} messages, {len(self.messages)} came")
        equal(sorted(f"body {i}" for i in range(count)), sorted(self.bodies()), "bodies")

    def end(self):
        """Ends it as its user would."""
        self.process.stdin.close()
        self.process.wait(timeout=30)


class World:
    """What one case has: a topic and a group of its own, and members that are ended after it."""

    def __init__(self, nameserver, run, name):
        self.nameserver = nameserver
        self.broker = os.environ["PEERS_BROKER"]
        self.topic = f"{run}-python-{name}"
        self.group = f"g-{self.topic}"
        self.members = []
        self.make_topic(self.topic)
        self.make_topic(f"%RETRY%{self.group}", 1)

    def make_topic(self, name, queues=4):
        answer, _ = ask(self.broker, 17, {
            "topic": name, "defaultTopic": "TBW102", "readQueueNums": str(queues), "writeQueueNums": str(queues), "perm": "6",
            "topicFilterType": "SINGLE_TAG", "topicSysFlag": "0", "order": "false"})
        equal(0, answer["code"], "code for a new topic")

    def member(self, **options):
        self.members.append(Member(self, **options))
        return self.members[-1]

    def close(self):
        for member in self.members:
            member.process.kill()
            member.process.wait()

    def producer(self):
        from rocketmq.client import Producer  # pylint: disable=import-outside-toplevel
        producer = Producer(f"p-{self.group}", timeout=10000)
        producer.set_namesrv_addr(self.nameserver)
        producer.start()
        return producer

    def message(self, number, topic=None):
        from rocketmq.client import Message  # pylint: disable=import-outside-toplevel
        message = Message(topic or self.topic)
        message.set_body(f"body {number}")
        message.set_tags(f"tag{number % 2}")
        message.set_keys(f"key{number}")
        return message

    @staticmethod
    def sent(send):
        """The result of a send; it is repeated for a while, because this client has no route at first."""
        deadline = time.monotonic() + PATIENCE / 2
        while True:
            try:
                result = send()
                break
            except Exception:  # pylint: disable=broad-except
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)
        equal(0, int(result.status), "status of a send")
        return result

    def send(self, begin, end):
        producer = self.producer()
        for number in range(begin, end):
            self.sent(lambda one=number: producer.send_sync(self.message(one)))
        return producer


# -- sending

def send_sync(world):
    world.send(0, 40)
    world.member().holds(40)


def send_async(world):
    producer = world.send(0, 1)
    results = queue.Queue()
    for number in range(1, 100):
        producer.send_async(world.message(number), results.put, results.put)
    for _ in range(1, 100):
        result = results.get(timeout=PATIENCE)
        check(hasattr(result, "status") and int(result.status) == 0, f"a send ended with {result!r}")
    world.member().holds(100)


def send_oneway(world):
    producer = world.send(0, 1)
    for number in range(1, 50):
        producer.send_oneway(world.message(number))
    world.member().holds(50)


def send_ordered(world):
    producer = world.send(0, 1)
    for number in range(1, 21):
        world.sent(lambda one=number: producer.send_orderly(world.message(one), one % 2))
    member = world.member()
    member.holds(21)
    queues = [{one["queue"] for one in member.messages if int(one["body"][5:]) in range(first, 21, 2)} for first in (1, 2)]
    equal([1, 1], [len(one) for one in queues], "queues of each key")


def send_oneway_ordered(world):
    producer = world.send(0, 1)
    for number in range(1, 21):
        producer.send_oneway_orderly(world.message(number), 3)
    member = world.member()
    member.holds(21)
    equal(1, len({one["queue"] for one in member.messages if one["body"] != "body 0"}), "queues")


def send_batch(world):
    producer = world.send(0, 1)
    result = world.sent(lambda: producer.send_batch([world.message(number) for number in range(1, PARTS_OF_A_BATCH + 1)]))
    member = world.member()
    until(lambda: len(member.messages) >= 2, "a message of the batch")
    time.sleep(3)
    return f"{len(member.messages) - 1} messages of {PARTS_OF_A_BATCH}; ids told: {len([one for one in result.msg_id.split(',') if one])}"


def send_properties(world):
    producer = world.send(0, 0)
    message = world.message(0)
    message.set_property("colour", "gr\u00fcn")
    result = world.sent(lambda: producer.send_sync(message))
    member = world.member()
    member.holds(1)
    got = member.messages[0]
    equal(["gr\u00fcn", "key0", "tag0"], [got["colour"], got["keys"], got["tags"]], "properties")
    equal(result.msg_id, got["id"], "id")


def send_large(world):
    """A body that the client compresses."""
    body = "".join(f"line {i}\n" for i in range(4000))
    producer = world.send(0, 0)
    message = world.message(0)
    message.set_body(body)
    world.sent(lambda: producer.send_sync(message))
    member = world.member()
    until(lambda: member.messages, "a message")
    check(member.messages[0]["body"] == body, "the body differs")


def send_delay_level(world):
    member = world.member()
    producer = world.send(0, 0)
    message = world.message(0)
    message.set_delay_time_level(2)
    world.sent(lambda: producer.send_sync(message))
    member.holds(1)
    waited = member.messages[0]["stored"] - member.messages[0]["born"]
    check(4000 <= waited < 9000, f"delivered after {waited} ms instead of 5 s")


def send_to_new_topic(world):
    """autoCreateTopicEnable: the topic is made by its first message."""
    producer = world.send(0, 0)
    topic = world.topic + "-new"
    for number in range(8):
        world.sent(lambda one=number: producer.send_sync(world.message(one, topic)))
    world.member(topic=topic).holds(8)


def error_topic_name(world):
    producer = world.send(0, 1)
    return outcome(lambda: producer.send_sync(world.message(0, "a topic with blanks")))


def error_body_size(world):
    producer = world.send(0, 1)
    producer.set_max_message_size(16 << 20)
    message = world.message(0)
    message.set_body(base64.b64encode(os.urandom(6 << 20)))  # the client makes less of it, but still more than 4 MiB
    return outcome(lambda: producer.send_sync(message))


def outcome(action):
    try:
        action()
        return "done"
    except Exception as error:  # pylint: disable=broad-except
        return type(error).__name__


# -- consuming

def consume_concurrent(world):
    member = world.member()
    world.send(0, 200)
    member.holds(200)


def consume_orderly(world):
    producer = world.send(0, 0)
    for number in range(40):
        world.sent(lambda one=number: producer.send_orderly(world.message(one), one % 4))
    member = world.member(orderly=True)
    member.holds(40)
    for number in range(4):
        seen = [int(body[5:]) for body in member.bodies() if int(body[5:]) % 4 == number]
        equal(sorted(seen), seen, f"order in queue {number}")


def consume_broadcast(world):
    """Two members begin at the end of each queue and then have everything, both of them."""
    members = [world.member(broadcast=True), world.member(broadcast=True)]
    producer = world.send(0, 0)
    number = 0
    deadline = time.monotonic() + PATIENCE
    while any(len({one["queue"] for one in member.messages}) < 4 for member in members):
        check(time.monotonic() < deadline, f"waited in vain: messages of four queues for both, {[len(one.messages) for one in members]} came")
        world.sent(lambda one=number: producer.send_orderly(world.message(one), one % 4))
        number += 1
        time.sleep(0.2)
    for _ in range(12):
        world.sent(lambda one=number: producer.send_orderly(world.message(one), one % 4))
        number += 1
    wanted = {f"body {i}" for i in range(number - 12, number)}
    for member in members:
        until(lambda one=member: wanted <= set(one.bodies()), "the last twelve")
        equal(len(set(member.bodies())), len(member.bodies()), "messages")


def consume_tags(world):
    world.send(0, 20)
    member = world.member(expression="tag1 || other")
    until(lambda: len(member.messages) >= 10, "ten messages")
    time.sleep(1)
    equal(["tag1"] * 10, [one["tags"] for one in member.messages], "tags")


def consume_retry(world):
    world.send(0, 1)
    member = world.member(failures=1)
    until(lambda: len(member.messages) >= 2, "the second delivery")
    equal([("body 0", 0), ("body 0", 1)], [(one["body"], one["times"]) for one in member.messages], "deliveries")


def consume_rebalance(world):
    """Two members share the queues; when one goes, the other has all of them."""
    members = [world.member(), world.member()]
    producer = world.send(0, 0)
    number = 0

    def four():
        nonlocal number
        for _ in range(4):
            world.sent(lambda one=number: producer.send_orderly(world.message(one), one % 4))
            number += 1

    def latest(member):
        return {one["queue"] for one in member.messages[-4:]}

    deadline = time.monotonic() + PATIENCE
    while not (all(len(latest(one)) == 2 for one in members) and not latest(members[0]) & latest(members[1])):
        check(time.monotonic() < deadline, "waited in vain: two queues for each member")
        four()
        time.sleep(0.3)
    members[1].end()
    before = len(members[0].messages)
    for _ in range(3):
        four()
    until(lambda: {f"body {i}" for i in range(number)} <= set(members[0].bodies() + members[1].bodies()), f"all {number} messages")
    equal(4, len({one["queue"] for one in members[0].messages[before:]}), "queues of the one that stayed")


def consume_continues_after_restart(world):
    world.send(0, 20)
    first = world.member()
    first.holds(20)
    time.sleep(11)  # it commits every 10 s
    first.end()
    world.send(20, 24)
    again = world.member()
    until(lambda: len(again.messages) >= 4, "four messages")
    time.sleep(1)
    equal([f"body {i}" for i in range(20, 24)], sorted(again.bodies()), "after the restart")


def consume_reset_by_time(world):
    """A tool in Java resets the running group to the beginning (INVOKE_BROKER_TO_RESET_OFFSET)."""
    world.send(0, 8)
    member = world.member()
    member.holds(8)
    answer, _ = ask(world.broker, 222, {"topic": world.topic, "group": world.group, "timestamp": "0", "isForce": "true"})
    if answer["code"] != 0:
        return f"code {answer['code']}"
    try:
        until(lambda: len(member.messages) >= 16, "all again", patience=45)
    except Mismatch:
        return f"{len(member.messages) - 8} of 8 messages again"
    return "8 of 8 messages again"


def consumer_connections(world):
    """What a tool is told of this client, whose heartbeats hold numbers for enumerations."""
    world.member()
    seen = []

    def connected():
        answer, body = ask(world.broker, 203, {"consumerGroup": world.group})
        seen[:] = [json.loads(body)] if answer["code"] == 0 else []
        return bool(seen)

    until(connected, "the group's connection")
    return ", ".join([seen[0]["connectionSet"][0]["language"], *(str(seen[0][name]) for name in ("consumeType", "messageModel", "consumeFromWhere"))])


def pull(world):
    from rocketmq.client import PullConsumer  # pylint: disable=import-outside-toplevel
    world.send(0, 40)
    consumer = PullConsumer(world.group)
    consumer.set_namesrv_addr(world.nameserver)
    consumer.start()
    bodies = []
    deadline = time.monotonic() + PATIENCE
    while len(bodies) < 40 and time.monotonic() < deadline:
        bodies += [one.body.decode() for one in consumer.pull(world.topic)]
    equal(sorted(f"body {i}" for i in range(40)), sorted(bodies), "bodies")


CASES = [  # the long ones first
    consume_reset_by_time, consume_retry, consume_rebalance, consume_broadcast, consume_continues_after_restart, consume_orderly,
    consume_concurrent, consume_tags, consumer_connections, pull, send_batch, send_delay_level, send_sync, send_async, send_oneway,
    send_ordered, send_oneway_ordered, send_properties, send_large, send_to_new_topic, error_topic_name, error_body_size,
]


# -- processes

def be_member(options):
    """Prints what a consumer is given, until the standard input ends."""
    from rocketmq.client import MessageModel, PushConsumer  # pylint: disable=import-outside-toplevel
    lock = threading.Lock()
    left = [options.get("failures", 0)]
    out = os.fdopen(os.dup(1), "w", encoding="utf-8", errors="replace")

    def text(value):
        return value.decode("utf-8", "replace") if isinstance(value, bytes) else value

    def on_message(one):
        line = json.dumps({"body": text(one.body), "tags": text(one.tags), "keys": text(one.keys), "id": one.id, "queue": one.queue_id,
                           "times": one.reconsume_times, "born": one.born_timestamp, "stored": one.store_timestamp,
                           "colour": text(one.get_property("colour"))})
        with lock:
            out.write(line + "\n")
            out.flush()
            left[0] -= 1
            if left[0] >= 0:
                raise RuntimeError("not yet")

    consumer = PushConsumer(options["group"], orderly=options.get("orderly", False),
                            message_model=MessageModel.BROADCASTING if options.get("broadcast") else MessageModel.CLUSTERING)
    consumer.set_namesrv_addr(options["nameserver"])
    consumer.set_thread_count(2)
    consumer.subscribe(options["topic"], on_message, options.get("expression", "*"))
    consumer.start()
    sys.stdin.read()
    consumer.shutdown()
    os._exit(0)


def be_case(name, nameserver, run):
    """Runs one case and prints its result as the last line."""
    world = None
    try:
        world = World(nameserver, run, name)
        result = next(one for one in CASES if one.__name__ == name)(world) or "ok"
    except Mismatch as error:
        result = f"failed: {error}"
    except Exception as error:  # pylint: disable=broad-except
        result = f"failed: {type(error).__name__}: {error}"
    if world:
        world.close()
    print("\nresult " + " ".join(result.split()), flush=True)
    os._exit(0)  # clients' threads do not end by themselves


def run_case(name, nameserver, run):
    started = time.monotonic()
    process = subprocess.Popen([sys.executable, __file__, "--case", name, nameserver, run], stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, text=True, errors="replace")
    try:
        output = process.communicate(timeout=CASE_SECONDS)[0]
        lines = [line for line in output.splitlines() if line.startswith("result ")]
        result = lines[-1].removeprefix("result ") if lines else f"failed: its process ended with {process.returncode}"
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        result = f"failed: no end within {CASE_SECONDS} s"
    with one_at_a_time:
        print(f"case\t{name}\t{time.monotonic() - started:.1f}\t{result}", flush=True)


def main():
    if sys.argv[1:2] == ["--member"]:
        be_member(json.loads(sys.argv[2]))
    elif sys.argv[1:2] == ["--case"]:
        be_case(*sys.argv[2:5])
    elif len(sys.argv) < 3:
        sys.exit(__doc__)
    else:
        names = [one.__name__ for one in CASES if not sys.argv[3:] or one.__name__ in sys.argv[3:]]
        with concurrent.futures.ThreadPoolExecutor(AT_A_TIME) as pool:
            list(pool.map(lambda name: run_case(name, sys.argv[1], sys.argv[2]), names))
        print(f"end\t{len(names)} cases", flush=True)


if __name__ == "__main__":
    main()
