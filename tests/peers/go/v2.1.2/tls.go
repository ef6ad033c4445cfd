package main

import (
	"github.com/apache/rocketmq-client-go/v2/admin"
	"github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/producer"
)

// This version speaks no TLS.

func producerTLS() []producer.Option { return nil }
func consumerTLS() []consumer.Option { return nil }
func adminTLS() []admin.AdminOption  { return nil }
