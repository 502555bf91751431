//go:build chaos

package storage

// OS is the operating system's file system, and loses power with the process:
// this is a build for tests.
var OS = Volatile(osFS{})
