/// A frame as it came: whole, and not looked into.
struct RawFrame {
    let type: UInt8
    let channel: UInt16
    /// Good until the next bytes are read.
    let payload: UnsafeRawBufferPointer
}

/// Takes bytes as they come and hands out whole frames. Does no I/O; its memory never grows.
struct FrameBuffer: ~Copyable {
    /// The largest frame that this program takes, in bytes with its start and its end; the broker's own standard.
    static let frameLimit = 131_072
    private static let startBytes = 7

    private let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: frameLimit, alignment: 16)
    private var head = 0
    private var tail = 0

    deinit { memory.deallocate() }

    /// Where to put what comes next: empty only while a whole frame waits.
    ///
    /// Pointers into frames that were handed out end here.
    mutating func room() -> UnsafeMutableRawBufferPointer {
        if head == tail { (head, tail) = (0, 0) }
        if head > 0 && memory.count - tail < memory.count / 2 {
            memory.copyMemory(from: UnsafeRawBufferPointer(rebasing: memory[head..<tail]))
            (head, tail) = (0, tail - head)
        }
        return UnsafeMutableRawBufferPointer(rebasing: memory[tail...])
    }

    /// Notes that the first bytes of ``room()`` are filled.
    mutating func filled(_ count: Int) { tail += count }

    /// The next frame if it is there as a whole.
    /// - Throws: ``FieldReader/Malformed`` for a frame that is too long or does not end where it says.
    mutating func next() throws(FieldReader.Malformed) -> RawFrame? {
        var fields = FieldReader(UnsafeRawBufferPointer(rebasing: memory[head..<tail]))
        guard fields.rest.count >= Self.startBytes else { return nil }
        let type = try fields.integer(UInt8.self)
        let channel = try fields.integer(UInt16.self)
        let size = Int(try fields.integer(UInt32.self))
        guard size + Self.startBytes + 1 <= Self.frameLimit else { throw FieldReader.Malformed() }
        guard fields.rest.count > size else { return nil }
        let payload = try fields.bytes(size)
        guard try fields.integer(UInt8.self) == FrameWriter.end else { throw FieldReader.Malformed() }
        head += Self.startBytes + size + 1
        return RawFrame(type: type, channel: channel, payload: payload)
    }

    /// Whether the bytes that are left may be a frame already.
    var holdsMore: Bool { head < tail }

    /// The first bytes that wait here, at most as many.
    func start(_ count: Int) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: memory[head..<min(tail, head + count)])
    }
}
