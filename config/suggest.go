package config

import (
	"fmt"
	"strings"
)

// didYouMean is "; did you mean X?" for the candidate that is nearest to word, or
// "" if none is near. A setting named without its section is near too.
func didYouMean(word string, candidates []string) string {
	best, distance := "", len(word)/3+2
	for _, c := range candidates {
		d := editDistance(word, c)
		if strings.HasSuffix(c, "."+word) {
			d = 0
		}
		if d < distance {
			best, distance = c, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %s?", best)
}

// editDistance is the number of bytes to insert, delete or change on the way from
// a to b (Levenshtein). Words far longer than any key are not compared.
func editDistance(a, b string) int {
	const longest = 256
	if len(a) > longest || len(b) > longest {
		return longest
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
