// A go-redis client. `get` reads a key, `pop` waits for a list to have an element (for ever, which is BLPOP's 0; the list
// has one until it is silenced). Its own timeouts of 3 s are off, as for blocking commands they must be; `own` leaves them on.
package main

import (
	"context"
	"errors"
	"os"
	"time"

	"github.com/redis/go-redis/v9"

	"netdeadline/go-tests/modules/talk"
)

func main() {
	options := &redis.Options{Addr: os.Args[1], MaxRetries: -1, DialTimeout: time.Hour, ReadTimeout: -1, WriteTimeout: -1}
	kind := os.Args[2]
	if kind == "own" {
		options.ReadTimeout, options.WriteTimeout = 0, 0
	}
	client := redis.NewClient(options)
	ctx := context.Background()
	talk.Client(func() error {
		if kind == "pop" {
			if err := client.RPush(ctx, "list", "element").Err(); err != nil {
				return err
			}
			return client.BLPop(ctx, 0, "list").Err()
		}
		if err := client.Get(ctx, "key").Err(); !errors.Is(err, redis.Nil) {
			return err
		}
		return nil
	}, nil)
}
