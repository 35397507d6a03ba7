package server

import (
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/credstore"
)

// slack is the train's Slack configuration as it is stored.
func (w *world) slack(train string) *credstore.SlackConfig {
	w.t.Helper()
	stored, err := w.store.GetSlackConfig(w.t.Context(), train)
	require.NoError(w.t, err)
	return stored
}

func slackFields(webhook string) url.Values {
	return url.Values{"webhook_url": {webhook}, "channel": {"#alerts"}, "username": {"Signalbox"}, "icon_emoji": {":bell:"}, "enabled": {"true"}}
}

func TestEditSlack(t *testing.T) {
	onDatabases(t, func(t *testing.T, w *world) {
		w.addTrain("mine")
		b, path := w.login("Ann"), "/dashboard/trains/mine/slack"
		body := b.get(path).body
		require.NotContains(t, body, `data-testid="slack-test"`, "there is nothing to test")
		require.Equal(t, "true", filledForm(t, body).Get("enabled"))

		webhook := "https://hooks.example/" + secret("one")
		a := b.htmx().send(http.MethodPut, path, slackFields(" "+webhook+"\n"))
		require.Equal(t, http.StatusNoContent, a.status)
		require.Equal(t, path, a.location())
		body = b.get(path).body
		require.Contains(t, body, "Slack configuration saved.")
		require.Contains(t, body, `data-testid="webhook-stored"`)
		require.Contains(t, body, `data-testid="slack-test"`)
		form := filledForm(t, body)
		require.Empty(t, form.Get("webhook_url"))
		require.Equal(t, "#alerts", form.Get("channel"))
		require.True(t, w.slack("mine").WebhookURL.Equal(credstore.NewSecret(webhook)))

		form.Set("channel", "#other")
		form.Del("enabled")
		require.Equal(t, http.StatusSeeOther, b.post(path, form).status)
		stored := w.slack("mine")
		require.True(t, stored.WebhookURL.Equal(credstore.NewSecret(webhook)), "left blank, it stays")
		require.Equal(t, "#other", stored.Channel)
		require.False(t, stored.Enabled)
		require.Equal(t, credstore.ActionSlackUpdate, w.lastEvent().Action)
		require.Equal(t, "Ann", w.lastEvent().Actor.Name)

		a = b.htmx().send(http.MethodDelete, path, nil)
		require.Equal(t, path, a.location())
		require.Nil(t, w.slack("mine"))
		require.NoError(t, w.store.SetSlackConfig(t.Context(), "mine", stored))
		require.Equal(t, http.StatusSeeOther, b.post(path, url.Values{"_method": {"DELETE"}}).status)
		require.Nil(t, w.slack("mine"))

		for _, method := range []string{http.MethodGet, http.MethodPut, http.MethodDelete} {
			require.Equal(t, http.StatusNotFound, b.send(method, "/dashboard/trains/none/slack", slackFields(webhook)).status, method)
		}
		require.Equal(t, path, b.get(path+"/test").location(), "an answer to POST may be reloaded")
		require.Equal(t, "#typed", filledForm(t, b.get(path+"?channel=%23typed").body).Get("channel"), "as after a login in between")
		noSecretsInAudit(t, w)
	})
}

// A form that cannot be saved comes back with what was typed, but for the webhook.
func TestSlackFormMistakes(t *testing.T) {
	w := startWorld(t, "sqlite")
	w.addTrain("mine")
	b, path := w.login("Ann"), "/dashboard/trains/mine/slack"
	before := len(w.events())
	for name, c := range map[string]struct{ field, value, want string }{
		"no webhook":      {"webhook_url", " ", "This is needed while notices are on."},
		"spaces":          {"webhook_url", "https://hooks.example/" + secret("a") + " b", "white space"},
		"no address":      {"webhook_url", secret("a"), "Give the whole address"},
		"relative":        {"webhook_url", "/" + secret("a"), "Give the whole address"},
		"no host":         {"webhook_url", "https:///" + secret("a"), "Give the whole address"},
		"port alone":      {"webhook_url", "https://:443/" + secret("a"), "Give the whole address"},
		"file":            {"webhook_url", "file://host/" + secret("a"), "Give the whole address"},
		"script":          {"webhook_url", "javascript:alert('" + secret("a") + "')", "Give the whole address"},
		"broken":          {"webhook_url", "https://hooks.example/%zz" + secret("a"), "Give the whole address"},
		"long":            {"webhook_url", "https://hooks.example/" + secret("a") + strings.Repeat("a", 2048), "Up to 2,048 characters."},
		"long channel":    {"channel", strings.Repeat("é", 256), "Up to 255 characters."},
		"control":         {"username", "a\x00b", "control character"},
		"lines in emojis": {"icon_emoji", "a\nb", "control character"},
	} {
		t.Run(name, func(t *testing.T) {
			form := slackFields("https://hooks.example/" + secret("b"))
			form.Set(c.field, c.value)
			for _, b := range []*browser{b, b.htmx()} {
				a := b.send(http.MethodPut, path, form)
				require.Equal(t, http.StatusUnprocessableEntity, a.status)
				require.Contains(t, a.body, c.want)
				require.Contains(t, a.body, `name="enabled" value="true" checked`)
				if c.field == "webhook_url" {
					require.Contains(t, a.body, `value=":bell:"`)
				} else {
					require.Contains(t, a.body, "value=\""+strings.ReplaceAll(c.value, "\x00", "\uFFFD")+"\"")
				}
				require.Equal(t, b.header.Get("HX-Request") == "", strings.Contains(a.body, "<html"))
			}
		})
	}
	require.Len(t, w.events(), before)
	require.Equal(t, http.StatusSeeOther, b.send(http.MethodPut, path, url.Values{"channel": {"#x"}}).status, "what is off needs no webhook")
}

func TestSlackTextsAreEscaped(t *testing.T) {
	w := startWorld(t, "sqlite")
	w.addTrain("mine")
	b, path := w.login("Ann"), "/dashboard/trains/mine/slack"
	form := slackFields("https://hooks.example/" + secret("one"))
	for _, field := range []string{"channel", "username", "icon_emoji"} {
		form.Set(field, evil)
	}
	require.Equal(t, http.StatusNoContent, b.htmx().send(http.MethodPut, path, form).status)
	require.Equal(t, evil, w.slack("mine").Channel)
	isEscaped(t, b.get(path))
	form.Set("webhook_url", evil)
	for _, b := range []*browser{b, b.htmx()} {
		isEscaped(t, b.send(http.MethodPut, path, form))
	}
}

// A test sends one message, and its outcome never tells where to.
func TestSendSlackTest(t *testing.T) {
	w := startWorld(t, "sqlite")
	w.addTrain("mine")
	b, path := w.login("Ann"), "/dashboard/trains/mine/slack"

	received := make(chan map[string]any, 100)
	receiver := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		var message map[string]any
		_ = json.NewDecoder(r.Body).Decode(&message)
		received <- message
		switch name := strings.TrimPrefix(r.URL.Path, "/"+canary); name {
		case "goodhook":
			_, _ = rw.Write([]byte("ok"))
		case "missing":
			http.Error(rw, "no_service", http.StatusNotFound)
		case "moved1":
			http.Redirect(rw, r, "/"+canary+"goodhook", http.StatusFound)
		case "limited":
			rw.Header().Set("Retry-After", "30")
			rw.WriteHeader(http.StatusTooManyRequests)
		case "limited2":
			rw.Header().Set("Retry-After", "Wed, 21 Oct 2015 07:28:00 GMT")
			rw.WriteHeader(http.StatusTooManyRequests)
		case "moved2":
			rw.WriteHeader(http.StatusSeeOther)
		case "strange":
			rw.WriteHeader(599)
		case "broken":
			panic(http.ErrAbortHandler)
		}
	}))
	defer receiver.Close()
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, gone.Close())

	for name, c := range map[string]struct {
		webhook, want string
		sent          bool
	}{
		"accepted":       {receiver.URL + "/" + canary + "goodhook", "Sent. Slack has accepted the message.", true},
		"missing":        {receiver.URL + "/" + canary + "missing", "404 Not Found. The webhook or its channel does not exist", true},
		"moved":          {receiver.URL + "/" + canary + "moved1", "302 Found. Redirects are not followed.", true},
		"limited":        {receiver.URL + "/" + canary + "limited", "429 Too Many Requests. Slack asks to wait", true},
		"limited until":  {receiver.URL + "/" + canary + "limited2", "429 Too Many Requests. Slack asks to wait", true},
		"see other":      {receiver.URL + "/" + canary + "moved2", "303 See Other. Redirects are not followed.", true},
		"strange status": {receiver.URL + "/" + canary + "strange", "the answer was 599.", true},
		"broken":         {receiver.URL + "/" + canary + "broken", "the connection to the webhook&#39;s host failed", true},
		"refused":        {"http://" + gone.Addr().String() + "/" + canary + "refused", "the webhook&#39;s host cannot be reached", false},
		"not https":      {"https" + strings.TrimPrefix(receiver.URL, "http") + "/" + canary + "nohttps", "the connection to the webhook&#39;s host failed", false},
	} {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, w.store.SetSlackConfig(t.Context(), "mine", &credstore.SlackConfig{
				WebhookURL: credstore.NewSecret(c.webhook), Channel: evil, Username: "Signalbox", IconEmoji: ":bell:",
			}))
			a := b.htmx().post(path+"/test", url.Values{})
			require.Equal(t, http.StatusOK, a.status)
			require.NotContains(t, a.body, "<html")
			require.Contains(t, a.body, c.want)
			event := w.lastEvent()
			require.Equal(t, credstore.ActionSlackTest, event.Action)
			require.Equal(t, credstore.ObjectTrain, event.ObjectType)
			require.Equal(t, "mine", event.ObjectID)
			require.Equal(t, "Ann", event.Actor.Name)
			if !c.sent {
				require.Empty(t, received)
				return
			}
			got := <-received
			require.Equal(t, evil, got["channel"])
			require.Equal(t, ":bell:", got["icon_emoji"])
			require.Equal(t, "Signalbox", got["username"])
			require.Contains(t, got["text"], "Test message of train mine")
			require.Empty(t, received, "one message, sent once")

			a = b.post(path+"/test", url.Values{})
			require.Equal(t, http.StatusOK, a.status)
			require.Contains(t, a.body, "<html")
			require.Contains(t, a.body, c.want)
			require.Contains(t, a.body, `id="slack-test-result"`)
			isEscaped(t, a)
			<-received
		})
	}
	noSecretsInAudit(t, w)
}

func TestSlackTestTimesOut(t *testing.T) {
	w := newWorld(t, "sqlite")
	w.limits.answer = 50 * time.Millisecond
	w.start().addTrain("mine")
	ended := make(chan struct{})
	receiver := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-ended }))
	defer receiver.Close()
	defer close(ended)
	require.NoError(t, w.store.SetSlackConfig(t.Context(), "mine", &credstore.SlackConfig{WebhookURL: credstore.NewSecret(receiver.URL + "/" + canary + "silent")}))
	a := w.login("Ann").htmx().post("/dashboard/trains/mine/slack/test", url.Values{})
	require.Equal(t, http.StatusOK, a.status)
	require.Contains(t, a.body, "No answer in time.")
}

// An answer may be without end: of more than its status nothing is taken.
func TestSlackTestTakesNoLongAnswer(t *testing.T) {
	w := startWorld(t, "sqlite")
	w.addTrain("mine")
	broken := make(chan error, 1)
	receiver := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		var err error
		for block, sent := make([]byte, 1<<20), 0; sent < 64 && err == nil; sent++ { // far beyond what sockets hold
			_, err = rw.Write(block)
		}
		broken <- err
	}))
	defer receiver.Close()
	require.NoError(t, w.store.SetSlackConfig(t.Context(), "mine", &credstore.SlackConfig{WebhookURL: credstore.NewSecret(receiver.URL + "/" + canary + "endless")}))
	a := w.login("Ann").htmx().post("/dashboard/trains/mine/slack/test", url.Values{})
	require.Contains(t, a.body, "Sent. Slack has accepted the message.")
	require.Error(t, <-broken, "all of the answer was taken")
}

// Nor is a header without end.
func TestSlackTestTakesNoLongHeader(t *testing.T) {
	w := startWorld(t, "sqlite")
	w.addTrain("mine")
	receiver := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("X-Long", strings.Repeat("x", 1<<20))
	}))
	defer receiver.Close()
	require.NoError(t, w.store.SetSlackConfig(t.Context(), "mine", &credstore.SlackConfig{WebhookURL: credstore.NewSecret(receiver.URL + "/" + canary + "header")}))
	a := w.login("Ann").htmx().post("/dashboard/trains/mine/slack/test", url.Values{})
	require.Contains(t, a.body, "the connection to the webhook&#39;s host failed")
}

func TestSlackFailureOfUnknownHost(t *testing.T) {
	err := &url.Error{Op: "Post", URL: "https://" + canary + "host01", Err: &net.OpError{Op: "dial", Err: &net.DNSError{Name: canary + "host01"}}}
	require.Equal(t, "Not sent: the webhook's host name cannot be found.", slackFailure(err))
}

// What cannot be sent is not recorded as if it had been.
func TestSlackTestWithoutWebhook(t *testing.T) {
	w := newWorld(t, "sqlite")
	w.limits.outside = rateLimit{0.001, 3}
	w.start().addTrain("mine")
	b := w.login("Ann")
	before := len(w.events())
	require.Contains(t, b.htmx().post("/dashboard/trains/mine/slack/test", url.Values{}).body, "save a webhook first")
	require.Contains(t, b.post("/dashboard/trains/mine/slack/test", url.Values{}).body, "save a webhook first")
	require.Equal(t, http.StatusNotFound, b.post("/dashboard/trains/none/slack/test", url.Values{}).status)
	require.Equal(t, http.StatusTooManyRequests, b.post("/dashboard/trains/mine/slack/test", url.Values{}).status)
	require.Len(t, w.events(), before)
}
