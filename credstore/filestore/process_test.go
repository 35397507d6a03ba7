package filestore_test

func runChild(string) error { return nil }
