// Command candor runs a node, a cluster for trying things out, and everything
// that a person or a script asks of a cluster.
//
// A command is one file: a leaf that declares its name, arguments, flags and
// examples, and a plain function that does the work, given the env and an
// options struct. Nothing of the cli library is seen beyond the leaf.
//
//	os.Args -> permute -> library parses flags -> leaf -> command function -> error -> exit code
//
// The library stops reading flags at the first argument, so that `get k -c one`
// would silently run at another level. permute therefore moves flags in front of
// the arguments before the library sees them; it also answers --help and finds
// unknown commands, so that the library never prints or exits by itself.
//
// A result is a view: one struct, of which all forms of -o are made. Its JSON is
// the struct; YAML is that JSON in other clothes; a template uses its names; the
// table is its screen, and -o name its names, for scripts.
//
// The shell takes a line apart and sends it the same way, with a fresh tree for
// each, so that nothing differs; completion, of the shell and of others by
// `candor __complete`, and the help come from that tree too. Under the name
// nodetool the binary translates a line into one of these and goes on.
//
// Three rules hold for all commands. Results go to stdout, everything else to
// stderr. Under -o json a result is one JSON object with apiVersion and kind, and
// so is an error. The exit code tells what became of the request; the table is
// that of contract.Code for what a node answered, and of exit.go for the rest.
package main
