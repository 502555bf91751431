package client_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/candordb/candor/client"
	"github.com/candordb/candor/client/clienttest"
)

// Sessions of a web shop: they expire by themselves, logging out deletes them at
// once, and whoever has logged in finds the session, whichever node is asked.
func Example_sessionStore() {
	cluster, stop := clienttest.ForExample(3)
	defer stop()

	// Reads at level one are the fastest there are, and may be old. WithSession
	// makes that bearable: what this program has written or read itself is never
	// followed by anything older.
	c := cluster.Client(client.WithSession(), client.WithDefaults(client.At(client.Quorum)))
	ctx := context.Background()

	login := func(id, user string) error {
		_, err := c.Put(ctx, []byte("session:"+id), []byte(user), client.TTL(30*time.Minute))
		return err
	}
	who := func(id string) string {
		item, err := c.Get(ctx, []byte("session:"+id), client.At(client.One))
		switch {
		case errors.Is(err, client.ErrNotFound):
			return "nobody"
		case err != nil:
			return "cannot tell: " + err.Error()
		}
		return string(item.Value)
	}
	logout := func(id string) error {
		_, err := c.Delete(ctx, []byte("session:"+id))
		return err
	}

	if err := login("7f3a", "ada"); err != nil {
		fmt.Println(err)
	}
	fmt.Println("logged in:", who("7f3a"))

	cluster.Kill(2) // two replicas of three are a quorum
	fmt.Println("with a node less:", who("7f3a"))

	if err := logout("7f3a"); err != nil {
		fmt.Println(err)
	}
	fmt.Println("logged out:", who("7f3a"))

	cluster.Restart(2) // it has missed the logout, and is asked like any other
	fmt.Println("with the node back:", who("7f3a"))

	// Output:
	// logged in: ada
	// with a node less: ada
	// logged out: nobody
	// with the node back: nobody
}

// Feature flags: read all the time, changed seldom. They should be right, but
// that a page is shown at all matters more. So the program asks for a quorum,
// takes less where that cannot be had (and is told), and keeps what it knew
// where there is nothing.
func Example_featureFlags() {
	cluster, stop := clienttest.ForExample(3)
	defer stop()
	c := cluster.Client()
	ctx := context.Background()

	type flag struct {
		on   bool
		from string // how good this is
	}
	cache := map[string]flag{}
	// refresh is called every few seconds, not for every page.
	refresh := func(name string) flag {
		ctx, cancel := context.WithTimeout(ctx, 500*time.Millisecond)
		defer cancel()
		item, err := c.Get(ctx, []byte("flag:"+name), client.At(client.Quorum), client.Weaken())
		switch {
		case err == nil || errors.Is(err, client.ErrNotFound): // absent is off
			cache[name] = flag{string(item.Value) == "on", item.Receipt.Level.String()}
		default:
			f := cache[name]
			f.from = "cache"
			cache[name] = f
		}
		return cache[name]
	}

	if _, err := c.Put(ctx, []byte("flag:dark-mode"), []byte("on"), client.At(client.All)); err != nil {
		fmt.Println(err)
	}
	fmt.Printf("%+v\n", refresh("dark-mode"))

	cluster.Kill(0)
	cluster.Kill(1) // one replica is left: no quorum
	fmt.Printf("%+v\n", refresh("dark-mode"))

	cluster.Kill(2)
	fmt.Printf("%+v\n", refresh("dark-mode"))

	// Output:
	// {on:true from:quorum}
	// {on:true from:one}
	// {on:true from:cache}
}

// A payment must be noted once, whatever happens to the program in between. The
// version of the write is the idempotency key: the program keeps it where it
// keeps its own state, before it sends anything, and after a crash asks what
// became of it.
func Example_idempotencyKey() {
	cluster, stop := clienttest.ForExample(3)
	defer stop()
	c := cluster.Client()
	ctx := context.Background()

	key, payment := []byte("payment:order-77"), []byte("49.90 EUR")
	settle := func(v client.Version) {
		outcome, receipt, err := c.Outcome(ctx, key, v)
		switch {
		case err != nil || outcome == client.InDoubt:
			fmt.Println("cannot tell yet; ask again")
		case outcome == client.NotApplied:
			// Not one replica has it, and all have promised to refuse it from now on,
			// should it still be on its way. So a new write is no second one.
			fmt.Println("it was never noted: pay with a new version")
		case receipt.Superseded():
			fmt.Println("it was noted, and changed since")
		default:
			fmt.Println("it is noted: nothing to do")
		}
	}

	// The program crashes between keeping the version and sending the write.
	first, err := c.NewVersion()
	if err != nil {
		fmt.Println(err)
	}
	settle(first)

	// It crashes after sending, before it has seen the answer.
	second, err := c.NewVersion()
	if err != nil {
		fmt.Println(err)
	}
	if _, err := c.Put(ctx, key, payment, client.Stamp(second)); err != nil {
		fmt.Println(err)
	}
	settle(second)

	// Without a crash it may simply send the write again: with the same version it
	// is the same write.
	again, err := c.Put(ctx, key, payment, client.Stamp(second))
	fmt.Println("repeated:", again.Version == second, err)

	// The one that was given up stays so.
	_, err = c.Put(ctx, key, payment, client.Stamp(first))
	fmt.Println("a late one is refused:", errors.Is(err, client.ErrClock))

	// Output:
	// it was never noted: pay with a new version
	// it is noted: nothing to do
	// repeated: true <nil>
	// a late one is refused: true
}

// Two people edit one page. The last write wins, but never in silence: whoever
// says which version he has seen is told what he has overwritten.
func Example_lastSeen() {
	cluster, stop := clienttest.ForExample(3)
	defer stop()
	ctx := context.Background()
	key := []byte("page:home")

	// WithSession sends along what this client has seen of the key; the option
	// Seen does the same for one call. Ordered has who saves later win, even if it
	// is within the same millisecond.
	ada, ben := cluster.Client(client.WithSession()), cluster.Client(client.WithSession())
	save := func(who string, c *client.Client, text string) {
		receipt, err := c.Put(ctx, key, []byte(text), client.Ordered())
		switch {
		case err != nil:
			fmt.Println(who, err)
		case receipt.Superseded():
			fmt.Println(who + ": somebody was later; this text is not shown")
		case !receipt.Buried.IsZero():
			fmt.Println(who + ": saved, and has overwritten what was not seen")
		default:
			fmt.Println(who + ": saved")
		}
	}

	save("ada", ada, "Hello")
	for _, c := range []*client.Client{ada, ben} { // both open the page
		if _, err := c.Get(ctx, key); err != nil {
			fmt.Println(err)
		}
	}
	save("ben", ben, "Hello world")
	save("ada", ada, "Hello there") // she has not seen Ben's

	if _, err := ben.Get(ctx, key); err != nil {
		fmt.Println(err)
	}
	save("ben", ben, "Hello there, world") // he has seen hers

	// Output:
	// ada: saved
	// ben: saved
	// ada: saved, and has overwritten what was not seen
	// ben: saved
}
