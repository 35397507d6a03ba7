package filestore

// WithoutNotices returns opts with the operating system's notices switched off.
func WithoutNotices(opts Options) *Options {
	opts.noNotices = true
	return &opts
}

// EditTokens and the parsers, for tests from outside.
var (
	EditTokens      = editTokens
	ParseAccount    = parseAccount
	ParseClientKeys = parseClientKeys
)

// MaxFileSize is the bound on files.
const MaxFileSize = maxFileSize
