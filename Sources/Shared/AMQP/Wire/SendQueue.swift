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

    /// Gives the connection what it takes at once.
    /// - Returns: how many bytes it took, and why it takes no more, if it is broken.
    mutating func send(by transport: Transport) -> (sent: Int, failure: String?) {
        var sent = 0
        while unsent > 0 {
            let progress = frames.bytes.withUnsafeBytes {
                transport.write(UnsafeRawBufferPointer(rebasing: $0.dropFirst(head)))
            }
            switch progress {
            case .bytes(let count):
                head += count
                sent += count
            case .nothing: return (sent, nil)
            case .ended: return (sent, "the broker ended the connection")
            case .broken(let reason): return (sent, reason)
            }
        }
        removeAll()
        return (sent, nil)
    }

    private mutating func removeAll() {
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
