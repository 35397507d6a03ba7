package server

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/signalbox-go/signalbox/credstore/cachestore"
	"github.com/signalbox-go/signalbox/oauth"
	"github.com/signalbox-go/signalbox/upstream"
)

// metrics are what /metrics shows. Labels are few and fixed: no train, no account.
type metrics struct {
	registry  *prometheus.Registry
	requests  *prometheus.CounterVec
	duration  prometheus.Histogram
	attempts  *prometheus.CounterVec
	refreshes *prometheus.CounterVec
}

func newMetrics(cache func() cachestore.Stats) *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "signalbox_requests_total", Help: "Requests of clients, by status; \"aborted\" when the answer broke off.",
		}, []string{"code"}),
		duration: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "signalbox_request_duration_seconds", Help: "Time until the answer was complete, streams included.",
			Buckets: []float64{.01, .05, .1, .5, 1, 5, 10, 30, 60, 120, 300, 600},
		}),
		attempts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "signalbox_upstream_attempts_total", Help: "Requests to the API, by status; \"error\" when there was no answer.",
		}, []string{"code"}),
		refreshes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "signalbox_token_refreshes_total", Help: "Token refreshes, by outcome.",
		}, []string{"outcome"}),
	}
	m.registry.MustRegister(m.requests, m.duration, m.attempts, m.refreshes,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.registerCache(cache)
	return m
}

func (m *metrics) registerCache(cache func() cachestore.Stats) {
	for name, value := range map[string]func(cachestore.Stats) uint64{
		"hits":          func(s cachestore.Stats) uint64 { return s.Hits },
		"misses":        func(s cachestore.Stats) uint64 { return s.Misses },
		"loads":         func(s cachestore.Stats) uint64 { return s.Loads },
		"invalidations": func(s cachestore.Stats) uint64 { return s.Invalidations },
	} {
		m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "signalbox_cache_" + name + "_total", Help: "The cache in front of the store: " + name + ".",
		}, func() float64 { return float64(value(cache())) }))
	}
}

func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

func (m *metrics) answered(status int, took time.Duration, aborted bool) {
	label := strconv.Itoa(status)
	if aborted {
		label = "aborted"
	}
	m.requests.WithLabelValues(label).Inc()
	m.duration.Observe(took.Seconds())
}

func (m *metrics) attempted(attempt upstream.Attempt) {
	label := "error"
	if attempt.Err == nil {
		label = strconv.Itoa(attempt.Status)
	}
	m.attempts.WithLabelValues(label).Inc()
}

func (m *metrics) refreshed(event oauth.RefreshEvent) {
	m.refreshes.WithLabelValues(string(event.Outcome)).Inc()
}
