'use strict';
// What the clients have no call for, in frames of its own to the broker at PEERS_BROKER.

const net = require('net');

const UPDATE_AND_CREATE_TOPIC = 17;
const PULL_MESSAGE = 11;
const GET_MAX_OFFSET = 30;
const QUEUES = 4;

// One request: the answer's header and body.
function ask(code, extFields) {
  const [ host, port ] = process.env.PEERS_BROKER.split(':');
  const header = Buffer.from(JSON.stringify({ code, language: 'OTHER', version: 0, opaque: 1, flag: 0, extFields }));
  const frame = Buffer.alloc(8 + header.length);
  frame.writeInt32BE(4 + header.length, 0);
  frame.writeInt32BE(header.length, 4);
  header.copy(frame, 8);
  return new Promise((resolve, reject) => {
    let answer = Buffer.alloc(0);
    const socket = net.connect(Number(port), host, () => socket.write(frame));
    socket.on('data', data => {
      answer = Buffer.concat([ answer, data ]);
      if (answer.length < 8 || answer.length < 4 + answer.readInt32BE(0)) return;
      socket.end();
      const size = answer.readInt32BE(4) & 0xffffff;
      resolve({ header: JSON.parse(answer.subarray(8, 8 + size)), body: answer.subarray(8 + size) });
    });
    socket.on('error', reject);
  });
}

// `type`: the attribute message.type of 5.x.
async function makeTopic(topic, type) {
  const { header } = await ask(UPDATE_AND_CREATE_TOPIC, {
    topic, defaultTopic: 'TBW102', readQueueNums: `${QUEUES}`, writeQueueNums: `${QUEUES}`, perm: '6', topicFilterType: 'SINGLE_TAG', topicSysFlag: '0', order: 'false',
    ...(type ? { attributes: `+message.type=${type}` } : {}),
  });
  if (header.code !== 0) throw new Error(`the topic was not made: ${header.code} ${header.remark}`);
}

// A record of the commit log at `at`.
function decode(data, at) {
  const sysFlag = data.readInt32BE(at + 36);
  const born = Number(data.readBigInt64BE(at + 40));
  const storedAt = at + 48 + (sysFlag & 1 << 4 ? 20 : 8);
  const bodyAt = storedAt + 8 + (sysFlag & 1 << 5 ? 20 : 8) + 12;
  const bodySize = data.readInt32BE(bodyAt);
  let body = data.subarray(bodyAt + 4, bodyAt + 4 + bodySize);
  if (sysFlag & 1) body = require('zlib')[body[0] === 0x1f ? 'gunzipSync' : 'inflateSync'](body);
  const topicAt = bodyAt + 4 + bodySize;
  const propertiesAt = topicAt + 1 + data[topicAt];
  const properties = String(data.subarray(propertiesAt + 2, propertiesAt + 2 + data.readUInt16BE(propertiesAt)));
  return {
    queue: data.readInt32BE(at + 12), born, stored: Number(data.readBigInt64BE(storedAt)), body: String(body),
    properties: Object.fromEntries(properties.split('\x02').filter(Boolean).map(pair => pair.split('\x01'))),
  };
}

// All messages that a topic has, queue by queue.
async function readTopic(topic) {
  const messages = [];
  for (let queueId = 0; queueId < QUEUES; queueId++) {
    const end = Number((await ask(GET_MAX_OFFSET, { topic, queueId: `${queueId}` })).header.extFields.offset);
    for (let offset = 0; offset < end;) {
      const { header, body } = await ask(PULL_MESSAGE, {
        consumerGroup: 'CID_READER', topic, queueId: `${queueId}`, queueOffset: `${offset}`, maxMsgNums: '32', sysFlag: '4', commitOffset: '0',
        suspendTimeoutMillis: '0', subscription: '*', subVersion: '0', expressionType: 'TAG',
      });
      if (header.code !== 0) throw new Error(`pull of ${topic}: ${header.code} ${header.remark}`);
      for (let at = 0; at < body.length; at += body.readInt32BE(at)) messages.push(decode(body, at));
      offset = Number(header.extFields.nextBeginOffset);
    }
  }
  return messages;
}

module.exports = { makeTopic, readTopic };
