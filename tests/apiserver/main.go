// What answers to the tests as a Kubernetes API server? The real one, with etcd, in one process and one folder.
//
// It listens on one address (127.0.0.1 unless told otherwise), says where on standard output once it is ready, and ends when its standard input does,
// so that a test that dies leaves nothing behind. There is no controller manager: nothing is garbage-collected, and
// namespaces stay when they are deleted.
package main

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
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
	"net/url"
	"os"
	"path/filepath"
	"time"

	"go.etcd.io/etcd/server/v3/embed"
	"k8s.io/kubernetes/cmd/kube-apiserver/app"
)

// How long the server may take to be ready on a busy machine.
const patience = 5 * time.Minute

func main() {
	dir := flag.String("dir", "", "folder for certificates and data")
	tokens := flag.String("tokens", "", "file of tokens: token,user,uid,\"groups\"")
	address := flag.String("address", "127.0.0.1", "the address to listen on")
	flag.Parse()
	if err := run(*dir, *tokens, net.ParseIP(*address)); err != nil {
		log.Fatal(err)
	}
}

func run(dir, tokens string, address net.IP) error {
	etcd, err := startEtcd(filepath.Join(dir, "etcd"))
	if err != nil {
		return fmt.Errorf("etcd: %w", err)
	}
	defer etcd.Close()
	port, err := freePort(address)
	if err != nil {
		return err
	}
	if err := writeCertificates(dir, address); err != nil {
		return fmt.Errorf("certificates: %w", err)
	}
	at := func(name string) string { return filepath.Join(dir, name) }
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	command := app.NewAPIServerCommand()
	command.SetArgs([]string{
		"--etcd-servers=" + etcd.Clients[0].Addr().String(),
		"--bind-address=" + address.String(),
		fmt.Sprintf("--secure-port=%d", port),
		"--tls-cert-file=" + at("server.crt"),
		"--tls-private-key-file=" + at("server.key"),
		"--client-ca-file=" + at("ca.crt"),
		"--token-auth-file=" + tokens,
		"--authorization-mode=RBAC",
		"--service-account-issuer=https://tests.invalid",
		"--service-account-key-file=" + at("server.key"),
		"--service-account-signing-key-file=" + at("server.key"),
		"--service-cluster-ip-range=10.96.0.0/24",
		"--endpoint-reconciler-type=none",
		"--watch-cache=true",
		"--v=0",
	})
	failed := make(chan error, 1)
	go func() { failed <- command.ExecuteContext(ctx) }()
	server := fmt.Sprintf("https://%s:%d", address, port)
	if err := waitUntilReady(server, at("ca.crt"), failed); err != nil {
		return err
	}
	ready, err := json.Marshal(map[string]string{
		"url": server, "ca": at("ca.crt"), "certificate": at("admin.crt"), "key": at("admin.key"),
	})
	if err != nil {
		return err
	}
	fmt.Println(string(ready))
	ended := make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		close(ended)
	}()
	select {
	case err := <-failed:
		return err
	case <-ended:
		return nil
	}
}

func startEtcd(dir string) (*embed.Etcd, error) {
	config := embed.NewConfig()
	config.Dir = dir
	config.LogLevel = "error"
	// A test's data need not survive the machine.
	config.UnsafeNoFsync = true
	any := url.URL{Scheme: "http", Host: "127.0.0.1:0"}
	config.ListenClientUrls = []url.URL{any}
	config.AdvertiseClientUrls = []url.URL{any}
	config.ListenPeerUrls = []url.URL{any}
	etcd, err := embed.StartEtcd(config)
	if err != nil {
		return nil, err
	}
	select {
	case <-etcd.Server.ReadyNotify():
		return etcd, nil
	case <-time.After(patience):
		etcd.Close()
		return nil, fmt.Errorf("not ready")
	}
}

func freePort(address net.IP) (int, error) {
	listener, err := net.Listen("tcp", net.JoinHostPort(address.String(), "0"))
	if err != nil {
		return 0, err
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port, nil
}

func waitUntilReady(server, authority string, failed <-chan error) error {
	text, err := os.ReadFile(authority)
	if err != nil {
		return err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(text)
	client := http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		select {
		case err := <-failed:
			return fmt.Errorf("the API server ended: %w", err)
		default:
		}
		answer, err := client.Get(server + "/readyz")
		if err != nil {
			continue
		}
		answer.Body.Close()
		if answer.StatusCode == http.StatusOK {
			return nil
		}
	}
	return fmt.Errorf("the API server was not ready within %s", patience)
}

// writeCertificates makes an authority, the server's certificate and an administrator's.
func writeCertificates(dir string, address net.IP) error {
	now := time.Now()
	template := func(number int64, subject pkix.Name) *x509.Certificate {
		return &x509.Certificate{
			SerialNumber: big.NewInt(number), Subject: subject, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(48 * time.Hour),
			KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment,
		}
	}
	authority := template(1, pkix.Name{CommonName: "tests"})
	authority.IsCA, authority.BasicConstraintsValid = true, true
	authority.KeyUsage |= x509.KeyUsageCertSign
	authorityKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return err
	}
	if err := write(dir, "ca", authority, authority, authorityKey, authorityKey); err != nil {
		return err
	}
	server := template(2, pkix.Name{CommonName: "server"})
	server.IPAddresses = []net.IP{address}
	server.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	admin := template(3, pkix.Name{CommonName: "admin", Organization: []string{"system:masters"}})
	admin.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	for name, certificate := range map[string]*x509.Certificate{"server": server, "admin": admin} {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			return err
		}
		if err := write(dir, name, certificate, authority, key, authorityKey); err != nil {
			return err
		}
	}
	return nil
}

func write(dir, name string, certificate, issuer *x509.Certificate, key, issuerKey *rsa.PrivateKey) error {
	signed, err := x509.CreateCertificate(rand.Reader, certificate, issuer, &key.PublicKey, issuerKey)
	if err != nil {
		return err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	for file, block := range map[string]*pem.Block{
		name + ".crt": {Type: "CERTIFICATE", Bytes: signed},
		name + ".key": {Type: "PRIVATE KEY", Bytes: private},
	} {
		if err := os.WriteFile(filepath.Join(dir, file), pem.EncodeToMemory(block), 0o600); err != nil {
			return err
		}
	}
	return nil
}
