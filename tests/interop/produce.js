'use strict';
// Sends messages with ali-ons' producer: one per JSON line {"tag", "keys": [...], "body": base64}
// of standard input, at most 32 at a time. Prints one JSON object per acknowledged message.
//
//   node produce.js NAMESRV TOPIC < messages

const fs = require('fs');
const { Producer, Message } = require('ali-ons');

const [ namesrv, topic ] = process.argv.slice(2);
const logger = {
  debug() {},
  info() {},
  warn: (...args) => console.error('W', ...args),
  error: (...args) => console.error('E', ...args),
};

async function main() {
  const producer = new Producer({
    nameSrv: namesrv,
    httpclient: {},
    clientIP: '127.0.0.1',
    producerGroup: 'node-producer',
    logger,
  });
  producer.on('error', error => console.error('E', error));
  await producer.ready();

  const lines = fs.readFileSync(0, 'utf8').split('\n').filter(line => line);
  let next = 0;
  async function worker() {
    while (next < lines.length) {
      const index = next++;
      const { tag, keys, body } = JSON.parse(lines[index]);
      const message = new Message(topic, tag, Buffer.from(body, 'base64'));
      message.keys = keys;
      const result = await producer.send(message);
      process.stdout.write(JSON.stringify({ index, status: result.sendStatus, msgId: result.msgId,
        queueId: result.messageQueue.queueId, queueOffset: result.queueOffset }) + '\n');
    }
  }
  await Promise.all(Array.from({ length: 32 }, worker));
  setTimeout(() => process.exit(0), 5000);
  await producer.close();
}

main().then(() => process.exit(0), error => {
  console.error('E', error);
  process.exit(1);
});
