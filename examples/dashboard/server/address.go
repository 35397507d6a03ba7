package server

import (
	"net"
	"net/http"
	"net/netip"
	"strings"

	"github.com/gin-gonic/gin"
)

const addressKey = "address"

// locate finds out where the request comes from, and drops what only a trusted proxy may
// say if no such proxy says it. After this, headers of proxies are to be believed.
func (s *server) locate(c *gin.Context) {
	peer := peerOf(c.Request)
	address := peer
	if s.config.trusts(peer) {
		address = s.config.client(c.Request, peer)
	} else {
		s.distrust(c.Request)
	}
	c.Set(addressKey, address)
}

// addressOf is where the request comes from: what locate found.
func addressOf(c *gin.Context) netip.Addr {
	address, _ := c.Get(addressKey)
	found, _ := address.(netip.Addr)
	return found
}

// peerOf is the other end of the connection.
func peerOf(r *http.Request) netip.Addr {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	address, _ := netip.ParseAddr(host)
	return address.Unmap().WithZone("")
}

// trusts tells whether an address is that of a trusted proxy.
func (c *config) trusts(address netip.Addr) bool {
	for _, prefix := range c.proxies {
		if prefix.Contains(address) {
			return true
		}
	}
	return false
}

// client is the nearest address that is no trusted proxy's: X-Forwarded-For is read from
// its end, where proxies add to it, and no further than to what is no address.
func (c *config) client(r *http.Request, peer netip.Addr) netip.Addr {
	nearest := peer
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0; i-- {
		address, ok := parseHop(strings.TrimSpace(hops[i]))
		if !ok {
			break
		}
		if nearest = address; !c.trusts(nearest) {
			break
		}
	}
	return nearest
}

// parseHop reads an address, which some proxies write with a port.
func parseHop(text string) (netip.Addr, bool) {
	if withPort, err := netip.ParseAddrPort(text); err == nil {
		return withPort.Addr().Unmap().WithZone(""), true
	}
	address, err := netip.ParseAddr(strings.Trim(text, "[]"))
	return address.Unmap().WithZone(""), err == nil
}

// distrust drops the headers of proxies, and says once that there are some: behind a
// proxy that is not trusted, everybody comes from one address.
func (s *server) distrust(r *http.Request) {
	if r.Header.Get("X-Forwarded-For") != "" {
		s.warnOfProxy.Do(func() {
			s.log.Warn("a proxy's headers are not believed: name its address in DASHBOARD_TRUSTED_PROXIES if it is yours", "address", peerOf(r))
		})
	}
	r.Header.Del("X-Forwarded-Proto")
	if s.config.ssoHeader != "" {
		r.Header.Del(s.config.ssoHeader)
	}
}

// isSecure tells whether the browser's connection is encrypted. It is for requests that
// locate has seen.
func isSecure(r *http.Request) bool {
	if r.TLS != nil {
		return true
	}
	for scheme := range strings.SplitSeq(r.Header.Get("X-Forwarded-Proto"), ",") {
		if strings.EqualFold(strings.TrimSpace(scheme), "https") {
			return true
		}
	}
	return false
}

// throttleKey is what a person's addresses have in common: of IPv6 the first 64 bits, the
// smallest network that a customer gets (RFC 6177).
func throttleKey(address netip.Addr) string {
	if address.Is6() {
		if network, err := address.Prefix(64); err == nil {
			return network.String()
		}
	}
	return address.String()
}
