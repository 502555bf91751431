#!/usr/bin/env python3
"""Holds candor.py to the protocol's vectors, and with --addr a live cluster to the protocol."""
import argparse, json, pathlib, struct, sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "examples" / "python"))
from candor import (NAMES, OPS, Client, Error, Lost, Malformed, Wide, decode, encode, operation, owners, pack,
                    token, unpack)

wrong = []


def row(what, got, want=True):
    print("ok    " + what if got == want else "WRONG %s: %s, not %s" % (what, got, want))
    wrong.extend([what] if got != want else [])


def plain(v, by_name):
    """A meaning as values. Its objects are arrays; by name they stay objects."""
    if isinstance(v, list):
        return [plain(e, by_name) for e in v]
    if not isinstance(v, dict):
        return v
    if list(v) in (["bin"], ["array32"]):
        return bytes.fromhex(v["bin"]) if "bin" in v else Wide(plain(v["array32"], by_name))
    named = {name: plain(e, by_name) for name, e in v.items()}
    return named if by_name else list(named.values())


def meaning_of(answer):
    """An answer's fields, or its error's, in the form of a meaning."""
    if isinstance(answer, Error):
        return {"message": answer.message, "retry_after_ms": answer.retry_after_ms, "detail": answer.detail}
    if "results" not in answer:
        return answer
    return {"results": [{"code": getattr(one, "code", 0), **meaning_of(one)} for one in answer["results"]]}


def right(v):
    """Whether a vector is read and written as it says."""
    frame, meaning, direction = bytes.fromhex(v["hex"]), v["meaning"], v["direction"]
    try:
        values = unpack(frame[4:])
    except Malformed:
        return direction == "refused" and not v["refusal"].endswith("stays")
    if direction == "refused":
        return "op" not in meaning or values[:2] == [meaning["op"], meaning["id"]]
    if direction == "request" and not v.get("only_read"):
        fields = {name: plain(e, False) for name, e in meaning.items()}
        return encode(NAMES[meaning["op"]], meaning["id"], fields) == frame
    if direction in ("answer", "error") and not v.get("only_read") and meaning["op"] & 0x7F in [0, *NAMES]:
        op, number, clock, epoch, answer = decode(frame[4:], [NAMES[n] for n in v.get("ops", [])])
        head = {"op": OPS.get(op, op) | 0x80, "id": number, "code": getattr(answer, "code", 0)}
        return {**head, "clock": clock, "epoch": epoch, **meaning_of(answer)} == plain(meaning, True)
    return len(values) == len(meaning) and (v.get("only_read") or pack(values) == frame[4:])


def told(call, *args, **fields):
    """What a request ends with: OK, or the name of its error and the kind of a CLOCK."""
    try:
        return "OK" if call(*args, **fields) is not None else "nothing"
    except Error as error:
        return error.name + (" %d" % error.detail["kind"] if error.name == "CLOCK" else "")


def refused(addr, v):
    """Whether a node refuses a frame in the way that its vector says."""
    client = Client(addr, hello=v["phase"] == "after_hello")
    client.socket.sendall(bytes.fromhex(v["hex"]))
    try:
        _, number, _, _, answer = decode(client.receive())
    except (Lost, OSError):
        return v["refusal"] == "close_silently"
    try:
        stays = client.call("PING") == {}
    except Lost:
        stays = False
    right_id = not stays or number == v["meaning"]["id"]
    return right_id and answer.name in v["refusal"] and stays == v["refusal"].endswith("stays")


def expected(op, level, flags, n):
    """How a request ends in a namespace of mode lww with N = n."""
    read = op in ("GET", "SCAN")
    if level > 70 or flags > 31:
        return "UNSUPPORTED"
    if flags & (17 if read else 8) or read and level == 66:
        return "BAD_REQUEST"
    if op == "ADD" or level == 67:
        return "WRONG_MODE"
    return "BAD_REQUEST" if n < level < 64 else "OK"


def levels_and_flags(client, n):
    tag = b"{check}"
    asks = [(level, 0) for level in [*range(n + 2), *range(63, 72)]] + [(64, flags) for flags in range(1, 33)]
    for op in ("GET", "PUT", "DELETE", "ADD", "SCAN"):
        for level, flags in asks:
            ask = {"key": tag, "value": b"", "delta": 1, "prefix": tag, "level": level, "flags": flags}
            what = "%s, level %d, flags %d" % (op, level, flags)
            row(what, told(client.call, op, **ask), expected(op, level, flags, n))


def requests(client, n):
    """Each row of the table of requests, and what stands in the answers."""
    key, none, put, ring = b"{check}key", b"{check}none", client.put, client.call("RING")
    shifted = lambda seconds: struct.pack(">q", client.now() + (int(seconds * 1000) << 16)) + client.writer
    row("HELLO, PING", client.hello["proto"] == 1 and client.call("PING") == {})
    for op in ("AUTH", "WATCH"):
        row(op, told(client.call, op, mechanism="plain", payload=b""), "UNSUPPORTED")
    first = put(key, b"one", level=65)
    row("PUT", [first["outcome"], first["receipt"]["durable"], first["trace"]], [0, n, None])
    got = client.get(key, level=65, flags=2 + 4 + 8)
    row("GET", [got["found"], got["value"], got["version"]], [True, b"one", first["version"]])
    row("rows", [one["state"] for one in got["receipt"]["rows"]], [2] * n)
    row("trace, weaken", bool(got["trace"][0]["what"]) and got["receipt"]["level"], 65)
    row("PUT once more", put(key, b"one", version=first["version"])["outcome"], 0)
    row("buried", put(key, b"two", seen=bytes(16))["buried"], first["version"])
    late = client.stamp()
    ahead = put(b"{check}ahead", b"", version=shifted(0.7))["version"]
    row("superseded", put(b"{check}ahead", b"late", version=late)["winner"], ahead)
    last = put(b"{check}ahead", b"last", flags=16)["version"]
    row("ordered", last > ahead)
    kept = put(b"{check}any", b"", level=66, flags=1)
    row("any", [kept["receipt"][name] for name in ("need", "hinted", "level")], [1, 0, 66])
    settled = client.call("OUTCOME", key=b"{check}any", version=kept["version"], flags=1)
    row("OUTCOME of a sloppy write", settled["state"], 1)
    row("after", client.get(b"{check}ahead", level=1, after=last)["value"], b"last")
    row("after what nobody has", told(client.get, key, after=shifted(9)), "UNAVAILABLE")
    gone = client.call("DELETE", key=key, version=None)["version"]
    row("DELETE", [client.get(key)[name] for name in ("found", "value", "version")], [False, None, gone])
    lives = put(key, b"lives", version=None, ttl_ms=60000)["version"]
    row("ttl_ms", client.get(key)["expires_at_ms"], (int.from_bytes(lives[:8], "big") >> 16) + 60000)
    never = client.stamp()
    for state, of, version in ((1, key, lives), (2, key, gone), (3, none, never)):
        row("OUTCOME, state %d" % state, client.call("OUTCOME", key=of, version=version)["state"], state)
    for kind, of, version in ((1, key, shifted(3600)), (2, key, shifted(-3600)), (4, none, never)):
        row("CLOCK, kind %d" % kind, told(put, of, b"", version=version), "CLOCK %d" % kind)
    known = client.call("EXPLAIN", key=key)
    row("EXPLAIN", [known["token"], known["winner"]], [token("", key), lives])
    row("RING", {m["node_id"] for m in owners(ring, "", key)}, {one["node_id"] for one in known["rows"]})
    ops = [operation("PUT", key=key, value=b"v"), operation("GET", key=key), operation("ADD", key=key),
           operation("SCAN")]
    results = [getattr(one, "name", "OK") for one in client.call("BATCH", ops=ops)["results"]]
    row("BATCH", results, ["OK", "OK", "WRONG_MODE", "UNSUPPORTED"])
    items = {b"{check-scan}%d" % i: put(b"{check-scan}%d" % i, b"")["version"] for i in range(5)}
    pages = list(client.scan(prefix=b"{check-scan}", level=64, limit=2))
    row("SCAN", {item["key"]: item["version"] for page in pages for item in page["items"]}, items)
    row("SCAN, coverage", list(pages[-1]["coverage"].values()), [1, 1, 1])
    for size in ("max_key", "max_value"):
        fields = {"key": b"k", "value": b"v", size[4:]: bytes(client.hello["limits"][size] + 1)}
        row("above " + size, told(client.call, "PUT", **fields), "TOO_LARGE")
    row("a namespace that is not there", told(client.get, key, namespace="nowhere"), "UNKNOWN_NAMESPACE")
    row("a condition", told(put, key, b"", condition=[1, None]), "WRONG_MODE")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--vectors", required=True, help="the file of vectors")
    parser.add_argument("--addr", help="client port of a node of a live cluster to check")
    a = parser.parse_args()
    vectors = json.load(open(a.vectors, encoding="utf-8"))["vectors"]
    for v in vectors:
        row(v["direction"] + ": " + v["name"], right(v))
    if a.addr:
        client = Client(a.addr)
        requests(client, client.call("RING")["N"])
        levels_and_flags(client, client.call("RING")["N"])
        for v in (v for v in vectors if v["direction"] == "refused"):
            row("sent: " + v["name"], refused(a.addr, v))
    sys.exit("%d are wrong: %s" % (len(wrong), ", ".join(wrong)) if wrong else None)


if __name__ == "__main__":
    main()
