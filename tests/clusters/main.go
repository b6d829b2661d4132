// What answers to a measurement as the API servers of five hundred environments? One process with an address for each:
// every server has one namespace with one workload, keeps its own network policies, and counts what it is asked.
//
// It prints where it is and what clients need on standard output, and ends when its standard input does.
package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"flag"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

var (
	lock     sync.Mutex
	policies = map[string]map[string]json.RawMessage{}
	asked    atomic.Int64
	written  atomic.Int64
)

// address is that of an environment's server, by its number.
func address(number int) net.IP {
	return net.IPv4(127, 1, byte(number/250), byte(number%250+1))
}

func main() {
	count := flag.Int("count", 500, "how many servers")
	flag.Parse()
	authority, certificate, key := certificates(*count)
	pair, err := tls.X509KeyPair(certificate, key)
	if err != nil {
		log.Fatal(err)
	}
	server := http.Server{Handler: http.HandlerFunc(answer), ErrorLog: log.New(io.Discard, "", 0)}
	port := 0
	for number := range *count {
		plain, err := net.Listen("tcp", fmt.Sprintf("%s:%d", address(number), port))
		if err != nil {
			log.Fatal(err)
		}
		port = plain.Addr().(*net.TCPAddr).Port
		go server.Serve(tls.NewListener(plain, &tls.Config{Certificates: []tls.Certificate{pair}}))
	}
	counts, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	go http.Serve(counts, http.HandlerFunc(func(out http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(out, "%d %d", asked.Load(), written.Load())
	}))
	ready, _ := json.Marshal(map[string]any{
		"port": port, "counts": counts.Addr().String(), "authority": string(authority), "certificate": string(certificate), "key": string(key),
	})
	fmt.Println(string(ready))
	_, _ = io.Copy(io.Discard, os.Stdin)
}

func answer(out http.ResponseWriter, request *http.Request) {
	asked.Add(1)
	host, _, _ := net.SplitHostPort(request.Host)
	path := strings.Split(strings.Trim(request.URL.Path, "/"), "/")
	last := path[len(path)-1]
	out.Header().Set("Content-Type", "application/json")
	lock.Lock()
	defer lock.Unlock()
	if policies[host] == nil {
		policies[host] = map[string]json.RawMessage{}
	}
	switch request.Method {
	case http.MethodGet:
		list(out, host, last)
	case http.MethodPatch:
		written.Add(1)
		body, _ := io.ReadAll(request.Body)
		policies[host][last] = body
		_, _ = out.Write(body)
	case http.MethodDelete:
		written.Add(1)
		delete(policies[host], last)
		_, _ = out.Write([]byte(`{"kind":"Status","apiVersion":"v1","status":"Success"}`))
	}
}

func list(out io.Writer, host, kind string) {
	items := []json.RawMessage{}
	switch kind {
	case "namespaces":
		items = append(items, json.RawMessage(`{"metadata":{"name":"web"}}`))
	case "deployments":
		items = append(items, json.RawMessage(`{"metadata":{"name":"shop","namespace":"web"},"spec":{"template":{"metadata":{"labels":{"app":"shop"}},"spec":{"containers":[{"name":"c","image":"i"}]}}}}`))
	case "networkpolicies":
		for _, policy := range policies[host] {
			items = append(items, policy)
		}
	}
	_ = json.NewEncoder(out).Encode(map[string]any{
		"kind": "List", "apiVersion": "v1", "metadata": map[string]string{"resourceVersion": "1"}, "items": items,
	})
}

// certificates are those of an authority and of one server with all addresses, with its key.
func certificates(count int) (authority, server, key []byte) {
	template := func(number int64, name string) *x509.Certificate {
		return &x509.Certificate{
			SerialNumber: big.NewInt(number), Subject: pkix.Name{CommonName: name},
			NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(48 * time.Hour),
		}
	}
	issuer, leaf := template(1, "authority"), template(2, "clusters")
	issuer.IsCA, issuer.BasicConstraintsValid, issuer.KeyUsage = true, true, x509.KeyUsageCertSign
	leaf.KeyUsage = x509.KeyUsageDigitalSignature
	leaf.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	for number := range count {
		leaf.IPAddresses = append(leaf.IPAddresses, address(number))
	}
	keys := [2]*ecdsa.PrivateKey{}
	for at := range keys {
		made, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			log.Fatal(err)
		}
		keys[at] = made
	}
	sign := func(certificate *x509.Certificate, owner *ecdsa.PrivateKey) []byte {
		signed, err := x509.CreateCertificate(rand.Reader, certificate, issuer, &owner.PublicKey, keys[0])
		if err != nil {
			log.Fatal(err)
		}
		return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: signed})
	}
	private, err := x509.MarshalPKCS8PrivateKey(keys[1])
	if err != nil {
		log.Fatal(err)
	}
	return sign(issuer, keys[0]), sign(leaf, keys[1]), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})
}
