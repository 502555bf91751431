package repair

// busyShare is the part of the rate that is left while clients are served slowly.
// It is never nothing: repair that waits for calm for ever lets the replicas drift
// apart.
const busyShare = 8

// earn adds what the rate allows since the last time. What is not used in a second
// is lost.
func (c *Core) earn() {
	rate := c.o.Rate
	if c.local.Busy() {
		rate /= busyShare
	}
	c.tokens = min(c.tokens+rate*(c.now-c.refill)/second, c.o.Rate)
	c.refill = c.now
}

// spend takes bytes from the rate. It may be overdrawn: a record is larger than
// what is left now and then, and what another node asks for is answered.
func (c *Core) spend(bytes int64) { c.tokens -= bytes }
