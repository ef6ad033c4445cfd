#!/usr/bin/env bash
# ali-ons 3.12.0 (Node): messages with one sharding key go to one queue, except the keys that belong to queue 0: that
# number counts as "no queue" in the selection, and their messages go round all queues. With four queues that is about a
# quarter of the keys. On a topic with two brokers the key chooses only the number, and its messages alternate between the brokers.
# Why it matters: for these keys no server can keep the order that an orderly consumer relies on; a test with a few keys on
# one broker may not show it.
source "$(dirname "$0")/common.sh"
need node npm

cd "$work"
npm install --silent --no-audit --no-fund --ignore-scripts ali-ons@3.12.0 >npm.log 2>&1 || skip "npm could not fetch ali-ons 3.12.0"
echo "ali-ons $(node -p 'require("ali-ons/package.json").version'), node $(node --version)"
cat >select.js <<'JS'
const { createHash } = require('crypto');
const Message = require('ali-ons/lib/message/message');
const Topic = require('ali-ons/lib/producer/topic_publish_info');

// The queues that 40 messages of one key reach, for each number that a key belongs to (the client's own rule: MD5 modulo numbers).
function run(brokers) {
  const topic = new Topic();
  topic.messageQueueList = brokers.flatMap(brokerName => [ 0, 1, 2, 3 ].map(queueId => ({ topic: 'T', brokerName, queueId })));
  const reached = [ new Set(), new Set(), new Set(), new Set() ];
  let zero = 0;
  for (let k = 0; k < 100; k++) {
    const key = 'order-' + k;
    const home = createHash('md5').update(key).digest().readUInt32BE() % 4;
    const queues = new Set();
    for (let i = 0; i < 40; i++) {
      const message = new Message('T', 'tag', 'body');
      message.shardingKey = key;
      const { brokerName, queueId } = topic.selectOneMessageQueue(null, message);
      queues.add(`${brokerName}:${queueId}`);
    }
    if (home === 0) zero++;
    const own = [ ...queues ].every(queue => queue.endsWith(':' + home));
    reached[home].add(`${queues.size}${own ? ' with its number' : ''}`);
  }
  reached.forEach((sizes, home) => console.log(`${brokers.length} ${home}\t${[ ...sizes ].join(', ')}`));
  console.log(`keys\t${zero} of 100`);
}
run([ 'a' ]);
run([ 'a', 'b' ]);
JS
node select.js >seen
column() { awk -F'\t' -v name="$1" '$1 == name { print $2 }' seen; }
expect "one broker: queues reached by a key of number 0" "1 with its number" "4" "$(column '1 0')"
for number in 1 2 3; do
    expect "one broker: queues reached by a key of number $number" "1 with its number" "1 with its number" "$(column "1 $number")"
done
expect "two brokers: queues reached by a key of number 0" "1 with its number" "8" "$(column '2 0')"
for number in 1 2 3; do
    expect "two brokers: queues reached by a key of number $number" "1 with its number" "2 with its number" "$(column "2 $number")"
done
echo "keys that belong to number 0: $(column keys | head -n 1)"
finish
