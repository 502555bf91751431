// Package account reads from /proc what work costs: CPU time, context switches,
// memory and I/O of processes with all their children, and how the machine itself
// spent its time.
//
// Of takes a Usage of processes, Machine one of the machine; two of them are
// subtracted, and the difference is divided by operations. CPU time is user and
// system time, and that of children that have ended, so that a server that forks is
// counted whole. It has a grain of 10 ms, which a round of seconds does not notice.
//
// What a kernel or a container does not show is Unseen, and is not reported as 0:
// the counters of /proc/PID/io belong to the owner of a process alone.
//
// Where there is no /proc nothing can be accounted, and Of says so.
package account
