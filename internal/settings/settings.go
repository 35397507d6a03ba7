// Package settings reads settings from environment variables and explains them.
//
// A [Set] is to the environment what flag.FlagSet is to the command line: each
// setting is declared once, with its default and what it is for; [Set.Load] reads
// them all and reports every mistake on a line of its own; [Set.Help] prints the
// table that a program shows for --help.
package settings

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/signalbox-go/signalbox/credstore"
)

// A Set is a group of settings. The zero Set is empty and ready for use.
type Set struct{ settings []setting }

type setting struct {
	name, fallback, help string
	hidden               func(value string) bool  // it may be, or hold, a secret; nil: it cannot
	parse                func(value string) error // the error says what the value may be
}

// Text declares a setting that takes any text.
func (s *Set) Text(p *string, name, fallback, help string) {
	s.add(name, fallback, help, func(v string) error { *p = v; return nil })
}

// Choice declares a setting that takes one of a few words, in any case.
func (s *Set) Choice(p *string, name, fallback, help string, choices ...string) {
	s.add(name, fallback, help, func(v string) error {
		*p = strings.ToLower(v)
		if !slices.Contains(choices, *p) {
			return fmt.Errorf("one of %s", strings.Join(choices, ", "))
		}
		return nil
	})
}

// Secret declares a setting whose value is never printed. It is taken as it is,
// white space included, and has no default.
func (s *Set) Secret(p *credstore.Secret, name, help string) {
	s.add(name, "", help, func(v string) error { *p = credstore.NewSecret(v); return nil })
	s.settings[len(s.settings)-1].hidden = func(string) bool { return true }
}

// Bool declares a setting that is true or false (also 1 or 0).
func (s *Set) Bool(p *bool, name string, fallback bool, help string) {
	s.add(name, strconv.FormatBool(fallback), help, func(v string) error {
		b, err := strconv.ParseBool(strings.ToLower(v))
		if err != nil {
			return errors.New("true or false")
		}
		*p = b
		return nil
	})
}

// Int declares a whole number from lowest to highest.
func (s *Set) Int(p *int, name string, fallback, lowest, highest int, help string) {
	s.add(name, strconv.Itoa(fallback), help, func(v string) error {
		n, err := strconv.Atoi(v)
		if err != nil || n < lowest || n > highest {
			return fmt.Errorf("a whole number from %d to %d", lowest, highest)
		}
		*p = n
		return nil
	})
}

// Milliseconds declares a duration that is written as a number of milliseconds
// and must be at least 1.
func (s *Set) Milliseconds(p *time.Duration, name string, fallback time.Duration, help string) {
	const longest = 24 * time.Hour
	s.add(name, strconv.FormatInt(fallback.Milliseconds(), 10), help, func(v string) error {
		n, err := strconv.ParseInt(v, 10, 64)
		if err != nil || n < 1 || n > longest.Milliseconds() {
			return fmt.Errorf("milliseconds, from 1 to %d", longest.Milliseconds())
		}
		*p = time.Duration(n) * time.Millisecond
		return nil
	})
}

// URL declares an http or https address. Userinfo is refused: the value is logged. A
// wrong value is shown unless it may hold a password.
func (s *Set) URL(p *string, name, fallback, help string) {
	s.add(name, fallback, help, func(v string) error {
		u, err := url.Parse(v)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil {
			return errors.New("an http or https URL without user name and password")
		}
		*p = v
		return nil
	})
	s.settings[len(s.settings)-1].hidden = func(v string) bool {
		// What is no address at all may be a key that was meant for another variable.
		return strings.ContainsAny(v, "@?#") || !strings.ContainsAny(v, ".:/")
	}
}

func (s *Set) add(name, fallback, help string, parse func(string) error) {
	s.settings = append(s.settings, setting{name: name, fallback: fallback, help: help, parse: parse})
}

// Load reads every setting through getenv, such as [os.Getenv]. An empty value
// counts as not set and takes the default. The error has a line for each wrong
// value: the variable, the value unless it is secret, and what it may be.
func (s *Set) Load(getenv func(name string) string) error {
	var mistakes []error
	for _, setting := range s.settings {
		value := getenv(setting.name)
		if value == "" {
			value = setting.fallback
		}
		if value == "" {
			continue
		}
		if err := setting.parse(value); err != nil {
			mistakes = append(mistakes, setting.mistake(value, err))
		}
	}
	return errors.Join(mistakes...)
}

func (s setting) mistake(value string, allowed error) error {
	if s.hidden != nil && s.hidden(value) {
		return fmt.Errorf("%s is wrong: it must be %w", s.name, allowed)
	}
	return fmt.Errorf("%s is %q: it must be %w", s.name, value, allowed)
}

// Help returns a table of all settings of all sets: name, default, what it is for.
func Help(sets ...*Set) string {
	var out strings.Builder
	table := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	for _, set := range sets {
		for _, s := range set.settings {
			help := s.help
			if s.fallback != "" {
				help += " (default " + s.fallback + ")"
			}
			_, _ = fmt.Fprintf(table, "  %s\t%s\n", s.name, help)
		}
	}
	_ = table.Flush()
	return out.String()
}
