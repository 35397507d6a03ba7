// Package filestore is the store of existing credential files.
package filestore
