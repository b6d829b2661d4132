// A test helper, built with `go build`; nothing of it is in the program.
module intramuros.eu/tests/clusters

go 1.26.0
