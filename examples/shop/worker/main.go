// The shop's worker: takes orders from a Redis list, prices them, and writes the results back.
//
//	main.go     the process: environment, signals
//	ready.go    the file that says that Redis answers
//	work.go     the loop: connect, take a job, finish it, and again
//	queue.go    the queue in Redis: no job is lost, each is done at least once
//	resp.go     the Redis protocol
//	receipt.go  what a job is and what its result is: no I/O
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	log.SetFlags(0)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		log.Fatalf("error: %v", err)
	}
}

func run(ctx context.Context) error {
	address, err := parseAddress(os.Getenv("CACHE_URL"))
	if err != nil {
		return fmt.Errorf("CACHE_URL: %w", err)
	}
	worker := &worker{address: address, ready: ready{"/tmp/worker.ready"}}
	defer worker.ready.set(false)
	worker.work(ctx)
	log.Print("stopped")
	return nil
}
