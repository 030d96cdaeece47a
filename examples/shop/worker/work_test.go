package main

import (
	"bufio"
	"context"
	"net"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"
)

const (
	goodJob = `{"order": 7, "quantity": 2, "unit_price_cents": 1250}`
	itsJSON = `{"receipt":"R-000007-5","total_cents":2500,"discount_cents":0}`
)

func TestAJobBecomesItsResult(t *testing.T) {
	redis := startRedis(t, map[string][]string{jobsKey: {goodJob}})
	start(t, redis)
	eventually(t, func() bool { return redis.result("7") == itsJSON })
	redis.expectLists(t, map[string][]string{})
}

func TestAJobThatWasBegunIsNotLost(t *testing.T) {
	redis := startRedis(t, map[string][]string{workingKey: {goodJob}})
	start(t, redis)
	eventually(t, func() bool { return redis.result("7") == itsJSON })
	redis.expectLists(t, map[string][]string{})
}

func TestABadJobIsSetAsideAndTheNextOneIsDone(t *testing.T) {
	redis := startRedis(t, map[string][]string{jobsKey: {goodJob, "bad"}})
	start(t, redis)
	eventually(t, func() bool { return redis.result("7") == itsJSON })
	redis.expectLists(t, map[string][]string{failedKey: {"bad"}})
}

func TestTheWorkerComesBackAfterALostConnection(t *testing.T) {
	redis := startRedis(t, nil)
	w, _ := start(t, redis)
	eventually(t, w.ready.get)
	redis.drop()
	redis.push(jobsKey, goodJob)
	eventually(t, func() bool { return redis.result("7") == itsJSON })
}

func TestAWrongPasswordIsNotReady(t *testing.T) {
	redis := startRedis(t, nil)
	w, _ := start(t, redis, func(a *address) { a.password = "wrong" })
	eventually(t, func() bool { return redis.refusals() > 1 })
	if w.ready.get() {
		t.Error("ready")
	}
}

func TestReadinessFollowsTheConnection(t *testing.T) {
	redis := startRedis(t, nil)
	w, stop := start(t, redis)
	eventually(t, w.ready.get)
	stop()
	if w.ready.get() {
		t.Error("ready")
	}
}

func TestAnIdleWorkerStopsAtOnce(t *testing.T) {
	redis := startRedis(t, nil)
	w, stop := start(t, redis)
	eventually(t, w.ready.get)
	begun := time.Now()
	stop()
	if took := time.Since(begun); took > takeWait/2 {
		t.Errorf("took %v", took)
	}
}

// start runs a worker; stop waits for its end, and runs at the end of the test in any case.
func start(t *testing.T, redis *fakeRedis, changes ...func(*address)) (w *worker, stop func()) {
	t.Helper()
	w = &worker{
		address: address{host: redis.listener.Addr().String(), password: "secret"},
		ready:   ready{filepath.Join(t.TempDir(), "ready")},
	}
	for _, change := range changes {
		change(&w.address)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { w.work(ctx); close(done) }()
	stop = func() { cancel(); <-done }
	t.Cleanup(stop)
	return w, stop
}

func eventually(t *testing.T, condition func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !condition(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("still not so after 10 s")
		}
	}
}

// fakeRedis knows the commands that the worker uses; its password is "secret". Index 0 is left.
type fakeRedis struct {
	listener net.Listener
	mutex    sync.Mutex
	lists    map[string][]string
	results  map[string]string
	refused  int
	conns    []net.Conn
}

func startRedis(t *testing.T, lists map[string][]string) *fakeRedis {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if lists == nil {
		lists = map[string][]string{}
	}
	redis := &fakeRedis{listener: listener, lists: lists, results: map[string]string{}}
	t.Cleanup(func() { listener.Close(); redis.drop() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			redis.mutex.Lock()
			redis.conns = append(redis.conns, conn)
			redis.mutex.Unlock()
			go redis.serve(conn)
		}
	}()
	return redis
}

func (r *fakeRedis) serve(conn net.Conn) {
	defer conn.Close()
	in := bufio.NewReader(conn)
	var queued [][]string // nil outside of a transaction
	for {
		request, err := readReply(in, 0)
		if err != nil {
			return
		}
		var args []string
		for _, arg := range request.([]any) {
			args = append(args, arg.(string))
		}
		var reply string
		switch {
		case args[0] == "MULTI":
			queued, reply = [][]string{}, "+OK\r\n"
		case args[0] == "EXEC":
			reply = "*" + strconv.Itoa(len(queued)) + "\r\n"
			for _, each := range queued {
				reply += r.apply(each)
			}
			queued = nil
		case queued != nil:
			queued, reply = append(queued, args), "+QUEUED\r\n"
		default:
			reply = r.apply(args)
			for end := time.Now().Add(time.Second); args[0] == "BLMOVE" && reply == "$-1\r\n" && time.Now().Before(end); {
				time.Sleep(5 * time.Millisecond)
				reply = r.apply(args)
			}
		}
		if _, err := conn.Write([]byte(reply)); err != nil {
			return
		}
	}
}

func (r *fakeRedis) apply(args []string) string {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	switch command, args := args[0], args[1:]; command {
	case "AUTH":
		if args[0] != "secret" {
			r.refused++
			return "-WRONGPASS invalid password\r\n"
		}
		return "+OK\r\n"
	case "SELECT":
		return "+OK\r\n"
	case "LMOVE", "BLMOVE":
		from, to := args[0], args[1]
		list := r.lists[from]
		if len(list) == 0 {
			return "$-1\r\n"
		}
		var moved string
		if args[2] == "LEFT" {
			moved, list = list[0], list[1:]
		} else {
			moved, list = list[len(list)-1], list[:len(list)-1]
		}
		r.lists[from] = list
		if args[3] == "LEFT" {
			r.lists[to] = append([]string{moved}, r.lists[to]...)
		} else {
			r.lists[to] = append(r.lists[to], moved)
		}
		return "$" + strconv.Itoa(len(moved)) + "\r\n" + moved + "\r\n"
	case "LPUSH":
		r.lists[args[0]] = append([]string{args[1]}, r.lists[args[0]]...)
		return ":1\r\n"
	case "LREM":
		if i := slices.Index(r.lists[args[0]], args[2]); i >= 0 {
			r.lists[args[0]] = slices.Delete(r.lists[args[0]], i, i+1)
		}
		return ":1\r\n"
	case "HSET":
		if args[0] == resultsKey {
			r.results[args[1]] = args[2]
		}
		return ":1\r\n"
	default:
		return "-ERR unknown command " + command + "\r\n"
	}
}

func (r *fakeRedis) push(key, value string) { r.apply([]string{"LPUSH", key, value}) }

func (r *fakeRedis) drop() {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	for _, conn := range r.conns {
		conn.Close()
	}
	r.conns = nil
}

func (r *fakeRedis) result(order string) string {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return r.results[order]
}

func (r *fakeRedis) refusals() int {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return r.refused
}

// expectLists compares the lists that are not empty, when the transaction under way is over.
func (r *fakeRedis) expectLists(t *testing.T, want map[string][]string) {
	t.Helper()
	filled := func() map[string][]string {
		r.mutex.Lock()
		defer r.mutex.Unlock()
		found := map[string][]string{}
		for key, list := range r.lists {
			if len(list) > 0 {
				found[key] = slices.Clone(list)
			}
		}
		return found
	}
	for end := time.Now().Add(time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if reflect.DeepEqual(filled(), want) {
			return
		}
	}
	t.Errorf("got %v, want %v", filled(), want)
}
