package main

import (
	"os"

	"github.com/apache/rocketmq-client-go/v2/admin"
	"github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/producer"
)

// With PEERS_TLS every connection is made with TLS. This client takes any certificate.
var useTLS = os.Getenv("PEERS_TLS") != ""

func producerTLS() []producer.Option { return []producer.Option{producer.WithTls(useTLS)} }
func consumerTLS() []consumer.Option { return []consumer.Option{consumer.WithTls(useTLS)} }
func adminTLS() []admin.AdminOption  { return []admin.AdminOption{admin.WithTls(useTLS)} }
