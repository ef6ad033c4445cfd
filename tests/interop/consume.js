'use strict';
// Consumes a topic with ali-ons' push consumer and prints one JSON object per message.
//
//   node consume.js NAMESRV TOPIC GROUP COUNT [TAGS]
//
// Ends with 0 when COUNT messages have come and none more within a second, with 1 after a minute
// without one. Logs go to stderr.

const { Consumer } = require('ali-ons');

const [ namesrv, topic, group, countText, tags ] = process.argv.slice(2);
const count = Number(countText);
const quietMillis = 60000;
const graceMillis = 1000; // to see messages that come twice

const logger = {
  debug() {},
  info() {},
  warn: (...args) => console.error('W', ...args),
  error: (...args) => console.error('E', ...args),
};

const consumer = new Consumer({
  nameSrv: namesrv,
  httpclient: {},
  clientIP: '127.0.0.1',
  consumerGroup: group,
  consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET',
  pullThresholdForQueue: 100000, // its flow control sleeps for 5 s
  parallelConsumeLimit: 32,
  logger,
});
consumer.on('error', error => console.error('E', error));

let received = 0;
let timer = null;
function waitAtMost(millis, code) {
  clearTimeout(timer);
  timer = setTimeout(() => finish(code), millis);
}

async function finish(code) {
  console.error(`received ${received} of ${count}`);
  if (received !== count) code = 1;
  setTimeout(() => process.exit(code), 5000); // close() waits for long polls
  try {
    await consumer.close();
  } catch (error) {
    console.error('E close', error);
  }
  process.stdout.write('', () => process.exit(code));
}

async function onMessage(message) {
  received++;
  process.stdout.write(JSON.stringify({
    queueId: message.queueId,
    queueOffset: message.queueOffset,
    tags: message.tags || null,
    keys: message.keys || null,
    body: message.body.toString('base64'),
  }) + '\n');
  waitAtMost(received >= count ? graceMillis : quietMillis, received >= count ? 0 : 1);
}

waitAtMost(quietMillis, 1);
if (tags) {
  consumer.subscribe(topic, tags, onMessage);
} else {
  consumer.subscribe(topic, onMessage);
}
