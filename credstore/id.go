package credstore

import "fmt"

// MaxIDLength is the longest account id, account name or train id, in
// characters: the width of the columns that hold them.
const MaxIDLength = 255

// CheckID tells whether id may name an account or a train. Account ids, account
// names and train ids share one grammar: 1 to 255 characters, each an ASCII
// letter or digit or one of '.', '_', ':' and '-'. Case counts. The error wraps
// [ErrInvalidID] and names what was checked, such as "train id".
func CheckID(what, id string) error {
	if id == "" {
		return fmt.Errorf("%w: %s is empty", ErrInvalidID, what)
	}
	if len(id) > MaxIDLength {
		return fmt.Errorf("%w: %s has %d bytes, at most %d are allowed", ErrInvalidID, what, len(id), MaxIDLength)
	}
	for i := range len(id) {
		if !idByte(id[i]) {
			return fmt.Errorf("%w: %s has a character outside A-Z a-z 0-9 . _ : - at position %d", ErrInvalidID, what, i+1)
		}
	}
	return nil
}

func idByte(b byte) bool {
	switch {
	case 'a' <= b && b <= 'z', 'A' <= b && b <= 'Z', '0' <= b && b <= '9':
		return true
	}
	return b == '.' || b == '_' || b == ':' || b == '-'
}
