package server

import "time"

// A moment is a time as the template "when" takes it, which says how long ago it was.
type moment struct{ Now, Time time.Time }

func newMoment(now, t time.Time) moment { return moment{now, t} }

// A column is what the template "sortable" takes: the head of a column of a list.
type column struct {
	List  sorter
	First string // the column that the list is sorted by if nothing is said
	Name  string // in the address
	Label string
}

type sorter interface {
	SortBy(column, first string) string
	Sorted(column, first string) string
}

func newColumn(list sorter, first, name, label string) column {
	return column{list, first, name, label}
}

// A secretInput is what the template "secret-input" takes.
type secretInput struct {
	Name, TestID, Label string
	Keeps               bool // left blank, the stored secret stays
	Problem             string
}

func newSecretInput(name, testID, label string, keeps bool, errors map[string]string) secretInput {
	return secretInput{Name: name, TestID: testID, Label: label, Keeps: keeps, Problem: errors[name]}
}
