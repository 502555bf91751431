package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// outsideStatus is what a node answers that is in no epoch, whatever its address.
const outsideStatus = `{"cluster":{"name":"dev","epoch":0},"seen_by":{"name":"n2","id":"99"},"waiting":"cluster exists and does not name this node","nodes":[]}`

// answering is an admin port that gives this answer, once before has ended.
func answering(t *testing.T, body string, before <-chan struct{}) (admin string, answered <-chan struct{}) {
	t.Helper()
	done := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if before != nil {
			<-before
		}
		fmt.Fprint(w, body)
		select {
		case <-done:
		default:
			close(done)
		}
	}))
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://"), done
}

// A node that is in no epoch answers soonest, and is passed over while a member
// answers. Where no member does, its answer is what there is.
func TestTheAnswerOfANonMemberIsPassedOver(t *testing.T) {
	for path, answers := range map[string][2]string{
		"/v1/cluster/status": {outsideStatus, `{"cluster":{"name":"dev","epoch":7},"seen_by":{"name":"n1","id":"01"}}`},
		"/v1/doctor":         {`{"cluster":"dev","epoch":0,"findings":[]}`, `{"cluster":"dev","epoch":7,"findings":[]}`},
	} {
		outside, heard := answering(t, answers[0], nil)
		member, _ := answering(t, answers[1], heard)
		got, err := firstAnswer(context.Background(), []string{outside, member}, path)
		if err != nil || string(got) != answers[1] {
			t.Errorf("%s: %s %v", path, got, err)
		}
		got, err = firstAnswer(context.Background(), []string{outside, "127.0.0.1:1"}, path)
		if err != nil || string(got) != answers[0] {
			t.Errorf("%s of the only one that answers: %s %v", path, got, err)
		}
	}
	for body, outside := range map[string]bool{
		`{"cluster":"dev","epoch":1}`: false, `{"cluster":{"epoch":1}}`: false, `{"namespaces":[]}`: false, `[]`: false, `{"cluster":7}`: false,
		`{"cluster":{"epoch":0}}`: true, `{"epoch":0}`: true,
	} {
		if isOutside([]byte(body)) != outside {
			t.Errorf("%s is outside: %v", body, !outside)
		}
	}
}

// A new identity at the address of a member is a row that contradicts, and says what to
// do; it is never taken for what the member says of itself.
func TestANewIdentityAtAMembersAddressContradicts(t *testing.T) {
	admin, _ := answering(t, outsideStatus, nil)
	s := shop()
	s.Nodes[1].HTTP = admin
	v := allViewsOf(s.Nodes[:2], func(n *nodeStatus) (*statusView, error) {
		if n.Name == "n1" {
			return s, nil
		}
		return askView(context.Background(), n)
	})
	if row := v.Views[1]; !v.Partial || row.Reachable || row.Stranger != "99" {
		t.Errorf("%+v", row)
	}
	text := v.screen(false).String()
	for _, want := range []string{
		"another node answers at " + admin + " (id 99), which is no member\n",
		"differ  n2   the members say id " + shopID(2) + ", and at " + admin + " answers id 99\n", "give it the data folder of n2 again",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
	if strings.Contains(text, "No node that answers contradicts") {
		t.Errorf("%s", text)
	}
	own, err := askNode(context.Background(), &s.Nodes[1])
	var stranger *strangerError
	if own != nil || !errors.As(err, &stranger) {
		t.Errorf("n2 says of itself %+v, %v", own, err)
	}
}

// Another member that answers at the address of one is no stranger, and nobody is to bring
// its data folder elsewhere: two advertise the same address.
func TestAnotherMemberAtAMembersAddressIsNamed(t *testing.T) {
	s := shop()
	admin, _ := answering(t, fmt.Sprintf(`{"cluster":{"name":"dev","epoch":7},"seen_by":{"name":"n1","id":%q},"nodes":[]}`, shopID(1)), nil)
	s.Nodes[1].HTTP = admin
	v := allViewsOf(s.Nodes[:2], func(n *nodeStatus) (*statusView, error) {
		if n.Name == "n1" {
			return s, nil
		}
		return askView(context.Background(), n)
	})
	text := v.screen(false).String()
	for _, want := range []string{"n1 answers at " + admin + ", which n2 advertises", "look at listen.http and advertise.host of n2 and n1"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
	if strings.Contains(text, "no member") || strings.Contains(text, "data folder") {
		t.Errorf("%s", text)
	}
}
