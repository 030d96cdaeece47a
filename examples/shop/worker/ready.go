package main

import (
	"log"
	"os"
)

// ready is a file that is there while Redis answers: a queue worker serves nobody, so it has no port to ask.
type ready struct{ path string }

func (r ready) set(yes bool) {
	var err error
	if yes {
		err = os.WriteFile(r.path, nil, 0o644)
	} else if err = os.Remove(r.path); os.IsNotExist(err) {
		err = nil
	}
	if err != nil {
		log.Printf("readiness: %v", err)
	}
}

func (r ready) get() bool {
	_, err := os.Stat(r.path)
	return err == nil
}
