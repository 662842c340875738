"""A proxy in front of servers that kills a process right after so many of its writes were carried out."""

import selectors
import socket
import threading

_WRITES = (b"PUT", b"POST", b"PATCH", b"DELETE")
_METHODS = (*_WRITES, b"GET", b"HEAD")
_SEGMENT = 1 << 16
_PATIENCE = 5  # seconds, with a server that does not hang up
_REST = 60  # seconds, with all of them


class KillingProxy:
    """`with KillingProxy(registry.host, after=3) as proxy`: start the victim with `proxy.host`, then say who it is. The
    third write reaches its server, and its answer nobody. after=0: nobody is killed, writes are only counted.

    Several upstreams, `hosts` in the same order, share one counter. arm() begins to count anew for a next victim. What
    a server refuses is no write, nor is a question that is asked by POST (an access review).
    """

    def __init__(self, *upstreams, after=0):
        self._after = after
        self._known = threading.Event()
        self._settled = threading.Event()
        self._settled.set()
        self._victim = None
        self._under_way = 0
        self._changed = threading.Condition()
        self.writes = 0
        self.killed = False
        self._selector = selectors.DefaultSelector()
        self._upstreams = [(host, int(port)) for host, _, port in (one.rpartition(":") for one in upstreams)]
        self._listeners = [self._listen(upstream, 0) for upstream in self._upstreams]
        self._ports = [listener.getsockname()[1] for listener in self._listeners]
        self.hosts = [f"127.0.0.1:{port}" for port in self._ports]
        self._stop, stopped = socket.socketpair()
        self._selector.register(stopped, selectors.EVENT_READ, None)
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    @property
    def host(self):
        return self.hosts[0]

    def arm(self, after):
        """Counts from 0 again. Nobody may be talking to it. after=0: it only counts."""
        self._settled.wait()
        self._known.clear()
        self._victim, self.writes, self.killed, self._after = None, 0, False, after

    def victim(self, child):
        self._victim = child
        self._known.set()

    def go_down(self):
        """Nobody listens any more. Nobody may be talking to it."""
        for listener in self._listeners:
            self._selector.unregister(listener)
            listener.close()
        self._listeners = []

    def come_up(self):
        """On the same ports."""
        self._listeners = [self._listen(*known) for known in zip(self._upstreams, self._ports)]

    def rest(self):
        """Waits until the servers are done with whatever anybody asked of them who is gone now: who was killed leaves
        requests behind. Nobody may be talking to it."""
        for listener in self._listeners:
            # Connections are accepted in their order, so all that were there before are known after this one.
            with socket.create_connection(listener.getsockname()) as last:
                _end(last)
        with self._changed:
            self._changed.wait_for(lambda: self._under_way == 0, _REST)

    def _listen(self, upstream, port):
        listener = socket.create_server(("127.0.0.1", port))
        self._selector.register(listener, selectors.EVENT_READ, (self._accept, listener, upstream))
        return listener

    # All connections are served by one thread, in the order in which their bytes come.

    def _serve(self):
        while True:
            for key, _ in self._selector.select():
                if key.data is None:
                    return
                # One of the events before may have closed this one.
                if key.fileobj.fileno() >= 0:
                    act, *arguments = key.data
                    act(*arguments)

    def _accept(self, listener, upstream):
        client, _ = listener.accept()
        try:
            server = socket.create_connection(upstream)
        except OSError:
            client.close()
            return
        pair = _Pair(client, server)
        with self._changed:
            self._under_way += 1
        for end in (client, server):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._selector.register(client, selectors.EVENT_READ, (self._carry, pair, client, server))
        self._selector.register(server, selectors.EVENT_READ, (self._carry, pair, server, client))

    def _carry(self, pair, source, sink):
        try:
            data = source.recv(_SEGMENT)
            answered = pair.asks(data) if source is pair.client else pair.answers(data)
            if data and not (answered and self._carried_out()):
                sink.sendall(data)
                return
        except OSError:
            pass  # who is killed breaks its connections
        if source is pair.client:
            _end(pair.server)
        self._hang_up(pair)

    def _hang_up(self, pair):
        if pair.client.fileno() < 0:
            return
        for end in (pair.client, pair.server):
            self._selector.unregister(end)
            end.close()
        with self._changed:
            self._under_way -= 1
            self._changed.notify_all()

    def _carried_out(self):
        """True when the answer is not to be given."""
        self.writes += 1
        if self._after == 0 or self.writes < self._after:
            return False
        self._known.wait()
        if not self.killed:
            self._settled.clear()
            self._victim.popen.kill()
            self._victim.popen.wait()
            self.killed = True
            # What it had sent besides and nobody has read yet comes to nothing.
            for key in list(self._selector.get_map().values()):
                if key.data is not None and key.data[0] == self._carry:
                    _end(key.data[1].server)
                    self._hang_up(key.data[1])
            self._settled.set()
        return True

    def close(self):
        self._known.set()
        self._stop.send(b"x")
        self._thread.join()
        for key in list(self._selector.get_map().values()):
            key.fileobj.close()
        self._selector.close()
        self._stop.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def _end(server):
    """Says that nothing more comes, and waits for the end of what the server has begun: else it would be done while
    somebody looks already."""
    try:
        server.shutdown(socket.SHUT_WR)
        server.settimeout(_PATIENCE)
        while server.recv(_SEGMENT):
            pass
    except OSError:
        pass


class _Pair:
    """A client's connection and ours to the server: which request is under way. Bytes are handed on as they come; a
    request is known by its first segment, which begins with the method."""

    def __init__(self, client, server):
        self.client, self.server = client, server
        self._writes = False
        self._waits = False

    def asks(self, data):
        method, _, rest = data[:2048].partition(b" ")
        if not self._waits and method in _METHODS:
            self._waits = True
            self._writes = method in _WRITES and b"reviews" not in rest.partition(b" ")[0]
        return False

    def answers(self, data):
        """True with the first bytes of the answer to a write that was carried out."""
        if not self._waits or data.startswith(b"HTTP/1.1 1"):
            return False
        self._waits = False
        return self._writes and data[9:10] == b"2"
