'use strict';
// A member of a consumer group that runs until its standard input ends (then it leaves in order) or
// it is killed. Prints one JSON object per delivery, {"ready": true} first.
//
//   node consume_group.js '{"namesrv": "host:port", "group": "G", "topic": "T", "tags": "A || B",
//                           "refuse": "regular expression of bodies that are given back",
//                           "maxReconsumeTimes": 2}'

const { Consumer } = require('ali-ons');

const wanted = JSON.parse(process.argv[2]);
const logger = {
  debug() {},
  info() {},
  warn: (...args) => console.error('W', ...args),
  error: (...args) => console.error('E', ...args),
};

const consumer = new Consumer({
  nameSrv: wanted.namesrv,
  httpclient: {},
  clientIP: '127.0.0.1',
  consumerGroup: wanted.group,
  consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET',
  rebalanceInterval: 500, // it does not listen when the broker says that the members have changed
  persistConsumerOffsetInterval: 500,
  maxReconsumeTimes: wanted.maxReconsumeTimes || 16,
  pullThresholdForQueue: 100000, // its flow control sleeps for 5 s
  logger,
});
consumer.on('error', error => console.error('E', error.message));

const refused = wanted.refuse ? new RegExp(wanted.refuse) : null;

async function onMessage(message) {
  const body = message.body.toString();
  process.stdout.write(JSON.stringify({
    topic: message.topic,
    queueId: message.queueId,
    queueOffset: message.queueOffset,
    reconsumeTimes: message.reconsumeTimes,
    tags: message.tags || null,
    keys: message.keys || null,
    body: message.body.toString('base64'),
  }) + '\n');
  if (refused && refused.test(body)) throw new Error(`refused: ${body}`);
}

consumer.subscribe(wanted.topic, wanted.tags || '*', onMessage);
consumer.ready().then(() => process.stdout.write('{"ready":true}\n'));

process.stdin.resume();
process.stdin.on('end', async () => {
  setTimeout(() => process.exit(0), 5000); // close() waits for long polls
  try {
    await consumer.close();
  } catch (error) {
    console.error('E close', error);
  }
  process.exit(0);
});
