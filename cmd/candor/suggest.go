package main

import "fmt"

// didYouMean is "; did you mean X?" for the name that is nearest to word, or ""
// if none is near.
func didYouMean(word string, names []string) string {
	best, distance := "", min(len(word)/3+2, wordMax)
	for _, name := range names {
		// Where nothing of the shorter word is left, they have nothing in common.
		if d := editDistance(word, name); d < distance && d < min(len(word), len(name)) {
			best, distance = name, d
		}
	}
	if best == "" || len(word) < 2 {
		return ""
	}
	return fmt.Sprintf("; did you mean %s?", best)
}

// wordMax is the length of the longest word that is compared.
const wordMax = 32

// editDistance is the number of bytes to insert, delete or change on the way
// from a to b; two neighbours that changed places count once (optimal string
// alignment). A word longer than wordMax is as far as that.
func editDistance(a, b string) int {
	if len(a) > wordMax || len(b) > wordMax {
		return wordMax
	}
	var d [wordMax + 1][wordMax + 1]int
	for i := range len(a) + 1 {
		d[i][0] = i
	}
	for j := range len(b) + 1 {
		d[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			change := d[i-1][j-1]
			if a[i-1] != b[j-1] {
				change++
			}
			d[i][j] = min(change, d[i-1][j]+1, d[i][j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				d[i][j] = min(d[i][j], d[i-2][j-2]+1)
			}
		}
	}
	return d[len(a)][len(b)]
}
