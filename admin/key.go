package admin

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"strings"
)

// sentPath is the path of a request as it was sent. (url.URL keeps it apart only
// where it differs from what url.URL would write itself.)
func sentPath(u *url.URL) string {
	if u.RawPath != "" {
		return u.RawPath
	}
	return u.EscapedPath()
}

// unescapeKey is the key that a path names: each %XX is decoded once into a
// byte, a plus is a plus, and / and %2F are the same byte.
func unescapeKey(sent string) ([]byte, error) {
	key, err := url.PathUnescape(sent)
	if err != nil {
		return nil, badf("the key has a bad escape (%v): write %% as %%25, and any byte as %%XX", err)
	}
	for segment := range strings.SplitSeq(sent, "/") {
		switch segment {
		case "", ".", "..":
			return nil, badf("a key in a path has no empty, . or .. segment, as proxies change these: write it as %s, or send it as ?key_b64=%s",
				escapeKey([]byte(key)), base64.RawURLEncoding.EncodeToString([]byte(key)))
		}
	}
	return []byte(key), nil
}

// escapeKey writes a key so that it stands in a path as one segment: every byte
// but letters, digits, -, _ and ~ is %XX, dots and slashes too.
func escapeKey(key []byte) string {
	var b strings.Builder
	for _, c := range key {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_', c == '~':
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}
