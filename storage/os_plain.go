//go:build !chaos

package storage

// OS is the operating system's file system.
var OS FS = osFS{}
