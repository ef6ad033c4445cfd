// Command peer runs the cases of rocketmq-client-go against the nameserver given and prints one line a case:
// "case", name, seconds, result. A result is "ok", what was seen where servers differ, or "failed: ...".
//
//	peer NAMESERVER RUN [CASE...]
//	peer load ...                     (load.go)
package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/apache/rocketmq-client-go/v2/rlog"
)

// testCase returns "" for "ok", or what was seen.
type testCase struct {
	name string
	run  func(*world) string
}

const atATime = 8
const caseDeadline = 150 * time.Second

func runOne(one testCase, w *world) (result string) {
	done := make(chan string, 1)
	go func() {
		defer func() {
			if problem := recover(); problem != nil {
				if failed, is := problem.(mismatch); is {
					done <- "failed: " + failed.what
				} else {
					done <- fmt.Sprintf("failed: panic: %v", problem)
				}
			}
		}()
		seen := one.run(w)
		if seen == "" {
			seen = "ok"
		}
		done <- seen
	}()
	select {
	case result = <-done:
	case <-time.After(caseDeadline):
		result = fmt.Sprintf("failed: no end within %s", caseDeadline)
	}
	return strings.Join(strings.Fields(result), " ")
}

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "usage: peer NAMESERVER RUN [CASE...]")
		os.Exit(2)
	}
	rlog.SetLogLevel("error")
	if os.Args[1] == "load" && len(os.Args) == 7 {
		senders, err := strconv.Atoi(os.Args[5])
		fatal(err)
		pause, err := strconv.Atoi(os.Args[6])
		fatal(err)
		load(os.Args[2], os.Args[3], os.Args[4], senders, time.Duration(pause)*time.Millisecond)
	}
	wanted := map[string]bool{}
	for _, name := range os.Args[3:] {
		wanted[name] = true
	}
	broker := findBroker(os.Args[1])
	var output sync.Mutex
	var running sync.WaitGroup
	slots := make(chan struct{}, atATime)
	count := 0
	for _, one := range cases {
		if len(wanted) > 0 && !wanted[one.name] {
			continue
		}
		count++
		running.Add(1)
		slots <- struct{}{}
		go func(one testCase) {
			defer func() { <-slots; running.Done() }()
			started := time.Now()
			w := &world{nameserver: os.Args[1], broker: broker, topic: os.Args[2] + "-go-" + one.name, group: "g-" + os.Args[2] + "-go-" + one.name}
			result := runOne(one, w)
			output.Lock()
			fmt.Printf("case\t%s\t%.1f\t%s\n", one.name, time.Since(started).Seconds(), result)
			output.Unlock()
			go w.close() // a client that hangs in its shutdown holds nobody up
		}(one)
	}
	running.Wait()
	fmt.Printf("end\t%d cases\n", count)
}
