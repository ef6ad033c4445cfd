'use strict';
// Runs the cases of a Node.js client (ali-ons, or rocketmq, whose interfaces are the same) against the
// nameserver given and prints one line a case: "case", name, seconds, result. A result is "ok", what was
// seen where servers differ, or "failed: ...".
//
//   node peer.js PACKAGE NAMESERVER RUN [CASE...]

const [ library, nameserver, run, ...wanted ] = process.argv.slice(2);
if (!run) {
  console.error('usage: node peer.js PACKAGE NAMESERVER RUN [CASE...]');
  process.exit(2);
}
const { Producer, Consumer, Message } = require(library);
const { makeTopic } = require('./wire.js'); // these clients have no call for it
const { quiet, logger, sleep, check, equal, until, runCases } = require('./cases.js');

// The methods of rocketmq are generators, those of ali-ons promises.
const generators = library === 'rocketmq';
const co = generators ? require('co') : null;
const promised = value => (generators ? co(function* () { return yield value; }) : value);

const caseMillis = 150000;

let instances = 0;

// What one case has: a topic and a group of its own, and clients that are closed after it.
class World {
  constructor(name) {
    this.topic = `${run}-${library}-${name}`;
    this.group = `g-${this.topic}`;
    this.clients = [];
  }

  async started(client) {
    client.on('error', error => console.error('E', this.topic, error.message));
    this.clients.push(client);
    await promised(client.ready());
    return client;
  }

  options(more) {
    return Object.assign({ nameSrv: nameserver, namesrvAddr: nameserver, httpclient: { request() { throw new Error('no address server'); } }, clientIP: '127.0.0.1', instanceName: `node${++instances}`, logger }, more);
  }

  async producer() {
    const producer = await this.started(new Producer(this.options({ producerGroup: `p-${this.group}` })));
    const send = producer.send.bind(producer);
    return { send: message => promised(send(message)) };
  }

  message(number) {
    const message = new Message(this.topic, `tag${number % 2}`, Buffer.from(`body ${number}`));
    message.keys = [ `key${number}` ];
    return message;
  }

  async send(from, to) {
    const producer = await this.producer();
    for (let i = from; i < to; i++) equal('SEND_OK', (await producer.send(this.message(i))).sendStatus, 'status of a send');
  }

  // The messages that a started consumer is given; handle may throw to have one again.
  async consume(tags = '*', options = {}, handle = quiet) {
    const messages = [];
    const consumer = new Consumer(this.options(Object.assign({
      consumerGroup: this.group, consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET', pullThresholdForQueue: 100000,
    }, options)));
    const handler = message => {
      messages.push(Object.assign(Object.create(message), { reconsumeTimes: message.reconsumeTimes })); // rocketmq changes it later
      handle(messages.length);
    };
    consumer.subscribe(this.topic, tags, generators ? function* (message) { handler(message); } : async message => handler(message));
    messages.consumer = await this.started(consumer);
    return messages;
  }

  async holds(messages, count) {
    await until(() => messages.length >= count, `${count} messages`);
    const bodies = messages.map(one => String(one.body)).sort();
    equal(Array.from({ length: count }, (_, i) => `body ${i}`).sort(), bodies, 'bodies');
  }

  close() {
    for (const client of this.clients) Promise.resolve(promised(client.close())).catch(quiet);
  }
}

const cases = {
  async send_sync(world) {
    await world.send(0, 40);
    await world.holds(await world.consume(), 40);
  },

  async send_many_at_once(world) {
    const producer = await world.producer();
    await world.send(0, 1);
    await Promise.all(Array.from({ length: 99 }, (_, i) => producer.send(world.message(i + 1))));
    await world.holds(await world.consume(), 100);
  },

  async send_properties(world) {
    const producer = await world.producer();
    const message = world.message(0);
    message.properties.colour = 'gr\u00fcn';
    message.buyerId = 'buyer';
    const result = await producer.send(message);
    const messages = await world.consume();
    await world.holds(messages, 1);
    equal([ 'gr\u00fcn', 'key0', 'tag0', 'buyer' ], [ messages[0].properties.colour, messages[0].keys, messages[0].tags, messages[0].buyerId ], 'properties');
    equal(result.msgId, messages[0].msgId, 'id');
  },

  async send_large(world) {
    const producer = await world.producer();
    const body = Array.from({ length: 4000 }, (_, i) => `line ${i}\n`).join('');
    await producer.send(new Message(world.topic, 'tag', Buffer.from(body)));
    const messages = await world.consume();
    await until(() => messages.length >= 1, 'a message');
    check(String(messages[0].body) === body, 'the body differs');
  },

  async send_delay_level(world) {
    const producer = await world.producer();
    const message = world.message(0);
    message.delayTimeLevel = 2;
    await producer.send(message);
    const messages = await world.consume();
    await world.holds(messages, 1);
    const waited = messages[0].storeTimestamp - messages[0].bornTimestamp;
    check(waited >= 4000 && waited < 9000, `delivered after ${waited} ms instead of 5 s`);
  },

  async send_ordered(world) {
    const producer = await world.producer();
    const queues = [ new Set(), new Set() ];
    for (let i = 0; i < 20; i++) {
      const message = world.message(i);
      message.shardingKey = `order${i % 2}`;
      queues[i % 2].add((await producer.send(message)).messageQueue.queueId);
    }
    return `queues of one sharding key: ${queues.every(one => one.size === 1) ? 'one' : 'several'}`;
  },

  async consume_tags(world) {
    await world.send(0, 20);
    const messages = await world.consume('tag1 || other');
    await until(() => messages.length >= 10, 'ten messages');
    check(messages.every(one => one.tags === 'tag1'), 'a message with another tag');
    equal(10, messages.length, 'messages');
  },

  async consume_retry(world) {
    await world.send(0, 1);
    const messages = await world.consume('*', {}, times => {
      if (times === 1) throw new Error('not yet');
    });
    await until(() => messages.length >= 2, 'the second delivery');
    equal([ 0, 1 ], messages.map(one => one.reconsumeTimes), 'reconsume times');
  },

  async consume_continues_after_restart(world) {
    await world.send(0, 20);
    const first = await world.consume();
    await world.holds(first, 20);
    await sleep(6000); // it commits every 5 s
    Promise.resolve(promised(first.consumer.close())).catch(quiet); // waits for its long polls
    await world.send(20, 24);
    const again = await world.consume();
    await until(() => again.length >= 4, 'four messages');
    equal([ 'body 20', 'body 21', 'body 22', 'body 23' ], again.map(one => String(one.body)).sort(), 'after the restart');
  },
};

runCases({ cases, wanted, caseMillis, begin: name => new World(name), prepare: world => makeTopic(world.topic) });
