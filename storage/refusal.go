package storage

import (
	"errors"
	"fmt"
	"syscall"
)

// refusals are the errors by which a machine refuses to open or to read a file that is
// as good as ever, and what ends each. They say nothing about the bytes: who took one
// for damage would give up a whole database because a process had too many files open.
var refusals = []struct {
	err    error
	advice string
}{
	{syscall.EMFILE, "raise the limit of open files (ulimit -n, LimitNOFILE in a unit)"},
	{syscall.ENFILE, "raise the machine's limit of open files (fs.file-max)"},
	{syscall.ENOMEM, "give the machine more memory, or this process a larger share"},
	{syscall.EACCES, "give the user that runs this process the right to read and write the data folder and all in it"},
	{syscall.EPERM, "give the user that runs this process the right to read and write the data folder and all in it"},
	{syscall.EROFS, "mount the file system of the data folder writable; look first why it is not, a disk with errors may be the cause"},
}

// refused says whether the machine refuses, and nothing is known of the bytes.
func refused(err error) bool { return adviceFor(err) != "" }

func adviceFor(err error) string {
	for _, r := range refusals {
		if errors.Is(err, r.err) {
			return r.advice
		}
	}
	return ""
}

// advised adds to an error what ends it, where that is known.
func advised(err error) error {
	if advice := adviceFor(err); advice != "" {
		return fmt.Errorf("%w: %s", err, advice)
	}
	return err
}
