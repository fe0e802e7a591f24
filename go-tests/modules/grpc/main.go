// A grpc-go client: the health service's unary call, with no deadline in its context.
package main

import (
	"context"
	"os"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	health "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"netdeadline/go-tests/modules/talk"
)

func main() {
	conn, err := grpc.NewClient("passthrough:///"+os.Args[1], grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		panic(err)
	}
	client := health.NewHealthClient(conn)
	talk.Client(func() error {
		_, err := client.Check(context.Background(), &health.HealthCheckRequest{})
		return err
	}, func(err error) string { return status.Code(err).String() })
}
