package main

import (
	"context"
	"log"
	"math/rand/v2"
	"time"
)

const (
	shortestWait = 100 * time.Millisecond
	longestWait  = 5 * time.Second
)

type worker struct {
	address address
	// ready is set while Redis answers: take asks it every two seconds, or fails.
	ready ready
}

// work runs until ctx ends. A job that was begun is finished first.
func (w *worker) work(ctx context.Context) {
	for wait := shortestWait; ctx.Err() == nil; {
		err := w.workOnce(ctx, func() { wait = shortestWait })
		w.ready.set(false)
		if ctx.Err() != nil {
			return
		}
		pause := jittered(wait)
		log.Printf("%v; again in %v", err, pause.Round(time.Millisecond))
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
		wait = min(2*wait, longestWait)
	}
}

// jittered spreads workers that lost the same Redis.
func jittered(wait time.Duration) time.Duration {
	return wait/2 + rand.N(wait/2)
}

// workOnce works with one connection until that or ctx ends; it calls progress after each reply.
func (w *worker) workOnce(ctx context.Context, progress func()) error {
	client, err := dial(ctx, w.address)
	if err != nil {
		return err
	}
	defer client.close()
	q := queue{client}
	recovered, err := q.recover()
	if err != nil {
		return err
	}
	w.ready.set(true)
	log.Printf("connected to %s, %d unfinished jobs put back", w.address.host, recovered)
	for {
		text, err := q.take(ctx)
		if err != nil {
			return err
		}
		progress()
		if text == "" {
			continue
		}
		if err := do(q, text); err != nil {
			return err
		}
	}
}

func do(q queue, text string) error {
	job, err := parseJob(text)
	if err != nil {
		log.Printf("set aside in %s: %v: %.200q", failedKey, err, text)
		return q.fail(text)
	}
	result := job.result()
	if err := q.finish(text, job.Order, result); err != nil {
		return err
	}
	log.Printf("order %d: %s", job.Order, result.Receipt)
	return nil
}
