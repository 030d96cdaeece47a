package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	commandTimeout = 5 * time.Second
	longestBulk    = 1 << 20
	longestArray   = 1 << 10
	deepestArray   = 8
)

// address is a parsed redis://[user][:password]@host[:port][/database].
type address struct {
	host     string
	user     string
	password string
	database int
}

func parseAddress(text string) (address, error) {
	parsed, err := url.Parse(text)
	if err != nil {
		return address{}, errors.New("not a URL") // the error of url.Parse repeats the password
	}
	if parsed.Scheme != "redis" || parsed.Hostname() == "" {
		return address{}, errors.New("expected redis://[user][:password]@host[:port][/database]")
	}
	a := address{host: parsed.Host, user: parsed.User.Username()}
	a.password, _ = parsed.User.Password()
	if parsed.Port() == "" {
		a.host = net.JoinHostPort(parsed.Hostname(), "6379")
	}
	if name := strings.TrimPrefix(parsed.Path, "/"); name != "" {
		if a.database, err = strconv.Atoi(name); err != nil || a.database < 0 {
			return address{}, fmt.Errorf("database %q is not a number", name)
		}
	}
	return a, nil
}

// serverError is an error that Redis answered; the connection is still good.
type serverError string

func (e serverError) Error() string { return "redis: " + string(e) }

// client is one connection. Commands run one after the other.
type client struct {
	conn net.Conn
	in   *bufio.Reader
}

func dial(ctx context.Context, a address) (*client, error) {
	dialer := net.Dialer{Timeout: commandTimeout}
	conn, err := dialer.DialContext(ctx, "tcp", a.host)
	if err != nil {
		return nil, err
	}
	c := &client{conn, bufio.NewReader(conn)}
	if err := c.login(a); err != nil {
		conn.Close()
		return nil, err
	}
	return c, nil
}

func (c *client) login(a address) error {
	if a.password != "" {
		auth := []string{"AUTH", a.password}
		if a.user != "" {
			auth = []string{"AUTH", a.user, a.password}
		}
		if _, err := c.do(auth...); err != nil {
			return err
		}
	}
	_, err := c.do("SELECT", strconv.Itoa(a.database))
	return err
}

func (c *client) close() { c.conn.Close() }

// do sends a command and returns its reply: string, int64, []any or nil.
func (c *client) do(args ...string) (any, error) {
	return c.doUntil(context.Background(), commandTimeout, args...)
}

// doUntil is do, given up when ctx ends; the connection is of no use then.
func (c *client) doUntil(ctx context.Context, timeout time.Duration, args ...string) (any, error) {
	if err := c.conn.SetDeadline(time.Now().Add(timeout)); err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { c.conn.SetDeadline(time.Now()) })
	defer stop()
	if _, err := io.WriteString(c.conn, command(args)); err != nil {
		return nil, err
	}
	return readReply(c.in, 0)
}

func command(args []string) string {
	var out strings.Builder
	fmt.Fprintf(&out, "*%d\r\n", len(args))
	for _, arg := range args {
		fmt.Fprintf(&out, "$%d\r\n%s\r\n", len(arg), arg)
	}
	return out.String()
}

func readReply(in *bufio.Reader, depth int) (any, error) {
	line, err := readLine(in)
	if err != nil {
		return nil, err
	}
	kind, rest := line[0], line[1:]
	switch kind {
	case '+':
		return rest, nil
	case '-':
		return nil, serverError(rest)
	case ':':
		return strconv.ParseInt(rest, 10, 64)
	case '$':
		return readBulk(in, rest)
	case '*':
		return readArray(in, rest, depth)
	}
	return nil, fmt.Errorf("redis: unexpected reply %q", line)
}

// readLine returns a line of at least one byte, without its end.
func readLine(in *bufio.Reader) (string, error) {
	line, err := in.ReadSlice('\n') // at most the size of the buffer
	if err != nil {
		return "", err
	}
	text, ended := strings.CutSuffix(string(line), "\r\n")
	if !ended || text == "" {
		return "", fmt.Errorf("redis: malformed line %q", line)
	}
	return text, nil
}

func readBulk(in *bufio.Reader, length string) (any, error) {
	size, err := readSize(length, longestBulk)
	if err != nil || size < 0 {
		return nil, err
	}
	data := make([]byte, size+2)
	if _, err := io.ReadFull(in, data); err != nil {
		return nil, err
	}
	text, ended := strings.CutSuffix(string(data), "\r\n")
	if !ended {
		return nil, errors.New("redis: malformed bulk string")
	}
	return text, nil
}

// readArray keeps an error among the elements as a value: EXEC answers so.
func readArray(in *bufio.Reader, length string, depth int) (any, error) {
	size, err := readSize(length, longestArray)
	if err != nil || size < 0 {
		return nil, err
	}
	if depth == deepestArray {
		return nil, errors.New("redis: reply is nested too deeply")
	}
	items := make([]any, size)
	for i := range items {
		items[i], err = readReply(in, depth+1)
		if failure := serverError(""); errors.As(err, &failure) {
			items[i] = failure
		} else if err != nil {
			return nil, err
		}
	}
	return items, nil
}

// readSize returns -1 for null.
func readSize(text string, most int) (int, error) {
	size, err := strconv.Atoi(text)
	if err != nil || size < -1 || size > most {
		return 0, fmt.Errorf("redis: bad length %q", text)
	}
	return size, nil
}
