"""What the lab's server offers: HTTP on port 80, and something that greets like SSH on port 22.

Runs inside the server's namespace until its standard input ends.
"""
import os
import socketserver
import sys
import threading

SERVERS = os.path.abspath(__file__)


class Http(socketserver.BaseRequestHandler):
    """Answers any request with the client's address, so that the caller sees who the server saw."""

    def handle(self):
        self.request.settimeout(5)
        request = b''
        while b'\r\n\r\n' not in request and len(request) < 8192:
            piece = self.request.recv(4096)
            if not piece:
                return
            request += piece
        body = ('hello %s\n' % self.client_address[0]).encode()
        head = 'HTTP/1.0 200 OK\r\ncontent-type: text/plain\r\ncontent-length: %d\r\n\r\n' % len(body)
        self.request.sendall(head.encode() + body)


class Greeting(socketserver.BaseRequestHandler):
    def handle(self):
        self.request.sendall(b'SSH-2.0-lab\r\n')


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True

    def handle_error(self, request, client_address):
        """A client that goes away in the middle is nothing to report."""


def main():
    for port, handler in ((80, Http), (22, Greeting)):
        threading.Thread(target=Server(('', port), handler).serve_forever, daemon=True).start()
    print('listening', flush=True)
    while sys.stdin.buffer.read(4096):
        pass


if __name__ == '__main__':
    main()
