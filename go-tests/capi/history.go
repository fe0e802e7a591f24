package capi

import (
	"fmt"
	"time"
)

// A History is what one thread set one direction's deadline to, one after the other: it decides whether a call's outcome is one
// that a deadline allows. No socket is in it.
type History struct{ sets []Set }

// A Set is one of them: it took effect at some moment from Began to Ended. When is its earliest instant, 0 is none; Slack is
// by how much it may really have been later.
type Set struct{ Began, Ended, When, Slack int64 }

// Add notes the next one.
func (h *History) Add(set Set) { h.sets = append(h.sets, set) }

const end = int64(1<<63 - 1)

// Until when set i may have been in force, and until when it was for sure.
func (h *History) until(i int) (possibly, surely int64) {
	if i+1 == len(h.sets) {
		return end, end
	}
	return h.sets[i+1].Ended, h.sets[i+1].Began
}

// Expired judges a call that ended with a timeout: some deadline must have been in force and past while it ran.
func (h *History) Expired(began, ended int64) error {
	for i, set := range h.sets {
		possibly, _ := h.until(i)
		if set.When != 0 && max(began, max(set.Began, set.When)) <= min(ended, possibly) {
			return nil
		}
	}
	return fmt.Errorf("a timeout that no deadline allows: a call of %v\n%s", time.Duration(ended-began), h.around(began, ended))
}

// Unexpired judges a call that ended otherwise: no deadline may have been past all the while, nor have waited for as long as
// late in vain.
func (h *History) Unexpired(began, ended, late int64) error {
	for i, set := range h.sets {
		_, surely := h.until(i)
		if set.When == 0 || set.When > end-set.Slack {
			continue
		}
		past := max(set.Ended, set.When+set.Slack)
		switch {
		case past <= began && ended <= surely:
			return fmt.Errorf("a call of %v went on under a deadline that was past\n%s", time.Duration(ended-began), h.around(began, ended))
		case min(ended, surely)-max(began, past) > late:
			return fmt.Errorf("a deadline was missed by a call of %v\n%s", time.Duration(ended-began), h.around(began, ended))
		}
	}
	return nil
}

func (h *History) around(began, ended int64) string {
	text := ""
	for i, set := range h.sets {
		if possibly, _ := h.until(i); possibly < began-1e7 || set.Began > ended+1e7 {
			continue
		}
		when := "none"
		if set.When != 0 {
			when = fmt.Sprint(time.Duration(set.When - began))
		}
		text += fmt.Sprintf("  %v to %v: set to %s\n", time.Duration(set.Began-began), time.Duration(set.Ended-began), when)
	}
	return text + "  (from the beginning of the call)"
}

func max(a, b int64) int64 {
	if a > b {
		return a
	}
	return b
}

func min(a, b int64) int64 {
	if a < b {
		return a
	}
	return b
}
