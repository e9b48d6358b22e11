// Load for the benchmark of the proxies, and the server behind them. Prints one line of JSON.
//
//	load serve                          echo on one port, a sink on another; says which, and runs until its input ends
//	load bulk   ADDRESS SECONDS         one connection sends as fast as it can to a sink, which counts
//	load echo   ADDRESS SECONDS N       N connections each send 64 bytes and wait for them
//	load dial   ADDRESS SECONDS N       N at once connect, send a byte, wait for it, close
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"sort"
	"strconv"
	"sync"
	"time"
)

func main() {
	switch os.Args[1] {
	case "serve":
		serve()
	case "bulk":
		bulk(os.Args[2], seconds(3))
	case "echo":
		many(os.Args[2], seconds(3), number(4), echo)
	case "dial":
		many(os.Args[2], seconds(3), number(4), dial)
	}
}

func number(n int) int {
	value, err := strconv.Atoi(os.Args[n])
	must(err)
	return value
}

func seconds(n int) time.Duration {
	value, err := strconv.ParseFloat(os.Args[n], 64)
	must(err)
	return time.Duration(value * float64(time.Second))
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func tell(what map[string]float64) {
	must(json.NewEncoder(os.Stdout).Encode(what))
}

func serve() {
	echo := listen(func(one net.Conn) {
		buffer := make([]byte, 4096)
		for {
			n, err := one.Read(buffer)
			if err != nil {
				return
			}
			if _, err = one.Write(buffer[:n]); err != nil {
				return
			}
		}
	})
	// After the last byte the sink says how many there were.
	sink := listen(func(one net.Conn) {
		buffer := make([]byte, 1<<20)
		var sum int64
		for {
			n, err := one.Read(buffer)
			sum += int64(n)
			if n > 0 && buffer[n-1] == 'E' {
				fmt.Fprintf(one, "%d\n", sum)
				return
			}
			if err != nil {
				return
			}
		}
	})
	tell(map[string]float64{"echo": float64(echo), "sink": float64(sink)})
	io.Copy(io.Discard, os.Stdin)
}

func listen(handle func(net.Conn)) int {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(err)
	go func() {
		for {
			one, err := listener.Accept()
			must(err)
			go func() {
				defer one.Close()
				handle(one)
			}()
		}
	}()
	return listener.Addr().(*net.TCPAddr).Port
}

func bulk(address string, last time.Duration) {
	one, err := net.Dial("tcp", address)
	must(err)
	data := make([]byte, 256<<10)
	began := time.Now()
	for time.Since(began) < last {
		_, err = one.Write(data)
		must(err)
	}
	_, err = one.Write([]byte("E"))
	must(err)
	answer, err := io.ReadAll(one)
	must(err)
	var sum float64
	fmt.Sscan(string(answer), &sum)
	tell(map[string]float64{"bytes": sum, "seconds": time.Since(began).Seconds()})
}

// many runs one client in each of n goroutines and puts their times together.
func many(address string, last time.Duration, n int, client func(string, time.Time, *[]float64) error) {
	took := make([][]float64, n)
	var all sync.WaitGroup
	began := time.Now()
	for i := 0; i < n; i++ {
		all.Add(1)
		go func(mine *[]float64) {
			defer all.Done()
			must(client(address, began.Add(last), mine))
		}(&took[i])
	}
	all.Wait()
	span := time.Since(began).Seconds()
	var sorted []float64
	for _, mine := range took {
		sorted = append(sorted, mine...)
	}
	sort.Float64s(sorted)
	at := func(share float64) float64 { return sorted[int(share*float64(len(sorted)-1))] * 1e6 }
	tell(map[string]float64{"count": float64(len(sorted)), "seconds": span, "p50_us": at(0.5), "p99_us": at(0.99)})
}

func echo(address string, until time.Time, took *[]float64) error {
	one, err := net.Dial("tcp", address)
	if err != nil {
		return err
	}
	defer one.Close()
	data := make([]byte, 64)
	for time.Now().Before(until) {
		sent := time.Now()
		if _, err = one.Write(data); err != nil {
			return err
		}
		if _, err = io.ReadFull(one, data); err != nil {
			return err
		}
		*took = append(*took, time.Since(sent).Seconds())
	}
	return nil
}

func dial(address string, until time.Time, took *[]float64) error {
	data := []byte{1}
	for time.Now().Before(until) {
		sent := time.Now()
		one, err := net.Dial("tcp", address)
		if err != nil {
			return err
		}
		one.Write(data)
		_, err = io.ReadFull(one, data)
		one.Close()
		if err != nil {
			return err
		}
		*took = append(*took, time.Since(sent).Seconds())
	}
	return nil
}
