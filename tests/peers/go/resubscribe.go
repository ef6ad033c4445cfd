package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"
)

// Consumers that change what they subscribe to while they run. They look for routes every 30 s, for their
// queues every 20 s, and tell brokers of it every 30 s.

// sendNumbers sends a message a number, with its number as tag and as a property.
func (w *world) sendNumbers(topic string, first, end int) {
	made := w.producer()
	for i := first; i < end; i++ {
		message := primitive.NewMessage(topic, []byte("body "+strconv.Itoa(i))).WithTag("tag" + strconv.Itoa(i))
		message.WithProperty("number", strconv.Itoa(i))
		sent(made.SendSync(context.Background(), message))
	}
}

func into(in *inbox) handler {
	return func(_ context.Context, messages ...*primitive.MessageExt) (consumer.ConsumeResult, error) {
		in.add(messages)
		return consumer.ConsumeSuccess, nil
	}
}

// bodies are the numbers of those that came, in order.
func (in *inbox) bodies() string {
	counts := in.counts()
	var numbers []string
	for i := 0; i < 100; i++ {
		if counts["body "+strconv.Itoa(i)] > 0 {
			numbers = append(numbers, strconv.Itoa(i))
		}
	}
	return strings.Join(numbers, " ")
}

func (in *inbox) awaitBodies(numbers string) {
	await(func() bool { return in.bodies() == numbers }, "messages %s", numbers)
}

func furtherTopic(w *world) string {
	other := w.topic + "-other"
	w.makeTopic(2)
	w.makeTopicNamed(other, 2)
	w.makeRetryTopic()
	w.sendNumbers(w.topic, 0, 5)
	w.sendNumbers(other, 5, 10)
	in := &inbox{}
	made := w.consumer(everything, into(in))
	in.awaitBodies("0 1 2 3 4")
	must(made.Subscribe(other, everything, into(in)))
	in.awaitBodies("0 1 2 3 4 5 6 7 8 9")
	w.sendNumbers(w.topic, 10, 12)
	w.sendNumbers(other, 12, 14)
	in.awaitBodies("0 1 2 3 4 5 6 7 8 9 10 11 12 13")
	return ""
}

// By tags, then by other tags, then by SQL92, as the case of the same name in Java.
func otherExpression(w *world) string {
	w.makeTopic(1)
	w.makeRetryTopic()
	w.sendNumbers(w.topic, 0, 4)
	in := &inbox{}
	made := w.consumer(consumer.MessageSelector{Type: consumer.TAG, Expression: "tag0 || tag2"}, into(in))
	in.awaitBodies("0 2")
	must(made.Subscribe(w.topic, consumer.MessageSelector{Type: consumer.TAG, Expression: "tag1 || tag4 || tag6 || tag9"}, into(in)))
	sends := w.firstOf(in, 4)
	w.sendNumbers(w.topic, 8, 12)
	in.awaitBodies("0 2 4 9")
	must(made.Subscribe(w.topic, consumer.MessageSelector{Type: consumer.SQL92, Expression: "number BETWEEN 0 AND 4 OR number = 13 OR number = 15"}, into(in)))
	w.firstOf(in, 3)
	w.sendNumbers(w.topic, 12, 16)
	in.awaitBodies("0 2 3 4 9 13 15")
	if sends == 1 {
		return "the first one behind the change: came"
	}
	return "the first one behind the change: was dropped"
}

// firstOf sends that message again and again until one of them has come; says which.
func (w *world) firstOf(in *inbox, number int) int {
	count := 0
	await(func() bool {
		if in.counts()["body "+strconv.Itoa(number)] > 0 {
			return true
		}
		w.sendNumbers(w.topic, number, number+1)
		count++
		time.Sleep(time.Second)
		return false
	}, "body %d after the change", number)
	return count
}

func unsubscribe(w *world) string {
	other := w.topic + "-other"
	w.makeTopic(1)
	w.makeTopicNamed(other, 1)
	w.makeRetryTopic()
	w.sendNumbers(w.topic, 0, 2)
	w.sendNumbers(other, 2, 4)
	in := &inbox{}
	made := w.consumer(everything, into(in))
	must(made.Subscribe(other, everything, into(in)))
	in.awaitBodies("0 1 2 3")
	must(made.Unsubscribe(other))
	time.Sleep(25 * time.Second) // it says nowhere when it has given up the queues
	w.sendNumbers(other, 4, 6)
	w.sendNumbers(w.topic, 6, 8)
	await(func() bool { return strings.HasSuffix(in.bodies(), "6 7") }, "messages of the other topic")
	time.Sleep(time.Second)
	without := in.bodies()
	must(made.Subscribe(other, everything, into(in)))
	in.awaitBodies("0 1 2 3 4 5 6 7")
	return fmt.Sprintf("without the subscription: %s", without)
}
