package gossip

import (
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	oneProcessor()
	goleak.VerifyTestMain(m)
}
