'use strict';
// Runs the cases of rocketmq-client-nodejs, which speaks gRPC with Apache's proxy, and prints one line a case: "case",
// name, seconds, result. A result is "ok", what was seen where servers differ, or "failed: ...". What was sent is read
// back from the broker itself.
//
//   node peer.js NAMESERVER RUN [CASE...]     (PEERS_PROXY, PEERS_BROKER: addresses)

const [ , run, ...wanted ] = process.argv.slice(2);
if (!run) {
  console.error('usage: node peer.js NAMESERVER RUN [CASE...]');
  process.exit(2);
}
const { Producer, SimpleConsumer } = require('rocketmq-client-nodejs');
const { TransactionResolution } = require('rocketmq-client-nodejs/proto/apache/rocketmq/v2/definition_pb');
const { makeTopic, readTopic } = require('./wire.js');
const { patienceMillis, quiet, logger, sleep, check, equal, until, runCases } = require('./cases.js');

const caseMillis = 120000;

// What one case has: a topic and a group of its own, and clients that are closed after it.
class World {
  constructor(name) {
    this.topic = `${run}-grpcjs-${name}`;
    this.group = `g-${this.topic}`;
    this.clients = [];
  }

  // The type of its messages, an attribute of the topic that the proxy asks the broker for.
  makeTopic(type) {
    return makeTopic(this.topic, type);
  }

  async started(client) {
    this.clients.push(client);
    await client.startup();
    return client;
  }

  options(more) {
    return Object.assign({ endpoints: process.env.PEERS_PROXY, namespace: '', requestTimeout: 10000, logger }, more);
  }

  producer(more) {
    return this.started(new Producer(this.options({ topics: [ this.topic ], ...more })));
  }

  message(number, more) {
    return { topic: this.topic, tag: `tag${number % 2}`, keys: [ `key${number}` ], body: Buffer.from(`body ${number}`), ...more };
  }

  async bodies() {
    return (await readTopic(this.topic)).map(one => one.body).sort();
  }

  close() {
    for (const client of this.clients) Promise.resolve(client.shutdown()).catch(quiet);
  }
}

// An error as its code and its words up to the first comma, without what differs from run to run.
const told = error => `${error.code ? `code ${error.code} ` : ''}${error.message.replace(/^\[.*?\]\s*/, '').split(/[,;]|For more/)[0]}`.trim();

const numbered = (from, to) => Array.from({ length: to - from }, (_, i) => `body ${i + from}`).sort();

async function transaction(world, action, more) {
  await world.makeTopic('TRANSACTION');
  const checked = [];
  const producer = await world.producer({
    checker: {
      async check(message) {
        checked.push(String(message.body));
        return TransactionResolution.COMMIT;
      },
    },
  });
  const transaction = producer.beginTransaction();
  const receipt = await producer.send(world.message(0, more), transaction);
  check(receipt.transactionId, 'no transaction id');
  equal([], await world.bodies(), 'before the end');
  await action(transaction, checked);
}

const cases = {
  async send_sync(world) {
    await world.makeTopic('NORMAL');
    const producer = await world.producer();
    const ids = [];
    for (let i = 0; i < 20; i++) ids.push((await producer.send(world.message(i, { properties: new Map([[ 'colour', 'gr\u00fcn' ]]) }))).messageId);
    equal(numbered(0, 20), await world.bodies(), 'bodies');
    const [ first ] = (await readTopic(world.topic)).filter(one => one.body === 'body 0');
    equal([ 'tag0', 'key0', 'gr\u00fcn', ids[0] ], [ 'TAGS', 'KEYS', 'colour', 'UNIQ_KEY' ].map(name => first.properties[name]), 'properties');
  },

  async send_large(world) {
    await world.makeTopic('NORMAL');
    const producer = await world.producer();
    const body = Array.from({ length: 4000 }, (_, i) => `line ${i}\n`).join('');
    await producer.send(world.message(0, { body: Buffer.from(body) }));
    check((await world.bodies())[0] === body, 'the body differs');
  },

  async send_ordered(world) {
    await world.makeTopic('FIFO');
    const producer = await world.producer();
    for (let i = 0; i < 10; i++) await producer.send(world.message(i, { messageGroup: 'one' }));
    const messages = await readTopic(world.topic);
    equal(numbered(0, 10), messages.map(one => one.body), 'bodies');
    equal(1, new Set(messages.map(one => one.queue)).size, 'queues');
  },

  async send_wrong_type(world) {
    await world.makeTopic('NORMAL');
    const producer = await world.producer();
    return producer.send(world.message(0, { delay: 3000 })).then(() => 'accepted', told);
  },

  async send_to_unknown_topic(world) {
    const producer = await world.started(new Producer(world.options()));
    return producer.send(world.message(0)).then(() => 'accepted', told);
  },

  async timer_delay(world) {
    await world.makeTopic('DELAY');
    const producer = await world.producer();
    await producer.send(world.message(0, { delay: 3000 }));
    equal([], await world.bodies(), 'at once');
    await until(async () => (await world.bodies()).length, 'the message');
    const [ one ] = await readTopic(world.topic);
    const waited = one.stored - one.born;
    check(waited >= 1900 && waited < 8000, `delivered after ${waited} ms instead of 3 s`);
  },

  async timer_recall(world) {
    await world.makeTopic('DELAY');
    const producer = await world.producer();
    const receipt = await producer.send(world.message(0, { delay: 6000 }));
    check(receipt.recallHandle, 'no recall handle');
    await producer.send(world.message(1, { delay: 8000 }));
    equal(receipt.messageId, (await producer.recallMessage(world.topic, receipt.recallHandle)).messageId, 'id of what was recalled');
    await until(async () => (await world.bodies()).length, 'the message');
    equal([ 'body 1' ], await world.bodies(), 'delivered');
  },

  transaction_commit(world) {
    return transaction(world, async transaction => {
      await transaction.commit();
      await until(async () => (await world.bodies()).length, 'the message');
      equal([ 'body 0' ], await world.bodies(), 'after the commit');
    });
  },

  transaction_rollback(world) {
    return transaction(world, async (transaction, checked) => {
      await transaction.rollback();
      await sleep(6000);
      equal([ [], [] ], [ await world.bodies(), checked ], 'after the rollback');
    });
  },

  transaction_check_back(world) {
    return transaction(world, async (_, checked) => {
      await until(async () => (await world.bodies()).length, 'the message');
      equal([ 'body 0' ], checked, 'checked');
    });
  },

  async receive(world) {
    await world.makeTopic('NORMAL');
    const producer = await world.producer();
    for (let i = 0; i < 4; i++) await producer.send(world.message(i));
    const consumer = await world.started(new SimpleConsumer(world.options({
      consumerGroup: world.group, subscriptions: new Map([[ world.topic, '*' ]]), awaitDuration: 5000, maxRetryAttempts: 1,
    })));
    const bodies = [];
    const deadline = Date.now() + patienceMillis;
    while (bodies.length < 4 && Date.now() < deadline) {
      let messages;
      try {
        messages = await consumer.receive(4, 30000);
      } catch (error) {
        return `refused: ${told(error)}`;
      }
      for (const message of messages) {
        bodies.push(String(message.body));
        await consumer.ack(message);
      }
    }
    equal(numbered(0, 4), bodies.sort(), 'received');
  },
};

runCases({ cases, wanted, caseMillis, begin: name => new World(name) });
