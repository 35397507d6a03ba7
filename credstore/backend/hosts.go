package backend

import (
	"net/url"
	"strings"
)

// defaultPort is PostgreSQL's, for a host of several that has none.
const defaultPort = "5432"

// splitHosts rewrites postgres://USER:PASSWORD@HOST:PORT,HOST:PORT/NAME, which
// PostgreSQL's own programs understand (its documentation, "Connection URIs") and
// lib/pq does not, to what means the same to both: postgres://USER:PASSWORD@/NAME with
// host and port in the query. Everything else stays as it is.
func splitHosts(dsn string) string {
	scheme, rest, ok := strings.Cut(dsn, "://")
	if !ok || (scheme != "postgres" && scheme != "postgresql") {
		return dsn
	}
	end := strings.IndexAny(rest, "/?#")
	if end < 0 {
		end = len(rest)
	}
	at := strings.LastIndex(rest[:end], "@") + 1
	list := strings.Split(rest[at:end], ",")
	if len(list) < 2 {
		return dsn
	}
	var hosts, ports []string
	for _, address := range list {
		host, port, ok := splitPort(address)
		if !ok {
			return dsn
		}
		hosts, ports = append(hosts, host), append(ports, port)
	}
	path, query, _ := strings.Cut(rest[end:], "?")
	if values, err := url.ParseQuery(query); err != nil || values.Has("host") || values.Has("port") {
		return dsn
	}
	if query != "" {
		query = "&" + query
	}
	query = "host=" + url.QueryEscape(strings.Join(hosts, ",")) + "&port=" + url.QueryEscape(strings.Join(ports, ",")) + query
	return scheme + "://" + rest[:at] + path + "?" + query
}

// splitPort splits HOST:PORT, HOST or [IPv6]:PORT; ok tells that it is one of these.
func splitPort(address string) (host, port string, ok bool) {
	host, port = address, defaultPort
	if colon := strings.LastIndex(address, ":"); colon > strings.LastIndex(address, "]") {
		host, port = address[:colon], address[colon+1:]
	}
	if inner, bracketed := strings.CutPrefix(host, "["); bracketed {
		if host, ok = strings.CutSuffix(inner, "]"); !ok {
			return "", "", false
		}
	} else if strings.Contains(host, ":") {
		return "", "", false
	}
	return host, port, host != "" && port != "" && strings.Trim(port, "0123456789") == ""
}
