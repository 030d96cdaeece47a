package main

import (
	"encoding/json"
	"errors"
	"fmt"
)

// job is what the api puts in the queue (api/shop/jobs.py).
type job struct {
	Order     int64 `json:"order"`
	Quantity  int64 `json:"quantity"`
	UnitPrice int64 `json:"unit_price_cents"`
}

// result is what the api and the page show. It follows from the job alone, so that doing a job twice is
// the same as doing it once.
type result struct {
	Receipt  string `json:"receipt"`
	Total    int64  `json:"total_cents"`
	Discount int64  `json:"discount_cents"`
}

const (
	discountFrom    = 10 // pieces
	discountPercent = 10
	mostOfAnything  = 1_000_000_000 // keeps products far from overflow
)

func parseJob(text string) (job, error) {
	var j job
	if err := json.Unmarshal([]byte(text), &j); err != nil {
		return job{}, err
	}
	if j.Order < 1 || !sensible(j.Quantity) || !sensible(j.UnitPrice) {
		return job{}, errors.New("order, quantity or price out of range")
	}
	return j, nil
}

func sensible(n int64) bool { return 1 <= n && n <= mostOfAnything }

func (j job) result() result {
	total := j.Quantity * j.UnitPrice
	var discount int64
	if j.Quantity >= discountFrom {
		discount = (total*discountPercent + 50) / 100 // to the nearest cent
	}
	return result{Receipt: receiptNumber(j.Order), Total: total - discount, Discount: discount}
}

// receiptNumber ends in a check digit (Luhn), so that a slip of the pen is noticed.
func receiptNumber(order int64) string {
	sum, double := int64(0), true
	for rest := order; rest > 0; rest /= 10 {
		digit := rest % 10
		if double {
			digit = digit*2/10 + digit*2%10
		}
		sum, double = sum+digit, !double
	}
	return fmt.Sprintf("R-%06d-%d", order, (10-sum%10)%10)
}
