"""RocketMQ's remoting protocol and message records over a plain socket, for the process tests.

Written from the protocol's description and independent of the C++ libraries, so that a mistake in
them is not made twice.
"""

import itertools
import json
import socket
import struct
import zlib

SEND_MESSAGE, PULL_MESSAGE, GET_MAX_OFFSET, GET_MIN_OFFSET = 10, 11, 30, 31
UPDATE_AND_CREATE_TOPIC, GET_ROUTE = 17, 105
SUCCESS, SYSTEM_ERROR, NOT_SUPPORTED, MESSAGE_ILLEGAL = 0, 1, 3, 13
TOPIC_NOT_EXIST, PULL_NOT_FOUND, PULL_RETRY, PULL_MOVED = 17, 19, 20, 21
VERSION_4_9_8 = 409
MESSAGE_MAGIC = 0xDAA320A7
COMPRESSED = 1  # bit of sysFlag


class Reply:
    def __init__(self, header, body):
        self.code = header["code"]
        self.opaque = header["opaque"]
        self.flag = header["flag"]
        self.remark = header.get("remark") or ""
        self.ext = header.get("extFields") or {}
        self.body = body

    def __repr__(self):
        return f"Reply(code={self.code}, remark={self.remark!r}, ext={self.ext}, body={self.body[:200]!r})"


def frame(code, ext=None, body=b"", opaque=1, flag=0, **more):
    header = {"code": code, "language": "OTHER", "version": VERSION_4_9_8, "opaque": opaque,
              "flag": flag, "serializeTypeCurrentRPC": "JSON"}
    if ext is not None:
        header["extFields"] = {key: str(value) for key, value in ext.items()}
    header.update(more)
    return raw_frame(json.dumps(header).encode(), body)


def raw_frame(header, body=b"", serialize_type=0):
    return struct.pack(">II", 4 + len(header) + len(body), serialize_type << 24 | len(header)) + header + body


def decode_binary_header(data):
    code, language, version, opaque, flag, remark_length = struct.unpack_from(">hBhiii", data)
    at = 17
    remark = data[at:at + remark_length].decode()
    at += remark_length
    (ext_length,) = struct.unpack_from(">i", data, at)
    at += 4
    end, ext = at + ext_length, {}
    while at < end:
        (length,) = struct.unpack_from(">h", data, at)
        key = data[at + 2:at + 2 + length].decode()
        at += 2 + length
        (length,) = struct.unpack_from(">i", data, at)
        ext[key] = data[at + 4:at + 4 + length].decode()
        at += 4 + length
    return {"code": code, "language": language, "version": version, "opaque": opaque, "flag": flag,
            "remark": remark, "extFields": ext}


class Client:
    """One connection, one request at a time."""

    def __init__(self, port, timeout=20.0):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout)
        self.socket.settimeout(timeout)
        self.opaques = itertools.count(1)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send_raw(self, data):
        self.socket.sendall(data)

    def _read(self, size):
        data = b""
        while len(data) < size:
            more = self.socket.recv(min(size - len(data), 1 << 20))
            if not more:
                raise EOFError(f"the peer closed the connection after {len(data)} of {size} bytes")
            data += more
        return data

    def read_reply(self):
        (length,) = struct.unpack(">I", self._read(4))
        data = self._read(length)
        (mark,) = struct.unpack_from(">I", data)
        header_length, serialize_type = mark & 0xFFFFFF, mark >> 24
        header = data[4:4 + header_length]
        decoded = decode_binary_header(header) if serialize_type == 1 else json.loads(header)
        return Reply(decoded, data[4 + header_length:])

    def request(self, code, ext=None, body=b"", **more):
        opaque = next(self.opaques)
        self.send_raw(frame(code, ext, body, opaque, **more))
        while True:
            reply = self.read_reply()
            if reply.flag & 1 and reply.opaque == opaque:
                return reply

    def closed_by_peer(self):
        """Reads until the peer closes; False when it still keeps the connection at the timeout."""
        try:
            while self.socket.recv(65536):
                pass
            return True
        except socket.timeout:
            return False
        except OSError:
            return True

    def send_message(self, topic, body, queue_id=0, properties="", queues=4, **ext):
        header = {"producerGroup": "raw", "topic": topic, "defaultTopic": "TBW102",
                  "defaultTopicQueueNums": queues, "queueId": queue_id, "sysFlag": 0,
                  "bornTimestamp": 1700000000000, "flag": 0, "properties": properties,
                  "reconsumeTimes": 0, "unitMode": "false", "batch": "false"}
        header.update(ext)
        return self.request(SEND_MESSAGE, header, body)

    def create_topic(self, topic, queues=4):
        return self.request(UPDATE_AND_CREATE_TOPIC, {
            "topic": topic, "defaultTopic": "TBW102", "readQueueNums": queues,
            "writeQueueNums": queues, "perm": 6, "topicFilterType": "SINGLE_TAG",
            "topicSysFlag": 0, "order": "false"})

    def max_offset(self, topic, queue_id):
        reply = self.request(GET_MAX_OFFSET, {"topic": topic, "queueId": queue_id})
        if reply.code != SUCCESS:
            raise AssertionError(f"max offset of {topic}/{queue_id}: {reply}")
        return int(reply.ext["offset"])

    def pull(self, topic, queue_id, offset, group="raw-reader", count=32):
        """One pull without waiting: (messages, next offset)."""
        reply = self.request(PULL_MESSAGE, {
            "consumerGroup": group, "topic": topic, "queueId": queue_id, "queueOffset": offset,
            "maxMsgNums": count, "sysFlag": 4, "commitOffset": 0, "suspendTimeoutMillis": 0,
            "subscription": "*", "subVersion": 0, "expressionType": "TAG"})
        if reply.code not in (SUCCESS, PULL_NOT_FOUND, PULL_RETRY, PULL_MOVED):
            raise AssertionError(f"pull of {topic}/{queue_id} at {offset}: {reply}")
        return list(records(reply.body)) if reply.code == SUCCESS else [], int(reply.ext["nextBeginOffset"])

    def read_queue(self, topic, queue_id):
        """All messages of a queue from offset 0 to its end."""
        messages, offset, end = [], 0, self.max_offset(topic, queue_id)
        while offset < end:
            found, following = self.pull(topic, queue_id, offset)
            messages += found
            if following <= offset:
                raise AssertionError(f"{topic}/{queue_id}: pull at {offset} of {end} made no progress")
            offset = following
        return messages


class StoredMessage:
    """A decoded record of the commit log."""

    def __init__(self, data):
        size, magic, self.crc, self.queue_id, self.flag, self.queue_offset, self.physical_offset, \
            self.sys_flag, self.born_timestamp = struct.unpack_from(">IIIIIQQIQ", data)
        if magic != MESSAGE_MAGIC or size != len(data):
            raise AssertionError(f"not a message record: magic {magic:x}, size {size} of {len(data)}")
        at = 48
        at += 20 if self.sys_flag & (1 << 4) else 8   # born host
        self.store_timestamp, = struct.unpack_from(">Q", data, at)
        at += 8
        at += 20 if self.sys_flag & (1 << 5) else 8   # store host
        self.reconsume_times, self.prepared_offset = struct.unpack_from(">IQ", data, at)
        at += 12
        (length,) = struct.unpack_from(">I", data, at)
        body = data[at + 4:at + 4 + length]
        self.crc_ok = zlib.crc32(body) & 0x7FFFFFFF == self.crc
        self.body = inflated(body) if self.sys_flag & COMPRESSED else body
        at += 4 + length
        length = data[at]
        self.topic = data[at + 1:at + 1 + length].decode(errors="replace")
        at += 1 + length
        (length,) = struct.unpack_from(">H", data, at)
        text = data[at + 2:at + 2 + length].decode(errors="replace")
        at += 2 + length
        if at != len(data):
            raise AssertionError(f"{len(data) - at} bytes too many in the record at {self.physical_offset}")
        self.properties = dict(pair.split("\x01", 1) for pair in text.split("\x02") if "\x01" in pair)


def inflated(body):
    """As it is, where the flag is wrong: no checksum covers it."""
    try:
        return zlib.decompress(body)
    except zlib.error:
        return body


def records(data):
    at = 0
    while at < len(data):
        (size,) = struct.unpack_from(">I", data, at)
        if size < 91 or at + size > len(data):
            raise AssertionError(f"a record of {size} bytes at {at} of {len(data)}")
        yield StoredMessage(data[at:at + size])
        at += size
