/// The header frame of a message. Good until the next frame is read.
struct ContentHeader {
    private static let maximumHeaders = 32
    private static let maximumHeaderBytes = 512
    /// Taken wherever they stand, also behind many others.
    private static let wanted: [StaticString] = ["traceparent", "x-delivery-count"]

    /// The length of the body that is to come, in bytes.
    let size: UInt64
    private let properties: UnsafeRawBufferPointer

    /// - Parameter fields: the frame's payload.
    /// - Throws: ``FieldReader/Malformed`` for a header of another class than basic, or without a size. What the properties
    ///   say is the publisher's business and not checked here.
    init(_ fields: inout FieldReader) throws(FieldReader.Malformed) {
        guard try fields.integer(UInt16.self) == 60, try fields.integer(UInt16.self) == 0 else {
            throw FieldReader.Malformed()
        }
        size = try fields.integer()
        properties = fields.rest
    }

    /// The property `message_id` as a number; nil when it is missing or no number.
    var numericMessageID: Int64? { property(.messageID).flatMap { Int64($0.text) } }

    /// The headers with plain values. The sender is not trusted: what is big or nested is left out, and what makes no sense
    /// ends the list.
    var headers: [Header] {
        guard let bytes = property(.headers) else { return [] }
        var table = HeaderTable(bytes)
        var found: [Header] = []
        var seen = 0
        while let (name, value) = table.next() {
            seen += 1
            guard name.count <= Self.maximumHeaderBytes, let text = Self.text(value) else { continue }
            guard seen <= Self.maximumHeaders || isMissing(name, in: found) else { continue }
            found.append(Header(name: name.text, value: text))
        }
        return found
    }

    private func isMissing(_ name: UnsafeRawBufferPointer, in found: [Header]) -> Bool {
        Self.wanted.contains { $0.isSame(as: name) } && !found.contains { $0.name == name.text }
    }

    private static func text(_ value: HeaderTable.Value) -> String? {
        switch value {
        case .text(let bytes): bytes.count <= maximumHeaderBytes ? bytes.text : nil
        case .bool(let isTrue): isTrue ? "true" : "false"
        case .signed(let number): String(number)
        case .unsigned(let number): String(number)
        case .real(let number): String(number)
        case .other: nil
        }
    }

    // MARK: properties

    /// The properties in the order in which they are sent, each with its bit among the flags.
    private enum Property: UInt16, CaseIterable {
        case contentType = 0x8000
        case contentEncoding = 0x4000
        case headers = 0x2000
        case deliveryMode = 0x1000
        case priority = 0x0800
        case correlationID = 0x0400
        case replyTo = 0x0200
        case expiration = 0x0100
        case messageID = 0x0080
    }

    /// The bytes of a property without their length; nil if it is not there, or if those before it make no sense.
    private func property(_ wanted: Property) -> UnsafeRawBufferPointer? {
        var fields = FieldReader(properties)
        do throws(FieldReader.Malformed) {
            let flags = try fields.integer(UInt16.self)
            // A set last bit means that more flags follow. There are none in this class.
            guard flags & wanted.rawValue != 0, flags & 1 == 0 else { return nil }
            for property in Property.allCases where flags & property.rawValue != 0 {
                let bytes =
                    switch property {
                    case .headers: try fields.long()
                    case .deliveryMode, .priority: try fields.bytes(1)
                    default: try fields.shortText()
                    }
                if property == wanted { return bytes }
            }
        } catch {}
        return nil
    }
}
