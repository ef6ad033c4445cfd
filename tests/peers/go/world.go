package main

import (
	"context"
	"errors"
	"fmt"
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

const patience = 60 * time.Second

var instances atomic.Int64

// world is what one case has: a topic and a group of its own, and clients that are shut down after it.
type world struct {
	nameserver string
	broker     string
	topic      string
	group      string
	closers    []func() error
}

// mismatch is a failed check: its text is the case's result.
type mismatch struct{ what string }

func check(holds bool, format string, arguments ...any) {
	if !holds {
		panic(mismatch{fmt.Sprintf(format, arguments...)})
	}
}

func must(err error) {
	if err != nil {
		panic(mismatch{err.Error()})
	}
}

func await(condition func() bool, format string, arguments ...any) {
	for deadline := time.Now().Add(patience); !condition(); time.Sleep(20 * time.Millisecond) {
		check(time.Now().Before(deadline), "waited in vain: "+format, arguments...)
	}
}

func (w *world) close() {
	for i := len(w.closers) - 1; i >= 0; i-- {
		_ = w.closers[i]()
	}
}

func (w *world) instance() string {
	return fmt.Sprintf("go%d", instances.Add(1))
}

func (w *world) makeTopic(queues int) { w.makeTopicNamed(w.topic, queues) }

// A client that asks for the route of its retry topic too early asks again after 30 s only.
func (w *world) makeRetryTopic() { w.makeTopicNamed("%RETRY%"+w.group, 1) }

func (w *world) admin() admin.Admin {
	options := append(adminTLS(), admin.WithResolver(primitive.NewPassthroughResolver([]string{w.nameserver})))
	tool, err := admin.NewAdmin(options...)
	must(err)
	return tool
}

func (w *world) makeTopicNamed(name string, queues int) {
	tool := w.admin()
	defer tool.Close()
	must(tool.CreateTopic(context.Background(), admin.WithTopicCreate(name), admin.WithBrokerAddrCreate(w.broker),
		admin.WithReadQueueNums(queues), admin.WithWriteQueueNums(queues)))
	await(func() bool {
		_, err := tool.FetchPublishMessageQueues(context.Background(), name)
		return err == nil
	}, "the topic's route")
}

func (w *world) producer(options ...producer.Option) rocketmq.Producer {
	options = append([]producer.Option{
		producer.WithNsResolver(primitive.NewPassthroughResolver([]string{w.nameserver})),
		producer.WithGroupName("p-" + w.group), producer.WithInstanceName(w.instance()), producer.WithSendMsgTimeout(10 * time.Second),
	}, append(producerTLS(), options...)...)
	made, err := rocketmq.NewProducer(options...)
	must(err)
	must(made.Start())
	w.closers = append(w.closers, made.Shutdown)
	return made
}

func (w *world) message(number int) *primitive.Message {
	message := primitive.NewMessage(w.topic, []byte("body "+strconv.Itoa(number)))
	message.WithTag("tag" + strconv.Itoa(number%2)).WithKeys([]string{"key" + strconv.Itoa(number)})
	return message
}

func sent(result *primitive.SendResult, err error) *primitive.SendResult {
	must(err)
	check(result.Status == primitive.SendOK, "status of a send: %d", result.Status)
	return result
}

func (w *world) send(count int) {
	made := w.producer()
	for i := 0; i < count; i++ {
		sent(made.SendSync(context.Background(), w.message(i)))
	}
}

// inbox holds what a consumer was given, in that order.
type inbox struct {
	lock     sync.Mutex
	messages []*primitive.MessageExt
}

func (in *inbox) add(more []*primitive.MessageExt) {
	in.lock.Lock()
	defer in.lock.Unlock()
	in.messages = append(in.messages, more...)
}

func (in *inbox) all() []*primitive.MessageExt {
	in.lock.Lock()
	defer in.lock.Unlock()
	return append([]*primitive.MessageExt(nil), in.messages...)
}

func (in *inbox) counts() map[string]int {
	counts := map[string]int{}
	for _, one := range in.all() {
		counts[string(one.Body)]++
	}
	return counts
}

func (in *inbox) await(count int) {
	await(func() bool { return len(in.all()) >= count }, "%d messages", count)
}

// holds waits for exactly these bodies, each once.
func (in *inbox) holds(count int) {
	in.await(count)
	counts := in.counts()
	for i := 0; i < count; i++ {
		check(counts["body "+strconv.Itoa(i)] == 1, "deliveries of body %d: %d, not 1", i, counts["body "+strconv.Itoa(i)])
	}
	check(len(in.all()) == count, "messages: %d, not %d", len(in.all()), count)
}

type handler = func(context.Context, ...*primitive.MessageExt) (consumer.ConsumeResult, error)

func (w *world) consumer(selector consumer.MessageSelector, handle handler, options ...consumer.Option) rocketmq.PushConsumer {
	options = append([]consumer.Option{
		consumer.WithNsResolver(primitive.NewPassthroughResolver([]string{w.nameserver})),
		consumer.WithGroupName(w.group), consumer.WithInstance(w.instance()), consumer.WithConsumeFromWhere(consumer.ConsumeFromFirstOffset),
	}, append(consumerTLS(), options...)...)
	made, err := rocketmq.NewPushConsumer(options...)
	must(err)
	must(made.Subscribe(w.topic, selector, handle))
	must(made.Start())
	w.closers = append(w.closers, made.Shutdown)
	return made
}

func (w *world) consume(selector consumer.MessageSelector, options ...consumer.Option) *inbox {
	in := &inbox{}
	w.consumer(selector, func(_ context.Context, messages ...*primitive.MessageExt) (consumer.ConsumeResult, error) {
		in.add(messages)
		return consumer.ConsumeSuccess, nil
	}, options...)
	return in
}

// outcome is "done" or the error as a word that does not change from run to run.
func outcome(err error) string {
	if err == nil {
		return "done"
	}
	var broker *primitive.MQBrokerErr
	if errors.As(err, &broker) {
		return fmt.Sprintf("code %d", broker.ResponseCode)
	}
	return strings.SplitN(err.Error(), ":", 2)[0]
}
