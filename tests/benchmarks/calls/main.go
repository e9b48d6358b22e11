// Calls of an HTTPS API as fast as the server takes them: the floor under whoever makes the same calls.
//
//	calls URL CERTIFICATE TOKEN AT_ONCE < CALLS
//
// Each line of the input is a call: method, path, content type and body, with tabs between them. All are read before the first
// is made. Prints one line of JSON: the seconds from the first to the last, and how often each status was answered. Who is
// asked to come back later (429) does so.
package main

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

func main() {
	client, calls := client(os.Args[2]), read(os.Stdin)
	atOnce, err := strconv.Atoi(os.Args[4])
	must(err)
	var mutex sync.Mutex
	var group sync.WaitGroup
	statuses, next := map[int]int{}, 0
	take := func() (string, bool) {
		mutex.Lock()
		defer mutex.Unlock()
		if next == len(calls) {
			return "", false
		}
		next++
		return calls[next-1], true
	}
	began := time.Now()
	for range atOnce {
		group.Add(1)
		go func() {
			defer group.Done()
			for call, ok := take(); ok; call, ok = take() {
				for {
					status, pause := ask(client, call)
					mutex.Lock()
					statuses[status]++
					mutex.Unlock()
					if status != http.StatusTooManyRequests {
						break
					}
					time.Sleep(pause)
				}
			}
		}()
	}
	group.Wait()
	must(json.NewEncoder(os.Stdout).Encode(map[string]any{"seconds": time.Since(began).Seconds(), "statuses": statuses}))
}

func client(certificate string) *http.Client {
	text, err := os.ReadFile(certificate)
	must(err)
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(text)
	return &http.Client{Timeout: time.Minute, Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: pool}, MaxIdleConnsPerHost: 1000, DisableCompression: true,
	}}
}

func read(from io.Reader) []string {
	lines := bufio.NewScanner(from)
	lines.Buffer(nil, 1<<20)
	var calls []string
	for lines.Scan() {
		calls = append(calls, lines.Text())
	}
	must(lines.Err())
	return calls
}

// ask makes one call; for how long to stay away is said with a refusal.
func ask(client *http.Client, call string) (int, time.Duration) {
	words := strings.SplitN(call, "\t", 4)
	request, err := http.NewRequest(words[0], os.Args[1]+words[1], strings.NewReader(words[3]))
	must(err)
	request.Header.Set("Authorization", "Bearer "+os.Args[3])
	request.Header.Set("Content-Type", words[2])
	answer, err := client.Do(request)
	must(err)
	_, err = io.Copy(io.Discard, answer.Body)
	must(err)
	must(answer.Body.Close())
	seconds, _ := strconv.Atoi(answer.Header.Get("Retry-After"))
	return answer.StatusCode, time.Duration(max(seconds, 1)) * time.Second
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
