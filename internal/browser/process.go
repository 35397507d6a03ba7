//go:build unix

package browser

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/chromedp/chromedp"
)

// startTimeout bounds the start of Chromium, which takes a second or two.
const startTimeout = 2 * time.Minute

//go:embed guard.sh
var guardScript string

var errNoChromium = errors.New("no Chromium on this machine (neither chromium nor google-chrome is in PATH): " +
	"install it, on Debian and Ubuntu with: apt-get install chromium")

// process is the one browser of this test binary. It is never stopped: it ends with
// the test binary, however that ends (guard.sh).
var process = sync.OnceValues(start)

// findChromium returns the browser's path. scripts/install-test-tools looks for the
// same names.
func findChromium() (string, error) {
	for _, name := range []string{"chromium", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", errNoChromium
}

// start starts Chromium and returns the context that its tabs are made from.
func start() (context.Context, error) {
	chromium, err := findChromium()
	if err != nil {
		return nil, fmt.Errorf("browser: %w", err)
	}
	dir, err := os.MkdirTemp("", "signalbox-browser-")
	if err != nil {
		return nil, fmt.Errorf("browser: %w", err)
	}
	ctx, err := launch(chromium, dir)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("browser: start %s: %w", chromium, err), os.RemoveAll(dir))
	}
	return ctx, nil
}

// launch runs the browser with its profile and temporary files in dir.
func launch(chromium, dir string) (context.Context, error) {
	script := filepath.Join(dir, "guard.sh")
	if err := os.WriteFile(script, []byte(guardScript), 0o600); err != nil {
		return nil, err
	}
	reading, writing, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer func() { _ = reading.Close() }() // by then the guard has its own
	guard := func(cmd *exec.Cmd) {
		cmd.Args = append([]string{"bash", script, dir, chromium}, cmd.Args[1:]...)
		cmd.ExtraFiles = append(cmd.ExtraFiles, reading) // after Chromium's 3 and 4
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		cmd.Cancel = writing.Close // the waiting command keeps the pipe from being collected
	}
	bash, err := exec.LookPath("bash")
	if err != nil {
		return nil, errors.Join(err, writing.Close())
	}
	allocator, stop := chromedp.NewExecAllocator(context.Background(), append(flags(dir),
		chromedp.ExecPath(bash), chromedp.ModifyCmdFunc(guard))...)
	quiet := func(string, ...any) {} // the library's complaints may quote the page
	ctx, _ := chromedp.NewContext(allocator, chromedp.WithErrorf(quiet), chromedp.WithLogf(quiet))
	timer := time.AfterFunc(startTimeout, stop)
	defer timer.Stop()
	if err := chromedp.Do(ctx); err != nil {
		stop()
		return nil, err
	}
	return ctx, nil
}

// flags are Chromium's options: no window, no GPU, nothing sent anywhere, and nothing
// written outside dir.
func flags(dir string) []chromedp.ExecAllocatorOption {
	options := []chromedp.ExecAllocatorOption{
		chromedp.NoInheritEnv,
		chromedp.Env("PATH="+os.Getenv("PATH"), "LANG=C.UTF-8", "TZ=UTC",
			"HOME="+dir, "TMPDIR="+dir, "XDG_CONFIG_HOME="+dir, "XDG_CACHE_HOME="+dir),
		chromedp.UserDataDir(filepath.Join(dir, "profile")),
		chromedp.Flag("lang", "en-GB"),
		chromedp.Flag("disable-features", "Translate,MediaRouter,OptimizationHints"),
	}
	for _, name := range []string{
		"headless", "hide-scrollbars", "mute-audio", "no-sandbox", "disable-gpu", "disable-quic",
		"no-first-run", "no-default-browser-check", "no-proxy-server", "disable-extensions",
		"disable-background-networking", "disable-component-update", "disable-default-apps",
		"disable-sync", "disable-breakpad", "disable-crash-reporter", "disable-dev-shm-usage",
		// Tabs of parallel tests are not slowed down for being in the background.
		"disable-background-timer-throttling", "disable-backgrounding-occluded-windows",
		"disable-renderer-backgrounding", "disable-ipc-flooding-protection", "disable-hang-monitor",
		// The page does not slide away under a click.
		"disable-smooth-scrolling",
		// A click that comes before the first frame is not thrown away.
		"allow-pre-commit-input",
	} {
		options = append(options, chromedp.Flag(name, true))
	}
	return options
}
