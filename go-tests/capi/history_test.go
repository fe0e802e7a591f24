package capi

// The judge itself: what it lets through and what it does not.

import "testing"

func TestTheHistoryJudges(t *testing.T) {
	h := &History{}
	h.Add(Set{0, 0, 0, 0})
	h.Add(Set{100, 110, 200, 0})
	h.Add(Set{300, 310, 0, 0})
	h.Add(Set{400, 410, 1, 0})
	h.Add(Set{500, 510, 900, 20})
	for _, one := range []struct {
		what                    string
		began, ended            int64
		mayExpire, mayNotExpire bool
	}{
		{"before anything was set", 10, 90, false, true},
		{"ended before the instant", 120, 199, false, true},
		{"over the instant", 120, 210, true, true},
		{"begun after it", 210, 250, true, false},
		{"begun after it, ended beside the next", 210, 305, true, true},
		{"begun when it may just be cleared", 305, 320, true, true},
		{"begun when it is cleared", 311, 390, false, true},
		{"under one that was past when set", 420, 430, true, false},
		{"under the extended one", 511, 800, false, true},
		{"within the slack of the last", 905, 915, true, true},
		{"after the last", 930, 940, true, false},
		{"late", 600, 2000, true, false},
	} {
		if got := h.Expired(one.began, one.ended) == nil; got != one.mayExpire {
			t.Errorf("%s: may expire: %v", one.what, got)
		}
		if got := h.Unexpired(one.began, one.ended, 1000) == nil; got != one.mayNotExpire {
			t.Errorf("%s: may not expire: %v", one.what, got)
		}
	}
}
