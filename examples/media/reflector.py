"""Sends every datagram back to whoever sent it, as the far end of a call would: `reflector.py PORT`."""

import socket
import sys

with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ears:
    ears.bind(("127.0.0.1", int(sys.argv[1])))
    print("reflecting", flush=True)
    while True:
        datagram, sender = ears.recvfrom(65536)
        ears.sendto(datagram, sender)
