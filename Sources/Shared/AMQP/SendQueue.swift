import Glibc

/// Bytes on their way to the socket. Nothing here ever waits.
struct SendQueue: Sendable {
    private(set) var frames = FrameWriter()
    private var head = 0

    /// How many bytes the socket has not taken yet.
    var unsent: Int { frames.bytes.count - head }

    /// Adds frames that are small.
    mutating func add(_ write: (inout FrameWriter) -> Void) {
        write(&frames)
    }

    /// Adds frames that were encoded elsewhere, without a copy when nothing waits before them.
    mutating func add(_ encoded: consuming [UInt8]) {
        if unsent == 0 {
            frames.bytes = encoded
            head = 0
        } else {
            compact()
            frames.bytes.append(contentsOf: encoded)
        }
    }

    /// Gives the socket what it takes at once.
    /// - Returns: how many bytes it took, or nil when the connection is broken.
    mutating func send(to descriptor: Int32) -> Int? {
        var sent = 0
        while unsent > 0 {
            let taken = frames.bytes.withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress! + head, unsent, Int32(MSG_DONTWAIT | MSG_NOSIGNAL))
            }
            if taken < 0 && errno == EINTR { continue }
            if taken < 0 && (errno == EAGAIN || errno == EWOULDBLOCK) { break }
            guard taken >= 0 else { return nil }
            head += taken
            sent += taken
        }
        if unsent == 0 { removeAll() }
        return sent
    }

    mutating func removeAll() {
        // A big array goes back to the system, the small one of acknowledgements stays.
        frames.bytes.removeAll(keepingCapacity: frames.bytes.capacity <= 65_536)
        head = 0
    }

    /// Moves the rest to the front when it is the smaller part, so that the array can't grow without end.
    private mutating func compact() {
        guard head > frames.bytes.count / 2 else { return }
        frames.bytes.removeFirst(head)
        head = 0
    }
}
