package wire

import "github.com/candordb/candor/contract"

// The messages decoded and encoded again. What comes out is the one form that
// this build sends.

func requestAgain(body []byte) ([]byte, error) {
	var q Request
	if err := DecodeRequest(body, &q); err != nil {
		return nil, err
	}
	return q.Append(nil), nil
}

func helloAgain(body []byte) ([]byte, error) {
	var h Hello
	if err := DecodeHello(body, &h); err != nil {
		return nil, err
	}
	return h.Append(nil), nil
}

func answerAgain(body []byte, ops []Op) ([]byte, error) {
	var a Answer
	if err := DecodeAnswer(body, &a, ops...); err != nil {
		return nil, err
	}
	if a.Code != contract.OK {
		return a.Error.Append(nil, a.Head), nil
	}
	switch a.Op {
	case OpHello:
		return a.Hello.Append(nil, a.Head), nil
	case OpAuth:
		return a.Auth.Append(nil, a.Head), nil
	case OpRing:
		return a.Ring.Append(nil, a.Head), nil
	case OpScan:
		return a.Scan.Append(nil, a.Head), nil
	case OpOutcome:
		return a.Outcome.Append(nil, a.Head), nil
	case OpExplain:
		return a.Explain.Append(nil, a.Head), nil
	case OpBatch:
		results := make([][]byte, len(a.Results))
		for i := range a.Results {
			results[i] = resultAgain(&a.Results[i])
		}
		return BatchAnswer(nil, a.Head, results), nil
	}
	if k := a.ofKey(); k != nil {
		return k.Append(nil, a.Head), nil
	}
	return AppendOK(nil, a.Head), nil
}

// ofKey is the part of the answer that can be a result of a BATCH.
func (a *Answer) ofKey() keyAnswer {
	switch a.Op {
	case OpGet:
		return &a.Get
	case OpPut, OpDelete:
		return &a.Write
	case OpAdd:
		return &a.Add
	}
	return nil
}

func resultAgain(a *Answer) []byte {
	if a.Code != contract.OK {
		return a.Error.AppendResult(nil, a.Code)
	}
	if k := a.ofKey(); k != nil {
		return k.AppendResult(nil)
	}
	return []byte{0x91, 0}
}

func peerRequestAgain(body []byte) ([]byte, error) {
	v, err := readPeerRequest(body)
	if err != nil {
		return nil, err
	}
	got := v.(peerRead)
	q := &got.Request
	switch q.Op {
	case OpWrite, OpRead, OpDigest, OpVoid:
		frame := BeginItems(nil, q.PeerHead)
		start := len(frame)
		for i := range got.Writes {
			frame = got.Writes[i].Append(frame)
		}
		for i := range got.Reads {
			frame = got.Reads[i].Append(frame)
		}
		for i := range got.Voids {
			frame = got.Voids[i].Append(frame)
		}
		return EndItems(frame, 0, start, len(got.Writes)+len(got.Reads)+len(got.Voids)), nil
	case OpRange:
		return q.Range.Append(nil, q.PeerHead), nil
	case OpPrepare, OpAccept:
		return q.Ballot.Append(nil, q.PeerHead), nil
	}
	return AppendDocument(nil, q.PeerHead, q.Document), nil
}

func peerAnswerAgain(body []byte) ([]byte, error) {
	v, err := readPeerAnswer(body)
	if err != nil {
		return nil, err
	}
	got := v.(peerRead)
	a := &got.Answer
	if a.Code != contract.OK {
		return a.Error.Append(nil, a.Head), nil
	}
	switch a.Op {
	case OpWrite, OpRead, OpDigest, OpVoid:
		frame := BeginResults(nil, a.Head)
		start := len(frame)
		for i := range got.WriteResults {
			frame = got.WriteResults[i].Append(frame)
		}
		for i := range got.ReadResults {
			frame = got.ReadResults[i].Append(frame)
		}
		return EndItems(frame, 0, start, len(got.WriteResults)+len(got.ReadResults)), nil
	case OpRange:
		return a.Range.Append(nil, a.Head), nil
	case OpPrepare, OpAccept:
		return a.Vote.Append(nil, a.Head), nil
	case OpHeartbeat:
		return AppendHeartbeatAnswer(nil, a.Head, a.Incarnation, a.Time, a.Document), nil
	case OpStatus, OpMetadata, OpExchange, OpReport:
		return AppendDocumentAnswer(nil, a.Head, a.Document), nil
	}
	return AppendOK(nil, a.Head), nil
}
