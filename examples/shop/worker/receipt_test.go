package main

import "testing"

func TestResult(t *testing.T) {
	for _, c := range []struct {
		job  job
		want result
	}{
		{job{1, 1, 1250}, result{"R-000001-8", 1250, 0}},
		{job{7, 9, 350}, result{"R-000007-5", 3150, 0}},
		{job{42, 10, 350}, result{"R-000042-2", 3150, 350}},
		{job{42, 11, 5}, result{"R-000042-2", 49, 6}}, // 5.5 rounds up
		{job{1234567, 100, 3400}, result{"R-1234567-4", 306000, 34000}},
	} {
		if got := c.job.result(); got != c.want {
			t.Errorf("%+v: got %+v, want %+v", c.job, got, c.want)
		}
	}
}

func TestParseJob(t *testing.T) {
	got, err := parseJob(`{"order": 7, "quantity": 2, "unit_price_cents": 1250, "new_field": true}`)
	if want := (job{7, 2, 1250}); err != nil || got != want {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
	for _, bad := range []string{
		``, `7`, `{}`,
		`{"order": 0, "quantity": 1, "unit_price_cents": 1}`,
		`{"order": 1, "quantity": -1, "unit_price_cents": 1}`,
		`{"order": 1, "quantity": 1, "unit_price_cents": 9000000000}`,
		`{"order": "1", "quantity": 1, "unit_price_cents": 1}`,
	} {
		if got, err := parseJob(bad); err == nil {
			t.Errorf("%s: got %+v, want an error", bad, got)
		}
	}
}
