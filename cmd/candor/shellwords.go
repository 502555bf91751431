package main

import (
	"errors"
	"fmt"
	"strconv"
)

// wordScanner takes a line apart as a shell does, with less to remember:
//
//	'...'   as it stands
//	"..."   with \" \\ \$ \` \n \t \r and \xHH; whatever else follows a \ is an error
//	\x      outside quotes: x, whatever it is
//
// Words are separated by spaces, tabs and ends of lines. There are no variables,
// patterns or pipes. What quoteWords writes is read back as it was.
type wordScanner struct {
	words []string
	word  []byte // the one that is being read
	start int    // where it begins in the line; -1 between words
	quote byte   // the quote that is open; 0: none
}

// scan takes the whole line; what is open at its end stays in the scanner.
func (s *wordScanner) scan(line string) error {
	s.start = -1
	for i := 0; i < len(line); {
		n, err := s.step(line, i)
		if err != nil {
			return err
		}
		i += n
	}
	return nil
}

// step reads what begins at i and returns its length.
func (s *wordScanner) step(line string, i int) (int, error) {
	c := line[i]
	if s.quote == 0 && (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
		s.end()
		return 1, nil
	}
	if s.start < 0 {
		s.start = i
	}
	switch {
	case s.quote != 0 && c == s.quote:
		s.quote = 0
	case s.quote == 0 && (c == '\'' || c == '"'):
		s.quote = c
	case c == '\\' && s.quote == '"':
		return s.escape(line[i:])
	case c == '\\' && s.quote == 0:
		if i+1 == len(line) {
			return 0, errors.New(`nothing follows the \ at the end of the line`)
		}
		s.word = append(s.word, line[i+1])
		return 2, nil
	default:
		s.word = append(s.word, c)
	}
	return 1, nil
}

// escape reads an escape between double quotes.
func (s *wordScanner) escape(rest string) (int, error) {
	if len(rest) < 2 {
		return 0, errors.New(`nothing follows the \ at the end of the line`)
	}
	switch c := rest[1]; c {
	case '"', '\\', '$', '`':
		s.word = append(s.word, c)
	case 'n':
		s.word = append(s.word, '\n')
	case 't':
		s.word = append(s.word, '\t')
	case 'r':
		s.word = append(s.word, '\r')
	case 'x':
		if len(rest) >= 4 {
			if b, err := strconv.ParseUint(rest[2:4], 16, 8); err == nil {
				s.word = append(s.word, byte(b))
				return 4, nil
			}
		}
		return 0, errors.New(`\x is followed by two hex digits`)
	default:
		return 0, fmt.Errorf(`between double quotes \%c means nothing: say \\ for a \, or use single quotes`, c)
	}
	return 2, nil
}

// end ends the word that is being read, if there is one.
func (s *wordScanner) end() {
	if s.start >= 0 {
		s.words = append(s.words, string(s.word))
	}
	s.word, s.start = nil, -1
}

// splitWords is the words of a line.
func splitWords(line string) ([]string, error) {
	var s wordScanner
	if err := s.scan(line); err != nil {
		return nil, err
	}
	if s.quote != 0 {
		return nil, fmt.Errorf("the %c is not closed on this line", s.quote)
	}
	s.end()
	return s.words, nil
}

// splitPartial is the words of a line that is being typed: those that are
// complete, and the one at its end, which may be empty or have a quote open,
// with where it begins. A line that cannot be read has none.
func splitPartial(line string) (words []string, last string, start int) {
	var s wordScanner
	if s.scan(line) != nil {
		return nil, "", len(line)
	}
	if s.start < 0 {
		return s.words, "", len(line)
	}
	return s.words, string(s.word), s.start
}
