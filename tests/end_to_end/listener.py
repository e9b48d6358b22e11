"""A small server for drills of the tests: listens on the port given and greets whoever connects."""

import socket
import sys

if __name__ == "__main__":
    with socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=64) as server:
        while True:
            guest, _ = server.accept()
            with guest:
                guest.sendall(b"hello\n")
