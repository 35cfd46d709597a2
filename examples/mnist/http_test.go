//go:build http

package main

import (
	"bufio"
	"io"
	"net/http"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/internal/clitest"
)

// Without a network, the way out is told in one line.
func TestOffline(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"HTTPS_PROXY", "https_proxy"} {
		t.Setenv(name, "http://127.0.0.1:1") // nobody listens there
	}
	for _, name := range []string{"XDG_CACHE_HOME", "HOME", "LocalAppData"} {
		t.Setenv(name, t.TempDir())
	}
	clitest.Fails(t, dir, 1, "the package datasets/digits embeds: https://", "-download")
}

// The page is there before training begins, and an address that is taken is an error
// before anything is written.
func TestPage(t *testing.T) {
	dir := t.TempDir()
	cmd := clitest.Command(t, dir, "-preset", "mlp", "-batch", "8", "-steps", "1000000", "-http", "localhost:0")
	pipe, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	defer cmd.Wait()
	defer cmd.Process.Kill()
	first, err := bufio.NewReader(pipe).ReadString('\n')
	require.NoError(t, err)
	url := regexp.MustCompile(`^look at (http://localhost:\d+/)\n$`).FindStringSubmatch(first)
	require.NotNil(t, url, first)
	answer, err := http.Get(url[1])
	require.NoError(t, err)
	defer answer.Body.Close()
	html, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	require.Contains(t, string(html), "<html")

	other := t.TempDir()
	clitest.Fails(t, other, 1, "address already in use", "-http", url[1][len("http://"):len(url[1])-1])
	clitest.Fails(t, other, 1, "everybody in the network could look on", "-http", "0.0.0.0:0")
}
