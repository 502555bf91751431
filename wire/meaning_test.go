package wire

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/candordb/candor/contract"
)

// field is a name in a layout, and what stands in the array under it.
type field struct {
	name  string
	form  byte // 0: a value, or an array without names; '(': an array with names; '*': rows of such; '^': rows, the head wide
	inner []field
	each  func(i int, row []any) []field // the names of row i, where rows differ
}

// names reads a layout: names in wire order. name(...) is an array with names
// of its own, name*(...) an array of those, name^(...) one with a wide head.
func names(text string) []field {
	all, rest := parseNames(text)
	if rest != "" {
		panic("layout: " + text)
	}
	return all
}

func parseNames(s string) (all []field, rest string) {
	for s != "" && s[0] != ')' {
		end := strings.IndexAny(s, " *^()")
		if end < 0 {
			return append(all, field{name: s}), ""
		}
		f := field{name: s[:end]}
		if s = s[end:]; s[0] == '*' || s[0] == '^' {
			f.form, s = s[0], s[1:]
		}
		if s != "" && s[0] == '(' {
			if f.form == 0 {
				f.form = '('
			}
			f.inner, s = parseNames(s[1:])
			s = s[1:]
		}
		all, s = append(all, f), strings.TrimPrefix(s, " ")
	}
	return all, s
}

const (
	receiptNames = "receipt(need asked acked durable hinted level repaired rows*(node_id state version))"
	traceNames   = "trace*(offset_us node_id what)"
	answerHead   = "op id code clock epoch "
	peerHead     = "op id epoch clock "
	errorNames   = "message retry_after_ms "
)

// requestNames, operationNames (behind op, id and deadline), answerNames and so
// on are the tables of the protocol page.
var (
	requestNames = map[Op]string{
		OpHello: "magic proto_min proto_max client_name auth role cluster_name cluster_id node_id incarnation",
		OpAuth:  "mechanism payload", OpPing: "deadline_ms", OpRing: "", OpWatch: "",
		OpBatch:   "deadline_ms ops*",
		OpScan:    "deadline_ms namespace prefix cursor limit level flags keys_only",
		OpOutcome: "deadline_ms namespace key version flags",
		OpExplain: "deadline_ms namespace key",
	}
	operationNames = map[Op]string{
		OpGet:    "namespace key level flags after",
		OpPut:    "namespace key value level flags ttl_ms version seen condition(kind version)",
		OpDelete: "namespace key level flags version seen condition(kind version)",
		OpAdd:    "namespace key delta level flags version",
	}
	answerNames = map[Op]string{
		OpHello: "proto cluster_name cluster_id node_id server_version limits(max_frame max_key max_value max_inflight max_batch) features",
		OpAuth:  "done payload", OpPing: "",
		OpRing:    "Q N members*(node_id name client_address peer_address zone state region gossip_address http_address) owners",
		OpGet:     "found value version expires_at_ms " + receiptNames + " " + traceNames,
		OpPut:     "version outcome winner " + receiptNames + " " + traceNames + " buried",
		OpDelete:  "version outcome winner " + receiptNames + " " + traceNames + " buried",
		OpAdd:     "value version " + receiptNames,
		OpBatch:   "results*",
		OpScan:    "items*(key value version expires_at_ms) cursor coverage(partitions_done partitions_met_level partitions_asked)",
		OpOutcome: "state winner " + receiptNames,
		OpExplain: "token partition rows*(node_id role reachable phi version tombstone expires_at_ms value_len checksum_ok hints_pending) repaired_as_of_ms winner",
	}
	detailNames = map[contract.Code]string{
		contract.Unavailable:     "detail(need reachable N down)",
		contract.ConditionFailed: "detail(version value)",
		contract.Clock:           "detail(clock kind)",
		contract.Timeout:         "detail(version " + receiptNames + ")",
		contract.InDoubt:         "detail(version " + receiptNames + ")",
	}
	peerRequestNames = map[Op]string{
		OpWrite: "items^(call kind deadline_ms token namespace_number key record seen target mark)",
		OpRead:  "items^(call deadline_ms token namespace_number key want version)", OpDigest: "items^(call deadline_ms token namespace_number key want version)",
		OpRange:  "call deadline_ms namespace_number from_token after_key last_token prefix limit bytes keys_only all",
		OpVoid:   "items^(call deadline_ms token namespace_number key version)",
		OpStatus: "document", OpMetadata: "document", OpInstall: "document", OpHeartbeat: "echo", OpGoodbye: "document",
		OpPrepare: "register ballot value", OpAccept: "register ballot value", OpExchange: "document", OpReport: "document",
	}
	peerAnswerNames = map[Op]string{
		OpWrite: "results^(call code winner clock_kind buried)", OpVoid: "results^(call code winner clock_kind buried)",
		OpRead: "results^(call code record mark)", OpDigest: "results^(call code record mark)",
		OpRange:  "call result_code items*(token key record) done next_token next_key",
		OpStatus: "document", OpMetadata: "document", OpHeartbeat: "incarnation time echo", OpExchange: "document", OpReport: "document",
		OpPrepare: "agreed promised accepted value ballot", OpAccept: "agreed promised accepted value ballot",
	}
)

func errorLayout(code contract.Code) string {
	if detail := detailNames[code]; detail != "" {
		return errorNames + detail
	}
	return errorNames + "detail"
}

// layoutOf gives the names of a message by its direction and first values.
func layoutOf(direction string, values []any, ops []Op) []field {
	op := Op(values[0].(uint64)) &^ answerBit
	switch direction {
	case "request":
		if text := operationNames[op]; text != "" {
			return names("op id deadline_ms " + text)
		}
		all := names("op id " + requestNames[op])
		if op == OpBatch {
			all[len(all)-1].each = func(_ int, row []any) []field { return names("op " + operationNames[Op(row[0].(uint64))]) }
		}
		return all
	case "answer":
		all := names(answerHead + answerNames[op])
		if op == OpBatch {
			all[len(all)-1].each = func(i int, row []any) []field {
				if code := contract.Code(row[0].(uint64)); code != contract.OK {
					return names("code " + errorLayout(code))
				}
				return names("code " + answerNames[ops[i]])
			}
		}
		return all
	case "error":
		return names(answerHead + errorLayout(contract.Code(values[2].(uint64))))
	case "peer_request":
		return names(peerHead + peerRequestNames[op])
	}
	return names(answerHead + peerAnswerNames[op])
}

// describe writes a body as JSON, each value beside its name.
func describe(direction string, body []byte, ops []Op) string {
	v, rest, err := fromLibrary(body)
	if err != nil || rest != 0 {
		panic(fmt.Sprintf("%x: %v", body, err))
	}
	values := v.([]any)
	return jsonObject(values, layoutOf(direction, values, ops))
}

func jsonObject(values []any, layout []field) string {
	parts := make([]string, len(values))
	for i, v := range values {
		f := field{name: fmt.Sprintf("unknown_%d", i)}
		if i < len(layout) {
			f = layout[i]
		}
		parts[i] = strconv.Quote(f.name) + ": " + jsonValue(v, f)
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

func jsonValue(v any, f field) string {
	switch v := v.(type) {
	case []byte:
		return `{"bin": "` + hex.EncodeToString(v) + `"}`
	case []any:
		if f.form == '(' {
			return jsonObject(v, f.inner)
		}
		parts := make([]string, len(v))
		for i, row := range v {
			switch cells, _ := row.([]any); {
			case f.each != nil:
				parts[i] = jsonObject(cells, f.each(i, cells))
			case f.inner != nil:
				parts[i] = jsonObject(cells, f.inner)
			default:
				parts[i] = jsonValue(row, field{})
			}
		}
		text := "[" + strings.Join(parts, ", ") + "]"
		if f.form == '^' {
			return `{"array32": ` + text + `}`
		}
		return text
	}
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// meant reads such JSON back into values: objects are arrays in the order of
// their members.
func meant(text []byte) (any, error) {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	v, err := meantNext(dec)
	if err != nil {
		return nil, err
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, fmt.Errorf("more behind the value: %w", err)
	}
	return v, nil
}

func meantNext(dec *json.Decoder) (any, error) {
	tok, err := dec.Token()
	if err != nil {
		return nil, err
	}
	switch tok := tok.(type) {
	case json.Number:
		if u, err := strconv.ParseUint(tok.String(), 10, 64); err == nil {
			return u, nil
		}
		return strconv.ParseInt(tok.String(), 10, 64)
	case json.Delim:
		return meantArray(dec, tok == '{')
	}
	return tok, nil
}

func meantArray(dec *json.Decoder, named bool) (any, error) {
	all := []any{}
	var name any
	seen := map[any]bool{}
	for dec.More() {
		if named {
			var err error
			if name, err = dec.Token(); err != nil {
				return nil, err
			}
			if seen[name] {
				return nil, fmt.Errorf("two members are named %v; most readers keep one", name)
			}
			seen[name] = true
		}
		v, err := meantNext(dec)
		if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	if _, err := dec.Token(); err != nil {
		return nil, err
	}
	switch {
	case !named:
		return list(all), nil
	case len(all) == 1 && name == "bin":
		return hex.DecodeString(all[0].(string))
	case len(all) == 1 && name == "array32":
		return wide32(all[0].(list)), nil
	}
	return fields(all), nil
}
