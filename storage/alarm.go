package storage

import "strings"

// alarmWords are what goleveldb writes to its log when it has found damage and
// goes on as if nothing had been. It returns no error for these, so this is the
// one place where a program's text is matched; TestAlarmLines provokes them
// from the real library.
var alarmWords = []string{
	"journal@drop",        // a piece of a journal or MANIFEST is skipped
	"(skipped)",           // a batch, or an edit of the MANIFEST, is skipped
	"dropped",             // a table is left out by a salvage
	"table missing",       // the MANIFEST names a table that is not there
	"corruption detected", // a compaction met a bad table and stopped for good
	"(persistent error",   // a compaction did not run because of it
}

func isAlarm(line string) bool {
	for _, w := range alarmWords {
		if strings.Contains(line, w) {
			return true
		}
	}
	return false
}

// Log receives the lines of goleveldb's log. It is called from the library's
// goroutines, some of them under its locks, so it only counts and hands on.
func (s *files) Log(line string) {
	if !isAlarm(line) {
		s.log.Debug("goleveldb", "line", line)
		return
	}
	s.alarms.Add(1)
	s.log.Error("goleveldb reports damage; this node needs a full repair", "line", line)
	if s.onAlarm != nil {
		s.onAlarm(line)
	}
}
