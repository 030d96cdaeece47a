package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"
)

// The keys that are shared with the api, and two of our own. A job is always in one of the three lists:
// taking it moves it to `working`, and only its result (or its failure) removes it there.
const (
	jobsKey    = "shop:jobs"
	workingKey = "shop:jobs:working"
	failedKey  = "shop:jobs:failed"
	resultsKey = "shop:results"
)

// takeWait is how long Redis holds an empty-handed request for a job.
const takeWait = 2 * time.Second

type queue struct{ *client }

// recover puts back what a worker that was killed had taken. With several workers a job may be done
// twice, which is harmless.
func (q queue) recover() (int, error) {
	for count := 0; ; count++ {
		reply, err := q.do("LMOVE", workingKey, jobsKey, "LEFT", "RIGHT")
		if err != nil || reply == nil {
			return count, err
		}
	}
}

// take returns the oldest job, or "" when none came in time.
func (q queue) take(ctx context.Context) (string, error) {
	seconds := strconv.Itoa(int(takeWait.Seconds()))
	reply, err := q.doUntil(ctx, takeWait+commandTimeout, "BLMOVE", jobsKey, workingKey, "RIGHT", "LEFT", seconds)
	if err != nil || reply == nil {
		return "", err
	}
	text, ok := reply.(string)
	if !ok {
		return "", fmt.Errorf("redis: unexpected reply %v", reply)
	}
	return text, nil
}

// finish stores the result and forgets the job, both or neither.
func (q queue) finish(text string, order int64, r result) error {
	value, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return q.transaction(
		[]string{"HSET", resultsKey, strconv.FormatInt(order, 10), string(value)},
		[]string{"LREM", workingKey, "1", text},
	)
}

// fail keeps a job that can never be done where people can look at it.
func (q queue) fail(text string) error {
	return q.transaction(
		[]string{"LPUSH", failedKey, text},
		[]string{"LREM", workingKey, "1", text},
	)
}

func (q queue) transaction(commands ...[]string) error {
	for _, args := range append([][]string{{"MULTI"}}, commands...) {
		if _, err := q.do(args...); err != nil {
			return err
		}
	}
	reply, err := q.do("EXEC")
	if err != nil {
		return err
	}
	replies, ok := reply.([]any)
	if !ok || len(replies) != len(commands) {
		return fmt.Errorf("redis: unexpected reply to EXEC: %v", reply)
	}
	for _, each := range replies {
		if failure, failed := each.(serverError); failed {
			return errors.Join(errors.New("in a transaction"), failure)
		}
	}
	return nil
}
