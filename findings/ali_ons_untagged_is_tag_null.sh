#!/usr/bin/env bash
# ali-ons 3.12.0 and rocketmq 2.0.1 (Node): a message made without a tag is sent with the tag "null", four letters, not
# without one. Its tag hash is 3392903 ("null".hashCode() in Java) where a message without tag has 0.
# In both, waitStoreMsgOK reads true right after it was set to false.
# Why it matters: consumers in other languages see a tag that nobody wrote; a group that subscribes to a tag named null gets
# every untagged message of Node's producers; a bridge cannot tell "no tag" from the tag null.
source "$(dirname "$0")/common.sh"
need node npm

cd "$work"
npm install --silent --no-audit --no-fund --ignore-scripts ali-ons@3.12.0 rocketmq@2.0.1 >npm.log 2>&1 || skip "npm could not fetch the two packages"
cat >untagged.js <<'JS'
const name = process.argv[2];
const Message = require(name + '/lib/message/message');
const Producer = require(name + '/lib/producer/mq_producer');
const { hashCode } = require(name + '/lib/utils');

// The client's own last step before the wire, with an object in the place of the connection that keeps the request.
let request;
const producer = Object.create(Producer.prototype, {
  _mqClient: { value: { findBrokerAddressInPublish: () => 'nowhere', sendMessage: (...args) => { request = args[3]; } } },
  options: { value: { compressMsgBodyOverHowmuch: 4096 } },
  producerGroup: { value: 'G' }, createTopicKey: { value: 'TBW102' }, defaultTopicQueueNums: { value: 4 }, unitMode: { value: false },
});
const message = new Message('T', 'body');
const sent = producer.sendKernelImpl(message, { topic: 'T', brokerName: 'b', queueId: 0 });
if (typeof sent.next === 'function') sent.next(); // a generator in rocketmq 2.0.1
Promise.resolve(sent).then(() => {
  console.log('properties\t' + JSON.stringify(request.properties));
  console.log('hash\t' + hashCode(request.properties.split('\u0001')[1].split('\u0002')[0]));
  message.waitStoreMsgOK = false;
  console.log('wait\t' + message.waitStoreMsgOK);
});
JS
for package in ali-ons rocketmq; do
    echo "== $package $(node -p "require('$package/package.json').version"), node $(node --version)"
    node untagged.js $package >seen
    column() { awk -F'\t' -v name="$1" '$1 == name { print $2 }' seen; }
    expect "properties sent with an untagged message" 'none, ""' '"TAGS\u0001null\u0002"' "$(column properties)"
    expect "its tag hash" "0" "3392903" "$(column hash)"
    expect "waitStoreMsgOK after it was set to false" "false" "true" "$(column wait)"
done
finish
