package main

import (
	"bufio"
	"reflect"
	"strings"
	"testing"
)

func TestParseAddress(t *testing.T) {
	for text, want := range map[string]address{
		"redis://:p%40ss@cache:6379/0":  {"cache:6379", "", "p@ss", 0},
		"redis://worker:pass@cache/2":   {"cache:6379", "worker", "pass", 2},
		"redis://localhost":             {"localhost:6379", "", "", 0},
		"redis://:x@[::1]:7000":         {"[::1]:7000", "", "x", 0},
		"redis://:x@[::1]":              {"[::1]:6379", "", "x", 0},
		"redis://default:a%2Fb@cache:1": {"cache:1", "default", "a/b", 0},
	} {
		if got, err := parseAddress(text); err != nil || got != want {
			t.Errorf("%s: got %+v, %v, want %+v", text, got, err, want)
		}
	}
	for _, bad := range []string{"", "cache:6379", "rediss://cache", "redis://", "redis://cache/x", "redis://cache/-1", "redis://:secret@cache:port"} {
		_, err := parseAddress(bad)
		if err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: got %v, want an error without the password", bad, err)
		}
	}
}

func TestCommand(t *testing.T) {
	if got, want := command([]string{"SET", "é", ""}), "*3\r\n$3\r\nSET\r\n$2\r\né\r\n$0\r\n\r\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestReadReply(t *testing.T) {
	for text, want := range map[string]any{
		"+OK\r\n":                            "OK",
		":-7\r\n":                            int64(-7),
		"$-1\r\n":                            nil,
		"*-1\r\n":                            nil,
		"$0\r\n\r\n":                         "",
		"$4\r\na\r\nb\r\n":                   "a\r\nb",
		"*0\r\n":                             []any{},
		"*3\r\n:1\r\n$-1\r\n*1\r\n+x\r\n":    []any{int64(1), nil, []any{"x"}},
		"*2\r\n-WRONGTYPE no\r\n+QUEUED\r\n": []any{serverError("WRONGTYPE no"), "QUEUED"},
	} {
		got, err := readReply(bufio.NewReader(strings.NewReader(text)), 0)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%q: got %#v, %v, want %#v", text, got, err, want)
		}
	}
	for _, bad := range []string{
		"", "\r\n", "+OK\n", "+OK", "?x\r\n", ":x\r\n", "$x\r\n", "$-2\r\n", "$5\r\nab\r\n", "$1\r\nabc",
		"$99999999999\r\n", "*99999999\r\n", "*2\r\n+x\r\n", strings.Repeat("*1\r\n", 50) + "+x\r\n",
		"+" + strings.Repeat("x", 10_000) + "\r\n", "-ERR no\r\n",
	} {
		if got, err := readReply(bufio.NewReader(strings.NewReader(bad)), 0); err == nil {
			t.Errorf("%.40q: got %#v, want an error", bad, got)
		}
	}
}
