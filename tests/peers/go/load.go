package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/apache/rocketmq-client-go/v2"
	"github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"
	"github.com/apache/rocketmq-client-go/v2/producer"
)

// load sends numbered messages and consumes them with a group, whatever happens to the servers, and prints a line for
// each message that was acknowledged ("sent"), whose send failed ("failed") or that came ("got"): word, TAB, number,
// TAB, milliseconds since 1970, and the reason of a failure.
//
//	peer load NAMESERVER TOPIC GROUP SENDERS PAUSE_MILLIS
//
// A line on the standard input ends the sending ("stopped"), the input's end everything.
func load(nameserver, topic, group string, senders int, pause time.Duration) {
	var output sync.Mutex
	say := func(what, number, reason string) {
		output.Lock()
		defer output.Unlock()
		fmt.Printf("%s\t%s\t%d\t%s\n", what, number, time.Now().UnixMilli(), strings.Join(strings.Fields(reason), " "))
	}
	resolver := primitive.NewPassthroughResolver([]string{nameserver})
	sender, err := rocketmq.NewProducer(producer.WithNsResolver(resolver), producer.WithGroupName("p-"+group),
		producer.WithInstanceName("sender"), producer.WithRetry(2))
	fatal(err)
	fatal(sender.Start())
	receiver, err := rocketmq.NewPushConsumer(consumer.WithNsResolver(resolver), consumer.WithGroupName(group),
		consumer.WithInstance("receiver"), consumer.WithConsumeFromWhere(consumer.ConsumeFromFirstOffset))
	fatal(err)
	fatal(receiver.Subscribe(topic, everything, func(_ context.Context, messages ...*primitive.MessageExt) (consumer.ConsumeResult, error) {
		for _, one := range messages {
			say("got", string(one.Body), "")
		}
		return consumer.ConsumeSuccess, nil
	}))
	fatal(receiver.Start())

	var next atomic.Int64
	var stopped atomic.Bool
	var running sync.WaitGroup
	for i := 0; i < senders; i++ {
		running.Add(1)
		go func() {
			defer running.Done()
			for !stopped.Load() {
				number := strconv.FormatInt(next.Add(1)-1, 10)
				result, err := sender.SendSync(context.Background(), primitive.NewMessage(topic, []byte(number)))
				switch {
				case err != nil:
					say("failed", number, err.Error())
					time.Sleep(20 * time.Millisecond) // a refused connection fails at once
				case result.Status != primitive.SendOK:
					say("failed", number, fmt.Sprintf("status %d", result.Status))
				default:
					say("sent", number, "")
					time.Sleep(pause)
				}
			}
		}()
	}
	input := bufio.NewScanner(os.Stdin)
	if input.Scan() {
		stopped.Store(true)
		running.Wait()
		fmt.Println("stopped")
		for input.Scan() {
		}
	}
	os.Exit(0)
}

func fatal(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
