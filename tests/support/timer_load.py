"""Sends timer messages as fast as a broker takes them, and reads back when they came.

For the crash scenario and the benchmark of timers. Frames are filled into a template: Python's JSON
would be slower than the broker.
"""

import json
import socket
import struct
import time

from remoting import Client

SEND_MESSAGE_V2 = 310
TEMPLATE = (
    b'{"code":310,"language":"OTHER","version":409,"opaque":%d,"flag":0,"serializeTypeCurrentRPC":"JSON",'
    b'"extFields":{"a":"raw","b":"%s","c":"TBW102","d":"4","e":"%d","f":"0","g":"1700000000000","h":"0",'
    b'"i":"TIMER_DELIVER_MS\\u0001%d\\u0002UNIQ_KEY\\u0001%s\\u0002","j":"0","k":"false","m":"false"}}')


class Timer:
    """One timer message: its unique key is also its body's first word."""
    __slots__ = ("key", "queue_id", "due", "tries", "asked")

    def __init__(self, key, queue_id, due):
        self.key, self.queue_id, self.due, self.tries = key, queue_id, due, 0
        self.asked = 0  # when it was sent last, ms


def send_timers(port, topic, timers, window, on_ack, body_size=64, timeout=30.0):
    """Sends all of a list with `window` on their way; calls on_ack(timer, reply header) for each.

    Takes what was acknowledged from the list. Ends with OSError or EOFError when the broker does.
    """
    connection = socket.create_connection(("127.0.0.1", port), timeout)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    name, pad = topic.encode(), b"." * body_size
    under_way, received, position, opaque = {}, b"", 0, 0
    try:
        while position < len(timers) or under_way:
            pieces = []
            wall_millis = int(time.time() * 1000)
            while position < len(timers) and len(under_way) < window:
                timer = timers[position]
                timer.tries += 1
                timer.asked = wall_millis
                key = timer.key.encode()
                header = TEMPLATE % (opaque, name, timer.queue_id, timer.due, key)
                body = key + b" " + pad
                pieces.append(struct.pack(">II", 4 + len(header) + len(body), len(header)) + header + body)
                under_way[opaque] = timer
                opaque += 1
                position += 1
            if pieces:
                connection.sendall(b"".join(pieces))
            more = connection.recv(1 << 20)
            if not more:
                raise EOFError("the broker closed the connection")
            received += more
            at = 0
            while len(received) - at >= 8:
                length, header_length = struct.unpack_from(">II", received, at)
                if len(received) - at < 4 + length:
                    break
                header = json.loads(received[at + 8:at + 8 + (header_length & 0xFFFFFF)])
                at += 4 + length
                on_ack(under_way.pop(header["opaque"]), header)
            received = received[at:]
    finally:
        connection.close()
        timers[:] = list(under_way.values()) + timers[position:]


class Came:
    """A message as it was delivered."""
    __slots__ = ("key", "stored", "properties")

    def __init__(self, message):
        self.key = message.body.split(b" ", 1)[0].decode()
        self.stored = message.store_timestamp
        self.properties = message.properties


def read_topic(port, topic, queues, offsets=None):
    """What came into a topic's queues, from `offsets` on (which are moved on)."""
    offsets = offsets if offsets is not None else [0] * queues
    came = []
    with Client(port, timeout=60) as client:
        for queue_id in range(queues):
            end = client.max_offset(topic, queue_id)
            while offsets[queue_id] < end:
                found, following = client.pull(topic, queue_id, offsets[queue_id], count=32)
                came += [Came(message) for message in found]
                if following <= offsets[queue_id]:
                    raise AssertionError(f"{topic}/{queue_id}: no progress at {following} of {end}")
                offsets[queue_id] = following
    return came


def percentile(values, part):
    """Of a sorted list."""
    return values[min(len(values) - 1, int(len(values) * part))]


def describe(values):
    values = sorted(values)
    if not values:
        return "none"
    return (f"p50 {percentile(values, 0.5)} ms, p99 {percentile(values, 0.99)} ms, "
            f"max {values[-1]} ms of {len(values)}")
