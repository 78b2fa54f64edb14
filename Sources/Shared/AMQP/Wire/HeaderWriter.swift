/// Takes the headers of one message; see ``PublishBatch/append(id:type:timestamp:correlationID:body:headers:)``.
///
/// Names are at most 255 bytes long, longer ones are cut.
public struct HeaderWriter: Sendable {
    var frames = FrameWriter()

    /// Adds a signed 32-bit number.
    public mutating func add(_ name: StaticString, _ value: Int32) {
        begin(name, kind: "I")
        frames.put(value)
    }

    /// Adds a signed 64-bit number.
    public mutating func add(_ name: StaticString, _ value: Int64) {
        begin(name, kind: "l")
        frames.put(value)
    }

    /// Adds a number as a text, in decimal.
    public mutating func add(_ name: StaticString, decimal value: Int64) {
        begin(name, kind: "S")
        let length = frames.beginLength()
        var text = String(value)
        text.withUTF8 { frames.bytes.append(contentsOf: $0) }
        frames.endLength(length)
    }

    /// Adds a truth value.
    public mutating func add(_ name: StaticString, _ value: Bool) {
        begin(name, kind: "t")
        frames.put(UInt8(value ? 1 : 0))
    }

    /// Adds a text, as its UTF-8 bytes.
    public mutating func add(_ name: StaticString, _ text: Span<UInt8>) {
        begin(name, kind: "S")
        frames.put(UInt32(text.count))
        frames.put(text)
    }

    private mutating func begin(_ name: StaticString, kind: Unicode.Scalar) {
        let length = min(name.utf8CodeUnitCount, 255)
        frames.put(UInt8(length))
        frames.bytes.append(contentsOf: UnsafeBufferPointer(start: name.utf8Start, count: length))
        frames.put(UInt8(ascii: kind))
    }
}
