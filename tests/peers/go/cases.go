package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"sort"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/apache/rocketmq-client-go/v2"
	"github.com/apache/rocketmq-client-go/v2/admin"
	"github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"
	"github.com/apache/rocketmq-client-go/v2/producer"
)

var everything = consumer.MessageSelector{}

// The long ones first.
var cases = []testCase{
	{"resubscribe_after_unsubscribe", unsubscribe},
	{"resubscribe_further_topic", furtherTopic},
	{"resubscribe_other_expression", otherExpression},
	{"request_reply", requestReply},
	{"transaction_check_back", checkBack},
	{"consume_retry", retry},
	{"consume_orderly", orderly},
	{"consume_broadcast", broadcast},
	{"consume_concurrent", concurrent},
	{"consume_tags", tags},
	{"consume_tags_beyond_ascii", tagsBeyondASCII},
	{"consume_tags_only_bars", onlyBars},
	{"consume_sql92", sql92},
	{"consume_continues_after_restart", restart},
	{"pull", pull},
	{"send_sync", sendSync},
	{"send_async", sendAsync},
	{"send_oneway", sendOneway},
	{"send_batch", sendBatch},
	{"send_batch_properties", batchProperties},
	{"send_delay_level", sendDelayed},
	{"send_large", sendLarge},
	{"send_properties", sendProperties},
	{"send_to_new_topic", sendToNewTopic},
	{"send_vip_channel", sendVip},
	{"transaction_commit", func(w *world) string { return local(w, primitive.CommitMessageState) }},
	{"transaction_rollback", func(w *world) string { return local(w, primitive.RollbackMessageState) }},
	{"admin_topics", adminTopics},
	{"error_unknown_topic_name", errorTopicName},
}

func findBroker(string) string { return os.Getenv("PEERS_BROKER") }

func sendSync(w *world) string {
	w.makeTopic(4)
	w.send(40)
	w.consume(everything).holds(40)
	return ""
}

func sendAsync(w *world) string {
	w.makeTopic(4)
	made := w.producer()
	var done sync.WaitGroup
	var failed atomic.Int64
	for i := 0; i < 100; i++ {
		done.Add(1)
		must(made.SendAsync(context.Background(), func(_ context.Context, _ *primitive.SendResult, err error) {
			if err != nil {
				failed.Add(1)
			}
			done.Done()
		}, w.message(i)))
	}
	done.Wait()
	check(failed.Load() == 0, "failed sends: %d", failed.Load())
	w.consume(everything).holds(100)
	return ""
}

func sendOneway(w *world) string {
	w.makeTopic(4)
	made := w.producer()
	for i := 0; i < 50; i++ {
		must(made.SendOneWay(context.Background(), w.message(i)))
	}
	w.consume(everything).holds(50)
	return ""
}

func sendBatch(w *world) string {
	w.makeTopic(1)
	made := w.producer()
	var batch []*primitive.Message
	for i := 0; i < 30; i++ {
		batch = append(batch, w.message(i))
	}
	result := sent(made.SendSync(context.Background(), batch...))
	in := w.consume(everything)
	in.holds(30)
	ids := map[string]bool{}
	for _, one := range in.all() {
		ids[one.MsgId] = true
	}
	check(len(ids) == 30, "different ids: %d, not 30", len(ids))
	return fmt.Sprintf("ids told to the producer: %d", len(strings.Split(result.MsgID, ",")))
}

// Go's batches come with code 310.
func batchProperties(w *world) string {
	w.makeTopic(1)
	sent(w.producer().SendSync(context.Background(), w.message(0), w.message(1)))
	in := w.consume(everything)
	in.await(2)
	var names []string
	for name := range in.all()[0].GetProperties() {
		names = append(names, name)
	}
	sort.Strings(names)
	return strings.Join(names, " ")
}

func sendDelayed(w *world) string {
	w.makeTopic(1)
	in := w.consume(everything)
	sent(w.producer().SendSync(context.Background(), w.message(0).WithDelayTimeLevel(2)))
	in.holds(1)
	got := in.all()[0]
	waited := got.StoreTimestamp - got.BornTimestamp
	check(waited >= 4000 && waited < 9000, "delivered after %d ms instead of 5 s", waited)
	return ""
}

func sendLarge(w *world) string {
	w.makeTopic(1)
	var text bytes.Buffer
	for i := 0; i < 4000; i++ {
		fmt.Fprintf(&text, "line %d\n", i)
	}
	sent(w.producer().SendSync(context.Background(), primitive.NewMessage(w.topic, text.Bytes())))
	in := w.consume(everything)
	in.await(1)
	check(bytes.Equal(text.Bytes(), in.all()[0].Body), "the body differs")
	return ""
}

func sendProperties(w *world) string {
	w.makeTopic(1)
	message := primitive.NewMessage(w.topic, []byte("body 0")).WithKeys([]string{"k1", "k2"})
	message.WithProperty("colour", "gr\u00fcn")
	result := sent(w.producer().SendSync(context.Background(), message))
	in := w.consume(everything)
	in.holds(1)
	got := in.all()[0]
	check(got.GetProperty("colour") == "gr\u00fcn", "property: %q", got.GetProperty("colour"))
	check(got.GetKeys() == "k1 k2", "keys: %q", got.GetKeys())
	check(got.MsgId == result.MsgID, "id %s, not %s", got.MsgId, result.MsgID)
	return ""
}

func sendToNewTopic(w *world) string {
	w.send(8)
	w.consume(everything).holds(8)
	return ""
}

func sendVip(w *world) string {
	w.makeTopic(1)
	made := w.producer(producer.WithVIPChannel(true))
	for i := 0; i < 5; i++ {
		sent(made.SendSync(context.Background(), w.message(i)))
	}
	w.consume(everything).holds(5)
	return ""
}

func concurrent(w *world) string {
	w.makeTopic(4)
	in := w.consume(everything)
	w.send(200)
	in.holds(200)
	return ""
}

func orderly(w *world) string {
	w.makeTopic(4)
	made := w.producer(producer.WithQueueSelector(producer.NewHashQueueSelector()))
	for i := 0; i < 80; i++ {
		message := primitive.NewMessage(w.topic, []byte(fmt.Sprintf("%d:%d", i%5, i/5))).WithShardingKey(strconv.Itoa(i % 5))
		sent(made.SendSync(context.Background(), message))
	}
	in := w.consume(everything, consumer.WithConsumerOrder(true))
	in.await(80)
	next := map[string]int{}
	for _, one := range in.all() {
		order, place, _ := strings.Cut(string(one.Body), ":")
		check(place == strconv.Itoa(next[order]), "place in order %s: %s, not %d", order, place, next[order])
		next[order]++
	}
	return ""
}

func broadcast(w *world) string {
	w.makeTopic(2)
	var inboxes []*inbox
	for i := 0; i < 2; i++ {
		inboxes = append(inboxes, w.consume(everything, consumer.WithConsumerModel(consumer.BroadCasting)))
	}
	w.send(10)
	for _, in := range inboxes {
		in.holds(10)
	}
	return ""
}

func tags(w *world) string {
	w.makeTopic(2)
	w.send(20)
	in := w.consume(consumer.MessageSelector{Type: consumer.TAG, Expression: "tag1 || other"})
	in.await(10)
	for _, one := range in.all() {
		check(one.GetTags() == "tag1", "tag %s", one.GetTags())
	}
	check(len(in.all()) == 10, "messages: %d", len(in.all()))
	return ""
}

// Go's own hash of such a tag is not Java's.
func tagsBeyondASCII(w *world) string {
	w.makeTopic(1)
	made := w.producer()
	sent(made.SendSync(context.Background(), primitive.NewMessage(w.topic, []byte("body 0")).WithTag("\u6807\u7b7e")))
	in := w.consume(consumer.MessageSelector{Type: consumer.TAG, Expression: "\u6807\u7b7e"})
	for end := time.Now().Add(8 * time.Second); time.Now().Before(end) && len(in.all()) == 0; {
		time.Sleep(50 * time.Millisecond)
	}
	return fmt.Sprintf("delivered: %d", len(in.all()))
}

func onlyBars(w *world) string {
	w.makeTopic(1)
	w.send(2)
	in := w.consume(consumer.MessageSelector{Type: consumer.TAG, Expression: "||"})
	time.Sleep(4 * time.Second)
	return fmt.Sprintf("delivered: %d", len(in.all()))
}

func sql92(w *world) string {
	w.makeTopic(2)
	made := w.producer()
	for i := 0; i < 20; i++ {
		message := w.message(i)
		message.WithProperty("a", strconv.Itoa(i))
		sent(made.SendSync(context.Background(), message))
	}
	in := w.consume(consumer.MessageSelector{Type: consumer.SQL92, Expression: "a BETWEEN 5 AND 14 AND TAGS = 'tag1'"})
	in.await(5)
	check(len(in.all()) == 5, "messages: %d, not 5", len(in.all()))
	return ""
}

func retry(w *world) string {
	w.makeTopic(1)
	w.makeRetryTopic()
	var lock sync.Mutex
	var times []int32
	w.consumer(everything, func(ctx context.Context, messages ...*primitive.MessageExt) (consumer.ConsumeResult, error) {
		lock.Lock()
		defer lock.Unlock()
		for _, one := range messages {
			times = append(times, one.ReconsumeTimes)
		}
		if inner, has := primitive.GetConcurrentlyCtx(ctx); has {
			inner.DelayLevelWhenNextConsume = 1
		}
		if len(times) < 2 {
			return consumer.ConsumeRetryLater, nil
		}
		return consumer.ConsumeSuccess, nil
	})
	w.send(1)
	await(func() bool { lock.Lock(); defer lock.Unlock(); return len(times) >= 2 }, "two deliveries")
	check(times[0] == 0 && times[1] == 1, "reconsume times %v", times)
	return ""
}

func restart(w *world) string {
	w.makeTopic(1)
	w.send(20)
	in := &inbox{}
	first := w.consumer(everything, func(_ context.Context, messages ...*primitive.MessageExt) (consumer.ConsumeResult, error) {
		in.add(messages)
		return consumer.ConsumeSuccess, nil
	})
	in.holds(20)
	time.Sleep(300 * time.Millisecond)
	must(first.Shutdown())
	again := w.consume(everything)
	made := w.producer()
	for i := 20; i < 24; i++ {
		sent(made.SendSync(context.Background(), w.message(i)))
	}
	again.await(4)
	counts := again.counts()
	check(len(counts) == 4 && counts["body 20"] == 1 && counts["body 23"] == 1, "after the restart: %v", counts)
	return ""
}

func pull(w *world) string {
	w.makeTopic(2)
	w.send(20)
	puller, err := rocketmq.NewPullConsumer(append(consumerTLS(),
		consumer.WithNsResolver(primitive.NewPassthroughResolver([]string{w.nameserver})),
		consumer.WithGroupName(w.group), consumer.WithInstance(w.instance()))...)
	must(err)
	must(puller.Subscribe(w.topic, everything))
	must(puller.Start()) // it runs on: its Shutdown may end the program while its own pulls are under way
	tool := w.admin()
	defer tool.Close()
	queues, err := tool.FetchPublishMessageQueues(context.Background(), w.topic)
	must(err)
	found := 0
	for _, queue := range queues {
		next := int64(0)
		for {
			result, err := puller.PullFrom(context.Background(), queue, next, 4)
			must(err)
			if result.Status != primitive.PullFound {
				break
			}
			found += len(result.GetMessageExts())
			next = result.NextBeginOffset
			if next >= result.MaxOffset {
				break // a pull at the end would wait for 20 s
			}
		}
	}
	check(found == 20, "messages: %d, not 20", found)
	return ""
}

type listener struct {
	local primitive.LocalTransactionState
	check func(*primitive.MessageExt) primitive.LocalTransactionState
}

func (l *listener) ExecuteLocalTransaction(*primitive.Message) primitive.LocalTransactionState {
	return l.local
}

func (l *listener) CheckLocalTransaction(message *primitive.MessageExt) primitive.LocalTransactionState {
	return l.check(message)
}

func (w *world) transactions(l *listener) rocketmq.TransactionProducer {
	options := append(producerTLS(), producer.WithNsResolver(primitive.NewPassthroughResolver([]string{w.nameserver})),
		producer.WithGroupName("p-"+w.group), producer.WithInstanceName(w.instance()), producer.WithSendMsgTimeout(10*time.Second))
	made, err := rocketmq.NewTransactionProducer(l, options...)
	must(err)
	must(made.Start())
	w.closers = append(w.closers, made.Shutdown)
	return made
}

func local(w *world, state primitive.LocalTransactionState) string {
	w.makeTopic(2)
	in := w.consume(everything)
	made := w.transactions(&listener{local: state, check: func(*primitive.MessageExt) primitive.LocalTransactionState { return state }})
	for i := 0; i < 5; i++ {
		result, err := made.SendMessageInTransaction(context.Background(), w.message(i))
		must(err)
		check(result.State == state, "state %d", result.State)
	}
	if state == primitive.CommitMessageState {
		in.holds(5)
	} else {
		w.send(1)
		in.holds(1)
	}
	return ""
}

func checkBack(w *world) string {
	w.makeTopic(2)
	in := w.consume(everything)
	var checks atomic.Int64
	// 3 is "unknown", under another name in each version.
	made := w.transactions(&listener{local: primitive.LocalTransactionState(3), check: func(message *primitive.MessageExt) primitive.LocalTransactionState {
		checks.Add(1)
		number, err := strconv.Atoi(strings.TrimPrefix(string(message.Body), "body "))
		if err != nil || number%2 == 1 {
			return primitive.RollbackMessageState
		}
		return primitive.CommitMessageState
	}})
	for i := 0; i < 6; i++ {
		_, err := made.SendMessageInTransaction(context.Background(), w.message(i))
		must(err)
	}
	in.await(3)
	await(func() bool { return checks.Load() >= 6 }, "six checks")
	counts := in.counts()
	check(len(counts) == 3 && counts["body 0"] == 1 && counts["body 2"] == 1 && counts["body 4"] == 1, "delivered: %v", counts)
	return ""
}

func requestReply(w *world) string {
	w.makeTopic(1)
	answers := w.producer()
	w.consumer(everything, func(_ context.Context, messages ...*primitive.MessageExt) (consumer.ConsumeResult, error) {
		for _, one := range messages {
			reply, err := consumer.CreateReplyMessage(one, []byte("re: "+string(one.Body)))
			if err == nil {
				_, _ = answers.SendSync(context.Background(), reply)
			}
		}
		return consumer.ConsumeSuccess, nil
	})
	asker := w.producer()
	// A reply finds a Go requester after its first heartbeat to the broker, up to 30 s after its first send.
	for end := time.Now().Add(patience); ; {
		reply, err := asker.Request(context.Background(), 5*time.Second, w.message(1))
		if err == nil {
			return fmt.Sprintf("body of the reply: %d bytes", len(reply.Body)) // its CreateReplyMessage loses the body
		}
		check(time.Now().Before(end), "no reply: %v", err)
	}
}

func adminTopics(w *world) string {
	w.makeTopic(3)
	tool := w.admin()
	defer tool.Close()
	list, err := tool.FetchAllTopicList(context.Background())
	must(err)
	check(strings.Contains(strings.Join(list.TopicList, " ")+" ", w.topic+" "), "the topic is not in the list")
	queues, err := tool.FetchPublishMessageQueues(context.Background(), w.topic)
	must(err)
	check(len(queues) == 3, "queues: %d", len(queues))
	must(tool.DeleteTopic(context.Background(), admin.WithTopicDelete(w.topic), admin.WithBrokerAddrDelete(w.broker),
		admin.WithNameSrvAddr([]string{w.nameserver})))
	await(func() bool {
		list, err = tool.FetchAllTopicList(context.Background())
		return err == nil && !strings.Contains(strings.Join(list.TopicList, " ")+" ", w.topic+" ")
	}, "the topic's end in the list")
	return ""
}

func errorTopicName(w *world) string {
	made := w.producer(producer.WithRetry(0))
	_, err := made.SendSync(context.Background(), primitive.NewMessage("%topic", []byte("x")))
	return outcome(err)
}
