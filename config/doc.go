// Package config holds every setting of a node: its default, where its value came
// from, and whether the whole makes sense.
//
// Load puts four layers on top of each other, the strongest last:
//
//	default  <  file  <  environment  <  --set KEY=VALUE
//
// A key is written with dots: storage.block_cache. In the file (one YAML
// document) it is a nested mapping, in the environment
// CANDOR_STORAGE_BLOCK_CACHE, on the command line --set
// storage.block_cache=128MiB. Lists are YAML lists in the file and separated by
// commas elsewhere. Origin tells for each key which layer its value is from.
//
// Everything is strict, because a setting that is silently ignored or misread is
// found out on the worst day: an unknown or repeated key is an error that names
// line, column and the key that was probably meant; units are written (500ms,
// 64MiB); a number with a leading zero, a fraction or a sign is refused, and so
// is a second document in the file. To that end YAML decides only structure:
// each value is taken as the text that stands in the file and parsed here, the
// same way for all layers. (A YAML decoder would read 0755 as 493 and 1.5 as 1,
// and would reset the defaults for a file that holds only comments.)
//
// The types: Config is the nested struct; Sources are the layers' raw texts; Size
// is a number of bytes with a written unit. Each field's comment says its unit,
// what zero means and what a higher or lower value does; Reference is the same
// text as a commented file of defaults.
//
// The caller's duties: call Load, then Validate before anything is started. Other
// packages do not import config: what assembles a node copies the values that a
// package needs into that package's own options.
package config
