// A pgx client: one query through its pool, with no deadline in its context.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"netdeadline/go-tests/modules/talk"
)

func main() {
	ctx := context.Background()
	// The pool asks an idle connection for life only after a minute, and connects at most once for each call here.
	config, err := pgxpool.ParseConfig("postgres://postgres@" + os.Args[1] + "/postgres?sslmode=disable&pool_max_conns=8")
	if err != nil {
		panic(err)
	}
	// pgx otherwise takes two minutes for a connect.
	config.ConnConfig.ConnectTimeout = 0
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		panic(err)
	}
	talk.Client(func() error {
		var answer int
		err := pool.QueryRow(ctx, "select 6 * 7").Scan(&answer)
		if err == nil && answer != 42 {
			return fmt.Errorf("the answer is %d", answer)
		}
		return err
	}, func(err error) string { return fmt.Sprint("pgconn.Timeout ", pgconn.Timeout(err)) })
}
