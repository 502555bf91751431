#!/usr/bin/env python3
"""A client of Candor, written from docs/PROTOCOL.md alone; it needs Python 3.9 and nothing else.

    client = Client("127.0.0.1:7400")
    version = client.put(b"hello", b"world")["version"]
    print(client.get(b"hello", after=version)["value"])
    client.call("EXPLAIN", key=b"hello")  # any request, its fields by the names of the page
"""
import argparse, bisect, json, os, re, secrets, socket, struct, sys, time

LEVELS = {"default": 0, "one": 1, "two": 2, "three": 3, "quorum": 64, "all": 65, "any": 66, "serial": 67,
          "local_one": 68, "local_quorum": 69, "each_quorum": 70}
FLAGS = {"sloppy": 1, "rows": 2, "trace": 4, "weaken": 8, "ordered": 16}
OPS = {"HELLO": 0x01, "AUTH": 0x02, "PING": 0x03, "RING": 0x04, "GET": 0x10, "PUT": 0x11, "DELETE": 0x12,
       "ADD": 0x13, "BATCH": 0x14, "SCAN": 0x15, "OUTCOME": 0x16, "EXPLAIN": 0x17, "WATCH": 0x18}
NAMES = {number: op for op, number in OPS.items()}
REQUESTS = {  # what follows op and id, in order
    "HELLO": "magic proto_min proto_max client_name auth role cluster_name cluster_id node_id incarnation",
    "AUTH": "mechanism payload", "PING": "deadline_ms", "RING": "", "WATCH": "", "BATCH": "deadline_ms ops",
    "GET": "deadline_ms namespace key level flags after",
    "PUT": "deadline_ms namespace key value level flags ttl_ms version seen condition",
    "DELETE": "deadline_ms namespace key level flags version seen condition",
    "ADD": "deadline_ms namespace key delta level flags version", "EXPLAIN": "deadline_ms namespace key",
    "SCAN": "deadline_ms namespace prefix cursor limit level flags keys_only",
    "OUTCOME": "deadline_ms namespace key version flags"}
WRITES = ("PUT", "DELETE", "ADD")
WRITTEN = "version outcome winner receipt:receipt trace*step buried"
ANSWERS = {  # name; name:layout of an array with names of its own; name*layout of rows
    "HELLO": "proto cluster_name cluster_id node_id server_version limits:limits features",
    "PING": "", "RING": "Q N members*member owners", "PUT": WRITTEN, "DELETE": WRITTEN, "BATCH": "results",
    "GET": "found value version expires_at_ms receipt:receipt trace*step", "AUTH": "done payload",
    "ADD": "value version receipt:receipt", "OUTCOME": "state winner receipt:receipt",
    "SCAN": "items*item cursor coverage:coverage", "item": "key value version expires_at_ms",
    "EXPLAIN": "token partition rows*replica repaired_as_of_ms winner",
    "limits": "max_frame max_key max_value max_inflight max_batch", "row": "node_id state version",
    "member": "node_id name client_address peer_address zone state region gossip_address http_address",
    "receipt": "need asked acked durable hinted level repaired rows*row", "step": "offset_us node_id what",
    "coverage": "partitions_done partitions_met_level partitions_asked",
    "replica": "node_id role reachable phi version tombstone expires_at_ms value_len checksum_ok "
               "hints_pending"}
DETAILS = {106: "need reachable N down", 108: "version value", 109: "clock kind",
           200: "version receipt:receipt", 201: "version receipt:receipt"}
CODES = {100: "BAD_REQUEST", 101: "TOO_LARGE", 102: "UNKNOWN_NAMESPACE", 103: "WRONG_MODE",
         104: "UNAUTHENTICATED", 105: "FORBIDDEN", 106: "UNAVAILABLE", 107: "OVERLOADED",
         108: "CONDITION_FAILED", 109: "CLOCK", 110: "DISK_FULL", 111: "SHUTTING_DOWN", 112: "STALE_EPOCH",
         113: "NOT_READY", 114: "UNSUPPORTED", 115: "CONTENTION", 200: "TIMEOUT", 201: "IN_DOUBT",
         300: "CORRUPT", 301: "INTERNAL"}

# The first byte from which on a kind of value begins, and the sizes of what its head has behind that byte.
HEADS = [(0x00, "int", ""), (0x80, "map", ""), (0x90, "array", ""), (0xA0, "str", ""), (0xC0, "nil", ""),
         (0xC1, "unused", ""), (0xC2, "bool", ""), (0xC4, "bin", "BHI"), (0xC7, "ext", "BHI"),
         (0xCA, "float", "fd"), (0xCC, "int", "BHIQbhiq"), (0xD4, "fixed ext", ""), (0xD9, "str", "BHI"),
         (0xDC, "array", "HI"), (0xDE, "map", "HI"), (0xE0, "below 0", "")]
FOREIGN = object()  # what the protocol does not use: a map, a float, an extension


class Malformed(ValueError):
    """Bytes that are not a message of this protocol."""


class Wide(list):
    """An array whose head takes 5 bytes, as between nodes."""


def sized(n, code, forms):
    """The head of a str, bin or array of n, beyond the shortest."""
    i = next(i for i, form in enumerate(forms) if n < 1 << 8 * struct.calcsize(form))
    return struct.pack(">B" + forms[i], code + i, n)


def pack(v):
    """The shortest encoding of None, a bool, int, str, bytes or list."""
    if v is None or isinstance(v, bool):
        return b"\xc0" if v is None else b"\xc3" if v else b"\xc2"
    if isinstance(v, int) and -32 <= v < 128:
        return struct.pack("b", v)
    if isinstance(v, int):
        i = next(i for i in range(4) if (v if v > 0 else 2 * ~v) < 1 << (8 << i))
        return struct.pack(">B" + ("BHIQ" if v > 0 else "bhiq")[i], (0xCC if v > 0 else 0xD0) + i, v)
    if isinstance(v, str):
        raw = v.encode()
        return (bytes([0xA0 | len(raw)]) if len(raw) < 32 else sized(len(raw), 0xD9, "BHI")) + raw
    if isinstance(v, bytes):
        return sized(len(v), 0xC4, "BHI") + v
    narrow = bytes([0x90 | len(v)]) if len(v) < 16 else sized(len(v), 0xDC, "HI")
    return (struct.pack(">BI", 0xDD, len(v)) if isinstance(v, Wide) else narrow) + b"".join(map(pack, v))


def unpack(body):
    """The array that a body is; anything else is Malformed."""
    at = 0

    def take(form):
        nonlocal at
        at += struct.calcsize(form)
        if at > len(body):
            raise Malformed("cut off")
        return struct.unpack_from(">" + form, body, at - struct.calcsize(form))[0]

    def value(depth):
        first = take("B")
        begin, kind, forms = HEADS[bisect.bisect(HEADS, (first, "~")) - 1]
        n = take(forms[first - begin]) if forms else first - begin
        n = 1 << n if kind == "fixed ext" else n
        if kind in ("nil", "bool", "int", "below 0", "float"):
            return {"nil": None, "bool": n == 1, "int": n, "below 0": n - 32, "float": FOREIGN}[kind]
        if kind in ("bin", "str", "ext", "fixed ext"):
            data = take("%ds" % (n + kind.endswith("ext")))
            return {"bin": data, "str": data.decode(errors="replace")}.get(kind, FOREIGN)
        if kind == "unused" or depth > 8:
            raise Malformed("the unused byte 0xc1, or more than 8 deep")
        items = [value(depth + 1) for _ in range(2 * n if kind == "map" else n)]
        return FOREIGN if kind == "map" else Wide(items) if first == 0xDD else items

    array = value(1)
    if not isinstance(array, list) or at != len(body):
        raise Malformed("not exactly one array")
    return array


def encode(op, number, fields):
    """A request with this id as a frame; a field that is not given is nil."""
    names = REQUESTS[op].split()[:6 if op == "HELLO" and not fields.get("role") else None]
    body = pack([OPS[op], number] + [fields.get(name) for name in names])
    return struct.pack(">I", len(body)) + body


def operation(op, **fields):
    """One operation of a BATCH."""
    return [OPS[op]] + [fields.get(name) for name in REQUESTS[op].split()[1:]]


def named(values, layout):
    """Gives the elements of an array their names. What is missing is None, what is unknown is skipped."""
    out = {}
    for i, (name, kind, inner) in enumerate(re.findall(r"(\w+)([:*]?)(\w*)", layout)):
        value = values[i] if i < len(values) else None
        if kind and value is not None:
            layout = ANSWERS[inner]
            value = named(value, layout) if kind == ":" else [named(row, layout) for row in value]
        out[name] = value
    return out


def decode(body, ops=()):
    """An answer: op, id, clock, epoch, and its fields or its Error. ops: of the BATCH that it answers."""
    def result(op, code, rest):
        return named(rest, ANSWERS[op]) if code == 0 else Error(op, code, *(rest + [None] * 3)[:3])

    values = unpack(body)
    if len(values) < 3 or not all(type(v) is int for v in values[:3]) or not values[0] & 0x80:
        raise Malformed("an answer begins with op, id and code")
    op = NAMES.get(values[0] & 0x7F, values[0] & 0x7F)
    clock, epoch = (v or 0 for v in (values[3:5] + [0, 0])[:2])
    answer = result(op, values[2], values[5:])
    if op == "BATCH" and values[2] == 0:
        answer["results"] = [result(of, row[0], row[1:]) for of, row in zip(ops, answer["results"])]
    return op, values[1], clock, epoch, answer


class Error(Exception):
    """An answer that is not OK. effect, "no effect" or "in doubt", is what became of this attempt."""
    def __init__(self, op, code, message, retry_after_ms, detail):
        self.code, self.name = code, CODES.get(code, "CODE_%d" % code)
        self.message, self.retry_after_ms = message or "", retry_after_ms or 0
        self.detail = named(detail, DETAILS[code]) if code in DETAILS and detail is not None else detail
        self.effect = "in doubt" if op in WRITES and code >= 200 and self.name != "CORRUPT" else "no effect"
        super().__init__("%s (%s): %s" % (self.name, self.effect, self.message))


class Lost(Exception):
    """The connection is gone, and an answer with it. A write is in doubt: repeat it with the same version."""


class Client:
    """One connection, one request at a time. Methods give the answer's fields, or raise Error or Lost."""
    def __init__(self, addr="127.0.0.1:7400", namespace="", timeout=10.0, hello=True):
        self.namespace, self.id, self.clock, self.heard, self.last, self.epoch = namespace, 0, 0, 0.0, 0, 0
        self.writer = struct.pack(">Q", secrets.randbits(64))
        host, _, port = addr.rpartition(":")
        self.socket = socket.create_connection((host.strip("[]"), int(port)), timeout)
        self.frames = self.socket.makefile("rb")
        if hello:
            self.hello = self.call("HELLO", magic="CNDR", proto_min=1, proto_max=1, client_name="py", role=0)

    def receive(self):
        """The body of the next frame."""
        head = self.frames.read(4)
        body = self.frames.read(int.from_bytes(head, "big"))
        if len(head) < 4 or len(body) < int.from_bytes(head, "big"):
            raise Lost("the node has closed the connection")
        return body

    def call(self, op, **fields):
        """Sends a request and waits for its answer. A write gets a stamp, unless the node is to stamp it."""
        self.id += 1
        fields.setdefault("namespace", self.namespace)
        if op in WRITES and not fields.get("flags", 0) & FLAGS["ordered"]:
            fields.setdefault("version", self.stamp())
        try:
            self.socket.sendall(encode(op, self.id, fields))
            while True:
                ops = [NAMES.get(one[0]) for one in fields.get("ops", [])]
                _, answered, clock, self.epoch, answer = decode(self.receive(), ops)
                if clock > self.now():
                    self.clock, self.heard = clock, time.monotonic()
                if isinstance(answer, Error) and (answered == self.id or answer.name != "SHUTTING_DOWN"):
                    raise answer
                if answered == self.id:
                    return answer  # else a goodbye, which leaves in peace what is in flight
        except (OSError, Malformed) as why:
            raise Lost("%s: %s" % (op, why)) from why

    def now(self):
        """The nodes' clock: the highest that one has sent, plus the time since."""
        return self.clock and self.clock + (int((time.monotonic() - self.heard) * 1000) << 16)

    def stamp(self):
        """A new version."""
        self.last = max(self.now(), self.last + 1)
        return struct.pack(">Q", self.last) + self.writer

    def get(self, key, **fields):
        return self.call("GET", key=key, **fields)

    def put(self, key, value, **fields):
        return self.call("PUT", key=key, value=value, **fields)

    def scan(self, **fields):
        """The pages of a SCAN, up to its end."""
        while True:
            page = self.call("SCAN", **fields)
            yield page
            fields["cursor"] = page["cursor"]
            if page["cursor"] is None:
                return


def murmur3(data):
    """h1 of murmur3 x64 128, seed 0."""
    mask, h1, h2, n = (1 << 64) - 1, 0, 0, len(data)
    rotate = lambda v, by: (v << by | v >> 64 - by) & mask
    mix = lambda k, before, by, behind: rotate(k * before & mask, by) * behind & mask
    for at in range(0, n + 1, 16):
        k1, k2 = struct.unpack("<QQ", data[at:at + 16].ljust(16, b"\0"))  # zeros at the end change nothing
        whole = at + 16 <= n
        h1 ^= mix(k1, 0x87C37B91114253D5, 31, 0x4CF5AD432745937F)
        h1 = (rotate(h1, 27) + h2) * 5 + 0x52DCE729 & mask if whole else h1
        h2 ^= mix(k2, 0x4CF5AD432745937F, 33, 0x87C37B91114253D5)
        h2 = (rotate(h2, 31) + h1) * 5 + 0x38495AB5 & mask if whole else h2
    h1, h2 = (h1 ^ n) + (h2 ^ n) & mask, (h1 ^ n) + 2 * (h2 ^ n) & mask
    for factor in (0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53):
        h1, h2 = (h1 ^ h1 >> 33) * factor & mask, (h2 ^ h2 >> 33) * factor & mask
    return (h1 ^ h1 >> 33) + (h2 ^ h2 >> 33) & mask


def token(namespace, key):
    tag = re.search(rb"\{([^}]*)\}", key)
    return murmur3((namespace or "default").encode() + b"\0" + (tag and tag.group(1) or key))


def owners(ring, namespace, key):
    """The members that own a key, in order of preference; ring: the answer to RING."""
    partition = token(namespace, key) * ring["Q"] >> 64
    row = struct.unpack_from(">%dH" % ring["N"], ring["owners"], 2 * ring["N"] * partition)
    return [ring["members"][i] for i in row if i != 0xFFFF]


COMMANDS = {"put": "PUT key value", "get": "GET key", "del": "DELETE key", "scan": "SCAN prefix",
            "outcome": "OUTCOME key version", "explain": "EXPLAIN key", "ring": "RING"}


def main():
    parser = argparse.ArgumentParser(description="Ask a node of Candor.")
    parser.add_argument("--addr", default=os.environ.get("CANDOR_ADDR", "127.0.0.1:7400").split(",")[0])
    parser.add_argument("--namespace", default="")
    parser.add_argument("--level", default="default", help="a number, or one of: " + ", ".join(LEVELS))
    parser.add_argument("--flag", action="append", default=[], choices=list(FLAGS))
    parser.add_argument("command", choices=list(COMMANDS))
    parser.add_argument("argument", nargs="*", help="of the command: " + ", ".join(COMMANDS.values()))
    a = parser.parse_args()
    op, *names = COMMANDS[a.command].split()
    fields = {"level": int(LEVELS.get(a.level, a.level)), "flags": sum(FLAGS[flag] for flag in set(a.flag))}
    for name, text in zip(names, a.argument):
        fields[name] = bytes.fromhex(text) if name == "version" else text.encode()
    try:
        client = Client(a.addr, a.namespace)
        answer = list(client.scan(**fields)) if op == "SCAN" else client.call(op, **fields)
    except (Error, Lost, OSError) as why:
        sys.exit(f"{a.addr}: {why}" if isinstance(why, OSError) else str(why))
    print(json.dumps(answer, indent=2, default=lambda b: b.decode() if b.isascii() else b.hex()))


if __name__ == "__main__":
    main()
