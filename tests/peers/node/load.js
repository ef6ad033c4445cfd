'use strict';
// Sends numbered messages and consumes them with a group, whatever happens to the servers, and prints a line for
// each message that was acknowledged ("sent"), whose send failed ("failed") or that came ("got"): word, TAB, number,
// TAB, milliseconds since 1970, and the reason of a failure.
//
//   node load.js PACKAGE NAMESERVER TOPIC GROUP SENDERS PAUSE_MILLIS
//
// A line on the standard input ends the sending ("stopped"), the input's end everything.

const [ library, nameserver, topic, group, senders, pause ] = process.argv.slice(2);
const { Producer, Consumer, Message } = require(library);

// The methods of rocketmq are generators, those of ali-ons promises.
const generators = library === 'rocketmq';
const co = generators ? require('co') : null;
const promised = value => (generators ? co(function* () { return yield value; }) : value);

const quiet = () => {};
const sleep = millis => new Promise(resolve => setTimeout(resolve, millis));
const say = (what, number, reason) => process.stdout.write(`${what}\t${number}\t${Date.now()}\t${reason.replace(/\s+/g, ' ')}\n`);

const options = more => Object.assign({
  nameSrv: nameserver, namesrvAddr: nameserver, httpclient: { request() { throw new Error('no address server'); } }, clientIP: '127.0.0.1',
  logger: { debug: quiet, info: quiet, warn: quiet, error: quiet },
}, more);

let next = 0;
let stopped = false;

async function send(producer) {
  while (!stopped) {
    const number = next++;
    try {
      const result = await promised(producer.send(new Message(topic, 'tag', Buffer.from(String(number)))));
      say(result.sendStatus === 'SEND_OK' ? 'sent' : 'failed', number, result.sendStatus);
      await sleep(Number(pause));
    } catch (error) {
      say('failed', number, error.message);
      await sleep(20); // a refused connection fails at once
    }
  }
}

async function main() {
  const producer = new Producer(options({ producerGroup: `p-${group}`, instanceName: 'sender' }));
  producer.on('error', error => console.error('E', error.message));
  await promised(producer.ready());
  const consumer = new Consumer(options({ consumerGroup: group, consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET', instanceName: 'receiver' }));
  consumer.on('error', error => console.error('E', error.message));
  const got = message => say('got', String(message.body), '');
  consumer.subscribe(topic, '*', generators ? function* (message) { got(message); } : async message => got(message));
  await promised(consumer.ready());

  const running = Promise.all(Array.from({ length: Number(senders) }, () => send(producer)));
  process.stdin.on('data', () => {
    stopped = true;
    running.then(() => process.stdout.write('stopped\n'));
  });
  process.stdin.on('end', () => process.exit(0));
}

process.on('unhandledRejection', error => console.error('E unhandled', error && error.message));
main().catch(error => {
  console.error(error);
  process.exit(1);
});
