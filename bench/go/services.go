// The two services as plain Go programs on net/http, to hold the project's own against.
//
//	go build -o services bench/go/services.go
//	ROLE=b SERVICE_PORT=30500 ERROR_RATE=20 ./services
//	ROLE=a SERVICE_PORT=30501 UPSTREAM_SERVICE=http://127.0.0.1:30500 ./services
//
// They count and answer as service A and B do; what only Prometheus needs is left out.
package main

import (
	"fmt"
	"io"
	"log"
	"math/rand"
	"net/http"
	"os"
	"strconv"
	"sync/atomic"
)

var succeeded, failed atomic.Uint64

func answer(w http.ResponseWriter, good bool, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	if good {
		succeeded.Add(1)
	} else {
		failed.Add(1)
		w.WriteHeader(http.StatusInternalServerError)
	}
	io.WriteString(w, text)
}

// b fails errorRate percent of its requests.
func b(errorRate int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if rand.Intn(100) >= errorRate {
			answer(w, true, fmt.Sprintf("Service B: Yay! nounce %d\n", rand.Uint32()))
		} else {
			answer(w, false, fmt.Sprintf("Service B: Ooops... nounce %d\n", rand.Uint32()))
		}
	}
}

// a calls its upstream once for each request, over connections that are kept.
func a(upstream string) http.HandlerFunc {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = 1024 // by default 2, which would be a connection per request
	client := http.Client{Transport: transport}
	return func(w http.ResponseWriter, _ *http.Request) {
		reply, err := client.Get(upstream)
		if err != nil {
			answer(w, false, fmt.Sprintf("Service A: upstream failed with: %v\n", err))
			return
		}
		body, _ := io.ReadAll(reply.Body)
		reply.Body.Close()
		if reply.StatusCode == http.StatusOK {
			answer(w, true, fmt.Sprintf("Service A: upstream responded with: %s", body))
		} else {
			answer(w, false, fmt.Sprintf("Service A: upstream failed with: HTTP %d - %s", reply.StatusCode, body))
		}
	}
}

func main() {
	handler := a(os.Getenv("UPSTREAM_SERVICE"))
	if os.Getenv("ROLE") == "b" {
		rate, err := strconv.Atoi(os.Getenv("ERROR_RATE"))
		if err != nil {
			log.Fatal(err)
		}
		handler = b(rate)
	}
	http.HandleFunc("/", handler)
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Getenv("SERVICE_PORT"), nil))
}
